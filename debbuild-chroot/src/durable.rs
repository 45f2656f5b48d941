//! Small files that are complete or absent, also after a power cut: temporary name, fsync, rename, fsync of the folder.

use std::{
    fs::{self, File},
    io::Write as _,
};

use debbuild_core::path::{AbsPath, FileError, IoResultExt as _};
use uuid::Uuid;

/// Writes `bytes` to `path`, whose folder exists; a file that is there is replaced in one step.
pub(crate) fn write(path: &AbsPath, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent();
    let draft = folder.child(&format!(".{}.tmp", Uuid::new_v4().simple())).unwrap_or_else(|_| folder.clone());
    let written = (|| {
        let mut file = File::create_new(&draft).at("create", &draft)?;
        file.write_all(bytes).at("write", &draft)?;
        file.sync_all().at("sync", &draft)?;
        fs::rename(&draft, path).at("rename to", path)
    })();
    if written.is_err() {
        // The first failure is the one to tell; a draft that stays is swept with its folder.
        drop(fs::remove_file(&draft));
    }
    written?;
    sync_folder(&folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &AbsPath) -> Result<(), FileError> {
    File::open(folder).and_then(|opened| opened.sync_all()).at("sync", folder)
}
