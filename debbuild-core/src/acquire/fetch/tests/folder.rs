//! A folder that is gone after the test.

use crate::path::AbsPath;

pub(super) struct Folder {
    _folder: tempfile::TempDir,
    pub(super) path: AbsPath,
}

impl Folder {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = AbsPath::new(folder.path()).unwrap();
        Self { _folder: folder, path }
    }
}
