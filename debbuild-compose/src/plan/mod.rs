//! Plans: a graph of nodes, each keyed by what it is made of, so that a compose does only what no compose did before.
//!
//! A node's key is the hash of its phase, its options and the keys of its inputs. The compose's id, date and respin are
//! in no key: they are seen only when metadata is written and the result published.

mod graph;
mod packages;
mod reason;

use std::{collections::BTreeMap, sync::Arc};

use debbuild_core::{
    digest::{KeyHasher, Sha256},
    error::{Class, Classify},
};
pub use graph::Plan;
pub use packages::{PackageSet, PackageSets};
pub use reason::{PlanRecord, Reason};

use crate::{
    blueprint::{Blueprint, DeliverableKind},
    sources::SystemFile,
};

/// Something that a node is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Input {
    /// The output of a node.
    Node(String),
    /// A set of packages: `VARIANT/KIND`.
    Packages(String),
}

impl Input {
    /// The name as reasons show it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Node(name) => name.clone(),
            Self::Packages(name) => format!("packages of {name}"),
        }
    }
}

/// The place of a node's output in the finished compose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Placement {
    /// The variant.
    pub variant: String,
    /// What it is.
    pub kind: DeliverableKind,
    /// Whether the compose may go on without it.
    pub failable: bool,
}

impl Placement {
    /// The place of this deliverable.
    #[must_use]
    pub fn new(variant: impl Into<String>, kind: DeliverableKind, failable: bool) -> Self {
        Self { variant: variant.into(), kind, failable }
    }
}

/// One piece of work, as a phase plans it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSpec {
    /// Its name in this plan: `base/rootfs-iso`.
    pub name: String,
    /// The phase that runs it, with the version of its recipe: `rootfs/1`.
    pub phase: String,
    /// Everything but the inputs that decides its output.
    pub options: BTreeMap<String, String>,
    /// What it is made of.
    pub inputs: Vec<Input>,
    /// Which deliverable it serves, and whether that may fail.
    pub placement: Placement,
    /// Whether its output itself is delivered.
    pub delivered: bool,
}

impl NodeSpec {
    /// A node without options and inputs, whose output is not delivered itself.
    #[must_use]
    pub fn new(name: impl Into<String>, phase: impl Into<String>, placement: Placement) -> Self {
        let (name, phase) = (name.into(), phase.into());
        Self { name, phase, options: BTreeMap::new(), inputs: Vec::new(), placement, delivered: false }
    }

    /// With an option.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// With an input.
    #[must_use]
    pub fn with_input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// With its output delivered.
    #[must_use]
    pub fn delivered(mut self) -> Self {
        self.delivered = true;
        self
    }

    /// An option, which the phase itself has set.
    ///
    /// # Errors
    /// [`PlanError::Option`] when it is not there.
    pub fn option(&self, name: &'static str) -> Result<&str, PlanError> {
        let missing = || PlanError::Option { node: self.name.clone(), option: name };
        self.options.get(name).map(String::as_str).ok_or_else(missing)
    }
}

/// A node with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedNode {
    /// The work.
    pub spec: NodeSpec,
    /// Its content key.
    pub key: Sha256,
    /// The keys of its inputs, by label.
    pub inputs: BTreeMap<String, Sha256>,
}

impl PlannedNode {
    fn new(spec: NodeSpec, inputs: BTreeMap<String, Sha256>) -> Self {
        let mut key = KeyHasher::new("compose-node/1");
        key.part("phase", &spec.phase);
        key.list("options", spec.options.iter().flat_map(|(name, value)| [name, value]));
        // The order of inputs as the phase names them matters, their names do not.
        key.list("inputs", spec.inputs.iter().filter_map(|input| inputs.get(&input.label())).map(Sha256::as_bytes));
        Self { key: key.finish(), spec, inputs }
    }
}

/// What phases may look at when they plan: never the compose's id or date.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PlanContext<'a> {
    /// What is asked for.
    pub blueprint: &'a Blueprint,
    /// The locked packages of each deliverable.
    pub packages: &'a PackageSets,
    /// The fingerprint of the key that signs repositories.
    pub signer: &'a str,
    /// The files of systems that have APT, by their paths, as [`crate::sources::SystemSources`] gives them.
    pub sources: Option<&'a BTreeMap<String, SystemFile>>,
}

impl<'a> PlanContext<'a> {
    /// A context for planning.
    #[must_use]
    pub const fn new(blueprint: &'a Blueprint, packages: &'a PackageSets, signer: &'a str) -> Self {
        Self { blueprint, packages, signer, sources: None }
    }

    /// With APT sources for systems that have APT.
    #[must_use]
    pub const fn with_sources(mut self, sources: &'a BTreeMap<String, SystemFile>) -> Self {
        self.sources = Some(sources);
        self
    }

    /// The packages of one deliverable.
    ///
    /// # Errors
    /// [`PlanError::NoPackages`].
    pub fn set(&self, variant: &str, kind: DeliverableKind) -> Result<&'a Arc<PackageSet>, PlanError> {
        let name = format!("{variant}/{kind}");
        self.packages.get(&name).ok_or(PlanError::NoPackages(name))
    }
}

/// A plan that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two nodes have one name.
    #[error("two nodes are called {0:?}")]
    Twice(String),
    /// A node is made of something that no earlier phase makes.
    #[error("node {node:?} is made of {input:?}, which nothing makes")]
    NoInput {
        /// The node.
        node: String,
        /// The input.
        input: String,
    },
    /// The lock has no packages for a deliverable.
    #[error("the lock has no packages for {0:?}")]
    NoPackages(String),
    /// An option that the phase needs is not there.
    #[error("node {node:?} has no option {option:?}")]
    Option {
        /// The node.
        node: String,
        /// The option.
        option: &'static str,
    },
    /// The lock does not fit the blueprint.
    #[error("the lock does not fit the blueprint: {0}")]
    Lock(String),
}

impl Classify for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::Lock(_) | Self::NoPackages(_) => Class::Usage,
            Self::Twice(_) | Self::NoInput { .. } | Self::Option { .. } => Class::Internal,
        }
    }
}

#[cfg(test)]
mod tests;
