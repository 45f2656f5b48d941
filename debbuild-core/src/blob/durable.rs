//! Files that are complete or absent: a temporary file in the same file system, fsync, rename, fsync of the folder.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
};

use crate::path::{AbsPath, FileError, IoResultExt as _, PathError};

/// Stored files are read-only for everybody.
pub(crate) const STORED: u32 = 0o444;

/// A temporary file that is removed unless it is renamed to its final name.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: AbsPath,
    keep: bool,
}

impl Temporary {
    /// A fresh name in `folder`; nothing is made yet.
    pub(crate) fn new(folder: &AbsPath) -> Result<Self, PathError> {
        let path = folder.child(&uuid::Uuid::new_v4().simple().to_string())?;
        Ok(Self { path, keep: false })
    }

    pub(crate) fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Makes the file.
    pub(crate) fn create(&self) -> Result<File, FileError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(&self.path).at("create", &self.path)
    }

    /// Gives the complete and synced file its final name; the folder of `to` is not synced yet.
    pub(crate) fn rename(mut self, to: &AbsPath) -> Result<(), FileError> {
        fs::rename(&self.path, to).at("rename to", to)?;
        self.keep = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now, the next sweep removes.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Writes a whole small file durably: complete or absent, also after a power loss.
pub(crate) fn write(scratch: &AbsPath, to: &AbsPath, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |error: PathError| FileError {
        action: "create",
        path: scratch.clone(),
        source: io::Error::new(io::ErrorKind::InvalidInput, error),
    };
    let temporary = Temporary::new(scratch).map_err(failed)?;
    let mut file = temporary.create()?;
    file.write_all(bytes).at("write", temporary.path())?;
    read_only(temporary.path())?;
    file.sync_all().at("sync", temporary.path())?;
    temporary.rename(to)?;
    sync_folder(&to.parent())
}

/// Makes the file read-only; also renews its change time, by which sweeps tell its age.
pub(crate) fn read_only(path: &AbsPath) -> Result<(), FileError> {
    fs::set_permissions(path, Permissions::from_mode(STORED)).at("set the mode of", path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &AbsPath) -> Result<(), FileError> {
    File::open(path).and_then(|folder| folder.sync_all()).at("sync", path)
}

/// Makes everything of the file system that `path` lies in durable, at the price of one call.
pub(crate) fn sync_file_system(path: &AbsPath) -> Result<(), FileError> {
    File::open(path).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?)).at("sync", path)
}

/// Makes a folder inside `path`'s parent, durably, if it is not there.
pub(crate) fn make_folder(path: &AbsPath) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Ok(()) => sync_folder(&path.parent()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).at("create", path),
    }
}
