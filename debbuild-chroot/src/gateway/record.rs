//! What passed through a door: the source of locks, and of the answer to "was it us, the mirror, or the package?".

use std::collections::BTreeSet;

use debbuild_core::{acquire::fetch::Uri, digest::Sha256, error::Class};

/// Where served bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Via {
    /// Kept bytes, nobody was asked.
    Kept,
    /// Kept bytes, the upstream said that they are current.
    Current,
    /// Fetched just now.
    Fetched,
    /// Fetched, or found current, for another request that was under way.
    Joined,
}

/// A file that was served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// The archive's name.
    pub archive: String,
    /// The path below the archive's root.
    pub path: String,
    /// The size of the whole file in bytes.
    pub size: u64,
    /// The file's sha256.
    pub sha256: Sha256,
    /// Where it came from.
    pub via: Via,
    /// The address that gave it, or said that it is current; none for kept bytes.
    pub upstream: Option<Uri>,
    /// How often the transfer was tried again, at this address and those before it.
    pub retries: u32,
    /// Bytes that later tries found there and did not ask for again.
    pub resumed: u64,
}

/// A file that could not be had for a reason that is not the asker's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamFailure {
    /// The archive's name.
    pub archive: String,
    /// The path below the archive's root.
    pub path: String,
    /// The class: lies (`verification`) and trouble (`infrastructure`) are told apart.
    pub class: Class,
    /// What happened, for people.
    pub reason: String,
}

/// Everything that passed, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AccessRecord {
    /// Files that were served.
    pub served: Vec<Served>,
    /// Files that the archive does not have, as `(archive, path)`.
    pub absent: Vec<(String, String)>,
    /// Files that could not be had: upstream unreachable or broken, store full, not kept while offline.
    pub failures: Vec<UpstreamFailure>,
    /// Upstreams that failed where another one then gave the file.
    pub detours: Vec<UpstreamFailure>,
    /// Requests that are not allowed: other hosts, other methods, files that a lock does not name, more than the door gives.
    pub refused: Vec<String>,
}

/// How many refused requests a record names, and how much of each: those who ask may mean harm.
const REFUSED: usize = 1000;
const LONGEST: usize = 500;

impl AccessRecord {
    /// Takes note of a request that is not allowed.
    pub(super) fn refuse(&mut self, line: &str) {
        match self.refused.len() {
            count if count < REFUSED => self.refused.push(line.chars().take(LONGEST).collect()),
            REFUSED => self.refused.push("more requests than are listed here".to_owned()),
            _ => {}
        }
    }

    /// The first failure that no later success made good: then what depends on the gateway failed by infrastructure.
    #[must_use]
    pub fn infrastructure_failure(&self) -> Option<&UpstreamFailure> {
        let got: BTreeSet<(&str, &str)> =
            self.served.iter().map(|file| (file.archive.as_str(), file.path.as_str())).collect();
        self.failures.iter().find(|failure| !got.contains(&(failure.archive.as_str(), failure.path.as_str())))
    }

    /// Whether at least one signed index (`InRelease`, `Release`) was served.
    #[must_use]
    pub fn has_release(&self) -> bool {
        self.served.iter().any(|file| file.path.ends_with("Release"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_means_harm_does_not_fill_the_record() {
        let mut record = AccessRecord::default();
        for _ in 0..=REFUSED * 2 {
            record.refuse(&"é".repeat(LONGEST * 2));
        }
        assert_eq!(record.refused.len(), REFUSED + 1);
        assert!(record.refused.iter().all(|line| line.chars().count() <= LONGEST));
        assert_eq!(record.refused.last().map(String::as_str), Some("more requests than are listed here"));
    }
}
