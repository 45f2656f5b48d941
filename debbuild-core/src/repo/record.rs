//! What a repository keeps: entries and numbered states.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{RepoError, StateId, SuiteOptions, pdiff::Patch};
use crate::{
    arch::Architecture,
    clock::Timestamp,
    digest::Sha256,
    name::{ComponentName, PackageName, PoolPath, SourceName},
    sign::Fingerprint,
    version::Version,
};

/// The version of the records' schema.
pub const STATE_SCHEMA: u32 = 2;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryKind {
    /// A binary package (.deb): a stanza of Packages.
    Binary,
    /// A package of the installer (.udeb): a stanza of `debian-installer/binary-ARCH/Packages`.
    Udeb,
    /// A source package: a stanza of Sources.
    Source,
}

/// A file of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct PoolFile {
    /// Its path below the repository's folder.
    pub path: PoolPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// A source package whose code is in a binary package of another (Policy 7.8): its archive must keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuiltUsing {
    /// The source package.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
}

/// A package of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub architecture: Option<Architecture>,
    /// The source package that it is, or was built from.
    pub source: SourceName,
    /// The version of that source.
    pub source_version: Version,
    /// The section that an override or the .changes gave it, where that is not the package's own.
    pub section: Option<String>,
    /// The priority that an override or the .changes gave it.
    pub priority: Option<String>,
    /// The sources whose code is in it (`Built-Using`, `Static-Built-Using`).
    pub built_using: Vec<BuiltUsing>,
    /// Its files in the pool; the .deb or the .dsc is the first.
    pub files: Vec<PoolFile>,
    /// The digest of the control data that an archive's index has for it, where those are not what is known of its file.
    pub(super) control: Option<Sha256>,
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

    /// The order in a suite and in indexes: name, version by dpkg's order, architecture. One suite holds one entry of each.
    pub(super) fn order(&self) -> (EntryKind, &PackageName, &Version, Option<&Architecture>) {
        (self.kind, &self.name, &self.version, self.architecture.as_ref())
    }

    /// By what the control data are known that its stanza is made of.
    pub(super) fn known_by(&self) -> Result<Sha256, RepoError> {
        self.control.map_or_else(|| Ok(self.main_file()?.sha256), Ok)
    }

    /// Its .deb or .dsc.
    pub(super) fn main_file(&self) -> Result<&PoolFile, RepoError> {
        let none = || RepoError::Input { file: self.key(), reason: "it has no file".to_owned() };
        self.files.first().ok_or_else(none)
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
    /// Whether it is published; else only its digest is listed, and other formats hold its text.
    pub stored: bool,
}

/// What is in a suite: how much, and the segments that say what, which states share. [`Repository::list`](super::Repository::list)
/// gives the packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Content {
    /// The number of packages, sources counted.
    pub packages: u64,
    /// The segments, by the digest of their text.
    pub(super) segments: Vec<Sha256>,
}

impl Content {
    /// What is in this content and not in the other, with some that may be in both.
    pub(super) fn without(&self, other: &Self) -> Self {
        let theirs: HashSet<&Sha256> = other.segments.iter().collect();
        let segments = self.segments.iter().filter(|segment| !theirs.contains(segment)).copied().collect();
        Self { packages: self.packages, segments }
    }
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
    /// What each index was made of, by the path of its plain file: what is made of the same is not made again.
    pub(super) made_of: BTreeMap<PoolPath, Sha256>,
    /// The patches that lead to the indexes, oldest first, by the path of the plain file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) patches: BTreeMap<PoolPath, Vec<Patch>>,
    /// The packages.
    pub content: Content,
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

/// What a change is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its newest version is newer.
    Upgraded,
    /// Its newest version is older.
    Downgraded,
}

impl ChangeKind {
    /// `added`, `removed`, `upgraded`, `downgraded`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
        }
    }
}

impl Change {
    /// What happened: with several versions on a side the newest of each decides.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match (self.removed.iter().max(), self.added.iter().max()) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            (Some(old), Some(new)) if new.compare(old).is_lt() => ChangeKind::Downgraded,
            _ => ChangeKind::Upgraded,
        }
    }
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
