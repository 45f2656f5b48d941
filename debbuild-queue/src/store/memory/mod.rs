//! The in-memory store: the test twin, strict about revisions, and the model that SQLite is compared with.

mod tasks;
mod things;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use debbuild_core::{build::Artifact, clock::Timestamp, digest::Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{QueueStore, StoreError, Stored, Transaction};
use crate::{
    model::{
        Attempt, AttemptId, Build, BuildId, Event, IdempotencyKey, RequestId, TagName, Task, TaskId, UserName, Worker,
        WorkerName,
    },
    tag::{Tag, TagChange},
};

/// What an accepted attempt left: its files and its record.
type Left = (Vec<Artifact>, Option<serde_json::Value>);

/// Everything, cheap to copy but for the maps themselves.
#[derive(Debug, Clone, Default)]
struct State {
    requests: i64,
    request_keys: BTreeMap<(UserName, IdempotencyKey), (RequestId, Sha256, Timestamp)>,
    tasks: BTreeMap<TaskId, Arc<Task>>,
    attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    claims: BTreeMap<IdempotencyKey, AttemptId>,
    logs: BTreeMap<AttemptId, Arc<Vec<u8>>>,
    avoid: BTreeMap<(WorkerName, TaskId), Timestamp>,
    results: BTreeMap<AttemptId, Arc<Left>>,
    builds: BTreeMap<BuildId, Arc<Build>>,
    workers: BTreeMap<WorkerName, Arc<Worker>>,
    tags: BTreeMap<TagName, Arc<Tag>>,
    tag_builds: BTreeMap<TagName, BTreeSet<(u64, BuildId)>>,
    tag_history: BTreeMap<(TagName, u64), Arc<TagChange>>,
    events: Vec<Arc<Event>>,
}

/// Keeps the state of one process in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<Arc<State>>>,
    writer: Arc<Mutex<()>>,
}

impl MemoryStore {
    /// An empty store; clones share it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl QueueStore for MemoryStore {
    fn name(&self) -> &str {
        "memory"
    }

    async fn read(&self) -> Stored<Box<dyn Transaction>> {
        // As strict as a store that waits for its disk: everything may happen between two calls.
        tokio::task::yield_now().await;
        Ok(Box::new(MemoryTransaction { state: (*self.snapshot()).clone(), writes: None }))
    }

    async fn write(&self) -> Stored<Box<dyn Transaction>> {
        let guard = Arc::clone(&self.writer).lock_owned().await;
        let state = (*self.snapshot()).clone();
        tokio::task::yield_now().await;
        Ok(Box::new(MemoryTransaction { state, writes: Some((self.clone(), guard)) }))
    }
}

/// A copy of the state that takes its place when it is committed.
#[derive(Debug)]
struct MemoryTransaction {
    state: State,
    writes: Option<(MemoryStore, OwnedMutexGuard<()>)>,
}

impl MemoryTransaction {
    /// The state, to be changed.
    fn change(&mut self) -> Stored<&mut State> {
        if self.writes.is_none() {
            let source = "attempt to write a read-only state".into();
            return Err(StoreError::Database { action: "change something", source });
        }
        Ok(&mut self.state)
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn commit(self: Box<Self>) -> Stored<()> {
        if let Some((store, guard)) = self.writes {
            *store.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(self.state);
            drop(guard);
        }
        Ok(())
    }
}

/// A violated constraint, as a database would report it.
fn violated(what: &'static str) -> StoreError {
    StoreError::Database { action: what, source: "constraint violated".into() }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
