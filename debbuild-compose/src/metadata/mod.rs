//! What a finished compose says about itself: `composeinfo.json`, `packages.json` and `images.json`, wire types with a schema.
//!
//! They say what and from what: nothing in them depends on which machine composed, or what was reused.

use std::collections::BTreeMap;

use debbuild_core::{digest::Sha256, lock::LockFile};
use serde::{Deserialize, Serialize};

use crate::{
    blueprint::{Blueprint, DeliverableKind},
    cache::StoredNode,
    gather::Because,
    identity::ComposeId,
    plan::{PackageSets, PlannedNode},
    status::Status,
};

/// The schema version of all three files.
pub const SCHEMA: u32 = 1;

/// `metadata/composeinfo.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComposeInfo {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The compose.
    pub compose: ComposeHeader,
    /// The release that it is of.
    pub release: Release,
    /// The digest of `compose.lock`.
    pub lock: Sha256,
    /// Each variant, with the folders of its deliverables by architecture and kind.
    pub variants: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// Every deliverable that was asked for.
    pub deliverables: Vec<DeliverableInfo>,
}

/// The compose itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComposeHeader {
    /// Its id.
    pub id: String,
    /// Its day, `YYYYMMDD`.
    pub date: String,
    /// Its respin.
    pub respin: u32,
    /// Its type.
    pub r#type: String,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its final status.
    pub status: String,
}

/// The release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Release {
    /// Its name for people.
    pub name: String,
    /// Its short name.
    pub short: String,
    /// Its version.
    pub version: String,
}

/// One deliverable that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeliverableInfo {
    /// Its variant.
    pub variant: String,
    /// Its architecture.
    pub architecture: String,
    /// Its kind.
    pub kind: String,
    /// Whether the compose could go on without it.
    pub failable: bool,
    /// Why it was not made, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// `metadata/packages.json`: variant, architecture, package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Packages {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The compose's id.
    pub compose: String,
    /// The packages of each variant and architecture, by name.
    pub packages: BTreeMap<String, BTreeMap<String, BTreeMap<String, PackageInfo>>>,
}

/// One package of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PackageInfo {
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// The .deb's sha256.
    pub sha256: Sha256,
    /// The .deb's size in bytes.
    pub size: u64,
    /// The archive that it came from.
    pub archive: String,
    /// The deliverables that have it.
    pub deliverables: Vec<String>,
    /// Why it is there, where that is known.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
}

/// `metadata/images.json`: variant, architecture, deliverables that are images or trees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Images {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The compose's id.
    pub compose: String,
    /// The images of each variant and architecture.
    pub images: BTreeMap<String, BTreeMap<String, Vec<ImageInfo>>>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageInfo {
    /// Its kind.
    pub kind: String,
    /// Its path below the compose's folder.
    pub path: String,
    /// The bytes of all its files.
    pub size: u64,
    /// The sha256 of its file, where it is one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// The key of the node that made it.
    pub key: Sha256,
    /// What its phase says about it: the commit, the manifest's digest, the volume id, how it boots.
    pub facts: BTreeMap<String, String>,
}

/// What the three files are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) id: &'a ComposeId,
    pub(crate) status: Status,
    pub(crate) blueprint: &'a Blueprint,
    pub(crate) lock: Sha256,
    pub(crate) sets: &'a PackageSets,
    pub(crate) because: &'a BTreeMap<String, Because>,
    pub(crate) made: &'a [(&'a PlannedNode, &'a StoredNode)],
    pub(crate) failed: &'a BTreeMap<(String, DeliverableKind), String>,
}

/// The folder of a deliverable below the compose's.
pub(crate) fn folder(variant: &str, architecture: &str, kind: DeliverableKind) -> String {
    format!("{variant}/{architecture}/{}", kind.folder())
}

