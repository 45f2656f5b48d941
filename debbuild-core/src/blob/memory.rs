//! Blobs in memory: the strict twin for tests; files for tools are written into a given folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Adopt, Blob, BlobError, BlobStore, CheckOptions, Checked, Fault, SweepOptions, Swept, checked_range, durable,
    root_part,
};
use crate::{
    blocking,
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    scratch: AbsPath,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<Sha256, (Bytes, Timestamp)>,
    roots: BTreeMap<(String, String), BTreeSet<Sha256>>,
}

impl MemoryStore {
    /// An empty store; [`BlobStore::local`] writes its files into `scratch`, which must exist.
    #[must_use]
    pub fn new(scratch: AbsPath) -> Self {
        Self { scratch, state: Mutex::default() }
    }

    /// For tests: puts other bytes under the name of a stored blob, as a failing disk does.
    pub fn damage(&self, id: Sha256, bytes: impl Into<Bytes>) {
        if let Some(entry) = self.state().blobs.get_mut(&id) {
            entry.0 = bytes.into();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn put(&self, cx: &Context, bytes: Bytes) -> Result<Blob, BlobError> {
        cx.cancel().check()?;
        let blob = Blob { id: Sha256::of(&bytes), size: bytes.len() as u64 };
        self.state().blobs.insert(blob.id, (bytes, cx.now()));
        Ok(blob)
    }

    async fn adopt(
        &self,
        cx: &Context,
        file: &AbsPath,
        _how: Adopt,
        expected: Option<Sha256>,
    ) -> Result<Blob, BlobError> {
        cx.cancel().check()?;
        let path = file.clone();
        let bytes = blocking::run(move || fs::read(&path).at("open", &path)).await?;
        let actual = Sha256::of(&bytes);
        match expected {
            Some(expected) if expected != actual => Err(BlobError::Mismatch { expected, actual }),
            _ => self.put(cx, bytes.into()).await,
        }
    }

    async fn read(&self, _cx: &Context, id: Sha256, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        let mut state = self.state();
        let bytes = state.blobs.get(&id).ok_or(BlobError::NotFound(id))?.0.clone();
        let size = bytes.len() as u64;
        let part = checked_range(id, size, range)?;
        if part == (0..size) {
            let actual = Sha256::of(&bytes);
            if actual != id {
                state.blobs.remove(&id);
                return Err(BlobError::Mismatch { expected: id, actual });
            }
        }
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        Ok(bytes.slice(index(part.start)..index(part.end)))
    }

    async fn local(&self, _cx: &Context, id: Sha256) -> Result<AbsPath, BlobError> {
        let bytes = self.state().blobs.get(&id).ok_or(BlobError::NotFound(id))?.0.clone();
        let (scratch, path) = (self.scratch.clone(), self.scratch.child(&id.to_string())?);
        blocking::run(move || durable::write(&scratch, &path, &bytes).map(|()| path)).await.map_err(Into::into)
    }

    async fn stat(&self, _cx: &Context, id: Sha256) -> Result<Option<Blob>, BlobError> {
        Ok(self.state().blobs.get(&id).map(|(bytes, _)| Blob { id, size: bytes.len() as u64 }))
    }

    async fn pin(&self, _cx: &Context, owner: &str, name: &str, ids: &[Sha256]) -> Result<(), BlobError> {
        let key = (root_part(owner)?.to_owned(), root_part(name)?.to_owned());
        let mut state = self.state();
        if ids.is_empty() {
            state.roots.remove(&key);
        } else {
            state.roots.insert(key, ids.iter().copied().collect());
        }
        Ok(())
    }

    async fn pinned(&self, _cx: &Context, owner: &str, name: &str) -> Result<Vec<Sha256>, BlobError> {
        let key = (root_part(owner)?.to_owned(), root_part(name)?.to_owned());
        Ok(self.state().roots.get(&key).into_iter().flatten().copied().collect())
    }

    async fn check(&self, cx: &Context, options: CheckOptions) -> Result<Checked, BlobError> {
        cx.cancel().check()?;
        let mut state = self.state();
        let mut found = Checked::default();
        let mut faults = Vec::new();
        for (id, (bytes, _)) in &state.blobs {
            found.blobs += 1;
            found.bytes += bytes.len() as u64;
            let actual = Sha256::of(bytes);
            if actual != *id {
                faults.push(Fault::Damaged { id: *id, actual });
            }
        }
        let damaged: BTreeSet<Sha256> = faults.iter().filter_map(Fault::blob).collect();
        for ((owner, name), ids) in &state.roots {
            let missing =
                ids.iter().filter(|id| !state.blobs.contains_key(id) || options.repair && damaged.contains(id));
            faults.extend(missing.map(|id| Fault::Missing { id: *id, root: format!("{owner}/{name}") }));
        }
        if options.repair {
            state.blobs.retain(|id, _| !damaged.contains(id));
        }
        faults.sort_unstable();
        found.faults = faults;
        Ok(found)
    }

    async fn sweep(&self, cx: &Context, options: SweepOptions) -> Result<Swept, BlobError> {
        let mut state = self.state();
        let kept: BTreeSet<Sha256> = state.roots.values().flatten().copied().collect();
        let mut swept = Swept::default();
        let now = cx.now();
        state.blobs.retain(|id, (bytes, put)| {
            let keep = kept.contains(id) || now.since(*put) < options.grace;
            if !keep {
                swept.blobs.push(Blob { id: *id, size: bytes.len() as u64 });
            }
            keep || options.dry_run
        });
        Ok(swept)
    }
}
