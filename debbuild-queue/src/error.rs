//! Why the queue could not do what was asked.

use debbuild_core::{
    blob::BlobError,
    digest::Sha256,
    error::{Class, Classify},
};

use crate::{
    model::{BuildId, Rejection, TagName, TaskId, TaskState, WorkerName},
    store::StoreError,
};

/// Why the queue could not do what was asked; nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules do not allow it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// There is no such task.
    #[error("no such task: {0}")]
    NoTask(TaskId),
    /// There is no such build.
    #[error("no such build: {0}")]
    NoBuild(BuildId),
    /// There is no such tag.
    #[error("no such tag: {0}")]
    NoTag(TagName),
    /// There is no such worker.
    #[error("no such worker: {0}")]
    NoWorker(WorkerName),
    /// Another process took the worker's name over.
    #[error("worker {0} was started again elsewhere")]
    Replaced(WorkerName),
    /// A tag of that name exists.
    #[error("tag {0} exists already")]
    TagExists(TagName),
    /// The tag holds that build already.
    #[error("build {build} is in tag {tag} already")]
    Tagged {
        /// The build.
        build: BuildId,
        /// The tag.
        tag: TagName,
    },
    /// The tag does not hold that build.
    #[error("build {build} is not in tag {tag}")]
    NotTagged {
        /// The build.
        build: BuildId,
        /// The tag.
        tag: TagName,
    },
    /// Only builds that succeeded can be tagged.
    #[error("build {0} did not succeed")]
    Unsuccessful(BuildId),
    /// A tag would inherit from itself.
    #[error("tag {0} would inherit from itself")]
    Cycle(TagName),
    /// The idempotency key was used for another request.
    #[error("the idempotency key {0} was used before, for another request")]
    KeyReused(String),
    /// A task that must succeed first has ended otherwise.
    #[error("task {task}, which must succeed first, is {}", state.name())]
    DeadDependency {
        /// The dependency.
        task: TaskId,
        /// How it ended.
        state: TaskState,
    },
    /// The task succeeded: there is nothing to do again.
    #[error("task {0} succeeded; submit a new one to do it once more")]
    NothingToRetry(TaskId),
    /// The request is malformed.
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// A file is named whose bytes are not stored, or not in that size.
    #[error("file {name} is not stored: {sha256}, {size} bytes")]
    MissingBlob {
        /// The file.
        name: String,
        /// Its content.
        sha256: Sha256,
        /// Its size in bytes.
        size: u64,
    },
    /// The wait was cancelled.
    #[error(transparent)]
    Cancelled(#[from] debbuild_core::cancel::Cancelled),
}

impl Classify for QueueError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Rejected(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::NoTask(_) | Self::NoBuild(_) | Self::NoTag(_) | Self::NoWorker(_) | Self::NotTagged { .. } => {
                Class::NotFound
            }
            Self::Replaced(_)
            | Self::TagExists(_)
            | Self::Tagged { .. }
            | Self::Unsuccessful(_)
            | Self::Cycle(_)
            | Self::KeyReused(_)
            | Self::DeadDependency { .. }
            | Self::NothingToRetry(_) => Class::Conflict,
            Self::Malformed(_) => Class::Usage,
            Self::MissingBlob { .. } => Class::Verification,
            Self::Cancelled(_) => Class::Cancelled,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::DeadDependency { task, .. } => Some(format!("debbuild task retry {task} does it again")),
            Self::Store(StoreError::Busy) => Some("another process writes for long; try again".to_owned()),
            _ => None,
        }
    }
}
