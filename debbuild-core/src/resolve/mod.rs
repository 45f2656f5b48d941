//! Questions about dependencies: what would be installed, and if nothing can be, why not.
//!
//! apt decides what is really installed; this predicts it, closes composes, and explains. A [`PackageSource`] loads immutable
//! [`PackageIndex`]es, a [`Universe`] puts them together with priorities, and a [`Resolver`] answers a [`Question`] about it.
//! "No" and "unknown" are answers, not errors.
//!
//! ```
//! use debbuild_core::{context::Context, relation::Relations, resolve::*};
//!
//! let packages = "Package: app\nVersion: 1\nArchitecture: all\nDepends: lib (>= 2)\nFilename: pool/app.deb\nSize: 1\n\
//!     SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
//! let index = PackageIndex::parse("example", packages);
//! let universe = Universe::new(UniverseOptions::new("amd64".parse()?), [(index.into(), PRIORITY)]);
//! let question = Question::Install(Install::new(Relations::parse("app")?));
//! let Answer::Unsatisfiable(why) = SatResolver::new().answer(&Context::new(), &universe, &question)? else { unreachable!() };
//! assert_eq!(why.sentences, ["the request needs app", "app 1 needs lib (>= 2), which no package provides"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
#[cfg(feature = "testing")]
pub mod conformance;
mod encode;
mod explain;
mod index;
mod installability;
mod marks;
mod memory;
mod planner;
pub mod preferences;
mod sat;
mod source;
mod together;
mod universe;

use std::{collections::BTreeSet, fmt, sync::Arc};

use async_trait::async_trait;

pub use answer::{Answer, Explanation, Missing, Need, Reason, Removed, Selected, Solution};
pub use index::{IndexCache, PackageIndex};
pub use installability::{Broken, Installability, Unknown, installability};
pub use memory::{ExhaustiveResolver, MemorySource};
pub use sat::SatResolver;
pub use source::{
    ArchiveSource, DebFile, DebsSource, IndexSource, LARGEST_INDEX, RepositorySource, RepositoryState, SourcePackages,
};
pub use universe::{INSTALLED, Installed, PRIORITY, Packages, Universe, UniverseOptions, Versions};

use crate::{
    acquire::AcquireError,
    arch::Architecture,
    cancel::Cancelled,
    control::{ControlError, SourceControl},
    error::{Class, Classify},
    path::FileError,
    relation::{BuildProfile, Relations},
    repo::RepoError,
};

/// Whether recommended packages are installed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Recommends {
    /// Only what is depended on, as in builds.
    #[default]
    Ignore,
    /// Also what the packages that are asked for recommend themselves, where it can be had.
    TopLevel,
    /// Also what any package of the answer recommends, where it can be had.
    Install,
}

/// What would be on a system (an empty one where the universe has nothing installed) after these packages were asked for?
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Install {
    /// What is asked for: each group of alternatives.
    pub seeds: Relations,
    /// Whether recommended packages are installed too.
    pub recommends: Recommends,
    /// Whether what is suggested is installed too, where it can be had.
    pub suggests: bool,
    /// Whether every essential package is part of it, as in a root file system.
    pub essential: bool,
    /// What must not be there in the end: packages of these names and versions.
    pub remove: Relations,
    /// What else may happen to packages that are installed already.
    pub changes: Changes,
}

/// What may happen to packages that are installed already, and are not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Changes {
    /// All are upgraded to their candidates where that can be; else only those that must.
    pub upgrade_all: bool,
    /// None is removed.
    pub keep_all: bool,
    /// Nothing is installed that is not there already in some version.
    pub nothing_new: bool,
}

impl Changes {
    /// As `apt-get dist-upgrade`: everything is upgraded; for that, packages may come and go.
    #[must_use]
    pub const fn dist_upgrade() -> Self {
        Self { upgrade_all: true, keep_all: false, nothing_new: false }
    }

    /// As `apt-get upgrade`: everything is upgraded for which no package has to come or go.
    #[must_use]
    pub const fn upgrade() -> Self {
        Self { upgrade_all: true, keep_all: true, nothing_new: true }
    }
}

