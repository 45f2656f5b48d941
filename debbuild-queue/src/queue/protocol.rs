//! What workers and the queue say to each other.

use debbuild_core::{clock::Timestamp, task::TaskSpec};

use crate::model::{AttemptId, AttemptState, CancelWish, IdempotencyKey, LeaseToken, WorkerInstance, WorkerName};

/// A worker asks for work. It makes up the key and the token itself: whatever reply is lost, it holds the key to its lease.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The same key again gives the same lease.
    pub key: IdempotencyKey,
    /// What will be the fencing token of the lease.
    pub token: LeaseToken,
    /// Who asks.
    pub worker: WorkerName,
    /// Which process of it.
    pub instance: WorkerInstance,
    /// The kinds of tasks that it knows.
    pub kinds: Vec<String>,
}

impl ClaimRequest {
    /// A new claim, with a new key and a new token.
    #[must_use]
    pub fn new(worker: WorkerName, instance: WorkerInstance, kinds: Vec<String>) -> Self {
        Self { key: IdempotencyKey::random(), token: LeaseToken::random(), worker, instance, kinds }
    }
}

/// A task, leased.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The attempt.
    pub attempt: AttemptId,
    /// What should happen.
    pub spec: TaskSpec,
    /// What people call it.
    pub label: String,
}

/// A piece of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogChunk<'a> {
    /// Where in the log it begins, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A sign of life.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Beat<'a> {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its token.
    pub token: &'a LeaseToken,
    /// Grows with every beat.
    pub counter: u64,
    /// What the log got since.
    pub log: Option<LogChunk<'a>>,
}

impl<'a> Beat<'a> {
    /// A beat without log.
    #[must_use]
    pub fn new(attempt: AttemptId, token: &'a LeaseToken, counter: u64) -> Self {
        Self { attempt, token, counter, log: None }
    }

    /// With a piece of the log.
    #[must_use]
    pub fn with_log(mut self, log: Option<LogChunk<'a>>) -> Self {
        self.log = log;
        self
    }
}

/// What the queue wants of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeatReply {
    /// Somebody wishes the task to end.
    pub cancel: Option<CancelWish>,
    /// The worker should take nothing new.
    pub drain: bool,
    /// Acknowledged bytes of the log.
    pub log_size: u64,
}

/// The answer to a completion; a repeated one gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The attempt.
    pub attempt: AttemptId,
    /// How it counts.
    pub state: AttemptState,
    /// When it was accepted first.
    pub at: Timestamp,
}
