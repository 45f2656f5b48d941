//! Why a compose could not be planned, run or looked at.

use debbuild_core::{
    cancel::Cancelled,
    error::{Class, Classify},
    path::{FileError, PathError},
    sign::SignError,
};

use crate::{
    cache::CacheError, gather::GatherError, identity::IdentityError, phase::PhaseError, plan::PlanError,
    status::StatusError,
};

/// Why a compose could not be planned, run or looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// Packages could not be gathered.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A required node failed; the compose is DOOMED and nothing was published.
    #[error("{compose} is doomed: {node}: {source}")]
    Doomed {
        /// The compose.
        compose: String,
        /// The node.
        node: String,
        /// Why.
        source: Box<PhaseError>,
    },
    /// The compose was cancelled; it is TERMINATED.
    #[error("{compose} was cancelled")]
    Cancelled {
        /// The compose.
        compose: String,
    },
    /// There is no such compose.
    #[error("no such compose: {0}")]
    NotFound(String),
    /// The compose does not have the package.
    #[error("{compose} has no package {package:?}")]
    NoPackage {
        /// The compose.
        compose: String,
        /// The package.
        package: String,
    },
    /// A file of a compose cannot be understood.
    #[error("cannot read {file} of {compose}: {message}")]
    Unreadable {
        /// The compose.
        compose: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A name or number of the compose is wrong.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A state that cannot be.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// A document cannot be written as JSON.
    #[error("cannot write metadata")]
    Json(#[from] serde_json::Error),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl From<Cancelled> for ComposeError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled { compose: "the compose".to_owned() }
    }
}

impl Classify for ComposeError {
    fn class(&self) -> Class {
        match self {
            Self::Gather(error) => error.class(),
            Self::Plan(error) => error.class(),
            Self::Doomed { source, .. } => source.class(),
            Self::Cancelled { .. } => Class::Cancelled,
            Self::NotFound(_) | Self::NoPackage { .. } => Class::NotFound,
            Self::Sign(error) => error.class(),
            Self::Cache(error) => error.class(),
            Self::Identity(error) => error.class(),
            Self::Status(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Json(_) => Class::Internal,
            Self::Unreadable { .. } | Self::File(_) => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Doomed { source, compose, .. } => {
                let logs =
                    format!("the logs are in the folder logs/ of {compose}; a new run goes on from what was made");
                Some(source.hint().unwrap_or(logs))
            }
            Self::NotFound(_) => Some("debbuild compose list shows what is there".to_owned()),
            _ => None,
        }
    }
}
