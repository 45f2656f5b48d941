//! What can be asked of a task, what it changes, and why it may change nothing.

use debbuild_core::{
    blob::Blob,
    digest::{KeyHasher, Sha256},
    error::{Class, Classify},
    task::TaskOutcome,
};

use super::{Attempt, AttemptId, AttemptState, LeaseToken, NewEvent, Task, TaskId, TaskState, UserName, WorkerName};

/// What a worker reports when an attempt ended by itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Completion {
    /// What became of it.
    pub outcome: TaskOutcome,
    /// The whole log, stored and pinned.
    pub log: Option<Blob>,
}

impl Completion {
    /// An outcome with its log.
    #[must_use]
    pub fn new(outcome: TaskOutcome, log: Option<Blob>) -> Self {
        Self { outcome, log }
    }

    /// What tells a repeated completion from another one.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let mut key = KeyHasher::new("queue-completion-1");
        key.part("outcome", serde_json::to_vec(&self.outcome).unwrap_or_default());
        if let Some(log) = self.log {
            key.part("log", log.id.as_bytes()).part("size", log.size.to_le_bytes());
        }
        key.finish()
    }
}

/// Something that somebody wants to happen to a task. Whoever speaks for an attempt shows its token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command<'a> {
    /// The worker has the lease on its own disk and begins.
    Accept(&'a LeaseToken),
    /// The attempt lives: its heartbeat counter.
    Beat(&'a LeaseToken, u64),
    /// The attempt ended by itself.
    Complete(&'a LeaseToken, &'a Completion),
    /// The worker cannot do this task.
    Refuse(&'a LeaseToken, &'a str),
    /// The worker gives the task back because it is asked to stop.
    Release(&'a LeaseToken, &'a str),
    /// The worker knows that the attempt's process died.
    Abandon(&'a LeaseToken, &'a str),
    /// The counter stood still at this value for a whole lease (or was never moved from 0 in the time for accepting).
    Lose(u64),
    /// Somebody wishes the task to end.
    Cancel(&'a UserName, &'a str),
    /// Another priority, with the rank that the policy gives it.
    Prioritise(i32, i64),
}

/// What there is: the task, and the attempt that the command is about.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The task.
    pub task: &'a Task,
    /// The attempt that the command names; for commands about the task, its newest one.
    pub attempt: Option<&'a Attempt>,
}

/// One change. Rows carry the revision that they were read with: a store refuses them when it moved on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The task becomes this.
    Task(Box<Task>),
    /// There is this attempt now.
    NewAttempt(Box<Attempt>),
    /// The attempt becomes this.
    Attempt(Box<Attempt>),
    /// The accepted attempt left these results.
    Results(AttemptId, Box<TaskOutcome>),
    /// The worker is to blame (`true`), or showed that it works (`false`).
    Blame(WorkerName, bool),
    /// The worker is not offered this task again for a while.
    Avoid(TaskId, WorkerName),
    /// What happened.
    Event(NewEvent),
    /// The task ended: those that wait for it are looked at.
    Wake(TaskId, TaskState),
}

/// The changes that a command means; none when it was done before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// In the order in which they are made.
    pub changes: Vec<Change>,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The token is not that of the attempt.
    #[error("attempt {0}: the lease token is wrong")]
    Token(AttemptId),
    /// The attempt is over; what its worker says no longer counts.
    #[error("attempt {attempt} is over: {}", state.name())]
    Stale {
        /// The attempt.
        attempt: AttemptId,
        /// How it ended.
        state: AttemptState,
    },
    /// The attempt was not accepted yet.
    #[error("attempt {0} was not accepted yet")]
    NotAccepted(AttemptId),
    /// The attempt was completed before, with other content.
    #[error("attempt {0} was completed before, with other content")]
    OtherCompletion(AttemptId),
    /// The final log is shorter than what was acknowledged.
    #[error("the log of attempt {attempt} ends at {size} bytes, but {acknowledged} were acknowledged")]
    ShortLog {
        /// The attempt.
        attempt: AttemptId,
        /// The size of the final log in bytes.
        size: u64,
        /// Acknowledged bytes.
        acknowledged: u64,
    },
    /// There is no such attempt.
    #[error("task {0} has no such attempt")]
    NoAttempt(TaskId),
    /// The task ended before.
    #[error("task {task} has ended: {}", state.name())]
    Ended {
        /// The task.
        task: TaskId,
        /// How.
        state: TaskState,
    },
    /// The attempt showed life.
    #[error("attempt {0} lives")]
    Alive(AttemptId),
}

impl Classify for Rejection {
    fn class(&self) -> Class {
        match self {
            Self::Token(_) => Class::NotAllowed,
            Self::NoAttempt(_) => Class::NotFound,
            _ => Class::Conflict,
        }
    }
}
