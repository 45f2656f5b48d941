//! Build requests and tasks: what should happen, and where it stands.

use debbuild_core::{build::Failure, clock::Timestamp, digest::KeyHasher, digest::Sha256, task::TaskSpec};

use super::{IdempotencyKey, UserName};

debbuild_core::number_id! {
    /// The number of a task.
    TaskId
}
debbuild_core::number_id! {
    /// The number of a build request.
    RequestId
}

/// Where a task stands. Ended states never change; a retry is another task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for tasks that it depends on.
    Blocked,
    /// It waits for a worker.
    Ready,
    /// An attempt at it is under way.
    Leased,
    /// It was done.
    Succeeded,
    /// The source is at fault or cannot be built now.
    Failed,
    /// The infrastructure failed more often than it may: says nothing about the source.
    Aborted,
    /// Somebody wished so, or a task that it depends on did not succeed.
    Cancelled,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Blocked, Self::Ready, Self::Leased, Self::Succeeded, Self::Failed, Self::Aborted, Self::Cancelled];

    /// Whether it will never change again.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Aborted | Self::Cancelled)
    }

    /// The name in stores and wire forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Somebody's wish that a task ends. The attempt's end, or the reaper, makes it final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelWish {
    /// Who.
    pub by: UserName,
    /// Why, for people.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A task that is about to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewTask {
    /// What should happen.
    pub spec: TaskSpec,
    /// What people call it in lists, for example `hello 2.10-3 amd64`.
    pub label: String,
    /// Higher goes first; 0 is usual. One step outweighs the policy's step of waiting time.
    pub priority: i32,
    /// Tasks that must succeed first.
    pub after: Vec<TaskId>,
    /// Tasks of the same request that must succeed first, by their place in it; only earlier places.
    pub after_earlier: Vec<usize>,
}

impl NewTask {
    /// A task of the usual priority that depends on nothing.
    #[must_use]
    pub fn new(spec: TaskSpec, label: impl Into<String>) -> Self {
        Self { spec, label: label.into(), priority: 0, after: Vec::new(), after_earlier: Vec::new() }
    }

    /// With another priority.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// That starts only when these have succeeded.
    #[must_use]
    pub fn with_after(mut self, after: Vec<TaskId>) -> Self {
        self.after = after;
        self
    }

    /// That starts only when these earlier tasks of the same request have succeeded.
    #[must_use]
    pub fn with_after_earlier(mut self, places: Vec<usize>) -> Self {
        self.after_earlier = places;
        self
    }
}

/// A request: tasks that are submitted together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitRequest {
    /// Made up once per intent: the same request again gives the same tasks.
    pub key: IdempotencyKey,
    /// Who asks.
    pub by: UserName,
    /// What for.
    pub tasks: Vec<NewTask>,
}

impl SubmitRequest {
    /// A request for these tasks.
    #[must_use]
    pub fn new(key: IdempotencyKey, by: UserName, tasks: Vec<NewTask>) -> Self {
        Self { key, by, tasks }
    }

    /// What tells two requests under one key apart.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let mut key = KeyHasher::new("queue-request-1");
        for task in &self.tasks {
            let spec = serde_json::to_vec(&task.spec).unwrap_or_default();
            key.part("spec", spec).part("label", &task.label).part("priority", task.priority.to_le_bytes());
            key.list("after", task.after.iter().map(|id| id.get().to_le_bytes()));
            key.list("earlier", task.after_earlier.iter().map(|place| place.to_le_bytes()));
        }
        key.finish()
    }
}

/// One task, as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// The request that it came with.
    pub request: RequestId,
    /// Who asked for it.
    pub by: UserName,
    /// What should happen.
    pub spec: TaskSpec,
    /// What people call it.
    pub label: String,
    /// Higher goes first.
    pub priority: i32,
    /// Its place in the order of work, lower first: given by the policy from priority and age.
    pub rank: i64,
    /// Where it stands.
    pub state: TaskState,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// Not to be leased before this time (pause after an infrastructure failure).
    pub not_before: Option<Timestamp>,
    /// How many attempts there were: the number of the newest.
    pub attempts: u32,
    /// How many of them the infrastructure failed.
    pub infra_failures: u32,
    /// Somebody's wish that it ends.
    pub cancel: Option<CancelWish>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it did not succeed (when ended), or why the last attempt did not (when waiting again).
    pub failure: Option<Failure>,
    /// The tasks that must succeed first.
    pub after: Vec<TaskId>,
    /// The task that this one does again.
    pub retry_of: Option<TaskId>,
    /// The task that does this one again.
    pub retried_by: Option<TaskId>,
    /// Grows with every change: what compare-and-set compares.
    pub revision: i64,
}
