//! Chroots on top of others: the same archives and more packages, made by a layer and accounted for like any other.

use std::fs;

use debbuild_core::{
    blob::Adopt,
    build::ChrootId,
    command::OutputSink,
    context::Context,
    digest::{KeyHasher, Sha256},
    lock::LockFile,
    name::PackageName,
    path::{AbsPath, IoResultExt as _},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{
    Chroot, ChrootManager, ManagerError, Updated,
    make::{Opened, Product},
    manifest::SpecRecord,
    spec::{self, ChrootSpec},
};
use crate::{
    confine::Scratch,
    create::Bootstrapped,
    durable,
    gateway::{AccessRecord, Served, Via},
    layer::{LayerRequest, Lists},
};

/// How the options of a lock begin that hold the locks of what it is a layer over, each by its id.
const PARENT_OPTION: &str = "parent ";
/// The record of the lists that layers over a chroot read last, in its folder.
const LISTS: &str = "lists.json";
/// The schema of that record.
const LISTS_SCHEMA: u32 = 1;

/// The chroot below a layer.
pub(super) struct Parent {
    pub(super) chroot: Chroot,
    pub(super) lock: LockFile,
}

impl Parent {
    /// Whether its archives have changed since it was made.
    pub(super) fn is_behind(&self, opened: &[Opened]) -> bool {
        let then = self.lock.archives.iter().map(|access| access.release.sha256);
        !then.eq(opened.iter().map(|one| one.suite.access().release.sha256))
    }

    /// Its lock, and those of what it is a layer over itself, as options of the lock of a layer: side by side, not one in the other.
    pub(super) fn locks(&self) -> Result<Vec<(String, String)>, ManagerError> {
        let mut own = self.lock.clone();
        let mut all: Vec<(String, String)> =
            own.options.iter().filter(|(name, _)| name.starts_with(PARENT_OPTION)).map(pair).collect();
        own.options.retain(|name, _| !name.starts_with(PARENT_OPTION));
        let text = serde_json::to_string(&own).map_err(|error| spec::bad("the lock of the parent", error))?;
        all.push((format!("{PARENT_OPTION}{}", self.chroot.id), text));
        Ok(all)
    }

    /// What a replay of the layer needs of it.
    pub(super) fn blobs(&self) -> Vec<Sha256> {
        let above = self.lock.options.iter().filter(|(name, _)| name.starts_with(PARENT_OPTION));
        // They are of our own making, and were read when they were made.
        let above = above.filter_map(|(_, text)| serde_json::from_str::<LockFile>(text).ok());
        above.flat_map(|lock| lock.blobs()).chain(self.lock.blobs()).collect()
    }
}

fn pair((name, text): (&String, &String)) -> (String, String) {
    (name.clone(), text.clone())
}

/// The lock of a parent, as the lock of a layer holds it.
fn parent_lock(lock: &LockFile, id: &str) -> Result<LockFile, ManagerError> {
    let own = format!("{PARENT_OPTION}{id}");
    let text =
        lock.options.get(&own).ok_or_else(|| ManagerError::Lock(format!("it has no lock of its parent {id}")))?;
    let mut parent: LockFile = serde_json::from_str(text).map_err(|error| ManagerError::Lock(error.to_string()))?;
    let above = lock.options.iter().filter(|(name, _)| name.starts_with(PARENT_OPTION) && **name != own);
    parent.options.extend(above.map(pair));
    Ok(parent)
}

/// The lists that were read over a parent: apt's own files in a tar archive beside this record, named by its key.
#[derive(Debug, Serialize, Deserialize)]
struct ListsRecord {
    schema: u32,
    /// The key of the release files that they belong to.
    key: Sha256,
    /// The size of the tar archive in bytes.
    size: u64,
    /// The release files and indexes that were served: archive, path, size and sha256.
    served: Vec<(String, String, u64, Sha256)>,
}

impl ListsRecord {
    /// What was served, as if it had been again.
    fn access(&self) -> impl Iterator<Item = Served> + '_ {
        self.served.iter().map(|(archive, path, size, sha256)| Served {
            archive: archive.clone(),
            path: path.clone(),
            size: *size,
            sha256: *sha256,
            via: Via::Kept,
            upstream: None,
            retries: 0,
            resumed: 0,
        })
    }
}

