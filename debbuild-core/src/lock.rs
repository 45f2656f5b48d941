//! The exact inputs, by hash, from which a chroot, a build or a compose can be made again offline.

#[cfg(feature = "resolve")]
mod diff;
mod list;
mod read;

use std::collections::BTreeMap;

#[cfg(feature = "resolve")]
pub use diff::{ArchiveChange, LockDiff, ValueChange};
pub use list::ListStyle;
pub use read::LockError;

use serde::{Deserialize, Serialize};

use crate::{arch::Architecture, clock::Timestamp, digest::Sha256, name::PackageName, version::Version};

/// The schema version of lock files that this library writes and reads.
pub const LOCK_SCHEMA: u32 = 1;

/// A lock file (`lock.json`, `compose.lock`): a wire type. Its JSON schema is `docs/schemas/lock-v1.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockFile {
    /// [`LOCK_SCHEMA`].
    pub schema: u32,
    /// What it locks.
    pub kind: LockKind,
    /// The architecture of the environment.
    pub architecture: Architecture,
    /// When the archives were verified: replay verifies as of this time.
    pub verified_at: Timestamp,
    /// Every archive that was used.
    pub archives: Vec<ArchiveAccess>,
    /// The packages: for a compose, the set common to all deliverables. Ordered by name, architecture, version.
    pub packages: Vec<LockedPackage>,
    /// Packages that only one deliverable has, by the deliverable's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additions: BTreeMap<String, Vec<LockedPackage>>,
    /// Everything else that decides the result (variant, hooks by digest, profiles).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The tools that did the work, with their versions: provenance, not part of any key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, String>,
}

impl LockFile {
    /// A lock of nothing yet.
    #[must_use]
    pub fn new(kind: LockKind, architecture: Architecture, verified_at: Timestamp) -> Self {
        Self {
            schema: LOCK_SCHEMA,
            kind,
            architecture,
            verified_at,
            archives: Vec::new(),
            packages: Vec::new(),
            additions: BTreeMap::new(),
            options: BTreeMap::new(),
            tools: BTreeMap::new(),
        }
    }

    /// The lock as it is written to disk: pretty JSON with a final newline, the same bytes for the same lock.
    ///
    /// # Errors
    /// Never for values of this type; the error is serde_json's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Every blob that the lock needs, each once, in order of digest: what a root must hold.
    #[must_use]
    pub fn blobs(&self) -> Vec<Sha256> {
        let packages = self.packages.iter().chain(self.additions.values().flatten()).map(|package| package.sha256);
        let archives = self.archives.iter().flat_map(|archive| {
            let files = archive.indexes.iter().chain(&archive.release_signature).map(|file| file.sha256);
            files.chain([archive.release.sha256, archive.keyring_sha256])
        });
        let mut all: Vec<Sha256> = packages.chain(archives).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a lock is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LockKind {
    /// A chroot.
    Chroot,
    /// A build.
    Build,
    /// A compose.
    Compose,
}

impl LockKind {
    /// The name, as locks have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chroot => "chroot",
            Self::Build => "build",
            Self::Compose => "compose",
        }
    }
}

/// One archive as it was used: the signed index, and the indexes below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ArchiveAccess {
    /// The name that requests use for it.
    pub name: String,
    /// Where it was configured to be, for people; replay does not go there.
    pub uris: Vec<String>,
    /// The suite, as in the URI.
    pub suite: String,
    /// The exact InRelease (or Release) file.
    pub release: LockedFile,
    /// The exact Release.gpg, where the archive has no InRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_signature: Option<LockedFile>,
    /// `Date` of the Release.
    pub date: Timestamp,
    /// `Valid-Until` of the Release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Whether expiry was checked when it was verified.
    pub expiry_checked: bool,
    /// The keyring that it was verified with.
    pub keyring_sha256: Sha256,
    /// The index files that were read, exact bytes.
    pub indexes: Vec<LockedFile>,
}

impl ArchiveAccess {
    /// An access to the signed index alone.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        suite: impl Into<String>,
        release: LockedFile,
        date: Timestamp,
        keyring_sha256: Sha256,
    ) -> Self {
        Self {
            name: name.into(),
            uris: Vec::new(),
            suite: suite.into(),
            release,
            release_signature: None,
            date,
            valid_until: None,
            expiry_checked: true,
            keyring_sha256,
            indexes: Vec::new(),
        }
    }
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Its path below the archive's root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}

/// A binary package, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedPackage {
    /// Its name.
    pub name: PackageName,
    /// Its architecture (may be `all`).
    pub architecture: Architecture,
    /// Its version.
    pub version: Version,
    /// The .deb's sha256.
    pub sha256: Sha256,
    /// The .deb's size in bytes.
    pub size: u64,
    /// The archive that it came from, by name.
    pub archive: String,
    /// The .deb's path below the archive's root.
    pub path: String,
}

impl LockedPackage {
    /// A package as its Packages stanza describes it.
    #[must_use]
    pub fn new(
        name: PackageName,
        version: Version,
        architecture: Architecture,
        archive: impl Into<String>,
        file: LockedFile,
    ) -> Self {
        let LockedFile { path, size, sha256 } = file;
        Self { name, architecture, version, sha256, size, archive: archive.into(), path }
    }
}

#[cfg(test)]
mod tests;
