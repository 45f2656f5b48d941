//! The strict test twin of a publish target: pool and trees in memory, the same refusals.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Placement, PublishTarget, RepoError, StateId, TreeContent, TreeFile};
use crate::{
    blocking,
    context::Context,
    digest::Sha256,
    name::{PoolPath, SuiteName},
    path::IoResultExt as _,
};

type Tree = BTreeMap<String, Bytes>;

#[derive(Debug, Default)]
struct Shelf {
    pool: BTreeMap<String, Bytes>,
    trees: BTreeMap<(String, StateId), Tree>,
    current: BTreeMap<String, StateId>,
    /// By time: suites and their states.
    times: BTreeMap<String, BTreeMap<String, StateId>>,
}

/// Publishes into memory.
#[derive(Debug, Default)]
pub struct MemoryTarget {
    shelf: Mutex<Shelf>,
}

impl MemoryTarget {
    /// An empty target.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn look_up(&self, path: &PoolPath) -> Option<Bytes> {
        let path = path.as_str();
        let (suites, below) = match path.strip_prefix("snapshots/").and_then(|rest| rest.split_once('/')) {
            Some((time, below)) => (self.times.get(time)?, below),
            None => (&self.current, path),
        };
        if let Some(below) = below.strip_prefix("dists/") {
            return suites.iter().find_map(|(suite, state)| {
                let name = below.strip_prefix(suite.as_str())?.strip_prefix('/')?;
                self.trees.get(&(suite.clone(), *state))?.get(name).cloned()
            });
        }
        self.pool.get(below).cloned()
    }
}

#[async_trait]
impl PublishTarget for MemoryTarget {
    async fn place(&self, cx: &Context, files: &[Placement]) -> Result<(), RepoError> {
        let mut fresh = BTreeMap::new();
        for placement in files {
            cx.cancel().check()?;
            let path = placement.path.to_string();
            let there = self.shelf().pool.get(&path).or_else(|| fresh.get(&path)).map(|bytes| Sha256::of(bytes));
            match there {
                Some(sha256) if sha256 == placement.sha256 => continue,
                Some(_) => return Err(RepoError::Conflict { what: path }),
                None => {}
            }
            let file = placement.file.clone();
            let bytes = blocking::run(move || std::fs::read(&file).at("read", &file)).await?;
            let (size, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
            if size != placement.size || sha256 != placement.sha256 {
                let (expected, actual) = (placement.sha256.to_string(), sha256.to_string());
                return Err(RepoError::Mismatch { file: placement.file.to_string(), expected, actual });
            }
            fresh.insert(path, Bytes::from(bytes));
        }
        self.shelf().pool.append(&mut fresh);
        Ok(())
    }

    async fn stage(&self, _: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        let mut shelf = self.shelf();
        if shelf.current.get(suite.as_str()) == Some(&state) {
            return Err(RepoError::Current { suite: suite.clone(), state });
        }
        let mut staged = Tree::new();
        for file in tree {
            let missing = |state| RepoError::NoState { suite: suite.clone(), state };
            let bytes = match &file.content {
                TreeContent::Bytes(bytes) => bytes.clone(),
                TreeContent::SameAs(other) => staged.get(other.as_str()).cloned().ok_or_else(|| missing(state))?,
                TreeContent::Earlier(earlier, other) => {
                    let tree = shelf.trees.get(&(suite.to_string(), *earlier)).ok_or_else(|| missing(*earlier))?;
                    tree.get(other.as_str()).cloned().ok_or_else(|| missing(*earlier))?
                }
            };
            staged.insert(file.path.to_string(), bytes);
        }
        shelf.trees.insert((suite.to_string(), state), staged);
        Ok(())
    }

    async fn switch(&self, _: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        let mut shelf = self.shelf();
        if !shelf.trees.contains_key(&(suite.to_string(), state)) {
            return Err(RepoError::NoState { suite: suite.clone(), state });
        }
        shelf.current.insert(suite.to_string(), state);
        Ok(())
    }

    async fn current(&self, _: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        Ok(self.shelf().current.get(suite.as_str()).copied())
    }

    async fn trees(&self, _: &Context, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        let shelf = self.shelf();
        Ok(shelf.trees.keys().filter(|(of, _)| of == suite.as_str()).map(|(_, state)| *state).collect())
    }

    async fn prune(&self, _: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        let mut shelf = self.shelf();
        let current = shelf.current.get(suite.as_str()).copied();
        let stays = |state: &StateId| keep.contains(state) || Some(*state) == current;
        shelf.trees.retain(|(of, state), _| of != suite.as_str() || stays(state));
        for suites in shelf.times.values_mut() {
            suites.retain(|of, state| of != suite.as_str() || stays(state));
        }
        shelf.times.retain(|_, suites| !suites.is_empty());
        Ok(())
    }

    async fn pool(&self, _: &Context) -> Result<Vec<(PoolPath, u64)>, RepoError> {
        let shelf = self.shelf();
        shelf.pool.iter().map(|(path, bytes)| Ok((PoolPath::new(path)?, bytes.len() as u64))).collect()
    }

    async fn remove(&self, _: &Context, files: &[PoolPath]) -> Result<(), RepoError> {
        let mut shelf = self.shelf();
        for file in files {
            shelf.pool.remove(file.as_str());
        }
        Ok(())
    }

    fn timed(&self, suite: &SuiteName, time: &str) -> Result<PoolPath, RepoError> {
        Ok(PoolPath::new(&format!("snapshots/{time}/dists/{suite}"))?)
    }

    async fn expose(&self, _: &Context, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError> {
        let mut shelf = self.shelf();
        if !shelf.trees.contains_key(&(suite.to_string(), state)) {
            return Err(RepoError::NoState { suite: suite.clone(), state });
        }
        let now = shelf.current.clone();
        let suites = shelf.times.entry(time.to_owned()).or_default();
        for (other, state) in now {
            suites.entry(other).or_insert(state);
        }
        suites.insert(suite.to_string(), state);
        Ok(())
    }

    async fn read(&self, _: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        Ok(self.shelf().look_up(path))
    }

    async fn stat(&self, _: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError> {
        Ok(self.shelf().look_up(path).map(|bytes| (bytes.len() as u64, Sha256::of(&bytes))))
    }
}
