//! The record of a chroot, `manifest.json`: what was asked for, what came of it, and who did it. Wire types.

use std::collections::BTreeMap;

use debbuild_core::{
    arch::Architecture,
    build::ChrootId,
    clock::Timestamp,
    digest::Sha256,
    name::{PackageName, SuiteName},
    version::Version,
};
use serde::{Deserialize, Serialize};

/// The schema version of manifests that this library writes and reads.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What is known of a chroot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: u32,
    /// Its identity: over architecture, installed packages by hash, configuration and clamp time.
    pub id: String,
    /// The key of the request that made it.
    pub spec_key: Sha256,
    /// The request.
    pub spec: SpecRecord,
    /// When it was made.
    pub created: Timestamp,
    /// No file in it is younger.
    pub epoch: Timestamp,
    /// Its content.
    pub tarball: FileRecord,
    /// The sha256 of its lock.
    pub lock: Sha256,
    /// How many packages are installed.
    pub packages: usize,
    /// The tool that made it and its version.
    pub tool: (String, String),
}

impl Manifest {
    /// Its identity.
    ///
    /// # Errors
    /// When the file was changed by hand.
    pub fn chroot_id(&self) -> Result<ChrootId, debbuild_core::digest::DigestError> {
        self.id.parse()
    }
}

/// A stored file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its sha256.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// A request, with keys and scripts by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SpecRecord {
    /// The suite.
    pub suite: SuiteName,
    /// The architecture.
    pub architecture: Architecture,
    /// The host architecture of a cross chroot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Architecture>,
    /// The variant's name.
    pub variant: String,
    /// More packages, sorted.
    pub include: Vec<String>,
    /// Exact versions; with any, no other package is ever chosen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<PackageName, Version>,
    /// The archives, in order.
    pub archives: Vec<ArchiveRecord>,
    /// The scripts at the end, by name and text.
    pub hooks: Vec<(String, String)>,
    /// Variables of sessions and builds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Options of apt inside, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apt_options: Vec<(String, String)>,
    /// The id of the chroot that this one is a layer over; then only what is included and taken away is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Packages of the parent that are taken away, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// The tool that makes its base; none: mmdebstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrapper: Option<String>,
    /// The bytes that it was imported from; then nothing is known of the archives that its packages came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportRecord>,
}

/// What a chroot was imported from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImportRecord {
    /// `tar` (a tar archive) or `oci` (an OCI image).
    pub kind: String,
    /// The sha256 of the file, or of the image's manifest or index.
    pub sha256: Sha256,
}

/// One suite of an archive, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ArchiveRecord {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub uris: Vec<String>,
    /// The suite.
    pub suite: SuiteName,
    /// The components; none means all.
    pub components: Vec<String>,
    /// The keyring in binary form, a stored blob.
    pub keyring_sha256: Sha256,
    /// The only keys of the ring that may sign; none means all.
    pub signers: Vec<String>,
    /// Whether an expired Release is refused.
    pub check_valid_until: bool,
    /// Whether a Release of another suite is refused.
    pub check_suite: bool,
    /// The priority of its packages; none: what apt gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i16>,
}
