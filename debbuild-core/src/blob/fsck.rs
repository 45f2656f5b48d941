//! Checking a folder of blobs: every byte, every root, and what should not lie there.

use std::{collections::HashSet, fs, io};

use super::{
    BlobError, CheckOptions, Checked, Fault,
    folder::{Folders, entries},
};
use crate::{
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
    event::Event,
    path::{AbsPath, IoResultExt as _},
};

impl Folders {
    /// Reads everything. Writers and readers go on meanwhile; what they change is not a fault.
    pub(super) fn check(&self, cx: &Context, options: CheckOptions) -> Result<Checked, BlobError> {
        let mut found = Checked::default();
        let mut stored = HashSet::new();
        for folder in entries(&self.blobs)? {
            if !folder.as_std().is_dir() {
                found.faults.push(Fault::Foreign { path: folder });
                continue;
            }
            for path in entries(&folder)? {
                cx.cancel().check()?;
                match path.name().parse::<Sha256>() {
                    Ok(id) if self.path(id)? == path => {
                        if self.check_blob(id, &path, options, cx.cancel(), &mut found)? {
                            stored.insert(id);
                        }
                    }
                    _ => found.faults.push(Fault::Foreign { path }),
                }
                if let Some(span) = cx.span() {
                    cx.report(Event::Progress { span, done: found.bytes });
                }
            }
        }
        self.check_roots(&stored, &mut found)?;
        self.check_leavings(options, &mut found)?;
        found.faults.sort_unstable();
        Ok(found)
    }

    /// Reads one blob; says whether it is good.
    fn check_blob(
        &self,
        id: Sha256,
        path: &AbsPath,
        options: CheckOptions,
        cancel: &CancelToken,
        found: &mut Checked,
    ) -> Result<bool, BlobError> {
        let (size, actual) = match Self::digest(path, cancel) {
            Err(BlobError::File(error)) if error.source.kind() == io::ErrorKind::NotFound => return Ok(false),
            read => read?,
        };
        found.blobs += 1;
        found.bytes += size;
        if actual == id {
            return Ok(true);
        }
        found.faults.push(Fault::Damaged { id, actual });
        if options.repair {
            self.set_aside(id, path)?;
        }
        Ok(false)
    }

    fn check_roots(&self, stored: &HashSet<Sha256>, found: &mut Checked) -> Result<(), BlobError> {
        for owner in entries(&self.roots)? {
            for path in entries(&owner)? {
                let root = format!("{}/{}", owner.name(), path.name());
                match Self::pinned(&path) {
                    Ok(ids) => {
                        for id in ids {
                            // It may have been put since the folders were listed.
                            if !stored.contains(&id) && self.size(id)?.is_none() {
                                found.faults.push(Fault::Missing { id, root: root.clone() });
                            }
                        }
                    }
                    Err(BlobError::DamagedRoot(_)) => found.faults.push(Fault::DamagedRoot { root }),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// What lies in the folder of unfinished blobs while nobody writes; while somebody does, nothing is said about it.
    fn check_leavings(&self, options: CheckOptions, found: &mut Checked) -> Result<(), BlobError> {
        let alone = self.lock_file()?;
        match alone.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(()),
            Err(fs::TryLockError::Error(error)) => return Err(error).at("lock", &self.lock).map_err(Into::into),
        }
        for path in entries(&self.scratch)? {
            let size = fs::symlink_metadata(&path).at("read", &path)?.len();
            if options.repair {
                fs::remove_file(&path).at("remove", &path)?;
            }
            found.faults.push(Fault::Leaving { path, size });
        }
        Ok(())
    }
}
