//! Files and folders done durably: nothing half-written is ever visible under its final name.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    thread,
    time::Duration,
};

use debbuild_core::{
    digest::{HashingReader, Sha256},
    path::{AbsPath, FileError, IoResultExt as _},
};
use serde::{Deserialize, Serialize};

/// Something below a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Entry {
    File { path: String, size: u64, sha256: Sha256 },
    Link { path: String, target: String },
    Folder { path: String },
}

pub(crate) fn write(path: &AbsPath, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent();
    let draft = AbsPath::new(format!("{folder}/.{}.new", path.name())).map_err(|error| FileError {
        action: "name",
        path: path.clone(),
        source: io::Error::other(error),
    })?;
    let mut file = File::create(&draft).at("create", &draft)?;
    file.write_all(bytes).at("write", &draft)?;
    file.sync_all().at("sync", &draft)?;
    fs::rename(&draft, path).at("rename to", path)?;
    sync_folder(&folder)
}

pub(crate) fn sync_folder(folder: &AbsPath) -> Result<(), FileError> {
    File::open(folder).and_then(|file| file.sync_all()).at("sync", folder)
}

/// Makes everything on the file system of `folder` durable: one call for many files.
pub(crate) fn sync_all_below(folder: &AbsPath) -> Result<(), FileError> {
    let file = File::open(folder).at("open", folder)?;
    rustix::fs::syncfs(&file).map_err(io::Error::from).at("sync", folder)
}

pub(crate) fn make_folder(folder: &AbsPath) -> Result<(), FileError> {
    fs::create_dir_all(folder).at("create", folder)
}

pub(crate) fn remove(path: &AbsPath) -> Result<(), FileError> {
    for _ in 0..50 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // The last step of abandoned work may still be writing; it ends by itself.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => thread::sleep(Duration::from_millis(10)),
            result => return result.at("remove", path),
        }
    }
    fs::remove_dir_all(path).at("remove", path)
}

pub(crate) fn remove_file(path: &AbsPath) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.at("remove", path),
    }
}

pub(crate) fn digest(path: &AbsPath) -> Result<(u64, Sha256), FileError> {
    let mut reader = HashingReader::new(File::open(path).at("open", path)?);
    io::copy(&mut reader, &mut io::sink()).at("read", path)?;
    Ok(reader.finish())
}

/// Everything below a folder, sorted by path, files with their digests.
pub(crate) fn list(folder: &AbsPath) -> Result<Vec<Entry>, FileError> {
    let mut found = Vec::new();
    walk(folder, "", &mut |path, at, kind| {
        let path = path.to_owned();
        found.push(if kind.is_symlink() {
            let target = fs::read_link(at).at("read", at)?.to_string_lossy().into_owned();
            Entry::Link { path, target }
        } else if kind.is_dir() {
            Entry::Folder { path }
        } else {
            let (size, sha256) = digest(at)?;
            Entry::File { path, size, sha256 }
        });
        Ok(())
    })?;
    Ok(found)
}

/// The same tree at another place: files as hard links where the file system allows, else as copies.
pub(crate) fn link_tree(from: &AbsPath, to: &AbsPath) -> Result<(), FileError> {
    make_folder(to)?;
    walk(from, "", &mut |path, at, kind| {
        let new = to.descend(path).map_err(|error| FileError {
            action: "name",
            path: at.clone(),
            source: io::Error::other(error),
        })?;
        if kind.is_dir() {
            return fs::create_dir(&new).at("create", &new);
        }
        if kind.is_symlink() {
            let target = fs::read_link(at).at("read", at)?;
            return symlink(target, &new).at("create", &new);
        }
        match fs::hard_link(at, &new) {
            Ok(()) => Ok(()),
            Err(_) => fs::copy(at, &new).map(|_| ()).at("copy to", &new),
        }
    })
}

/// Takes write permission from every file below a folder: other names may point to the same bytes.
pub(crate) fn protect(folder: &AbsPath) -> Result<(), FileError> {
    walk(folder, "", &mut |_, at, kind| {
        if !kind.is_file() {
            return Ok(());
        }
        let mode = fs::metadata(at).at("read", at)?.permissions().mode();
        fs::set_permissions(at, fs::Permissions::from_mode((mode & 0o555) | 0o444)).at("protect", at)
    })
}

fn walk(
    folder: &AbsPath,
    prefix: &str,
    visit: &mut dyn FnMut(&str, &AbsPath, fs::FileType) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).at("list", folder)?;
    let mut entries = entries.collect::<io::Result<Vec<_>>>().at("list", folder)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let at = AbsPath::new(entry.path()).map_err(io::Error::other).at("list", folder)?;
        let kind = entry.file_type().at("read", &at)?;
        let path = format!("{prefix}{}", at.name());
        visit(&path, &at, kind)?;
        if kind.is_dir() {
            walk(&at, &format!("{path}/"), visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_listed_linked_and_protected() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        let from = base.join("from");
        make_folder(&from.join("a/empty")).unwrap();
        write(&from.join("a/file"), b"text").unwrap();
        symlink("a/file", from.join("link")).unwrap();
        protect(&from).unwrap();
        link_tree(&from, &base.join("to")).unwrap();
        let entries = list(&base.join("to")).unwrap();
        assert_eq!(entries, list(&from).unwrap());
        assert_eq!(entries.len(), 4);
        assert!(entries.contains(&Entry::File { path: "a/file".into(), size: 4, sha256: Sha256::of(b"text") }));
        assert!(fs::metadata(base.join("to/a/file")).unwrap().permissions().readonly());
        remove(&from).unwrap();
        remove(&from).unwrap();
        assert_eq!(fs::read(base.join("to/link")).unwrap(), b"text");
    }
}