/// The key of lists: all else that decides them belongs to the parent.
pub(super) fn lists_key(opened: &[Opened]) -> Sha256 {
    let mut key = KeyHasher::new("apt lists v1");
    for one in opened {
        key.part("release", one.suite.access().release.sha256.as_bytes());
    }
    key.finish()
}

fn lists_file(folder: &AbsPath, key: Sha256) -> Result<AbsPath, ManagerError> {
    Ok(folder.child(&format!("lists-{key}.tar"))?)
}

impl ChrootManager {
    /// The request for a layer over a finished chroot: its archives, priorities, options and variables, these packages on top, and
    /// those taken away.
    ///
    /// # Errors
    /// [`ManagerError::Parent`] when the chroot has no apt; [`ManagerError::Imported`] when it has no archives.
    pub async fn layer_of(
        &self,
        cx: &Context,
        parent: &Chroot,
        include: Vec<PackageName>,
        remove: Vec<PackageName>,
    ) -> Result<ChrootSpec, ManagerError> {
        let spec = ChrootSpec::from_record(cx, &parent.manifest.spec, &*self.0.blobs).await?;
        if !self.lock(parent.id)?.packages.iter().any(|package| package.name.as_str() == "apt") {
            let (id, reason) = (parent.manifest.id.clone(), "it has no apt".to_owned());
            return Err(ManagerError::Parent { id, reason });
        }
        Ok(spec.with_hooks(Vec::new()).with_include(include).with_parent(Some(parent.id), remove))
    }

    /// The chroot that a request is a layer over; with a lock, made again from it where it is not there.
    pub(super) fn parent_of<'a>(
        &'a self,
        cx: &'a Context,
        record: &'a SpecRecord,
        replay: Option<&'a LockFile>,
        log: &'a mut dyn OutputSink,
    ) -> BoxFuture<'a, Result<Option<Parent>, ManagerError>> {
        Box::pin(async move {
            let Some(text) = &record.parent else { return Ok(None) };
            let id = text.parse::<ChrootId>().map_err(|error| spec::bad("the parent", error))?;
            let chroot = match (self.0.catalogue.get(id)?, replay) {
                (Some(chroot), _) => chroot,
                (None, None) => return Err(ManagerError::NotFound(text.clone())),
                (None, Some(lock)) => {
                    let made = self.create_locked(cx, &parent_lock(lock, text)?, log).await?;
                    if made.id != id {
                        return Err(ManagerError::Drift(id));
                    }
                    made
                }
            };
            check(record, &chroot)?;
            self.0.catalogue.note_use(id, cx.now());
            Ok(Some(Parent { chroot, lock: self.0.catalogue.lock_of(id)? }))
        })
    }

    /// A new generation of a layer's parent.
    pub(super) fn update_parent<'a>(
        &'a self,
        cx: &'a Context,
        id: &'a str,
        log: &'a mut dyn OutputSink,
    ) -> BoxFuture<'a, Result<Updated, ManagerError>> {
        Box::pin(self.update(cx, id, log))
    }

    /// Makes a layer over the parent. Lists that were read for another one are used again while the release files are the same.
    pub(super) async fn layer(
        &self,
        cx: &Context,
        parent: &Parent,
        request: LayerRequest,
        key: Sha256,
        scratch: &Scratch,
        log: &mut dyn OutputSink,
    ) -> Result<Product, ManagerError> {
        let folder = parent.chroot.tarball.parent();
        let known = if request.replay { None } else { self.known_lists(cx, &folder, key).await? };
        let draft = scratch.path().child("lists.tar")?;
        let lists = match (&known, request.replay) {
            (Some(_), _) => Lists::Given(lists_file(&folder, key)?),
            (None, false) => Lists::Keep(draft.clone()),
            (None, true) => Lists::Fetch,
        };
        let keep = matches!(lists, Lists::Keep(_));
        let tarball = scratch.path().child("chroot.tar")?;
        let reference = parent.chroot.reference();
        let made = self.0.layers.make(cx, &reference, &request.with_lists(lists), &tarball, log).await?;
        let mut access = made.access;
        match known {
            Some(known) => access.served.extend(known.access()),
            None if keep => keep_lists(&folder, key, &draft, &access)?,
            None => {}
        }
        let version = parent.lock.packages.iter().find(|package| package.name.as_str() == "apt");
        let tool = ("apt".to_owned(), version.map(|package| package.version.to_string()).unwrap_or_default());
        // The archive was written by this process: nobody else can write to it.
        Ok(Product { made: Bootstrapped { tarball, status: made.status, tool }, access, adopt: Adopt::Link })
    }

    /// The record of lists that are there and belong to these release files, with every byte that they came from.
    async fn known_lists(
        &self,
        cx: &Context,
        folder: &AbsPath,
        key: Sha256,
    ) -> Result<Option<ListsRecord>, ManagerError> {
        let known =
            fs::read(folder.join(LISTS)).ok().and_then(|bytes| serde_json::from_slice::<ListsRecord>(&bytes).ok());
        let Some(known) = known.filter(|known| known.schema == LISTS_SCHEMA && known.key == key) else {
            return Ok(None);
        };
        // A power cut may have left less of it.
        if !fs::metadata(lists_file(folder, key)?).is_ok_and(|file| file.len() == known.size) {
            return Ok(None);
        }
        for (.., sha256) in &known.served {
            if self.0.blobs.stat(cx, *sha256).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(known))
    }
}

