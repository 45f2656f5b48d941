//! Progress as typed events: a [`Reporter`] never blocks and may drop or merge; logs are not events, they go to a lossless sink.

mod null;
mod recording;

use std::fmt;

pub use null::NullReporter;
pub use recording::RecordingReporter;

use crate::error::Class;

/// One step of work; unique within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub(crate) u64);

impl SpanId {
    /// The number, for wire forms.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Nothing: it is running or it is done.
    None,
    /// Bytes.
    Bytes,
    /// Things (packages, files, nodes).
    Items,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A step began.
    Started {
        /// The step.
        span: SpanId,
        /// The step that it is part of.
        parent: Option<SpanId>,
        /// What is done, lower case: `download bookworm main amd64 packages`.
        what: String,
        /// What `done` and `total` count.
        unit: Unit,
        /// How many, where known.
        total: Option<u64>,
    },
    /// A step got further; only the newest matters.
    Progress {
        /// The step.
        span: SpanId,
        /// How many are done.
        done: u64,
    },
    /// Something worth a line.
    Note {
        /// The step it belongs to.
        span: Option<SpanId>,
        /// The line.
        text: String,
    },
    /// Something worth the user's attention that is not an error.
    Warning {
        /// The step it belongs to.
        span: Option<SpanId>,
        /// The line.
        text: String,
    },
    /// A log grew; the bytes are in the sink.
    Log {
        /// The step whose log it is.
        span: Option<SpanId>,
        /// The log's name.
        name: String,
        /// Its size in bytes now.
        size: u64,
    },
    /// A step ended.
    Finished {
        /// The step.
        span: SpanId,
        /// The class of its failure, if it failed.
        failed: Option<Class>,
    },
}

/// Takes events. Implementations must return at once: they may drop or merge events, never wait.
pub trait Reporter: fmt::Debug + Send + Sync {
    /// Takes one event.
    fn report(&self, event: Event);
}
