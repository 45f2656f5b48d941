//! Snapshots of a session: their names, and of which layers each is made.

use debbuild_core::error::{Class, Classify};
use serde::{Deserialize, Serialize};

/// The longest name of a snapshot, in bytes.
const LONGEST: usize = 64;

/// How many sealed layers a root has at most: the names of all of them must fit into one option of mount(2), of which newer tools take
/// 256 bytes.
const DEEPEST: usize = 48;

/// Why there is no snapshot, or cannot be one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It cannot have this name.
    #[error("{0:?} is not a name for a snapshot")]
    Name(String),
    /// There is one of this name.
    #[error("the session has a snapshot {0} already")]
    Taken(String),
    /// There is none of this name.
    #[error("the session has no snapshot {0}")]
    Missing(String),
    /// There are too many, each over the one before.
    #[error("the session has {0} snapshots, each over the one before: there cannot be more")]
    Deep(usize),
}

impl Classify for SnapshotError {
    fn class(&self) -> Class {
        match self {
            Self::Name(_) | Self::Deep(_) => Class::Usage,
            Self::Taken(_) => Class::Conflict,
            Self::Missing(_) => Class::NotFound,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Deep(_) => Some("after a rollback to an earlier one there can be more".to_owned()),
            _ => None,
        }
    }
}

/// A new name for a snapshot, beside these.
pub(super) fn check_name<'a>(name: &str, mut known: impl Iterator<Item = &'a str>) -> Result<(), SnapshotError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if !begins || name.len() > LONGEST || !name.bytes().all(plain) {
        return Err(SnapshotError::Name(name.to_owned()));
    }
    if known.any(|known| known == name) { Err(SnapshotError::Taken(name.to_owned())) } else { Ok(()) }
}

/// The layers of a session's root. Each snapshot has sealed one, so what is written goes to the one after the last of all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Layers {
    snapshots: Vec<Sealed>,
    /// Those below what is written, oldest first.
    below: Vec<usize>,
}

/// A snapshot: the layers that it is made of, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    name: String,
    layers: Vec<usize>,
}

impl Layers {
    /// The names of the snapshots, oldest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.snapshots.iter().map(|one| one.name.clone()).collect()
    }

    /// The number of the layer that is written to.
    pub(super) fn top(&self) -> usize {
        self.snapshots.len() + 1
    }

    /// The number of the newest sealed layer below it; 0 is none.
    pub(super) fn sealed(&self) -> usize {
        self.below.last().copied().unwrap_or(0)
    }

    /// The folders below what is written as an overlay wants them, the newest first, seen from the folder that has the layers.
    pub(super) fn lower(&self) -> String {
        self.below.iter().rev().map(|number| format!("{number}:")).chain(["../lower".to_owned()]).collect()
    }

    /// What is to be after a new snapshot.
    pub(super) fn seal(&self, name: &str) -> Result<Self, SnapshotError> {
        check_name(name, self.snapshots.iter().map(|one| one.name.as_str()))?;
        if self.below.len() >= DEEPEST {
            return Err(SnapshotError::Deep(self.below.len()));
        }
        let mut next = self.clone();
        next.below.push(self.top());
        next.snapshots.push(Sealed { name: name.to_owned(), layers: next.below.clone() });
        Ok(next)
    }

    /// What is to be after a rollback.
    pub(super) fn back(&self, name: &str) -> Result<Self, SnapshotError> {
        let found = self.snapshots.iter().find(|one| one.name == name);
        let layers = &found.ok_or_else(|| SnapshotError::Missing(name.to_owned()))?.layers;
        Ok(Self { below: layers.clone(), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snapshot_seals_a_layer_and_a_rollback_takes_those_that_it_had() {
        let none = Layers::default();
        assert_eq!((none.top(), none.lower().as_str()), (1, "../lower"));
        let one = none.seal("one").unwrap();
        assert_eq!((one.top(), one.sealed(), one.lower().as_str()), (2, 1, "1:../lower"));
        let two = one.seal("two").unwrap().back("one").unwrap();
        assert_eq!((two.top(), two.lower().as_str()), (3, "1:../lower"));
        let three = two.seal("three").unwrap();
        assert_eq!((three.top(), three.lower().as_str()), (4, "3:1:../lower"));
        assert_eq!(three.back("two").unwrap().lower(), "2:1:../lower");
        assert_eq!(three.names(), ["one", "two", "three"]);
    }

    #[test]
    fn names_are_plain_and_the_stack_has_an_end() {
        for bad in ["", "-a", ".", "a b", "a/b", "a:b", "a".repeat(65).as_str()] {
            assert_eq!(Layers::default().seal(bad).unwrap_err().class(), Class::Usage, "{bad}");
        }
        let mut layers = Layers::default();
        for number in 0..DEEPEST {
            layers = layers.seal(&format!("s{number}")).unwrap();
        }
        assert!(layers.lower().len() < 256, "{}", layers.lower());
        assert!(matches!(layers.seal("more"), Err(SnapshotError::Deep(DEEPEST))));
        assert!(layers.back("s0").unwrap().seal("more").is_ok());
        assert_eq!(layers.seal("s1").unwrap_err().class(), Class::Conflict);
        assert_eq!(layers.back("none").unwrap_err().class(), Class::NotFound);
    }
}
