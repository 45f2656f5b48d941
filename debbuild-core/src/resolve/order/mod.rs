//! Build orders: in which order source packages must be built where nothing but a base is there yet.
//!
//! A build needs what is installed for it, and so the source packages that make that. Where these needs form cycles, they are
//! broken: first by build profiles that switch build dependencies off, then by other alternatives of build dependencies, then
//! by the fewest source packages of which binary packages must be there from somewhere else.

mod anneal;
mod breaking;
mod cycle;
mod feedback;
mod graph;
mod matrix;
mod paths;
mod report;
mod sets;
mod stages;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{BrokenSource, ResolveError, Universe, UnknownSource};
use crate::{
    context::Context,
    control::SourceControl,
    name::{PackageName, SourceName},
    relation::BuildProfile,
    version::Version,
};

/// What is asked of a build order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderOptions {
    /// Build profiles of all builds.
    pub profiles: BTreeSet<BuildProfile>,
    /// Whether architecture-independent packages are built; if not, they are all there already.
    pub indep: bool,
    /// Whether not even the essential packages and build-essential, with what they depend on, are there.
    pub from_zero: bool,
    /// Source packages that are built already.
    pub built: BTreeSet<SourceName>,
    /// Binary packages that are there already. They count where they are at least as new as those of the universe. A source
    /// package all of whose packages are there is not built.
    pub have: BTreeMap<PackageName, Version>,
    /// Profiles that may be used to break cycles, the preferred first.
    pub breaking: Vec<BuildProfile>,
    /// The edges of a cycle are listed, with their reasons, where there are no more than this. The largest cycle of an archive
    /// has hundreds of thousands.
    pub most_edges: usize,
    /// How long the solver may take for one build.
    pub limit: Duration,
}

impl OrderOptions {
    /// Everything is built on a base of the essential packages and build-essential.
    #[must_use]
    pub fn new() -> Self {
        let breaking = ["nocheck", "nodoc", "stage1"].into_iter().filter_map(|name| BuildProfile::new(name).ok());
        Self {
            profiles: BTreeSet::new(),
            indep: true,
            from_zero: false,
            built: BTreeSet::new(),
            have: BTreeMap::new(),
            breaking: breaking.collect(),
            most_edges: 10_000,
            limit: Duration::from_secs(30),
        }
    }

    /// With these profiles for all builds.
    #[must_use]
    pub fn with_profiles(mut self, profiles: BTreeSet<BuildProfile>) -> Self {
        self.profiles = profiles;
        self
    }

    /// Without architecture-independent packages, which are there already.
    #[must_use]
    pub const fn with_any_only(mut self) -> Self {
        self.indep = false;
        self
    }

    /// With or without a base.
    #[must_use]
    pub const fn with_from_zero(mut self, from_zero: bool) -> Self {
        self.from_zero = from_zero;
        self
    }

    /// With source packages that are built already.
    #[must_use]
    pub fn with_built(mut self, built: BTreeSet<SourceName>) -> Self {
        self.built = built;
        self
    }

    /// With binary packages that are there already.
    #[must_use]
    pub fn with_have(mut self, have: BTreeMap<PackageName, Version>) -> Self {
        self.have = have;
        self
    }

    /// With other profiles to break cycles by.
    #[must_use]
    pub fn with_breaking(mut self, breaking: Vec<BuildProfile>) -> Self {
        self.breaking = breaking;
        self
    }

    /// With the edges of cycles that have up to so many.
    #[must_use]
    pub const fn with_most_edges(mut self, most_edges: usize) -> Self {
        self.most_edges = most_edges;
        self
    }

    /// With another limit for each build.
    #[must_use]
    pub const fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl Default for OrderOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A build of an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Build {
    /// The source package.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// The profiles that it is built with to break a cycle, beside those of all builds; empty: a full build.
    pub profiles: BTreeSet<BuildProfile>,
    /// Whether it was built before, with such profiles.
    pub rebuild: bool,
}

/// Why one source package needs another: a shortest way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edge {
    /// The source package that is built.
    pub source: SourceName,
    /// The one that it needs.
    pub needs: SourceName,
    /// The build dependency, or the essential package, that leads there.
    pub relation: String,
    /// The binary packages on the way: the one that is taken for the build dependency first, the one that `needs` builds last.
    pub through: Vec<PackageName>,
}

/// How a cycle was broken at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Break {
    /// A source package is built with profiles first, and in full later.
    Profiles {
        /// The source package.
        source: SourceName,
        /// The profiles.
        profiles: BTreeSet<BuildProfile>,
        /// The build dependencies that they switch off.
        relations: Vec<String>,
        /// The source packages of the cycle that the first build does not need.
        dropped: Vec<SourceName>,
    },
    /// A source package is built with another alternative of a build dependency.
    Alternative {
        /// The source package.
        source: SourceName,
        /// The build dependency.
        relation: String,
        /// The package that is taken for it.
        instead: PackageName,
        /// The source packages of the cycle that the build does not need.
        dropped: Vec<SourceName>,
    },
    /// Binary packages of a source package must be there from somewhere else before it is built.
    Existing {
        /// The source package.
        source: SourceName,
        /// Its binary packages.
        packages: Vec<PackageName>,
        /// The source packages that are built with them.
        dropped: Vec<SourceName>,
    },
}

/// Source packages that all need each other to be built, or one that needs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// The source packages.
    pub members: Vec<SourceName>,
    /// How many edges there are: who needs whom in full builds.
    pub edge_count: usize,
    /// The edges with their reasons; none where there are more than the options allow.
    pub edges: Vec<Edge>,
    /// How it was broken. None of the breaks can be left out.
    pub breaks: Vec<Break>,
    /// Whether it was shown that, beside the other breaks, no fewer source packages could be needed from somewhere else.
    pub least: bool,
}

/// A source package that cannot be built because another one cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocked {
    /// The source package.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// The source package that it needs, which cannot be built, is not known, or is blocked itself.
    pub by: SourceName,
}

/// A build order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Order {
    /// Builds that can be done at the same time, once all those of the stages before are done.
    pub stages: Vec<Vec<Build>>,
    /// The cycles, those that others need first.
    pub cycles: Vec<Cycle>,
    /// The source packages that are built with profiles first; each has a full build in a later stage.
    pub rebuilds: Vec<SourceName>,
    /// Those that cannot be built, and why.
    pub unbuildable: Vec<BrokenSource>,
    /// Those about which nothing could be shown, and why not.
    pub unknown: Vec<UnknownSource>,
    /// Those that need one that cannot be built.
    pub blocked: Vec<Blocked>,
    /// Those that need no build: they are built already.
    pub built: Vec<SourceName>,
    /// Source packages that builds need and that are not among those to build: their packages must be there.
    pub outside: Vec<SourceName>,
}

/// In what order these source packages must be built. Of several versions of one the newest counts; those that build nothing for the
/// architecture of the universe are left out, and those that an archive has only for licences. Packages of the universe belong
/// to source packages by name.
///
/// # Errors
/// [`ResolveError`]; what cannot be built is part of the answer.
pub fn order(
    cx: &Context,
    sources: &[SourceControl],
    on: &Universe,
    options: &OrderOptions,
) -> Result<Order, ResolveError> {
    stages::order(cx, sources, on, options)
}
