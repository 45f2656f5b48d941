//! What differs between two sets of packages.

use std::{collections::BTreeMap, sync::Arc};

use super::{Selected, Solution};
use crate::{arch::Architecture, digest::Sha256, name::PackageName, version::Version};

/// What is compared of a package of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picked {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// The name of the index that it comes from.
    pub origin: Arc<str>,
    /// Its digest, where it is known.
    pub sha256: Option<Sha256>,
}

impl Picked {
    /// A package of this name, version and architecture from this index.
    #[must_use]
    pub fn new(package: PackageName, version: Version, architecture: Architecture, origin: &str) -> Self {
        Self { package, version, architecture, origin: origin.into(), sha256: None }
    }

    /// With its digest.
    #[must_use]
    pub fn with_sha256(mut self, sha256: Option<Sha256>) -> Self {
        self.sha256 = sha256;
        self
    }
}

impl From<&Selected> for Picked {
    fn from(selected: &Selected) -> Self {
        let package = &selected.package;
        Self {
            package: package.package.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            origin: Arc::clone(&selected.origin),
            sha256: package.location.as_ref().map(|location| location.sha256),
        }
    }
}

impl Solution {
    /// What is compared of its packages.
    #[must_use]
    pub fn picked(&self) -> Vec<Picked> {
        self.packages.iter().map(Picked::from).collect()
    }
}

/// What happened to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has a later version.
    Upgraded,
    /// It has an earlier version.
    Downgraded,
    /// Its version is the same, and something else is not: its content, where it comes from, or its architecture.
    Other,
}

/// A package that is not the same in two sets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// What happened to it.
    pub change: Change,
    /// As it was; none for what is new.
    pub before: Option<Picked>,
    /// As it is; none for what is gone.
    pub after: Option<Picked>,
}

impl Changed {
    fn of(before: Option<Picked>, after: Option<Picked>) -> Option<Self> {
        let change = match (&before, &after) {
            (None, None) => return None,
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            (Some(before), Some(after)) if before == after => return None,
            (Some(before), Some(after)) => match after.version.compare(&before.version) {
                std::cmp::Ordering::Greater => Change::Upgraded,
                std::cmp::Ordering::Less => Change::Downgraded,
                std::cmp::Ordering::Equal => Change::Other,
            },
        };
        Some(Self { change, before, after })
    }

    fn side(&self) -> Option<&Picked> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Whether it comes from another index.
    #[must_use]
    pub fn has_other_origin(&self) -> bool {
        matches!((&self.before, &self.after), (Some(before), Some(after)) if before.origin != after.origin)
    }

    /// Whether its content is another although its version is the same.
    #[must_use]
    pub fn has_other_content(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.version == after.version && before.sha256 != after.sha256,
            _ => false,
        }
    }
}

/// What differs between two sets of packages, by name, then architecture. A package that is there for one architecture in each
/// set is one package, also where that is another architecture.
#[must_use]
pub fn diff(before: &[Picked], after: &[Picked]) -> Vec<Changed> {
    let mut names: BTreeMap<&PackageName, [BTreeMap<&Architecture, &Picked>; 2]> = BTreeMap::new();
    for (side, picked) in [before, after].into_iter().enumerate() {
        for one in picked {
            names.entry(&one.package).or_default()[side].insert(&one.architecture, one);
        }
    }
    let mut changed = Vec::new();
    for [mut before, mut after] in names.into_values() {
        let both: Vec<&Architecture> = before.keys().copied().filter(|arch| after.contains_key(arch)).collect();
        for architecture in both {
            let sides = (before.remove(architecture).cloned(), after.remove(architecture).cloned());
            changed.extend(Changed::of(sides.0, sides.1));
        }
        if before.len() == 1 && after.len() == 1 {
            changed.extend(Changed::of(before.into_values().next().cloned(), after.into_values().next().cloned()));
        } else {
            changed.extend(before.into_values().filter_map(|gone| Changed::of(Some(gone.clone()), None)));
            changed.extend(after.into_values().filter_map(|new| Changed::of(None, Some(new.clone()))));
        }
    }
    let key = |changed: &Changed| changed.side().map(|side| (side.package.clone(), side.architecture.clone()));
    changed.sort_by_key(key);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(text: &str) -> Vec<Picked> {
        let one = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let (package, version) = (PackageName::new(words[0]).unwrap(), Version::new(words[1]).unwrap());
            let picked = Picked::new(package, version, Architecture::new(words[2]).unwrap(), words[3]);
            picked.with_sha256(words.get(4).map(|content| Sha256::of(content.as_bytes())))
        };
        text.split(", ").filter(|line| !line.is_empty()).map(one).collect()
    }

    fn changes(before: &str, after: &str) -> Vec<(String, Change)> {
        let found = diff(&picked(before), &picked(after));
        found.iter().map(|one| (one.side().unwrap().package.to_string(), one.change)).collect()
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let before =
            "aa 1 amd64 x c, bb 1 all x, cc 2 amd64 x, dd 1 amd64 x, ee 1.0 amd64 x, ff 1 amd64 x c, gg 1 amd64 x c";
        let after =
            "bb 2 amd64 x, cc 1~rc amd64 x, dd 1 amd64 y, ee 1.00 amd64 x, ff 1 amd64 x d, gg 1 amd64 x c, hh 1 all x";
        let expected = [
            ("aa", Change::Removed),
            ("bb", Change::Upgraded),
            ("cc", Change::Downgraded),
            ("dd", Change::Other),
            ("ee", Change::Other),
            ("ff", Change::Other),
            ("hh", Change::Added),
        ];
        assert_eq!(changes(before, after), expected.map(|(name, change)| (name.to_owned(), change)));
        let found = diff(&picked(before), &picked(after));
        let which = |is: fn(&Changed) -> bool| -> Vec<&str> {
            found.iter().filter(|one| is(one)).map(|one| one.side().unwrap().package.as_str()).collect()
        };
        assert_eq!(which(Changed::has_other_origin), ["dd"]);
        assert_eq!(which(Changed::has_other_content), ["ff"]);
        assert_eq!(changes(before, before), []);
    }

    #[test]
    fn architectures_are_paired_where_that_is_clear() {
        let both = "aa 1 amd64 x, aa 1 i386 x";
        assert_eq!(changes("aa 1 amd64 x", both), [("aa".to_owned(), Change::Added)]);
        assert_eq!(changes("aa 1 all x", "aa 1 amd64 x"), [("aa".to_owned(), Change::Other)]);
        let three = changes("aa 1 all x", both);
        assert_eq!(
            three.into_iter().map(|(_, change)| change).collect::<Vec<_>>(),
            [Change::Removed, Change::Added, Change::Added]
        );
    }
}
