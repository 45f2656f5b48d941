//! The packages of each deliverable, from the lock: the common set, the variant's and its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use debbuild_core::{
    clock::Timestamp,
    digest::{KeyHasher, Sha256},
    lock::{LOCK_SCHEMA, LockFile, LockKind, LockedPackage},
};

use super::PlanError;
use crate::blueprint::{Blueprint, DeliverableKind};

/// The option of a lock that keeps the SOURCE_DATE_EPOCH of a set, followed by the set's name.
const EPOCH: &str = "source-date-epoch ";

/// The locked packages of one deliverable, sorted, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageSet {
    /// `VARIANT/KIND`.
    pub name: String,
    /// The packages.
    pub packages: Vec<LockedPackage>,
    /// The time that everything made of it carries (`SOURCE_DATE_EPOCH`).
    pub epoch: Timestamp,
}

impl PackageSet {
    /// The key of the packages alone.
    #[must_use]
    pub fn content(&self) -> Sha256 {
        let mut key = KeyHasher::new("compose-packages/1");
        let lines = self.packages.iter().map(|p| format!("{} {} {} {}", p.name, p.version, p.architecture, p.sha256));
        key.list("packages", lines);
        key.finish()
    }

    /// The key of the packages and the time.
    #[must_use]
    pub fn key(&self) -> Sha256 {
        let mut key = KeyHasher::new("compose-package-set/1");
        key.part("content", self.content().as_bytes());
        key.part("epoch", self.epoch.seconds().to_string());
        key.finish()
    }
}

/// The package sets of all deliverables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageSets(BTreeMap<String, Arc<PackageSet>>);

impl PackageSets {
    /// Reads the sets of a blueprint's deliverables from a lock.
    ///
    /// The time of a set is what the lock says; where it says nothing, `known(content)` (the time under which the same
    /// packages were composed before, so that a mirror that moved without changing them changes nothing), or else the
    /// newest Date of the Releases that its packages come from.
    ///
    /// # Errors
    /// [`PlanError::Lock`] when the lock is not of a compose, is for another architecture, has a package twice, or names no such archive.
    pub fn new(
        blueprint: &Blueprint,
        lock: &LockFile,
        known: &mut dyn FnMut(Sha256) -> Option<Timestamp>,
    ) -> Result<Self, PlanError> {
        if (lock.schema, lock.kind) != (LOCK_SCHEMA, LockKind::Compose) {
            let message = format!("it is not the lock of a compose, of schema {LOCK_SCHEMA}");
            return Err(PlanError::Lock(message));
        }
        if lock.architecture != blueprint.architecture {
            let message = format!("it is for {}, not {}", lock.architecture, blueprint.architecture);
            return Err(PlanError::Lock(message));
        }
        let mut sets = BTreeMap::new();
        for variant in &blueprint.variants {
            for deliverable in &variant.deliverables {
                let kind = deliverable.kind();
                let name = format!("{}/{kind}", variant.name);
                let packages = members(lock, &variant.name, kind)?;
                let mut set = PackageSet { epoch: newest(lock, &name, &packages)?, name: name.clone(), packages };
                if let Some(text) = lock.options.get(&format!("{EPOCH}{name}")) {
                    let seconds = text.parse().map_err(|_| PlanError::Lock(format!("{EPOCH}{name}: {text:?}")))?;
                    set.epoch = Timestamp::from_seconds(seconds);
                } else if let Some(epoch) = known(set.content()) {
                    set.epoch = epoch;
                }
                sets.insert(name, Arc::new(set));
            }
        }
        Ok(Self(sets))
    }

    /// The set of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<PackageSet>> {
        self.0.get(name)
    }

    /// All sets, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<PackageSet>)> {
        self.0.iter().map(|(name, set)| (name.as_str(), set))
    }

    /// Writes the times of the sets into the lock, so that a replay has the same.
    pub fn note_epochs(&self, lock: &mut LockFile) {
        for (name, set) in &self.0 {
            lock.options.insert(format!("{EPOCH}{name}"), set.epoch.seconds().to_string());
        }
    }
}

fn members(lock: &LockFile, variant: &str, kind: DeliverableKind) -> Result<Vec<LockedPackage>, PlanError> {
    let own = format!("{variant}/{kind}");
    let inside = format!("{variant}/");
    let wanted = |name: &str| {
        // A repository serves everything that is in its variant.
        let everything = kind == DeliverableKind::Repository && name.starts_with(&inside);
        name == variant || name == own || everything
    };
    let additions = lock.additions.iter().filter(|(name, _)| wanted(name)).flat_map(|(_, packages)| packages);
    let all: BTreeSet<&LockedPackage> = lock.packages.iter().chain(additions).collect();
    let mut seen = BTreeMap::new();
    for package in &all {
        let twin = seen.insert((&package.name, &package.architecture), package.sha256);
        if twin.is_some_and(|sha256| sha256 != package.sha256) {
            return Err(PlanError::Lock(format!("{own} has {} twice, with different content", package.name)));
        }
    }
    Ok(all.into_iter().cloned().collect())
}

fn newest(lock: &LockFile, set: &str, packages: &[LockedPackage]) -> Result<Timestamp, PlanError> {
    let mut newest = Timestamp::from_seconds(0);
    for package in packages {
        let mut dates = lock.archives.iter().filter(|archive| archive.name == package.archive).map(|a| a.date);
        let Some(first) = dates.next() else {
            let message = format!("{} of {set} comes from {:?}, which it does not name", package.name, package.archive);
            return Err(PlanError::Lock(message));
        };
        newest = dates.fold(newest.max(first), Timestamp::max);
    }
    Ok(newest)
}
