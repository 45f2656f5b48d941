//! What an archive is to us: where it is, which suite of it, and whose signature we take.

use super::fetch::Uri;
use crate::{
    arch::Architecture,
    digest::{KeyHasher, Sha256},
    name::{ComponentName, SuiteName},
    sign::{Fingerprint, Keyring},
};

/// One suite of an APT archive, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archive {
    /// The name that requests, records and messages use.
    pub name: String,
    /// Where it is; tried in this order.
    pub uris: Vec<Uri>,
    /// The suite below `dists/`.
    pub suite: SuiteName,
    /// The components that are used; none means every component of the Release.
    pub components: Vec<ComponentName>,
    /// The architectures that are used; none means whatever is asked for.
    pub architectures: Vec<Architecture>,
    /// The keys that may sign it.
    pub signed_by: Keyring,
    /// Only these keys of the ring, by their primary fingerprints; none means every key of the ring.
    pub signers: Vec<Fingerprint>,
    /// Whether a Release past its `Valid-Until` is refused. Off only for archives that are kept for ever, and recorded.
    pub check_valid_until: bool,
    /// Whether a Release whose `Suite` and `Codename` both are not this suite is refused.
    pub check_suite: bool,
}

impl Archive {
    /// Every component of this suite there, signed by any key of the ring, with all checks.
    #[must_use]
    pub fn new(name: impl Into<String>, uri: Uri, suite: SuiteName, signed_by: Keyring) -> Self {
        Self {
            name: name.into(),
            uris: vec![uri],
            suite,
            components: Vec::new(),
            architectures: Vec::new(),
            signed_by,
            signers: Vec::new(),
            check_valid_until: true,
            check_suite: true,
        }
    }

    /// With other addresses of the same archive.
    #[must_use]
    pub fn with_uris(mut self, uris: Vec<Uri>) -> Self {
        self.uris = uris;
        self
    }

    /// Another suite of the same archive.
    #[must_use]
    pub fn with_suite(mut self, suite: SuiteName) -> Self {
        self.suite = suite;
        self
    }

    /// With these components only.
    #[must_use]
    pub fn with_components(mut self, components: Vec<ComponentName>) -> Self {
        self.components = components;
        self
    }

    /// With these architectures only.
    #[must_use]
    pub fn with_architectures(mut self, architectures: Vec<Architecture>) -> Self {
        self.architectures = architectures;
        self
    }

    /// Signed by one of these keys of the ring only.
    #[must_use]
    pub fn with_signers(mut self, signers: Vec<Fingerprint>) -> Self {
        self.signers = signers;
        self
    }

    /// Whether a Release past its `Valid-Until` is refused.
    #[must_use]
    pub const fn with_check_valid_until(mut self, check: bool) -> Self {
        self.check_valid_until = check;
        self
    }

    /// Whether a Release of another suite is refused.
    #[must_use]
    pub const fn with_check_suite(mut self, check: bool) -> Self {
        self.check_suite = check;
        self
    }

    /// What names this suite of this archive in the memory of what was seen: its addresses and its suite.
    #[must_use]
    pub fn key(&self) -> Sha256 {
        let mut key = KeyHasher::new("archive v1");
        key.list("uris", self.uris.iter().map(Uri::as_str)).part("suite", self.suite.as_str());
        key.finish()
    }

    /// What messages call it: `bookworm at http://mirror.example/debian`.
    pub(super) fn what(&self) -> String {
        match self.uris.first() {
            Some(uri) => format!("{} at {uri}", self.suite),
            None => self.suite.to_string(),
        }
    }
}
