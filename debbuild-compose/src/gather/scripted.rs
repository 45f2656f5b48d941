//! The test twin: gives the lock it was made with, and keeps the bytes it was given for each package.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use debbuild_core::{
    blob::BlobStore,
    context::Context,
    digest::Sha256,
    error::Class,
    lock::{LockFile, LockedPackage},
};

use super::{GatherError, Gathered, Gatherer};
use crate::blueprint::Blueprint;

/// Gathers what it was told, and counts.
#[derive(Debug)]
pub struct ScriptedGatherer {
    state: Mutex<State>,
    blobs: Arc<dyn BlobStore>,
}

#[derive(Debug)]
struct State {
    gathered: Gathered,
    content: BTreeMap<Sha256, Vec<u8>>,
    gathers: usize,
    fetched: Vec<String>,
}

impl ScriptedGatherer {
    /// Gives this lock; packages have these contents.
    #[must_use]
    pub fn new(blobs: Arc<dyn BlobStore>, gathered: Gathered, contents: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let content = contents.into_iter().map(|bytes| (Sha256::of(&bytes), bytes)).collect();
        Self { state: Mutex::new(State { gathered, content, gathers: 0, fetched: Vec::new() }), blobs }
    }

    /// Gives another lock from now on, with more contents.
    pub fn change(&self, gathered: Gathered, contents: impl IntoIterator<Item = Vec<u8>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gathered = gathered;
        state.content.extend(contents.into_iter().map(|bytes| (Sha256::of(&bytes), bytes)));
    }

    /// How often it resolved.
    #[must_use]
    pub fn gathers(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).gathers
    }

    /// The packages that it was asked to fetch, in order.
    #[must_use]
    pub fn fetched(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fetched.clone()
    }
}

#[async_trait]
impl Gatherer for ScriptedGatherer {
    async fn gather(&self, _cx: &Context, _blueprint: &Blueprint) -> Result<Gathered, GatherError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gathers += 1;
        Ok(state.gathered.clone())
    }

    async fn fetch(&self, cx: &Context, _lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError> {
        for package in packages {
            let failed =
                |message: String, class| GatherError::Fetch { package: package.name.to_string(), message, class };
            let bytes = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.fetched.push(package.name.to_string());
                state.content.get(&package.sha256).cloned()
            };
            let bytes = bytes.ok_or_else(|| failed("not in the script".to_owned(), Class::Infrastructure))?;
            self.blobs.put(cx, bytes.into()).await.map_err(|error| failed(error.to_string(), Class::Infrastructure))?;
        }
        Ok(())
    }

    async fn replay(&self, cx: &Context, lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError> {
        for package in packages {
            let failed =
                |message: String, class| GatherError::Fetch { package: package.name.to_string(), message, class };
            if !lock.archives.iter().any(|archive| archive.name == package.archive) {
                return Err(failed(format!("the lock has no archive {:?}", package.archive), Class::Usage));
            }
            let stored = self.blobs.stat(cx, package.sha256).await;
            if stored.map_err(|error| failed(error.to_string(), Class::Infrastructure))?.is_none() {
                return Err(failed("it is not stored, and a replay fetches nothing".to_owned(), Class::NotFound));
            }
        }
        Ok(())
    }
}
