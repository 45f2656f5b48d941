//! Making a chroot: open its archives, bootstrap it behind the gateway, account for every package, name it by content.

use std::collections::BTreeSet;

use debbuild_core::{
    acquire::{ArchiveReader, Suite},
    blob::{Adopt, Blob},
    blocking,
    build::ChrootId,
    clock::Timestamp,
    command::OutputSink,
    context::Context,
    digest::{KeyHasher, Sha256},
    event::Unit,
    lock::{ArchiveAccess, LockFile, LockKind, LockedFile},
    name::{ComponentName, SuiteName},
};

use super::{
    Chroot, ChrootManager, ManagerError,
    layer::{Parent, lists_key},
    manifest::{FileRecord, MANIFEST_SCHEMA, Manifest, SpecRecord},
    packages, spec,
    spec::ChrootSpec,
};
use crate::{
    confine::Scratch,
    create::{
        BootstrapRequest, BootstrapTool, Bootstrapped, InnerSource, Pin, apt_conf, exact_versions, preferences, sources,
    },
    gateway::{AccessRecord, AllowedArchive, Expected, ExpectedFiles, GatewayOptions, Mode},
    layer::LayerRequest,
};

/// The option of a lock that holds the request.
pub(super) const SPEC_OPTION: &str = "spec";

/// A suite that is open, under the name by which the gateway knows its archive.
pub(super) struct Opened {
    pub(super) suite: Suite,
    pub(super) archive: String,
    components: Vec<ComponentName>,
    check_valid_until: bool,
    pub(super) priority: Option<i16>,
}

/// What was made, what passed through the gateway for it, and how its bytes are taken over.
pub(super) struct Product {
    pub(super) made: Bootstrapped,
    pub(super) access: AccessRecord,
    pub(super) adopt: Adopt,
}

/// A finished chroot that is to enter the catalogue.
pub(super) struct Entry {
    pub(super) id: ChrootId,
    pub(super) tarball: Blob,
    pub(super) epoch: Timestamp,
    pub(super) packages: usize,
    pub(super) tool: (String, String),
    /// What the lock needs besides its own bytes.
    pub(super) below: Vec<Sha256>,
}

