//! What differs between two locks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{ArchiveAccess, LockFile, LockedPackage};
use crate::resolve::{Change, Changed, Picked, diff};

/// An archive that is not the same in two locks, or only in one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveChange {
    /// As it was; none where it is new.
    pub before: Option<ArchiveAccess>,
    /// As it is; none where it is gone.
    pub after: Option<ArchiveAccess>,
}

impl ArchiveChange {
    /// What happened to it: new, gone, or another in something.
    #[must_use]
    pub const fn change(&self) -> Change {
        match (&self.before, &self.after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Other,
        }
    }

    /// The archive as it is, or as it was where it is gone.
    #[must_use]
    pub fn archive(&self) -> Option<&ArchiveAccess> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Whether its signed index is another one.
    #[must_use]
    pub fn has_other_release(&self) -> bool {
        self.both().is_some_and(|(before, after)| before.release.sha256 != after.release.sha256)
    }

    /// Whether it was verified with another keyring.
    #[must_use]
    pub fn has_other_keyring(&self) -> bool {
        self.both().is_some_and(|(before, after)| before.keyring_sha256 != after.keyring_sha256)
    }

    /// Whether it was configured to be elsewhere.
    #[must_use]
    pub fn has_other_uris(&self) -> bool {
        self.both().is_some_and(|(before, after)| before.uris != after.uris)
    }

    fn both(&self) -> Option<(&ArchiveAccess, &ArchiveAccess)> {
        self.before.as_ref().zip(self.after.as_ref())
    }

    fn is_none(&self) -> bool {
        let other = self.has_other_release() || self.has_other_keyring() || self.has_other_uris();
        self.both().is_some() && !other
    }
}

/// A named value that is not the same in two locks, or only in one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueChange {
    /// Its name; parts of a value that is a table are named `NAME.KEY`.
    pub name: String,
    /// What it was; none where it is new.
    pub before: Option<String>,
    /// What it is; none where it is gone.
    pub after: Option<String>,
}

/// What differs between two locks. When they were verified, and which indexes were read, does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LockDiff {
    /// What the locks are of: `kind` and `architecture`.
    pub about: Vec<ValueChange>,
    /// Packages, by name.
    pub packages: Vec<Changed>,
    /// Packages that only one deliverable has, by the deliverable's name; without those of which nothing differs.
    pub additions: BTreeMap<String, Vec<Changed>>,
    /// Archives, by name and suite.
    pub archives: Vec<ArchiveChange>,
    /// Options.
    pub options: Vec<ValueChange>,
    /// Tools with their versions.
    pub tools: Vec<ValueChange>,
}

impl LockDiff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
            && self.packages.is_empty()
            && self.additions.is_empty()
            && self.archives.is_empty()
            && self.options.is_empty()
            && self.tools.is_empty()
    }
}

impl LockFile {
    /// What differs between this lock and a later one.
    #[must_use]
    pub fn diff(&self, after: &Self) -> LockDiff {
        let about = |lock: &Self| -> BTreeMap<String, String> {
            let values = [("architecture", lock.architecture.as_str()), ("kind", lock.kind.name())];
            values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        };
        let names: BTreeSet<&String> = self.additions.keys().chain(after.additions.keys()).collect();
        let of = |lock: &Self, name: &String| picked(lock.additions.get(name).map(Vec::as_slice).unwrap_or_default());
        let additions = names.into_iter().map(|name| (name.clone(), diff(&of(self, name), &of(after, name))));
        LockDiff {
            about: values(&about(self), &about(after)),
            packages: diff(&picked(&self.packages), &picked(&after.packages)),
            additions: additions.filter(|(_, changed)| !changed.is_empty()).collect(),
            archives: archives(&self.archives, &after.archives),
            options: values(&self.options, &after.options),
            tools: values(&self.tools, &after.tools),
        }
    }
}

/// What is compared of packages.
fn picked(packages: &[LockedPackage]) -> Vec<Picked> {
    let one = |package: &LockedPackage| {
        let LockedPackage { name, version, architecture, archive, sha256, .. } = package;
        Picked::new(name.clone(), version.clone(), architecture.clone(), archive).with_sha256(Some(*sha256))
    };
    packages.iter().map(one).collect()
}

fn archives(before: &[ArchiveAccess], after: &[ArchiveAccess]) -> Vec<ArchiveChange> {
    let mut sides: BTreeMap<(&str, &str), ArchiveChange> = BTreeMap::new();
    let none = || ArchiveChange { before: None, after: None };
    for archive in before {
        let change = sides.entry((archive.name.as_str(), archive.suite.as_str())).or_insert_with(none);
        change.before = Some(archive.clone());
    }
    for archive in after {
        let change = sides.entry((archive.name.as_str(), archive.suite.as_str())).or_insert_with(none);
        change.after = Some(archive.clone());
    }
    sides.into_values().filter(|change| !change.is_none()).collect()
}

fn values(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ValueChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().flat_map(|name| value(name, before.get(name), after.get(name))).collect()
}

/// How a value differs: by its parts where it is a table (JSON) in both locks, as the request of a chroot is.
fn value(name: &str, before: Option<&String>, after: Option<&String>) -> Vec<ValueChange> {
    if before == after {
        return Vec::new();
    }
    if let (Some(before), Some(after)) = (table(before), table(after)) {
        let parts = |table: Map<String, Value>| -> BTreeMap<String, String> {
            table.into_iter().map(|(key, value)| (format!("{name}.{key}"), text(value))).collect()
        };
        return values(&parts(before), &parts(after));
    }
    vec![ValueChange { name: name.to_owned(), before: before.cloned(), after: after.cloned() }]
}

fn table(text: Option<&String>) -> Option<Map<String, Value>> {
    serde_json::from_str(text?).ok()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}
