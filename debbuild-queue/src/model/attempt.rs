//! An attempt: one lease of a task by one worker process.

use std::{fmt, str::FromStr};

use debbuild_core::{blob::Blob, clock::Timestamp, digest::Sha256, id::IdError};

use super::{Failure, IdempotencyKey, TaskId, WorkerInstance, WorkerName};

/// The identity of an attempt: the task, and a number from 1 without gaps. Spelt `TASK.N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// The number, from 1.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.task, self.number)
    }
}

impl FromStr for AttemptId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || IdError { kind: "AttemptId", text: text.to_owned() };
        let (task, number) = text.split_once('.').ok_or_else(error)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(error)?;
        Ok(Self { task: task.parse().map_err(|_| error())?, number })
    }
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AttemptState {
    /// Given to a worker that has not accepted it yet.
    Leased,
    /// Accepted: it is on the worker's disk, and the worker works on it.
    Running,
    /// It did what the task asked for.
    Succeeded,
    /// The source is at fault or cannot be built now.
    Failed,
    /// The infrastructure failed: says nothing about the source.
    Aborted,
    /// It was stopped because somebody wished so.
    Cancelled,
    /// Its worker was not heard of for a whole lease.
    Lost,
    /// It was never accepted; costs no retry.
    Void,
    /// The worker said that it cannot do this task; costs no retry.
    Refused,
    /// The worker gave it back because it was asked to stop; costs no retry.
    Released,
}

impl AttemptState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Leased,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Aborted,
        Self::Cancelled,
        Self::Lost,
        Self::Void,
        Self::Refused,
        Self::Released,
    ];

    /// Whether it still holds its task.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Leased | Self::Running)
    }

    /// The name in stores and wire forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Void => "void",
            Self::Refused => "refused",
            Self::Released => "released",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One attempt, as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Which one.
    pub id: AttemptId,
    /// The worker.
    pub worker: WorkerName,
    /// The worker's process.
    pub instance: WorkerInstance,
    /// Where it stands.
    pub state: AttemptState,
    /// The hash of its fencing token.
    pub token_hash: Sha256,
    /// The key of the claim that made it: the same claim again gives the same lease.
    pub claim_key: IdempotencyKey,
    /// The worker's heartbeat counter; only its movement matters.
    pub counter: u64,
    /// Acknowledged bytes of its log.
    pub log_size: u64,
    /// The whole log, once it is complete.
    pub log: Option<Blob>,
    /// When it was leased, for people: liveness never depends on it.
    pub leased: Timestamp,
    /// When it was accepted.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// The digest of the accepted completion, to tell a repeated one from another.
    pub completion: Option<Sha256>,
    /// Grows with every change: what compare-and-set compares.
    pub revision: i64,
}

impl Attempt {
    /// A fresh lease.
    #[must_use]
    pub fn lease(
        id: AttemptId,
        worker: WorkerName,
        instance: WorkerInstance,
        token_hash: Sha256,
        claim_key: IdempotencyKey,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            worker,
            instance,
            state: AttemptState::Leased,
            token_hash,
            claim_key,
            counter: 0,
            log_size: 0,
            log: None,
            leased: now,
            started: None,
            ended: None,
            failure: None,
            completion: None,
            revision: 0,
        }
    }
}
