//! Gathering: from the packages that a blueprint names to a lock of everything that is needed, by hash.

mod archive;
#[cfg(feature = "testing")]
pub mod conformance;
mod scripted;

use std::{collections::BTreeMap, fmt};

pub use archive::{ArchiveGatherer, GatherArchive};
use async_trait::async_trait;
use debbuild_core::{
    context::Context,
    error::{Class, Classify},
    lock::{LockFile, LockedPackage},
};
pub use scripted::ScriptedGatherer;
use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;

/// Why a package is in a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Because {
    /// The blueprint names it.
    Named {
        /// The file and line.
        place: String,
    },
    /// It is essential.
    Essential,
    /// Another package needs it.
    Needed {
        /// The package that needs it.
        by: String,
        /// The relation: `Depends: libc6 (>= 2.36)`.
        relation: String,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { place } => write!(f, "named at {place}"),
            Self::Essential => f.write_str("essential"),
            Self::Needed { by, relation } => write!(f, "{by} has {relation}"),
        }
    }
}

/// What gathering gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gathered {
    /// The packages: a common set, and additions named `VARIANT` or `VARIANT/KIND`, each closed with those before it.
    pub lock: LockFile,
    /// Why each package is there, by name.
    pub because: BTreeMap<String, Because>,
}

impl Gathered {
    /// A lock without reasons.
    #[must_use]
    pub fn new(lock: LockFile) -> Self {
        Self { lock, because: BTreeMap::new() }
    }

    /// With reasons.
    #[must_use]
    pub fn with_because(mut self, because: BTreeMap<String, Because>) -> Self {
        self.because = because;
        self
    }
}

/// Finds packages and brings them into the blob store.
#[async_trait]
pub trait Gatherer: fmt::Debug + Send + Sync {
    /// Resolves what the blueprint names. Nothing but indexes is downloaded.
    ///
    /// # Errors
    /// [`GatherError`].
    async fn gather(&self, cx: &Context, blueprint: &Blueprint) -> Result<Gathered, GatherError>;

    /// Brings the .debs of these packages of the lock into the blob store; those that are there are not touched.
    ///
    /// # Errors
    /// [`GatherError`].
    async fn fetch(&self, cx: &Context, lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError>;

    /// Checks a lock from what is stored alone: every signed index is verified again as of the lock's time, and lists these
    /// packages of its archive with this content; their .debs are there. Nothing is fetched.
    ///
    /// # Errors
    /// [`GatherError`]; class `not-found` for what is not stored.
    async fn replay(&self, cx: &Context, lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError>;
}

/// Why packages could not be gathered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// An archive cannot be used.
    #[error("archive {archive}: {message}")]
    Archive {
        /// The archive's name.
        archive: String,
        /// What is wrong with it.
        message: String,
        /// The class of the failure.
        class: Class,
    },
    /// The packages cannot be installed together.
    #[error("{set} cannot be installed: {explanation}")]
    Unsatisfiable {
        /// The set: the common packages, `VARIANT` or `VARIANT/KIND`.
        set: String,
        /// Why not.
        explanation: String,
    },
    /// There is no answer about the packages.
    #[error("cannot resolve: {message}")]
    Resolve {
        /// Why not.
        message: String,
        /// The class of the failure.
        class: Class,
    },
    /// No archive has a package that the blueprint names.
    #[error("{place}: no archive has a package {package:?}")]
    NoPackage {
        /// The package.
        package: String,
        /// Where it is named.
        place: String,
    },
    /// A package could not be brought here.
    #[error("package {package}: {message}")]
    Fetch {
        /// The package.
        package: String,
        /// What went wrong.
        message: String,
        /// The class of the failure.
        class: Class,
    },
}

impl Classify for GatherError {
    fn class(&self) -> Class {
        match self {
            Self::Archive { class, .. } | Self::Fetch { class, .. } | Self::Resolve { class, .. } => *class,
            Self::Unsatisfiable { .. } => Class::Dependencies,
            Self::NoPackage { .. } => Class::NotFound,
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
