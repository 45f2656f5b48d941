//! The lock of a build: the chroot's packages, what was installed in addition, and the indexes that were read.

use std::collections::{BTreeMap, BTreeSet};

use debbuild_core::{
    arch::Architecture,
    blob::BlobStore,
    build::{BuildKey, BuildOptions, BuildRequest, RequestKey},
    context::Context,
    control::{ControlError, Release, signed_text},
    digest::KeyHasher,
    lock::{ArchiveAccess, LockFile, LockKind, LockedFile, LockedPackage},
    name::PackageName,
    version::Version,
};

use super::{BuildBase, log::BuildLog};
use crate::gateway::{AccessRecord, Served};

/// The name in the lock of what came from the request itself.
const LOCAL: &str = "local";
/// sbuild's own packages, which only carry dependencies.
const DUMMY: &str = "sbuild-build-depends-";

/// A .deb that the request brings.
#[derive(Debug, Clone)]
pub(super) struct LocalDeb {
    pub(super) file: LockedFile,
}

/// The lock, or what is missing for one.
pub(super) async fn lock(
    cx: &Context,
    blobs: &dyn BlobStore,
    base: &BuildBase,
    log: &BuildLog,
    access: &AccessRecord,
    local: &[LocalDeb],
) -> Result<LockFile, String> {
    let chroot = base.lock.as_ref().ok_or("the chroot has no lock")?;
    if log.installed().is_empty() {
        return Err("the build never began".to_owned());
    }
    let mut lock = LockFile::new(LockKind::Build, chroot.architecture.clone(), cx.now());
    lock.packages = packages(chroot, log, access, local)?;
    lock.archives = archives(cx, blobs, chroot, access).await?;
    Ok(lock)
}

fn packages(
    chroot: &LockFile,
    log: &BuildLog,
    access: &AccessRecord,
    local: &[LocalDeb],
) -> Result<Vec<LockedPackage>, String> {
    let mut known: BTreeMap<(String, String), LockedPackage> = BTreeMap::new();
    for package in &chroot.packages {
        known.insert((package.name.to_string(), package.version.to_string()), package.clone());
    }
    let fetched = access.served.iter().filter(|served| served.path.ends_with(".deb"));
    let fetched = fetched.map(|served| (served.archive.clone(), file(served)));
    let local = local.iter().map(|deb| (LOCAL.to_owned(), deb.file.clone()));
    let mut loose: BTreeMap<(String, String), (String, String, LockedFile)> = BTreeMap::new();
    for (archive, file) in fetched.chain(local) {
        if let Some((name, version, architecture)) = deb_name(&file.path) {
            loose.insert((name, version), (architecture, archive, file));
        }
    }
    let mut found = BTreeSet::new();
    for (name, version) in log.installed().iter().filter(|(name, _)| !name.starts_with(DUMMY)) {
        let key = (name.clone(), version.clone());
        if let Some(package) = known.get(&key) {
            found.insert(package.clone());
            continue;
        }
        let plain = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest).to_owned();
        let unknown = || format!("nobody knows where {name} {version} came from");
        let (architecture, archive, file) = loose.remove(&(name.clone(), plain)).ok_or_else(unknown)?;
        let package = || -> Option<LockedPackage> {
            let (name, version) = (PackageName::new(name).ok()?, Version::new(version).ok()?);
            Some(LockedPackage::new(name, version, Architecture::new(&architecture).ok()?, archive, file))
        };
        found.insert(package().ok_or_else(unknown)?);
    }
    Ok(found.into_iter().collect())
}

async fn archives(
    cx: &Context,
    blobs: &dyn BlobStore,
    chroot: &LockFile,
    access: &AccessRecord,
) -> Result<Vec<ArchiveAccess>, String> {
    let mut found: Vec<ArchiveAccess> = Vec::new();
    for served in access.served.iter().filter(|served| served.path.ends_with("/InRelease")) {
        let suite = served.path.trim_start_matches("dists/").trim_end_matches("/InRelease").to_owned();
        if found.iter().any(|known| known.name == served.archive && known.suite == suite) {
            continue;
        }
        let before = chroot.archives.iter().find(|known| known.name == served.archive);
        let before = before.ok_or_else(|| format!("the chroot does not know the archive {}", served.archive))?;
        let bytes = blobs.read(cx, served.sha256, None).await.map_err(|error| error.to_string())?;
        // apt has verified it inside the chroot; here only its dates are read.
        let release = release(&bytes).map_err(|error| format!("{}: {error}", served.path))?;
        let mut archive =
            ArchiveAccess::new(&served.archive, &suite, file(served), release.date, before.keyring_sha256);
        archive.valid_until = release.valid_until;
        archive.expiry_checked = before.expiry_checked;
        archive.uris.clone_from(&before.uris);
        let below = format!("dists/{suite}/");
        let indexes = access.served.iter().filter(|other| other.archive == served.archive && other.path != served.path);
        let indexes: BTreeSet<LockedFile> = indexes.filter(|other| other.path.starts_with(&below)).map(file).collect();
        archive.indexes = indexes.into_iter().collect();
        found.push(archive);
    }
    Ok(found)
}

fn file(served: &Served) -> LockedFile {
    LockedFile { path: served.path.clone(), size: served.size, sha256: served.sha256 }
}

/// A Release or InRelease whose signature apt has checked.
pub(super) fn release(bytes: &[u8]) -> Result<Release, ControlError> {
    Release::from_unverified(signed_text(bytes)?.as_bytes())
}

/// Name, version without epoch and architecture from a pool path.
pub(super) fn deb_name(path: &str) -> Option<(String, String, String)> {
    let stem = path.rsplit('/').next()?.strip_suffix(".deb")?;
    let mut parts = stem.split('_');
    let (name, version, architecture) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let version = version.replace("%3a", ":").replace("%3A", ":");
    let plain = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest).to_owned();
    Some((name.to_owned(), plain, architecture.to_owned()))
}

/// The key of what is asked for.
pub(super) fn request_key(request: &BuildRequest) -> RequestKey {
    let mut key = KeyHasher::new("build request");
    parts(&mut key, request);
    RequestKey::new(key.finish())
}

/// The key of what really went in.
pub(super) fn build_key(request: &BuildRequest, lock: &LockFile) -> BuildKey {
    let mut key = KeyHasher::new("build");
    parts(&mut key, request);
    key.list("installed", lock.packages.iter().map(|package| package.sha256.to_string()));
    BuildKey::new(key.finish())
}

fn parts(key: &mut KeyHasher, request: &BuildRequest) {
    let BuildOptions { profiles, build_options, arch_all, add_depends, network, environment, .. } = &request.options;
    key.part("dsc", request.dsc_sha256.to_string());
    key.part("chroot", request.chroot.to_string());
    key.part("suite", request.suite.as_str());
    key.part("architecture", request.architecture.as_str());
    let mut profiles: Vec<&String> = profiles.iter().collect();
    profiles.sort();
    key.list("profiles", profiles);
    key.list("build options", build_options);
    key.part("architecture-independent", if *arch_all { "yes" } else { "no" });
    key.list("additional dependencies", add_depends.iter().map(PackageName::as_str));
    key.part("network", format!("{network:?}"));
    key.list("environment", environment.iter().map(|(name, value)| format!("{name}={value}")));
}