/// Keeps lists for the next layer over the same parent; those of earlier release files go.
fn keep_lists(folder: &AbsPath, key: Sha256, draft: &AbsPath, access: &AccessRecord) -> Result<(), ManagerError> {
    let indexes = access.served.iter().filter(|file| file.path.starts_with("dists/"));
    let served = indexes.map(|file| (file.archive.clone(), file.path.clone(), file.size, file.sha256)).collect();
    let size = fs::metadata(draft).at("look at", draft)?.len();
    let file = lists_file(folder, key)?;
    fs::rename(draft, &file).at("rename to", &file)?;
    let record = folder.join(LISTS);
    let bytes = serde_json::to_vec(&ListsRecord { schema: LISTS_SCHEMA, key, size, served })
        .map_err(|error| spec::bad(record.as_str(), error))?;
    durable::write(&record, &bytes)?;
    for entry in fs::read_dir(folder).at("list", folder)? {
        let name = entry.at("list", folder)?.file_name().to_string_lossy().into_owned();
        if name.starts_with("lists-") && name != file.name() {
            let old = folder.child(&name)?;
            fs::remove_file(&old).at("remove", &old)?;
        }
    }
    Ok(())
}

/// Whether a layer differs from its parent in nothing but packages.
fn check(record: &SpecRecord, parent: &Chroot) -> Result<(), ManagerError> {
    let below = &parent.manifest.spec;
    let same = [
        ("suite", record.suite == below.suite),
        ("architecture", record.architecture == below.architecture),
        ("host architecture", record.host == below.host),
        ("variant", record.variant == below.variant),
        ("bootstrapper", record.bootstrapper == below.bootstrapper),
        ("archives", record.archives == below.archives),
        ("options of apt", record.apt_options == below.apt_options),
        ("scripts", record.hooks.is_empty()),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => {
            let reason = format!("a layer cannot have {what} of its own");
            Err(ManagerError::Parent { id: parent.manifest.id.clone(), reason })
        }
        None => Ok(()),
    }
}
