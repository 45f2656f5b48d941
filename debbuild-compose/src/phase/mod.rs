//! Phases: each plans nodes of one kind and runs them; a phase knows nothing of other composes.

mod checksum;
#[cfg(feature = "testing")]
pub mod conformance;
mod container;
mod iso;
mod log;
mod ostree;
mod repository;
mod rootfs;
mod scripted;

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
pub(crate) use checksum::sums;
pub use container::ContainerPhase;
use debbuild_core::{
    cancel::Cancelled,
    context::Context,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use iso::IsoPhase;
pub use log::LogFile;
pub use ostree::OstreePhase;
pub use repository::RepositoryPhase;
pub use rootfs::RootfsPhase;
pub use scripted::ScriptedPhase;

pub use crate::cache::Facts;
use crate::{
    cache::CacheError,
    iso::IsoError,
    oci::OciError,
    ostree::OstreeError,
    plan::{NodeSpec, PackageSet, PlanContext, PlanError},
    rootfs::RootfsError,
};

/// What a node is given to work with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inputs {
    /// The outputs of the nodes that it is made of, by their names. Nobody may write there.
    pub nodes: BTreeMap<String, AbsPath>,
    /// The package sets that it is made of, by name; every .deb of them is in the blob store.
    pub packages: BTreeMap<String, Arc<PackageSet>>,
    /// The file that its log belongs in; the folder is there.
    pub log: AbsPath,
}

impl Inputs {
    /// Inputs with this place for the log.
    #[must_use]
    pub fn new(log: AbsPath) -> Self {
        Self { nodes: BTreeMap::new(), packages: BTreeMap::new(), log }
    }

    /// The output of an input node.
    ///
    /// # Errors
    /// [`PhaseError::Plan`].
    pub fn node(&self, spec: &NodeSpec, name: &str) -> Result<&AbsPath, PhaseError> {
        self.nodes.get(name).ok_or_else(|| missing(spec, name))
    }

    /// An input set of packages.
    ///
    /// # Errors
    /// [`PhaseError::Plan`].
    pub fn set(&self, spec: &NodeSpec, name: &str) -> Result<&Arc<PackageSet>, PhaseError> {
        self.packages.get(name).ok_or_else(|| missing(spec, name))
    }
}

fn missing(spec: &NodeSpec, name: &str) -> PhaseError {
    PhaseError::Plan(PlanError::NoInput { node: spec.name.clone(), input: name.to_owned() })
}

/// Plans and makes one kind of node.
#[async_trait]
pub trait Phase: fmt::Debug + Send + Sync {
    /// Its name with the version of its recipe, `iso/1`: [`NodeSpec::phase`] of its nodes.
    fn name(&self) -> &'static str;

    /// The nodes of this phase. Pure.
    ///
    /// # Errors
    /// [`PlanError`].
    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError>;

    /// Makes the output of a node in the empty folder `output`, and says what is worth saying about it.
    ///
    /// # Errors
    /// [`PhaseError`]; then what is in the folder is thrown away.
    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError>;
}

/// Why a node could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhaseError {
    /// The node is not one of this phase's own.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The root file system could not be made or read.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The OSTree commit could not be made.
    #[error(transparent)]
    Ostree(#[from] OstreeError),
    /// The ISO could not be made.
    #[error(transparent)]
    Iso(#[from] IsoError),
    /// The image could not be made.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// The repository could not be made.
    #[error("cannot make the repository: {message}")]
    Repository {
        /// What went wrong.
        message: String,
        /// Its class.
        class: Class,
    },
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The output could not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A script says so.
    #[error("{0}")]
    Scripted(String),
}

impl Classify for PhaseError {
    fn class(&self) -> Class {
        match self {
            Self::Plan(error) => error.class(),
            Self::Rootfs(error) => error.class(),
            Self::Ostree(error) => error.class(),
            Self::Iso(error) => error.class(),
            Self::Oci(error) => error.class(),
            Self::Repository { class, .. } => *class,
            Self::File(_) | Self::Scripted(_) => Class::Infrastructure,
            Self::Path(error) => error.class(),
            Self::Cache(error) => error.class(),
            Self::Cancelled(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Rootfs(error) => error.hint(),
            Self::Ostree(error) => error.hint(),
            Self::Iso(error) => error.hint(),
            _ => None,
        }
    }
}
