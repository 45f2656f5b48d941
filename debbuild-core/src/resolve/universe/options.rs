//! How indexes are put together, and what is on the system that a question is about.

use std::{collections::BTreeSet, sync::Arc};

use super::super::{
    PackageIndex,
    preferences::{Preferences, Provenance},
};
use crate::{arch::Architecture, control::paragraphs, name::PackageName, relation::Relations};

/// apt's priority of an ordinary archive (apt_preferences(5)).
pub const PRIORITY: i32 = 500;

/// Which versions of a package may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Versions {
    /// Only the candidate, as apt does: of the highest priority, then the highest version.
    #[default]
    Candidate,
    /// All, the candidate first: for questions about a whole archive.
    All,
}

/// apt's priority of a version that is installed (apt_preferences(5)).
pub const INSTALLED: i32 = 100;
/// From this priority on apt takes an older version than the one that is installed (apt_preferences(5)).
const DOWNGRADES: i32 = 1000;

/// An index of a universe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Packages {
    /// The packages.
    pub index: Arc<PackageIndex>,
    /// apt's priority of all of them where preferences say nothing else: [`PRIORITY`] for an ordinary archive. What has a negative
    /// one is never chosen.
    pub priority: i32,
    /// Where they are from, as preferences see it.
    pub provenance: Option<Provenance>,
}

impl Packages {
    /// An index of this provenance, with the priority that apt gives it where nobody prefers anything.
    #[must_use]
    pub fn new(index: Arc<PackageIndex>, provenance: Provenance) -> Self {
        let priority = Preferences::default().of_index(&provenance);
        Self { index, priority, provenance: Some(provenance) }
    }
}

impl From<(Arc<PackageIndex>, i32)> for Packages {
    fn from((index, priority): (Arc<PackageIndex>, i32)) -> Self {
        Self { index, priority, provenance: None }
    }
}

/// What is on a system already.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Installed {
    /// The packages, each in one version: dpkg's list ([`PackageIndex::parse_status`]).
    pub packages: Arc<PackageIndex>,
    /// Those that must stay in the version that they have (`apt-mark hold`).
    pub held: BTreeSet<PackageName>,
}

impl Installed {
    /// These packages, none of them held.
    #[must_use]
    pub const fn new(packages: Arc<PackageIndex>) -> Self {
        Self { packages, held: BTreeSet::new() }
    }

    /// Reads dpkg's list (`/var/lib/dpkg/status`): what is installed, and what of that the list says is held.
    #[must_use]
    pub fn parse_status(text: &str) -> Self {
        let held = paragraphs(text).flatten().filter(|stanza| {
            stanza.get("Status").is_some_and(|status| status.split_ascii_whitespace().next() == Some("hold"))
        });
        let held = held.filter_map(|stanza| PackageName::new(stanza.get("Package")?).ok()).collect();
        Self { packages: PackageIndex::parse_status("installed", text).into(), held }
    }

    /// With packages that must stay in the version that they have.
    #[must_use]
    pub fn with_held(mut self, held: BTreeSet<PackageName>) -> Self {
        self.held = held;
        self
    }
}

/// How indexes are put together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UniverseOptions {
    /// The architecture of the system.
    pub native: Architecture,
    /// Other architectures whose packages may be installed too.
    pub foreign: Vec<Architecture>,
    /// Which versions may be chosen.
    pub versions: Versions,
    /// Packages that are never chosen: those of these names, in these versions.
    pub excluded: Relations,
    /// What is on the system already; none: an empty system.
    pub installed: Option<Installed>,
    /// Which versions are preferred, of indexes whose provenance is known.
    pub preferences: Preferences,
}

impl UniverseOptions {
    /// A system of one architecture, with apt's choice of versions.
    #[must_use]
    pub fn new(native: Architecture) -> Self {
        Self {
            native,
            foreign: Vec::new(),
            versions: Versions::Candidate,
            excluded: Relations(Vec::new()),
            installed: None,
            preferences: Preferences::default(),
        }
    }

    /// With packages of other architectures.
    #[must_use]
    pub fn with_foreign(mut self, foreign: Vec<Architecture>) -> Self {
        self.foreign = foreign;
        self
    }

    /// With another choice of versions.
    #[must_use]
    pub fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Without packages of these names, in these versions; what provides one of the names is not meant.
    #[must_use]
    pub fn with_excluded(mut self, excluded: Relations) -> Self {
        self.excluded = excluded;
        self
    }

    /// With preferences among versions.
    #[must_use]
    pub fn with_preferences(mut self, preferences: Preferences) -> Self {
        self.preferences = preferences;
        self
    }

    /// On a system that has something already.
    #[must_use]
    pub fn with_installed(mut self, installed: Installed) -> Self {
        self.installed = Some(installed);
        self
    }
}

/// Whether apt takes a version of that priority in place of the installed one, which is later.
pub(super) const fn may_downgrade(priority: i32) -> bool {
    priority >= DOWNGRADES
}
