//! Where the queue's state is kept: `trait QueueStore` gives transactions, and a [`Transaction`] is rows of each noun.
//!
//! A store knows no rules: those are in [`model`](crate::model), and [`Queue`](crate::Queue) carries them out. What a
//! store must give is in its conformance suite: transactions that are all or nothing, that see no other's changes while
//! they run, of which only one writes at a time, and that are durable when `commit` returns.

#[cfg(feature = "testing")]
pub mod conformance;
mod memory;
mod query;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use debbuild_core::{
    build::{Artifact, BuildRecord},
    clock::Timestamp,
    digest::Sha256,
    error::{Class, Classify},
};
pub use memory::MemoryStore;
pub use query::{BuildQuery, Cursor, CursorError, Page, Part, TaskQuery};
#[cfg(feature = "sqlite")]
pub use sqlite::{OLDEST_SQLITE, SqliteOptions, SqliteStore};

use crate::{
    model::{
        Attempt, AttemptId, Build, BuildId, Event, IdempotencyKey, NewEvent, RequestId, Subject, TagName, Task, TaskId,
        UserName, Worker, WorkerName,
    },
    tag::{Tag, TagBuild, TagChange},
};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The row was changed since it was read.
    #[error("{0} was changed by somebody else")]
    Stale(String),
    /// The state is locked by another process for longer than the busy time-out.
    #[error("the queue's state is busy")]
    Busy,
    /// The state cannot be opened.
    #[error("cannot open the queue's state {path}: {reason}")]
    Open {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The database failed.
    #[error("the queue's state failed while it should {action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// The database's own answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row holds what no version of this program writes.
    #[error("the queue's state is damaged: {0}")]
    Damaged(String),
    /// A log chunk does not continue the log.
    #[error("the log of attempt {attempt} has {size} bytes; a chunk at {offset} leaves a gap or differs")]
    LogOffset {
        /// The attempt.
        attempt: AttemptId,
        /// Acknowledged bytes.
        size: u64,
        /// Where the chunk should go.
        offset: u64,
    },
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Stale(_) | Self::LogOffset { .. } => Class::Conflict,
            Self::Damaged(_) => Class::Internal,
            _ => Class::Infrastructure,
        }
    }
}

/// The answer of a store.
pub type Stored<T> = Result<T, StoreError>;

/// Keeps the queue's state. Several processes may hold one state.
#[async_trait]
pub trait QueueStore: fmt::Debug + Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// A transaction that reads one consistent state; writing through it is an error.
    async fn read(&self) -> Stored<Box<dyn Transaction>>;

    /// A transaction that reads and writes; it waits until it is the only one that writes.
    async fn write(&self) -> Stored<Box<dyn Transaction>>;
}

/// Rows, read and changed together. Dropped without [`Transaction::commit`] it changes nothing.
#[async_trait]
pub trait Transaction: TaskRows + AttemptRows + ResultRows + WorkerRows + TagRows + EventRows + Send {
    /// Makes all changes visible and durable at once.
    async fn commit(self: Box<Self>) -> Stored<()>;
}

/// Requests and tasks.
#[async_trait]
pub trait TaskRows {
    /// The request under this key, with its digest.
    async fn request(&mut self, by: &UserName, key: &IdempotencyKey) -> Stored<Option<(RequestId, Sha256)>>;
    /// Adds a request.
    async fn add_request(
        &mut self,
        by: &UserName,
        key: &IdempotencyKey,
        digest: Sha256,
        now: Timestamp,
    ) -> Stored<RequestId>;
    /// Forgets the keys of requests older than this, not the requests.
    async fn forget_keys(&mut self, before: Timestamp) -> Stored<()>;
    /// The tasks of a request, in the order of the request.
    async fn request_tasks(&mut self, request: RequestId) -> Stored<Vec<TaskId>>;
    /// Adds a task; its number is given by the store, whatever `task.id` is.
    async fn add_task(&mut self, task: &Task) -> Stored<TaskId>;
    /// The task of this number.
    async fn task(&mut self, id: TaskId) -> Stored<Option<Task>>;
    /// Replaces a task that still has the revision it was read with; what it depends on never changes.
    async fn put_task(&mut self, task: &Task) -> Stored<()>;
    /// The blocked tasks that depend on this one, by number.
    async fn dependants(&mut self, id: TaskId) -> Stored<Vec<TaskId>>;
    /// Ready tasks of these kinds whose pause is over, by (rank, number), after this place.
    async fn ready(&mut self, want: &ReadyQuery) -> Stored<Vec<Task>>;
    /// Tasks by number, newest first.
    async fn tasks(&mut self, query: &TaskQuery) -> Stored<Page<Task>>;
}

/// Which ready tasks to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadyQuery {
    /// Kinds that the asker knows; empty for all.
    pub kinds: Vec<String>,
    /// The time now: tasks that pause longer are left out.
    pub now: Timestamp,
    /// A pause that ends later than this is the work of a clock that jumped: it counts as over.
    pub longest_pause: Duration,
    /// After this place.
    pub after: Option<(i64, TaskId)>,
    /// At most so many.
    pub limit: u32,
}

impl ReadyQuery {
    /// The first 100 tasks of all kinds.
    #[must_use]
    pub fn new(now: Timestamp, longest_pause: Duration) -> Self {
        Self { kinds: Vec::new(), now, longest_pause, after: None, limit: 100 }
    }

    /// Only these kinds.
    #[must_use]
    pub fn with_kinds(mut self, kinds: Vec<String>) -> Self {
        self.kinds = kinds;
        self
    }

