//! What a repository keeps: suites, entries and numbered states, as JSON records with a schema version.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{RepoError, StateId};
use crate::{
    arch::Architecture,
    clock::Timestamp,
    digest::Sha256,
    name::{ComponentName, PackageName, PoolPath, SourceName, SuiteName},
    sign::Fingerprint,
    version::Version,
};

/// The version of the records' schema.
pub const STATE_SCHEMA: u32 = 1;

/// Release files are good for seven days, unless told otherwise: sign daily.
const VALID_FOR: u64 = 7 * 86_400;

/// What a suite is called and holds; the fields of its Release file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SuiteOptions {
    /// The name of its folder in `dists`, and the `Suite` field.
    pub suite: SuiteName,
    /// The `Codename` field.
    pub codename: SuiteName,
    /// The `Origin` field.
    pub origin: String,
    /// The `Label` field.
    pub label: String,
    /// The `Version` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The `Description` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Components; at least one.
    pub components: Vec<ComponentName>,
    /// Architectures, without `all` (its packages are in the index of each); at least one.
    pub architectures: Vec<Architecture>,
    /// How long a Release file is good, in seconds; without, for ever.
    pub valid_for_seconds: Option<u64>,
    /// `NotAutomatic: yes`: apt installs from it only when asked.
    #[serde(default)]
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`: but upgrades what came from it.
    #[serde(default)]
    pub but_automatic_upgrades: bool,
}

impl SuiteOptions {
    /// A suite with component `main` for these architectures, good for seven days after each publication.
    #[must_use]
    pub fn new(suite: SuiteName, architectures: Vec<Architecture>) -> Self {
        Self {
            codename: suite.clone(),
            suite,
            origin: "debbuild".to_owned(),
            label: "debbuild".to_owned(),
            version: None,
            description: None,
            components: ComponentName::new("main").into_iter().collect(),
            architectures,
            valid_for_seconds: Some(VALID_FOR),
            not_automatic: false,
            but_automatic_upgrades: false,
        }
    }

    /// With these components.
    #[must_use]
    pub fn with_components(mut self, components: Vec<ComponentName>) -> Self {
        self.components = components;
        self
    }

    /// With this `Codename`.
    #[must_use]
    pub fn with_codename(mut self, codename: SuiteName) -> Self {
        self.codename = codename;
        self
    }

    /// With this `Origin` and `Label`.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>, label: impl Into<String>) -> Self {
        self.origin = origin.into();
        self.label = label.into();
        self
    }

    /// With this `Version`.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// With this `Description`.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With another time that a Release file is good, in seconds; `None` is for ever.
    #[must_use]
    pub const fn with_valid_for_seconds(mut self, seconds: Option<u64>) -> Self {
        self.valid_for_seconds = seconds;
        self
    }

    /// With `NotAutomatic` and `ButAutomaticUpgrades`.
    #[must_use]
    pub const fn with_not_automatic(mut self, not_automatic: bool, but_automatic_upgrades: bool) -> Self {
        self.not_automatic = not_automatic;
        self.but_automatic_upgrades = but_automatic_upgrades;
        self
    }

    /// Refuses what cannot be written into a Release file.
    pub(super) fn check(&self) -> Result<(), RepoError> {
        let refuse = |field, reason: &str| {
            Err(RepoError::Option { suite: self.suite.clone(), field, reason: reason.to_owned() })
        };
        let texts = [("origin", Some(&self.origin)), ("label", Some(&self.label)), ("version", self.version.as_ref())];
        for (field, text) in texts.into_iter().chain([("description", self.description.as_ref())]) {
            if text.is_some_and(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
                return refuse(field, "it must be one line, not empty");
            }
        }
        if self.components.is_empty() {
            return refuse("components", "there must be one");
        }
        if self.architectures.is_empty() || self.architectures.iter().any(Architecture::is_all) {
            return refuse("architectures", "there must be one, and `all` is in each");
        }
        Ok(())
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EntryKind {
    /// A binary package: a stanza of Packages.
    Binary,
    /// A source package: a stanza of Sources.
    Source,
}

/// A file of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PoolFile {
    /// Its path below the repository's folder.
    pub path: PoolPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// A package of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Binary or source.
    pub kind: EntryKind,
    /// The component.
    pub component: ComponentName,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture; `None` for sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// The source package that it is, or was built from.
    pub source: SourceName,
    /// The version of that source.
    pub source_version: Version,
    /// Its files in the pool.
    pub files: Vec<PoolFile>,
    /// Its stanza in Packages or Sources, each line ended.
    pub stanza: String,
}

impl Entry {
    /// What an entry is called: one suite holds one content under it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {} {}", self.name, self.version, self.architecture_name())
    }

    /// Its architecture, or `source`.
    #[must_use]
    pub fn architecture_name(&self) -> &str {
        self.architecture.as_ref().map_or("source", Architecture::as_str)
    }

    /// The order in indexes: name, version by dpkg's order, architecture.
    pub(super) fn order(&self) -> (EntryKind, &ComponentName, &PackageName, &Version, Option<&Architecture>) {
        (self.kind, &self.component, &self.name, &self.version, self.architecture.as_ref())
    }
}

/// An index file that a Release file lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexFile {
    /// Its path below `dists/SUITE/`.
    pub path: PoolPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// One publication of a suite. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct State {
    /// [`STATE_SCHEMA`].
    pub schema: u32,
    /// Its number in the suite.
    pub number: i64,
    /// The suite as it was then.
    pub options: SuiteOptions,
    /// The `Date` of the Release file.
    pub date: Timestamp,
    /// Its `Valid-Until`.
    pub valid_until: Option<Timestamp>,
    /// The state whose content was taken again, when this one was made by switching back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_to: Option<i64>,
    /// The fingerprint of the key that signed it.
    pub signed_by: String,
    /// The digest of the Release file.
    pub release_sha256: Sha256,
    /// The index files that the Release file lists.
    pub indexes: Vec<IndexFile>,
    /// The packages.
    pub entries: Vec<Entry>,
}

impl State {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> StateId {
        StateId::new(self.number)
    }

    /// The key that signed it.
    ///
    /// # Errors
    /// [`RepoError::Sign`] when the record was changed by hand.
    pub fn fingerprint(&self) -> Result<Fingerprint, RepoError> {
        Ok(Fingerprint::new(&self.signed_by)?)
    }
}

/// Which packages of a suite are meant: by name, and where given by version and architecture (`source` for sources).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wanted {
    /// The name of a binary or source package.
    pub name: PackageName,
    /// Only this version.
    pub version: Option<Version>,
    /// Only this architecture, or `source`.
    pub architecture: Option<String>,
}

impl Wanted {
    /// Every version of the binary and source packages of this name.
    #[must_use]
    pub const fn new(name: PackageName) -> Self {
        Self { name, version: None, architecture: None }
    }

    /// Only this version.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Only this architecture; `source` means source packages.
    #[must_use]
    pub fn with_architecture(mut self, architecture: impl Into<String>) -> Self {
        self.architecture = Some(architecture.into());
        self
    }

    /// Whether this entry is meant.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.name == entry.name
            && self.version.as_ref().is_none_or(|version| *version == entry.version)
            && self.architecture.as_ref().is_none_or(|wanted| wanted == entry.architecture_name())
    }
}

/// `NAME`, `NAME=VERSION`, each with `/ARCHITECTURE`.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.version.iter().try_for_each(|version| write!(f, "={version}"))?;
        self.architecture.iter().try_for_each(|architecture| write!(f, "/{architecture}"))
    }
}

/// What happened to a package between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Name and architecture (`source` for sources) and component.
    pub name: PackageName,
    /// Its architecture, or `source`.
    pub architecture: String,
    /// Versions that are only in the older state.
    pub removed: Vec<Version>,
    /// Versions that are only in the newer state.
    pub added: Vec<Version>,
}

/// The packages in which two states differ, by name and architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

impl Diff {
    /// From one content to another.
    #[must_use]
    pub fn between(old: &[Entry], new: &[Entry]) -> Self {
        let keys = |entries: &[Entry]| entries.iter().map(Entry::key).collect::<HashSet<_>>();
        let (old_keys, new_keys) = (keys(old), keys(new));
        let mut changes: BTreeMap<(&PackageName, &str), [Vec<Version>; 2]> = BTreeMap::new();
        for entry in old.iter().filter(|entry| !new_keys.contains(&entry.key())) {
            changes.entry((&entry.name, entry.architecture_name())).or_default()[0].push(entry.version.clone());
        }
        for entry in new.iter().filter(|entry| !old_keys.contains(&entry.key())) {
            changes.entry((&entry.name, entry.architecture_name())).or_default()[1].push(entry.version.clone());
        }
        let changes = changes.into_iter().map(|((name, architecture), [removed, added])| Change {
            name: name.clone(),
            architecture: architecture.to_owned(),
            removed,
            added,
        });
        Self { changes: changes.collect() }
    }
}
