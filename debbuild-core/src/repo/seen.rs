//! Digests of files that were read before, by path, size, modification time and inode: what did not change is not read again.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
};

use super::RepoError;
use crate::{
    clock::Timestamp,
    digest::Sha256,
    fail,
    name::PoolPath,
    path::{AbsPath, IoResultExt as _},
};

/// A file that was changed so lately, in seconds, may change again without another modification time.
const SETTLED: i64 = 2;

/// What tells whether a file is the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    inode: u64,
    device: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}

/// The files that were read. It is a cache: without it files are read again.
#[derive(Debug)]
pub(super) struct Seen {
    path: AbsPath,
    files: HashMap<String, (Stamp, Sha256)>,
    changed: bool,
}

impl Seen {
    /// What was written into this file; lines that are none are left out.
    pub(super) fn load(path: AbsPath) -> Self {
        let text = fs::read(&path).unwrap_or_default();
        let files = String::from_utf8_lossy(&text).lines().filter_map(line).collect();
        Self { path, files, changed: false }
    }

    /// The digest of the file, if it was read and did not change.
    pub(super) fn digest(&self, path: &AbsPath, stamp: &Stamp) -> Option<Sha256> {
        self.files.get(path.as_str()).filter(|(seen, _)| seen == stamp).map(|(_, sha256)| *sha256)
    }

    /// Adds files that were read at `now`.
    pub(super) fn add(&mut self, now: Timestamp, files: impl IntoIterator<Item = (AbsPath, Stamp, Sha256)>) {
        for (path, stamp, sha256) in files {
            if stamp.seconds.saturating_add(SETTLED) <= now.seconds() {
                self.insert(&path, stamp, sha256);
            }
        }
    }

    /// Adds files of the pool in this folder, which nobody writes to; elsewhere than in a folder there are none.
    pub(super) fn add_pool(
        &mut self,
        dir: &AbsPath,
        files: impl IntoIterator<Item = (PoolPath, Sha256)>,
    ) -> Result<(), RepoError> {
        for (path, sha256) in files {
            let path = dir.descend(path.as_str())?;
            if let Ok(metadata) = fs::metadata(&path) {
                self.insert(&path, Stamp::of(&metadata), sha256);
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &AbsPath, stamp: Stamp, sha256: Sha256) {
        // Lines hold one file each.
        if !path.as_str().contains('\n') {
            let before = self.files.insert(path.as_str().to_owned(), (stamp, sha256));
            self.changed |= before != Some((stamp, sha256));
        }
    }

    /// Writes all down, if there is something new.
    pub(super) fn save(&self) -> Result<(), RepoError> {
        if !self.changed {
            return Ok(());
        }
        let folder = self.path.parent();
        let mut text = String::new();
        for (path, (stamp, sha256)) in &self.files {
            let Stamp { size, seconds, nanoseconds, inode, device } = stamp;
            text.push_str(&format!("{sha256} {size} {seconds} {nanoseconds} {inode} {device} {path}\n"));
        }
        let mut file = tempfile::NamedTempFile::new_in(&folder).at("create a file in", &folder)?;
        file.write_all(text.as_bytes()).at("write", &self.path)?;
        fail::point("name the list of seen files");
        file.persist(&self.path).map_err(|error| error.error).at("rename to", &self.path)?;
        Ok(())
    }
}

fn line(line: &str) -> Option<(String, (Stamp, Sha256))> {
    let mut parts = line.splitn(7, ' ');
    let sha256 = parts.next()?.parse().ok()?;
    let size = parts.next()?.parse().ok()?;
    let seconds = parts.next()?.parse().ok()?;
    let nanoseconds = parts.next()?.parse().ok()?;
    let inode = parts.next()?.parse().ok()?;
    let device = parts.next()?.parse().ok()?;
    let path = parts.next().filter(|path| path.starts_with('/'))?;
    Some((path.to_owned(), (Stamp { size, seconds, nanoseconds, inode, device }, sha256)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_not_the_one_that_was_seen_and_a_fresh_one_is_not_trusted() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        let (file, list) = (base.join("a file"), base.join("seen"));
        fs::write(&file, "one").unwrap();
        let stamp = || Stamp::of(&fs::metadata(&file).unwrap());
        let written = Timestamp::from_seconds(stamp().seconds);
        let add = |now: Timestamp| {
            let mut seen = Seen::load(list.clone());
            seen.add(now, [(file.clone(), stamp(), Sha256::of(b"one"))]);
            seen.save().unwrap();
            Seen::load(list.clone()).digest(&file, &stamp())
        };
        assert_eq!(add(written), None, "it may change within the same second");
        let later = written.after(std::time::Duration::from_secs(3));
        assert_eq!(add(later), Some(Sha256::of(b"one")));
        fs::write(&file, "two!").unwrap();
        assert_eq!(Seen::load(list.clone()).digest(&file, &stamp()), None);
        fs::write(&list, "garbage\n\0\0\n").unwrap();
        assert_eq!(add(later.after(std::time::Duration::from_secs(3))), Some(Sha256::of(b"one")));
    }
}