impl ChrootManager {
    /// Makes the chroot, and makes it the newest of its request. With a lock, from exactly what the lock names.
    pub(super) async fn make(
        &self,
        cx: &Context,
        spec: &ChrootSpec,
        record: &SpecRecord,
        replay: Option<&LockFile>,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, ManagerError> {
        let step = cx.step(format!("chroot {} {}", spec.suite, spec.architecture), Unit::None, None);
        let cx = step.context().clone();
        let parent = self.parent_of(&cx, record, replay, log).await?;
        let opened = open_suites(&cx, &self.0.reader, spec, replay).await?;
        let epoch = opened.iter().map(|one| one.suite.release().date).max().ok_or(ManagerError::NoArchives)?;
        let epoch = parent.as_ref().map_or(epoch, |parent| epoch.max(parent.chroot.manifest.epoch));
        let sources = self.inner_sources(&cx, &opened).await?;
        let request =
            BootstrapRequest::new(spec.suite.clone(), spec.architecture.clone(), spec.variant, sources, epoch);
        let request = request.with_include(spec.included()).with_host(spec.host.clone()).with_hooks(spec.hooks.clone());
        let request = request.with_versions(spec.versions.clone()).with_replay(replay.is_some());
        let request = request.with_apt(pins(&opened)?, spec.apt_options.clone());
        let scratch = Scratch::create(&self.0.scratch, "create", &self.0.user)?;
        let options = gateway_options(&opened, replay, self.0.offline);
        let made = match &parent {
            None => self.bootstrap(&cx, spec.bootstrapper, &request, &scratch, options, log).await,
            Some(parent) => {
                let layer = LayerRequest::new(options, epoch).with_packages(spec.include.clone(), spec.remove.clone());
                let layer = layer.with_upgrade(parent.is_behind(&opened)).with_replay(replay.is_some());
                self.layer(&cx, parent, layer, lists_key(&opened), &scratch, log).await
            }
        };
        let chroot = match made {
            Ok(product) => self.keep(&cx, record, &request, &opened, product, parent.as_ref(), replay).await,
            Err(error) => Err(error),
        };
        scratch.remove(&cx, &*self.0.runner, &self.0.user).await?;
        let chroot = chroot?;
        step.finish();
        Ok(chroot)
    }

    /// The entries of the sources list inside, each with the keys that verified its archive here.
    async fn inner_sources(&self, cx: &Context, opened: &[Opened]) -> Result<Vec<InnerSource>, ManagerError> {
        let allowed = allowed(opened);
        let mut all = Vec::new();
        for one in opened {
            let access = one.suite.access();
            let uri = allowed.iter().find(|allowed| allowed.name == one.archive).map(AllowedArchive::inner_uri);
            let keys = self.0.blobs.read(cx, access.keyring_sha256, None).await?.to_vec();
            let suite = one.suite.archive().suite.clone();
            let name = format!("{}-{}", one.archive, suite.as_str().replace('/', "-"));
            let source = InnerSource::new(name, uri.unwrap_or_default(), suite, one.components.clone(), keys);
            all.push(source.with_check_valid_until(one.check_valid_until));
        }
        Ok(all)
    }

    async fn bootstrap(
        &self,
        cx: &Context,
        tool: BootstrapTool,
        request: &BootstrapRequest,
        scratch: &Scratch,
        options: GatewayOptions,
        log: &mut dyn OutputSink,
    ) -> Result<Product, ManagerError> {
        let bootstrapper = match (tool, &self.0.privileged) {
            (BootstrapTool::Mmdebstrap, _) => &self.0.bootstrapper,
            (BootstrapTool::Debootstrap, Some(bootstrapper)) => bootstrapper,
            (BootstrapTool::Debootstrap, None) => return Err(ManagerError::Privileged(tool.name())),
        };
        let door = self.0.gateway.open(cx, &scratch.socket()?, options)?;
        let made = bootstrapper.bootstrap(cx, request, scratch, &self.0.user, log).await;
        let access = door.close().await;
        // The build user could still write to a linked file of its own.
        let adopt = if self.0.user.switch { Adopt::Copy } else { Adopt::Link };
        match (made, access.infrastructure_failure()) {
            (Ok(made), _) => Ok(Product { made, access, adopt }),
            (Err(_), Some(failure)) => Err(ManagerError::Archive(failure.clone())),
            (Err(error), None) => Err(error.into()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one place knows everything about a chroot: here")]
    async fn keep(
        &self,
        cx: &Context,
        record: &SpecRecord,
        request: &BootstrapRequest,
        opened: &[Opened],
        product: Product,
        parent: Option<&Parent>,
        replay: Option<&LockFile>,
    ) -> Result<Chroot, ManagerError> {
        let parts = &self.0;
        let Product { made, access, adopt } = product;
        let verified_at = replay.map_or_else(|| cx.now(), |lock| lock.verified_at);
        let mut lock = LockFile::new(LockKind::Chroot, record.architecture.clone(), verified_at);
        let before = parent.map(|parent| parent.lock.packages.as_slice()).unwrap_or_default();
        lock.packages = packages::locked(cx, &made.status, &access, before, &*parts.blobs).await?;
        lock.archives = opened.iter().map(|one| used(one, &access)).collect();
        lock.options.insert(SPEC_OPTION.to_owned(), spec_text(record)?);
        lock.options.extend(parent.map(Parent::locks).transpose()?.unwrap_or_default());
        lock.tools.insert(made.tool.0.clone(), made.tool.1.clone());
        let id = identity(&lock, request, record)?;
        let tarball = parts.blobs.adopt(cx, &made.tarball, adopt, None).await?;
        let below = parent.map(Parent::blobs).unwrap_or_default();
        let entry = Entry { id, tarball, epoch: request.epoch, packages: lock.packages.len(), tool: made.tool, below };
        self.enter(cx, record, &lock, entry).await
    }

    /// Pins what a finished chroot needs, and puts it into the catalogue as the newest of its request.
    pub(super) async fn enter(
        &self,
        cx: &Context,
        record: &SpecRecord,
        lock: &LockFile,
        entry: Entry,
    ) -> Result<Chroot, ManagerError> {
        let parts = &self.0;
        let Entry { id, tarball, epoch, packages, tool, below } = entry;
        let lock_bytes = lock.to_json().map_err(|error| spec::bad("the lock", error))?;
        let lock_blob = parts.blobs.put(cx, lock_bytes.clone().into()).await?;
        let mut kept = lock.blobs();
        kept.extend(below);
        kept.extend(record.archives.iter().map(|archive| archive.keyring_sha256));
        kept.extend([tarball.id, lock_blob.id]);
        parts.blobs.pin(cx, super::ROOT_OWNER, &id.to_string(), &kept).await?;
        let spec_key = spec::key(record);
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA,
            id: id.to_string(),
            spec_key,
            spec: record.clone(),
            created: cx.now(),
            epoch,
            tarball: FileRecord { sha256: tarball.id, size: tarball.size },
            lock: lock_blob.id,
            packages,
            tool,
        };
        let path = parts.blobs.local(cx, tarball.id).await?;
        let catalogue = parts.catalogue.clone();
        blocking::run(move || {
            catalogue.publish(&manifest, &lock_bytes, &path)?;
            catalogue.set_newest(spec_key, id)?;
            catalogue.get(id)?.ok_or_else(|| ManagerError::NotFound(id.to_string()))
        })
        .await
    }
}

/// Opens the suites of a request; with a lock, from what it says.
pub(super) async fn open_suites(
    cx: &Context,
    reader: &ArchiveReader,
    spec: &ChrootSpec,
    replay: Option<&LockFile>,
) -> Result<Vec<Opened>, ManagerError> {
    let mut suites = Vec::new();
    match replay {
        Some(lock) => {
            for access in &lock.archives {
                suites.push(reader.replay(cx, access, lock.verified_at).await?);
            }
        }
        None => {
            for archive in &spec.archives {
                suites.push(reader.open(cx, archive).await?);
            }
        }
    }
    if suites.len() != spec.archives.len() {
        return Err(ManagerError::Lock("its archives are not those of its request".to_owned()));
    }
    let mut opened: Vec<Opened> = Vec::new();
    for (suite, asked) in suites.into_iter().zip(&spec.archives) {
        let same = opened.iter().find(|one| one.suite.archive().uris == suite.archive().uris);
        let archive = same.map_or_else(|| spec::plain(&suite.archive().name), |one| one.archive.clone());
        // apt finds `main` where a Release says `updates/main`: what was asked for is written as it was asked for.
        let all = || suite.components();
        let components = if asked.components.is_empty() { all() } else { asked.components.clone() };
        let priority = spec.priorities.get(&asked.name).copied();
        let check_valid_until = asked.check_valid_until;
        opened.push(Opened { suite, archive, components, check_valid_until, priority });
    }
    Ok(opened)
}

/// A request as locks keep it.
pub(super) fn spec_text(record: &SpecRecord) -> Result<String, ManagerError> {
    let bad =
        |error: serde_json::Error| ManagerError::Record { what: "the request".to_owned(), reason: error.to_string() };
    serde_json::to_string(record).map_err(bad)
}

/// What tells a suite from others in apt_preferences(5).
fn told(one: &Opened) -> [(char, Option<&str>); 4] {
    let release = one.suite.release();
    [
        ('o', release.origin.as_deref()),
        ('l', release.label.as_deref()),
        ('a', release.suite.as_ref().map(SuiteName::as_str)),
        ('n', release.codename.as_ref().map(SuiteName::as_str)),
    ]
}

/// The priorities that the request gives, each for one archive alone.
fn pins(opened: &[Opened]) -> Result<Vec<Pin>, ManagerError> {
    let mut pins = Vec::new();
    for one in opened {
        let Some(priority) = one.priority else { continue };
        let name = || format!("{} {}", one.archive, one.suite.archive().suite);
        let pin = Pin::new(told(one), priority).ok_or_else(|| ManagerError::Priority {
            archive: name(),
            reason: "its Release says nothing of itself that apt could tell it by".to_owned(),
        })?;
        let same = |other: &&Opened| !std::ptr::eq(*other, one) && other.priority != one.priority;
        if let Some(other) = opened.iter().filter(same).find(|other| pin.holds_for(told(other))) {
            let reason = format!("apt cannot tell it from {} {}", other.archive, other.suite.archive().suite);
            return Err(ManagerError::Priority { archive: name(), reason });
        }
        pins.push(pin);
    }
    Ok(pins)
}

/// The allow-list: one entry per set of addresses.
fn allowed(opened: &[Opened]) -> Vec<AllowedArchive> {
    let mut all: Vec<AllowedArchive> = Vec::new();
    for one in opened {
        let uris = &one.suite.archive().uris;
        let (Some(first), false) = (uris.first(), all.iter().any(|allowed| allowed.name == one.archive)) else {
            continue;
        };
        let archive = AllowedArchive::new(&one.archive, first.clone());
        all.push(uris[1..].iter().fold(archive, |archive, uri| archive.with_upstream(uri.clone())));
    }
    all
}

/// What the gateway answers: the release files that were verified here, what they list, and no other bytes under these paths; with
/// a lock, only what it names.
fn gateway_options(opened: &[Opened], replay: Option<&LockFile>, offline: bool) -> GatewayOptions {
    let mut expected = ExpectedFiles::new();
    let mut expect = |archive: &str, file: &LockedFile| {
        let known = Expected { sha256: file.sha256, size: file.size };
        expected.insert((archive.to_owned(), file.path.clone()), known);
    };
    for one in opened {
        let access = one.suite.access();
        expect(&one.archive, &access.release);
        access.release_signature.iter().for_each(|file| expect(&one.archive, file));
        if replay.is_some() {
            access.indexes.iter().for_each(|file| expect(&one.archive, file));
            continue;
        }
        for (path, listed) in &one.suite.release().files {
            let path = format!("dists/{}/{}", one.suite.archive().suite, path.as_str());
            expect(&one.archive, &LockedFile { path, size: listed.size, sha256: listed.sha256 });
        }
    }
    for package in replay.iter().flat_map(|lock| &lock.packages) {
        let file = LockedFile { path: package.path.clone(), size: package.size, sha256: package.sha256 };
        expect(&package.archive, &file);
    }
    let mode = match (replay, offline) {
        (Some(_), offline) => Mode::Locked { fetch: !offline },
        (None, true) => Mode::Offline,
        (None, false) => Mode::Online,
    };
    GatewayOptions::new(allowed(opened)).with_expected(expected).with_mode(mode)
}

/// The access to a suite, with the indexes that apt was served.
fn used(one: &Opened, access: &AccessRecord) -> ArchiveAccess {
    let mut used = one.suite.access();
    let below = format!("dists/{}/", one.suite.archive().suite);
    let mut known: BTreeSet<String> = used.indexes.iter().map(|file| file.path.clone()).collect();
    known.insert(used.release.path.clone());
    known.extend(used.release_signature.iter().map(|file| file.path.clone()));
    for served in access.served.iter().filter(|file| file.archive == one.archive && file.path.starts_with(&below)) {
        if known.insert(served.path.clone()) {
            let file = LockedFile { path: served.path.clone(), size: served.size, sha256: served.sha256 };
            used.indexes.push(file);
        }
    }
    used.indexes.sort();
    used
}

/// The identity of a chroot: architecture, what is installed, how it is configured, the clamp time, and what it is a layer over.
fn identity(lock: &LockFile, request: &BootstrapRequest, record: &SpecRecord) -> Result<ChrootId, ManagerError> {
    let mut key = KeyHasher::new("chroot v1");
    key.part("architecture", lock.architecture.as_str());
    for package in &lock.packages {
        key.part("name", package.name.as_str())
            .part("version", package.version.as_str())
            .part("package architecture", package.architecture.as_str())
            .part("sha256", package.sha256.as_bytes());
    }
    key.part(
        "sources",
        sources::deb822(&request.sources, "/etc/apt/keyrings", false).map_err(crate::create::CreateError::from)?,
    );
    for source in &request.sources {
        key.part("keys", &source.keys);
    }
    for hook in &request.hooks {
        key.part("hook", &hook.text);
    }
    key.part("epoch", request.epoch.seconds().to_le_bytes());
    for (name, text) in [
        ("priorities", preferences(&request.pins)),
        ("apt options", apt_conf(&request.apt_options)),
        ("exact versions", exact_versions(&request.versions)),
    ] {
        if !text.is_empty() {
            key.part(name, text);
        }
    }
    for (name, value) in &record.environment {
        key.part("variable", name).part("value", value);
    }
    if let Some(parent) = &record.parent {
        key.part("parent", parent);
    }
    if let Some(tool) = &record.bootstrapper {
        key.part("bootstrapper", tool);
    }
    if let Some(host) = &record.host {
        key.part("host", host.as_str());
    }
    Ok(ChrootId::new(key.finish()))
}
