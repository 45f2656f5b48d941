//! The memory of what was seen of each suite: the newest `Date`, so that an older Release is refused, and the release file
//! itself, so that an unchanged one is not fetched again.

#[cfg(feature = "testing")]
pub mod conformance;
mod folder;
mod memory;

use std::fmt;

use async_trait::async_trait;
pub use folder::FolderLastSeen;
pub use memory::MemoryLastSeen;

use super::fetch::Validators;
use crate::{
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    lock::LockedFile,
    path::{AbsPath, FileError, PathError},
};

/// What was seen last of one suite of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// `Date` of the newest Release that passed every check.
    pub date: Timestamp,
    /// The release files, kept as blobs: InRelease, or Release and Release.gpg.
    pub files: Vec<LockedFile>,
    /// What to ask the server with whether the first of them changed.
    pub validators: Validators,
}

impl Seen {
    /// A Release of this date, in these files.
    #[must_use]
    pub const fn new(date: Timestamp, files: Vec<LockedFile>, validators: Validators) -> Self {
        Self { date, files, validators }
    }
}

/// Why the memory could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeenError {
    /// Something newer is remembered: nothing was changed.
    #[error("a Release of {seen} was seen, newer than the one of {date}")]
    Older {
        /// The date that was to be remembered.
        date: Timestamp,
        /// The date that is.
        seen: Timestamp,
    },
    /// The record cannot be read. It is never passed over, because that would let an old Release in.
    #[error("the record of what was seen is damaged: {0}")]
    Damaged(AbsPath),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path cannot be taken.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Classify for SeenError {
    fn class(&self) -> Class {
        match self {
            Self::Older { .. } => Class::Verification,
            Self::Damaged(_) | Self::File(_) => Class::Infrastructure,
            Self::Path(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged(path) => Some(format!("remove {path} to start anew")),
            _ => None,
        }
    }
}

/// Remembers, durably, what was seen of each suite; keys are [`Archive::key`](super::Archive::key).
#[async_trait]
pub trait LastSeen: fmt::Debug + Send + Sync {
    /// What was seen last.
    ///
    /// # Errors
    /// [`SeenError`]; an unknown key is `None`.
    async fn get(&self, cx: &Context, key: Sha256) -> Result<Option<Seen>, SeenError>;

    /// Remembers this, unless something newer is remembered, also by another process in the meantime.
    ///
    /// # Errors
    /// [`SeenError::Older`], and then nothing is changed.
    async fn advance(&self, cx: &Context, key: Sha256, seen: Seen) -> Result<(), SeenError>;
}

#[cfg(all(test, feature = "testing"))]
mod tests;
