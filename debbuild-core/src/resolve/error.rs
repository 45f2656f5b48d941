//! Why packages could not be loaded, or a question not be answered.

use crate::{
    acquire::AcquireError,
    arch::Architecture,
    cancel::Cancelled,
    control::ControlError,
    error::{Class, Classify},
    path::FileError,
    repo::RepoError,
};

/// Why a source of packages could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The bytes are not an index.
    #[error("index {name}")]
    Index {
        /// The index.
        name: String,
        /// What is wrong.
        source: ControlError,
    },
    /// The bytes cannot be unpacked, or are more than the limit.
    #[error("cannot unpack index {name}")]
    Unpack {
        /// The index.
        name: String,
        /// The decoder's reason.
        source: std::io::Error,
    },
    /// The bytes are not those that were promised.
    #[error("index {name} has other content than its digest says")]
    Mismatch {
        /// The index.
        name: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An archive failed.
    #[error(transparent)]
    Archive(Box<AcquireError>),
    /// A repository failed.
    #[error(transparent)]
    Repository(Box<RepoError>),
    /// The packages are kept somewhere else that failed: a queue's store, a service.
    #[error("cannot load the packages of {name}")]
    Store {
        /// The source.
        name: String,
        /// The class of the failure.
        class: Class,
        /// Its own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Cancelled(_) => Class::Cancelled,
            Self::Mismatch { .. } => Class::Verification,
            Self::File(error) => error.class(),
            Self::Archive(error) => error.class(),
            Self::Repository(error) => error.class(),
            Self::Store { class, .. } => *class,
            Self::Index { .. } | Self::Unpack { .. } => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Archive(error) => error.hint(),
            Self::Repository(error) => error.hint(),
            _ => None,
        }
    }
}

impl From<AcquireError> for SourceError {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            error => Self::Archive(Box::new(error)),
        }
    }
}

impl From<RepoError> for SourceError {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            error => Self::Repository(Box::new(error)),
        }
    }
}

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The question is about another architecture than the universe.
    #[error("the universe is of {universe}, the question of {question}")]
    Architecture {
        /// The universe's own architecture.
        universe: Architecture,
        /// The question's.
        question: Architecture,
    },
    /// The universe is too large for this resolver.
    #[error("{packages} packages are too many for this resolver, which takes {most}")]
    TooLarge {
        /// How many there are.
        packages: usize,
        /// How many it takes.
        most: usize,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for ResolveError {
    fn class(&self) -> Class {
        match self {
            Self::Architecture { .. } | Self::TooLarge { .. } => Class::Usage,
            Self::Cancelled(_) => Class::Cancelled,
        }
    }
}
