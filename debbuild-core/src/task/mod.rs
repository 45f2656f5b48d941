//! Work as the queue sees it: what a task needs, who can do it, and what became of it.

#[cfg(feature = "testing")]
pub mod conformance;
mod scripted;

use std::{collections::BTreeSet, fmt, sync::Arc};

use async_trait::async_trait;
pub use scripted::ScriptedExecutor;
use serde::{Deserialize, Serialize};

use crate::{
    arch::Architecture,
    blob::BlobStore,
    build::{Artifact, Failure, Outcome},
    command::OutputSink,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::AbsPath,
};

/// What should happen: a kind that some executor knows, its parameters, its inputs. A wire type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TaskSpec {
    /// The kind, for example `build`.
    pub kind: String,
    /// The schema version of `parameters` for that kind.
    pub schema: u32,
    /// The kind's own parameters.
    pub parameters: serde_json::Value,
    /// The blobs that the work reads.
    pub inputs: Vec<TaskInput>,
    /// What a worker must have.
    pub needs: Capabilities,
}

impl TaskSpec {
    /// A task of this kind that needs nothing and reads nothing.
    #[must_use]
    pub fn new(kind: impl Into<String>, schema: u32, parameters: serde_json::Value) -> Self {
        Self { kind: kind.into(), schema, parameters, inputs: Vec::new(), needs: Capabilities::default() }
    }

    /// With these inputs.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<TaskInput>) -> Self {
        self.inputs = inputs;
        self
    }

    /// With these needs.
    #[must_use]
    pub fn with_needs(mut self, needs: Capabilities) -> Self {
        self.needs = needs;
        self
    }
}

/// A file that a task reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// Its plain file name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}

/// What a task needs, or a worker has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Capabilities {
    /// Architectures: one that is needed, or all that can be run.
    pub architectures: BTreeSet<Architecture>,
    /// Free words, for example `sbuild`, `large-memory`.
    pub features: BTreeSet<String>,
}

impl Capabilities {
    /// Capabilities of these architectures and words.
    #[must_use]
    pub fn new(
        architectures: impl IntoIterator<Item = Architecture>,
        features: impl IntoIterator<Item = String>,
    ) -> Self {
        Self { architectures: architectures.into_iter().collect(), features: features.into_iter().collect() }
    }

    /// Whether these cover `needs`: every feature, and every architecture.
    #[must_use]
    pub fn cover(&self, needs: &Self) -> bool {
        needs.features.is_subset(&self.features) && needs.architectures.is_subset(&self.architectures)
    }
}

/// What became of one attempt at a task. A wire type: it is what a worker reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TaskOutcome {
    /// Succeeded, failed or aborted.
    pub outcome: Outcome,
    /// Why not, unless it succeeded.
    pub failure: Option<Failure>,
    /// The files that were made; their blobs are stored and pinned before this is reported.
    pub artifacts: Vec<Artifact>,
    /// The kind's own record (for a build: `result.json`).
    pub record: Option<serde_json::Value>,
}

impl TaskOutcome {
    /// It succeeded, with these files.
    #[must_use]
    pub fn succeeded(artifacts: Vec<Artifact>) -> Self {
        Self { outcome: Outcome::Succeeded, failure: None, artifacts, record: None }
    }

    /// It did not succeed; the class decides whether it failed or was aborted.
    #[must_use]
    pub fn failed(class: Class, message: impl Into<String>) -> Self {
        let failure = Some(Failure::new(class, message));
        Self { outcome: Outcome::of(class), failure, artifacts: Vec::new(), record: None }
    }

    /// With the kind's own record.
    #[must_use]
    pub fn with_record(mut self, record: serde_json::Value) -> Self {
        self.record = Some(record);
        self
    }

    /// The class of the failure, if there is one; an unknown name counts as internal.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.failure.as_ref().map(|failure| Class::from_name(&failure.class).unwrap_or(Class::Internal))
    }
}

/// What an executor works with: the blobs, a folder of its own, and the log.
pub struct TaskIo<'a> {
    /// Where inputs are read from and artifacts are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// An empty folder for this attempt alone; its maker removes it.
    pub scratch: AbsPath,
    /// The attempt's log, lossless.
    pub log: &'a mut dyn OutputSink,
}

impl fmt::Debug for TaskIo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskIo").field("scratch", &self.scratch).finish_non_exhaustive()
    }
}

/// Why an executor does not take a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task of kind {kind:?} refused: {reason}")]
#[non_exhaustive]
pub struct Refusal {
    /// The kind.
    pub kind: String,
    /// The reason, for people.
    pub reason: String,
}

impl Refusal {
    /// A refusal with its reason.
    #[must_use]
    pub fn new(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: kind.into(), reason: reason.into() }
    }
}

impl Classify for Refusal {
    fn class(&self) -> Class {
        Class::NotAllowed
    }
}

/// Does tasks of some kinds. A failed task is data, not an error.
#[async_trait]
pub trait TaskExecutor: fmt::Debug + Send + Sync {
    /// The kinds that it knows.
    fn kinds(&self) -> Vec<String>;

    /// Whether it would take this task; cheap, no side effects.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    fn consider(&self, task: &TaskSpec) -> Result<(), Refusal>;

    /// Does it. Ends soon after the context is cancelled, with class `cancelled`.
    async fn execute(&self, cx: &Context, task: &TaskSpec, io: &mut TaskIo<'_>) -> TaskOutcome;
}
