//! What happened, in the order in which it was committed: the outbox that watchers and notifications read.

use debbuild_core::clock::Timestamp;

use super::{AttemptId, TagName, TaskId, WorkerName};

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// A task.
    Task(TaskId),
    /// An attempt of a task.
    Attempt(AttemptId),
    /// A tag.
    Tag(TagName),
    /// A worker.
    Worker(WorkerName),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// A task was submitted.
    Submitted,
    /// A task's dependencies are done: it can be leased.
    Released,
    /// An attempt was given to a worker.
    Leased,
    /// An attempt was accepted by its worker.
    Started,
    /// An attempt ended; the text has its state.
    AttemptEnded,
    /// A task ended; the text has its state.
    Ended,
    /// Somebody wishes a task to be cancelled.
    CancelWished,
    /// A task's priority changed.
    Priority,
    /// A task was made again as another one.
    Retried,
    /// A tag changed; the text says how.
    TagChanged,
    /// A worker's mode or quarantine changed.
    WorkerChanged,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Submitted,
        Self::Released,
        Self::Leased,
        Self::Started,
        Self::AttemptEnded,
        Self::Ended,
        Self::CancelWished,
        Self::Priority,
        Self::Retried,
        Self::TagChanged,
        Self::WorkerChanged,
    ];

    /// The name in stores and wire forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Released => "released",
            Self::Leased => "leased",
            Self::Started => "started",
            Self::AttemptEnded => "attempt-ended",
            Self::Ended => "ended",
            Self::CancelWished => "cancel-wished",
            Self::Priority => "priority",
            Self::Retried => "retried",
            Self::TagChanged => "tag-changed",
            Self::WorkerChanged => "worker-changed",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that is about to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEvent {
    /// When, by the clock of whoever committed it.
    pub at: Timestamp,
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub kind: EventKind,
    /// The rest, for people: a state, a reason.
    pub text: String,
}

impl NewEvent {
    /// Something that happened at this time.
    #[must_use]
    pub fn new(at: Timestamp, subject: Subject, kind: EventKind, text: impl Into<String>) -> Self {
        Self { at, subject, kind, text: text.into() }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the order of commits; grows, may have gaps.
    pub place: i64,
    /// What happened.
    pub event: NewEvent,
}

impl Event {
    /// An event at this place.
    #[must_use]
    pub fn new(place: i64, event: NewEvent) -> Self {
        Self { place, event }
    }
}