pub(crate) fn compose_info(from: &Sources<'_>) -> ComposeInfo {
    let Sources { id, blueprint, failed, .. } = from;
    let arch = blueprint.architecture.to_string();
    let mut info = ComposeInfo {
        schema: SCHEMA,
        compose: ComposeHeader {
            id: id.to_string(),
            date: id.date().to_owned(),
            respin: id.respin(),
            r#type: id.kind().to_string(),
            label: blueprint.label.as_ref().map(ToString::to_string),
            status: from.status.to_string(),
        },
        release: Release {
            name: blueprint.name.clone(),
            short: blueprint.short.clone(),
            version: blueprint.version.clone(),
        },
        lock: from.lock,
        variants: BTreeMap::new(),
        deliverables: Vec::new(),
    };
    for variant in &blueprint.variants {
        let mut folders = BTreeMap::new();
        for deliverable in &variant.deliverables {
            let kind = deliverable.kind();
            let failed = failed.get(&(variant.name.clone(), kind)).cloned();
            if failed.is_none() {
                folders.insert(kind.to_string(), folder(&variant.name, &arch, kind));
            }
            info.deliverables.push(DeliverableInfo {
                variant: variant.name.clone(),
                architecture: arch.clone(),
                kind: kind.to_string(),
                failable: deliverable.failable,
                failed,
            });
        }
        info.variants.insert(variant.name.clone(), BTreeMap::from([(arch.clone(), folders)]));
    }
    info
}

pub(crate) fn packages(from: &Sources<'_>) -> Packages {
    let mut all = Packages { schema: SCHEMA, compose: from.id.to_string(), packages: BTreeMap::new() };
    let arch = from.blueprint.architecture.to_string();
    for variant in &from.blueprint.variants {
        let mut packages: BTreeMap<String, PackageInfo> = BTreeMap::new();
        for deliverable in &variant.deliverables {
            let kind = deliverable.kind();
            let Some(set) = from.sets.get(&format!("{}/{kind}", variant.name)) else { continue };
            for package in &set.packages {
                let name = package.name.to_string();
                let because = from.because.get(&name).cloned();
                let info = packages.entry(name).or_insert_with(|| PackageInfo {
                    version: package.version.to_string(),
                    architecture: package.architecture.to_string(),
                    sha256: package.sha256,
                    size: package.size,
                    archive: package.archive.clone(),
                    deliverables: Vec::new(),
                    because,
                });
                info.deliverables.push(kind.to_string());
            }
        }
        all.packages.insert(variant.name.clone(), BTreeMap::from([(arch.clone(), packages)]));
    }
    all
}

pub(crate) fn images(from: &Sources<'_>) -> Images {
    let mut all = Images { schema: SCHEMA, compose: from.id.to_string(), images: BTreeMap::new() };
    let arch = from.blueprint.architecture.to_string();
    for (node, stored) in from.made {
        let placement = &node.spec.placement;
        if placement.kind == DeliverableKind::Repository {
            continue;
        }
        let mut facts = stored.facts.clone();
        let inner = facts.remove("path").filter(|path| path != ".");
        let folder = folder(&placement.variant, &arch, placement.kind);
        let sha256 = stored.files().find(|(path, ..)| inner.as_deref() == Some(path)).map(|(.., sha256)| sha256);
        let image = ImageInfo {
            kind: placement.kind.to_string(),
            path: inner.map_or(folder.clone(), |inner| format!("{folder}/{inner}")),
            size: stored.files().map(|(_, size, _)| size).sum(),
            sha256,
            key: node.key,
            facts,
        };
        let variant = all.images.entry(placement.variant.clone()).or_default();
        variant.entry(arch.clone()).or_default().push(image);
    }
    all
}

/// The bytes of `compose.lock`, with its digest.
pub(crate) fn lock(lock: &LockFile) -> Result<(Vec<u8>, Sha256), serde_json::Error> {
    let bytes = lock.to_json()?;
    let digest = Sha256::of(&bytes);
    Ok((bytes, digest))
}
