//! Tasks: submit, look at, cancel, do again, reorder, explain, read the log.

use async_trait::async_trait;
use debbuild_core::{build::Failure, clock::Timestamp, context::Context, task::TaskSpec};
use serde::{Deserialize, Serialize};

use super::Reply;

/// A task that is about to be submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitTask {
    /// What should happen.
    pub spec: TaskSpec,
    /// What people call it in lists.
    pub label: String,
    /// Higher goes first; 0 is usual.
    #[serde(default)]
    pub priority: i32,
    /// Numbers of tasks that must succeed first.
    #[serde(default)]
    pub after: Vec<i64>,
    /// Places (from 0) of earlier tasks of the same request that must succeed first.
    #[serde(default)]
    pub after_earlier: Vec<usize>,
}

/// A request: tasks that are submitted together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitTasks {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// Made up once per intent: the same request again gives the same tasks.
    pub idempotency_key: String,
    /// What for.
    pub tasks: Vec<SubmitTask>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The request's number.
    pub request: i64,
    /// Its tasks' numbers, in its order.
    pub tasks: Vec<i64>,
    /// Whether the same request was submitted before.
    pub repeated: bool,
}

/// Somebody's wish that a task ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelWish {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// Its number.
    pub id: i64,
    /// The request that it came with.
    pub request: i64,
    /// Who asked for it.
    pub by: String,
    /// What should happen.
    pub spec: TaskSpec,
    /// What people call it.
    pub label: String,
    /// Higher goes first.
    pub priority: i32,
    /// `blocked`, `ready`, `leased`, `succeeded`, `failed`, `aborted` or `cancelled`.
    pub state: String,
    /// Whether the state will never change again.
    pub ended: bool,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Not to be leased before this time.
    pub not_before: Option<Timestamp>,
    /// How many of its attempts the infrastructure failed.
    pub infrastructure_failures: u32,
    /// Somebody's wish that it ends.
    pub cancel: Option<CancelWish>,
    /// Why it, or its last attempt, did not succeed.
    pub failure: Option<Failure>,
    /// The tasks that must succeed first.
    pub after: Vec<i64>,
    /// The task that this one does again.
    pub retry_of: Option<i64>,
    /// The task that does this one again.
    pub retried_by: Option<i64>,
    /// The attempts at it, oldest first; only where one task is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The builds that it left; only where one task is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<i64>,
}

/// An attempt: one lease of a task by one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// `TASK.N`.
    pub id: String,
    /// The worker's name.
    pub worker: String,
    /// `leased`, `running`, `succeeded`, `failed`, `aborted`, `cancelled`, `lost`, `void`, `refused` or `released`.
    pub state: String,
    /// When it was leased.
    pub leased_at: Timestamp,
    /// When it was accepted.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The size of its log in bytes, as far as it is known.
    pub log_size: u64,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskFilter {
    /// Only in these states; empty for all.
    pub states: Vec<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only with this text in the label.
    pub label: Option<String>,
    /// Only of this request.
    pub request: Option<i64>,
    /// From this cursor on.
    pub after: Option<String>,
    /// At most so many (1 to 1000; 100 without).
    pub limit: Option<u32>,
}

/// Tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Where the next page begins; null at the end.
    pub next: Option<String>,
}

/// Why a task is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The task's number.
    pub task: i64,
    /// Where it stands.
    pub state: String,
    /// Its place among the ready tasks, from 1.
    pub place: Option<u64>,
    /// The reasons, the most important first.
    pub reasons: Vec<String>,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// `TASK.N`; none when nobody has begun the task yet.
    pub attempt: Option<String>,
    /// Where the piece begins, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether nothing will ever follow.
    pub end: bool,
}

/// What can be done with tasks.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Submits a request, once per idempotency key.
    async fn submit(&self, cx: &Context, request: &SubmitTasks) -> Reply<Submitted>;
    /// One task with its attempts and builds.
    async fn task(&self, cx: &Context, id: i64) -> Reply<Task>;
    /// Tasks, newest first.
    async fn tasks(&self, cx: &Context, filter: &TaskFilter) -> Reply<TaskList>;
    /// Wishes that a task ends.
    async fn cancel(&self, cx: &Context, id: i64, reason: &str) -> Reply<Task>;
    /// Does an ended task again, as a new task.
    async fn retry(&self, cx: &Context, id: i64) -> Reply<Task>;
    /// Gives a task another priority.
    async fn set_priority(&self, cx: &Context, id: i64, priority: i32) -> Reply<Task>;
    /// Why it is where it is.
    async fn explain(&self, cx: &Context, id: i64) -> Reply<Explanation>;
    /// A piece of the log of an attempt (without a number: the newest), from `offset`, at most `limit` bytes.
    async fn log(&self, cx: &Context, id: i64, attempt: Option<u32>, offset: u64, limit: u32) -> Reply<LogPart>;
}