impl Install {
    /// These packages and what they depend on.
    #[must_use]
    pub const fn new(seeds: Relations) -> Self {
        Self {
            seeds,
            recommends: Recommends::Ignore,
            suggests: false,
            essential: false,
            remove: Relations(Vec::new()),
            changes: Changes { upgrade_all: false, keep_all: false, nothing_new: false },
        }
    }

    /// Without what must not be there in the end.
    #[must_use]
    pub fn with_remove(mut self, remove: Relations) -> Self {
        self.remove = remove;
        self
    }

    /// With what may happen to packages that are installed already.
    #[must_use]
    pub const fn with_changes(mut self, changes: Changes) -> Self {
        self.changes = changes;
        self
    }

    /// With another policy for recommended packages.
    #[must_use]
    pub const fn with_recommends(mut self, recommends: Recommends) -> Self {
        self.recommends = recommends;
        self
    }

    /// With or without what is suggested.
    #[must_use]
    pub const fn with_suggests(mut self, suggests: bool) -> Self {
        self.suggests = suggests;
        self
    }

    /// With or without every essential package.
    #[must_use]
    pub const fn with_essential(mut self, essential: bool) -> Self {
        self.essential = essential;
        self
    }
}

/// What would be installed to build this source package: the essential packages, build-essential and its build dependencies?
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildDeps {
    /// The source package.
    pub source: SourceControl,
    /// The architecture that is built on and for: that of the universe.
    pub architecture: Architecture,
    /// The build profiles.
    pub profiles: BTreeSet<BuildProfile>,
    /// Whether architecture-dependent packages are built (`Build-Depends-Arch` counts).
    pub any: bool,
    /// Whether architecture-independent packages are built (`Build-Depends-Indep` counts).
    pub all: bool,
}

impl BuildDeps {
    /// A build of everything, without profiles.
    #[must_use]
    pub const fn new(source: SourceControl, architecture: Architecture) -> Self {
        Self { source, architecture, profiles: BTreeSet::new(), any: true, all: true }
    }

    /// With these build profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: BTreeSet<BuildProfile>) -> Self {
        self.profiles = profiles;
        self
    }

    /// Of the architecture-dependent packages only, as build daemons do.
    #[must_use]
    pub const fn with_any_only(mut self) -> Self {
        self.all = false;
        self
    }

    /// Of the architecture-independent packages only.
    #[must_use]
    pub const fn with_all_only(mut self) -> Self {
        self.any = false;
        self
    }
}

/// A question about a universe of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// What would be installed?
    Install(Install),
    /// What would be installed for a build?
    BuildDeps(Box<BuildDeps>),
}

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

/// Where packages come from: an index file, an archive, a tag.
#[async_trait]
pub trait PackageSource: fmt::Debug + Send + Sync {
    /// What it is called in answers and explanations, for example `bookworm/main`.
    fn name(&self) -> &str;

    /// The packages that may matter for the question. What is returned never changes; a later call may return another index.
    ///
    /// # Errors
    /// [`SourceError`]; a stanza that cannot be read is a problem of the index, not an error.
    async fn load(&self, cx: &crate::context::Context, want: &Question) -> Result<Arc<PackageIndex>, SourceError>;

    /// The source packages that are there, for questions about all of them. Most have none.
    ///
    /// # Errors
    /// [`SourceError`]; a source package that cannot be read is a problem of the list, not an error.
    async fn source_packages(&self, cx: &crate::context::Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        Ok(SourcePackages::default())
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

/// Answers questions. Synchronous: long ones go through [`blocking::run`](crate::blocking::run).
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Answers the question about this universe; the same question about the same universe has the same answer.
    ///
    /// # Errors
    /// [`ResolveError`]; that something cannot be installed is an answer.
    fn answer(&self, cx: &crate::context::Context, on: &Universe, question: &Question) -> Result<Answer, ResolveError>;
}

#[cfg(test)]
mod tests;