    /// Only after this place.
    #[must_use]
    pub fn with_after(mut self, after: (i64, TaskId)) -> Self {
        self.after = Some(after);
        self
    }

    /// Whether a task with this pause is left out.
    #[must_use]
    pub fn pauses(&self, not_before: Option<Timestamp>) -> bool {
        not_before.is_some_and(|at| at > self.now && at <= self.now.after(self.longest_pause))
    }
}

/// Attempts, their logs while they run, and who should not be asked again.
#[async_trait]
pub trait AttemptRows {
    /// Adds an attempt.
    async fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()>;
    /// This attempt.
    async fn attempt(&mut self, id: AttemptId) -> Stored<Option<Attempt>>;
    /// The attempt that this claim made.
    async fn attempt_of_claim(&mut self, key: &IdempotencyKey) -> Stored<Option<Attempt>>;
    /// All attempts at a task, oldest first.
    async fn attempts(&mut self, task: TaskId) -> Stored<Vec<Attempt>>;
    /// Attempts that hold their task, by identity, after this one; at most `limit`.
    async fn open_attempts(&mut self, after: Option<AttemptId>, limit: u32) -> Stored<Vec<Attempt>>;
    /// Replaces an attempt that still has the revision it was read with.
    async fn put_attempt(&mut self, attempt: &Attempt) -> Stored<()>;
    /// Continues a log that has `offset` bytes.
    async fn append_log(&mut self, id: AttemptId, offset: u64, bytes: &[u8]) -> Stored<()>;
    /// Bytes of a log from `offset`, at most `limit`.
    async fn read_log(&mut self, id: AttemptId, offset: u64, limit: u32) -> Stored<Vec<u8>>;
    /// Forgets the chunks of a log.
    async fn drop_log(&mut self, id: AttemptId) -> Stored<()>;
    /// Notes that the worker is not offered the task until then.
    async fn avoid(&mut self, task: TaskId, worker: &WorkerName, until: Timestamp) -> Stored<()>;
    /// The tasks that the worker is not offered now.
    async fn avoided(&mut self, worker: &WorkerName, now: Timestamp) -> Stored<Vec<TaskId>>;
}

/// What accepted attempts left.
#[async_trait]
pub trait ResultRows {
    /// Keeps the files and the record of an accepted attempt.
    async fn add_result(
        &mut self,
        id: AttemptId,
        artifacts: &[Artifact],
        record: Option<&serde_json::Value>,
    ) -> Stored<()>;
    /// The files of an accepted attempt, by name.
    async fn artifacts(&mut self, id: AttemptId) -> Stored<Vec<Artifact>>;
    /// The record of an accepted attempt.
    async fn record(&mut self, id: AttemptId) -> Stored<Option<serde_json::Value>>;
    /// Adds a build.
    async fn add_build(&mut self, id: AttemptId, record: &BuildRecord, now: Timestamp) -> Stored<BuildId>;
    /// The build of this number.
    async fn build(&mut self, id: BuildId) -> Stored<Option<Build>>;
    /// Builds by number, newest first.
    async fn builds(&mut self, query: &BuildQuery) -> Stored<Page<Build>>;
}

/// Workers.
#[async_trait]
pub trait WorkerRows {
    /// The worker of this name.
    async fn worker(&mut self, name: &WorkerName) -> Stored<Option<Worker>>;
    /// Adds a worker (revision 0 and not known yet), or replaces one that still has the revision it was read with.
    async fn put_worker(&mut self, worker: &Worker) -> Stored<()>;
    /// All workers, by name.
    async fn workers(&mut self) -> Stored<Vec<Worker>>;
}

/// Tags and their histories.
#[async_trait]
pub trait TagRows {
    /// Adds a tag; its number is given by the store.
    async fn add_tag(&mut self, tag: &Tag) -> Stored<()>;
    /// The tag of this name.
    async fn tag(&mut self, name: &TagName) -> Stored<Option<Tag>>;
    /// All tags, by name.
    async fn tags(&mut self) -> Stored<Vec<Tag>>;
    /// Replaces a tag that still has the version before this one.
    async fn put_tag(&mut self, tag: &Tag) -> Stored<()>;
    /// The builds that the tag itself holds, in the order in which they were added.
    async fn tag_builds(&mut self, name: &TagName) -> Stored<Vec<TagBuild>>;
    /// Adds a build to the tag, as of this version.
    async fn add_tag_build(&mut self, name: &TagName, entry: TagBuild) -> Stored<()>;
    /// Takes a build out of the tag.
    async fn remove_tag_build(&mut self, name: &TagName, build: BuildId) -> Stored<()>;
    /// Appends to the tag's history. Nothing ever removes from it.
    async fn add_tag_change(&mut self, name: &TagName, change: &TagChange) -> Stored<()>;
    /// The tag's history after this version, oldest first; at most `limit`.
    async fn tag_history(&mut self, name: &TagName, after: u64, limit: u32) -> Stored<Vec<TagChange>>;
}

/// What happened, in the order of commits.
#[async_trait]
pub trait EventRows {
    /// Appends an event.
    async fn add_event(&mut self, event: &NewEvent) -> Stored<()>;
    /// Events after this place (about this subject, if one is given; a task's include its attempts'), at most `limit`.
    async fn events(&mut self, after: i64, about: Option<&Subject>, limit: u32) -> Stored<Vec<Event>>;
    /// The place of the newest event; 0 when there is none.
    async fn last_event(&mut self) -> Stored<i64>;
}

#[cfg(all(test, feature = "testing", feature = "sqlite"))]
mod tests;
