//! What is installed, and which served file each package came from.

use std::{collections::BTreeMap, fs::File};

use debbuild_core::{
    blob::BlobStore,
    blocking,
    context::Context,
    control::paragraphs,
    deb::{Deb, DebLimits},
    lock::{LockedFile, LockedPackage},
    path::IoResultExt as _,
};

use super::ManagerError;
use crate::gateway::{AccessRecord, Served};

/// Name, architecture and version of an installed package.
type Identity = (String, String, String);

/// The installed packages of a dpkg status file.
pub(super) fn installed(status: &str) -> Result<Vec<Identity>, ManagerError> {
    let bad = |error: String| ManagerError::Record { what: "the dpkg status file".to_owned(), reason: error };
    let mut all = Vec::new();
    for paragraph in paragraphs(status) {
        let paragraph = paragraph.map_err(|error| bad(error.to_string()))?;
        if paragraph.get("Status") != Some("install ok installed") {
            continue;
        }
        let field = |name: &str| {
            let value = paragraph.get(name).map(str::to_owned);
            value.ok_or_else(|| bad(format!("the stanza at line {} has no {name}", paragraph.first_line())))
        };
        all.push((field("Package")?, field("Architecture")?, field("Version")?));
    }
    Ok(all)
}

/// Each installed package with the .deb that it came from, ordered by name, architecture and version: one that was served, or else
/// one that was there before.
pub(super) async fn locked(
    cx: &Context,
    status: &str,
    record: &AccessRecord,
    before: &[LockedPackage],
    blobs: &dyn BlobStore,
) -> Result<Vec<LockedPackage>, ManagerError> {
    let known = |package: &LockedPackage| {
        (package.name.to_string(), package.architecture.to_string(), package.version.to_string())
    };
    let mut from: BTreeMap<Identity, LockedPackage> =
        before.iter().map(|package| (known(package), package.clone())).collect();
    let debs: BTreeMap<_, &Served> =
        record.served.iter().filter(|file| file.path.ends_with(".deb")).map(|file| (file.sha256, file)).collect();
    for served in debs.into_values() {
        let path = blobs.local(cx, served.sha256).await?;
        let inner = cx.clone();
        let package = blocking::run(move || {
            let file = File::open(&path).at("open", &path)?;
            Ok::<_, ManagerError>(Deb::read(&inner, file, &DebLimits::default())?.package)
        })
        .await?;
        let identity = (package.package.to_string(), package.architecture.to_string(), package.version.to_string());
        let file = LockedFile { path: served.path.clone(), size: served.size, sha256: served.sha256 };
        let locked = LockedPackage::new(package.package, package.version, package.architecture, &served.archive, file);
        from.insert(identity, locked);
    }
    let mut all = Vec::new();
    for identity in installed(status)? {
        let (name, architecture, version) = identity.clone();
        let unknown = || ManagerError::Unaccounted { name, architecture, version };
        all.push(from.remove(&identity).ok_or_else(unknown)?);
    }
    all.sort_by(|a, b| (&a.name, &a.architecture, &a.version).cmp(&(&b.name, &b.architecture, &b.version)));
    Ok(all)
}
