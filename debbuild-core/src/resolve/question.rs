//! Questions: what is asked about a universe of packages.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    arch::Architecture,
    control::SourceControl,
    relation::{BuildProfile, Relations},
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

/// `never`, `top-level` or `all`.
impl FromStr for Recommends {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self::Ignore),
            "top-level" => Ok(Self::TopLevel),
            "all" => Ok(Self::Install),
            _ => Err("none of never, top-level and all"),
        }
    }
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
