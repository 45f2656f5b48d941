//! Checking the state folder: every stored byte, every root, every chroot, every artifact of the queue; and mending what can be.

use std::collections::{BTreeMap, BTreeSet};

use debbuild_core::{
    acquire::{ArchiveReader, PoolFile, fetch::Uri},
    blob::{BlobStore, CheckOptions, Fault},
    build::ChrootId,
    context::Context,
    digest::Sha256,
    error::{Class, chain},
    event::Unit,
    lock::{ArchiveAccess, LockFile, LockedFile},
};
use debbuild_queue::store::BuildQuery;
use serde_json::{Value, json};

use super::{App, AppError};

/// Roots of what is fetched just now, or was when a mirror was interrupted: what they name need not be there yet.
const UNFINISHED: &str = "mirror/";

/// Something wrong with the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateFault {
    /// `damaged`, `missing`, `damaged-root`, `foreign`, `leaving`, `chroot`, `artifact` or `queue`.
    pub kind: &'static str,
    /// What is wrong, in a sentence that names the object.
    pub problem: String,
    /// The blob that it is about.
    pub blob: Option<Sha256>,
    /// The chroot whose files it is about.
    pub chroot: Option<ChrootId>,
    /// Whether it was mended, or what cannot be had again was set aside.
    pub repaired: bool,
}

/// What a check of the state folder found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateCheck {
    /// How many blobs were read.
    pub blobs: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many chroots were read.
    pub chroots: usize,
    /// How many artifacts of the queue were looked for.
    pub artifacts: usize,
    /// What is wrong.
    pub faults: Vec<StateFault>,
}

impl StateCheck {
    /// The class of what is wrong and was not mended, if anything is.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.faults.iter().any(|fault| !fault.repaired).then_some(Class::Verification)
    }

    fn find(&mut self, kind: &'static str, problem: String, blob: Option<Sha256>) {
        self.faults.push(StateFault { kind, problem, blob, chroot: None, repaired: false });
    }

    fn find_chroot(&mut self, id: ChrootId, problem: &str) {
        let problem = format!("chroot {id}: {problem}");
        self.faults.push(StateFault { kind: "chroot", problem, blob: None, chroot: Some(id), repaired: false });
    }
}

/// Where bytes can be had again: below these addresses, as this file.
type Origins = BTreeMap<Sha256, Vec<(Vec<Uri>, PoolFile)>>;

impl App {
    /// Checks the state folder. With `repair`, damaged bytes are set aside, what killed writers left is removed, and what is
    /// missing is fetched again from where it came: the addresses that the gateway noted, and the archives of locks. Files of
    /// chroots come back from the stored bytes; where those are gone too, the chroot is set aside and made again when needed.
    ///
    /// # Errors
    /// When the state folder cannot be read; what is wrong with its content is in the answer.
    pub async fn fsck(&self, cx: &Context, repair: bool) -> Result<StateCheck, AppError> {
        let mut found = StateCheck::default();
        if !self.home().as_std().exists() {
            return Ok(found);
        }
        let store = self.blobs()?;
        let checked = store.check(cx, CheckOptions::new().with_repair(repair)).await?;
        (found.blobs, found.bytes) = (checked.blobs, checked.bytes);
        for fault in &checked.faults {
            if matches!(fault, Fault::Missing { root, .. } if root.starts_with(UNFINISHED)) {
                continue;
            }
            found.find(fault.kind(), fault.to_string(), fault.blob());
        }
        let locks = self.check_chroots(cx, &*store, &mut found).await?;
        if let Err(error) = self.check_queue(cx, &*store, &mut found).await {
            if error.class() == Class::Cancelled {
                return Err(error);
            }
            found.find("queue", error.message(), None);
        }
        if repair {
            self.mend_state(cx, &*store, &locks, &mut found).await?;
        }
        Ok(found)
    }

    /// Reads every chroot of the catalogue; gives their locks.
    async fn check_chroots(
        &self,
        cx: &Context,
        store: &dyn BlobStore,
        found: &mut StateCheck,
    ) -> Result<Vec<LockFile>, AppError> {
        let mut locks = Vec::new();
        if !self.home().join("chroots").as_std().is_dir() {
            return Ok(locks);
        }
        let manager = self.chroots(cx).await?;
        let chroots = manager.ids()?;
        let step = cx.step("check chroots", Unit::Items, Some(chroots.len() as u64));
        for id in chroots {
            cx.cancel().check()?;
            let problems = manager.check(id).await?;
            problems.iter().for_each(|problem| found.find_chroot(id, problem));
            // A lock that is not what it was is named already.
            if let Ok(lock) = manager.lock(id) {
                check_lock(cx, store, id, &lock, found).await?;
                locks.push(lock);
            }
            found.chroots += 1;
            step.progress(found.chroots as u64);
        }
        step.finish();
        Ok(locks)
    }

    async fn check_queue(&self, cx: &Context, store: &dyn BlobStore, found: &mut StateCheck) -> Result<(), AppError> {
        if !self.home().join("state.sqlite").as_std().is_file() {
            return Ok(());
        }
        let queue = self.queue().await?;
        let mut query = BuildQuery::default();
        loop {
            let page = queue.builds(cx, &query).await?;
            for build in page.items {
                cx.cancel().check()?;
                for artifact in queue.artifacts(cx, build.attempt).await? {
                    found.artifacts += 1;
                    if store.stat(cx, artifact.sha256).await?.is_none() {
                        let problem = format!("artifact {} of build {} is missing", artifact.name, build.id);
                        found.find("artifact", problem, Some(artifact.sha256));
                    }
                }
            }
            match page.next {
                Some(next) => query.part.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn mend_state(
        &self,
        cx: &Context,
        store: &dyn BlobStore,
        locks: &[LockFile],
        found: &mut StateCheck,
    ) -> Result<(), AppError> {
        let wanted: BTreeSet<Sha256> = found.faults.iter().filter_map(|fault| fault.blob).collect();
        if !wanted.is_empty() {
            let (reader, origins) = (self.reader(cx).await?, self.blob_origins(locks)?);
            for id in &wanted {
                cx.cancel().check()?;
                for (uris, file) in origins.get(id).into_iter().flatten() {
                    if fetch(cx, &reader, uris, file).await {
                        break;
                    }
                }
            }
        }
        let needless = self.mend_chroots(cx, found).await?;
        for fault in found.faults.iter_mut().filter(|fault| fault.chroot.is_none()) {
            fault.repaired = match fault.blob {
                Some(id) => needless.contains(&id) || store.stat(cx, id).await?.is_some(),
                // The check has removed it.
                None => fault.kind == "leaving",
            };
        }
        Ok(())
    }

    /// Mends chroots or sets them aside; gives the blobs that nobody needs any more as theirs were set aside.
    async fn mend_chroots(&self, cx: &Context, found: &mut StateCheck) -> Result<BTreeSet<Sha256>, AppError> {
        let (mut needless, mut ends) = (BTreeSet::new(), BTreeMap::new());
        let broken: BTreeSet<ChrootId> = found.faults.iter().filter_map(|fault| fault.chroot).collect();
        if !broken.is_empty() {
            let manager = self.chroots(cx).await?;
            for id in broken {
                cx.cancel().check()?;
                let own =
                    manager.find(&id.to_string()).map(|chroot| [chroot.manifest.lock, chroot.manifest.tarball.sha256]);
                match manager.mend(cx, id).await {
                    Ok(None) => drop(ends.insert(id, String::new())),
                    Ok(Some(aside)) => {
                        needless.extend(own.into_iter().flatten());
                        ends.insert(id, format!("; it was set aside as {aside}"));
                    }
                    Err(error) => cx.note(format!("chroot {id}: {}", chain(&error))),
                }
            }
        }
        for fault in &mut found.faults {
            if let Some(end) = fault.chroot.and_then(|id| ends.get(&id)) {
                fault.problem.push_str(end);
                fault.repaired = true;
            }
        }
        Ok(needless)
    }

    /// Where the gateway and the locks had their bytes from.
    fn blob_origins(&self, locks: &[LockFile]) -> Result<Origins, AppError> {
        let mut origins = Origins::new();
        for (uri, blob) in self.gateway()?.origins()? {
            let Some((base, name)) = uri.as_str().rsplit_once('/') else { continue };
            let Ok(base) = Uri::new(base) else { continue };
            origins.entry(blob.id).or_default().push((vec![base], PoolFile::new(name, blob.size, blob.id)));
        }
        for lock in locks {
            for archive in &lock.archives {
                let uris: Vec<Uri> = archive.uris.iter().filter_map(|uri| Uri::new(uri).ok()).collect();
                let packages = lock.packages.iter().chain(lock.additions.values().flatten());
                let packages = packages.filter(|package| package.archive == archive.name);
                let packages = packages.map(|package| PoolFile::new(&*package.path, package.size, package.sha256));
                for file in packages.chain(indexes(archive)) {
                    origins.entry(file.sha256).or_default().push((uris.clone(), file));
                }
            }
        }
        Ok(origins)
    }
}

/// The files below `dists` that a lock names: under their own name, and by their digest, as archives keep older ones.
fn indexes(archive: &ArchiveAccess) -> impl Iterator<Item = PoolFile> {
    let release = std::iter::once(&archive.release).chain(&archive.release_signature);
    let plain = |file: &LockedFile| PoolFile::new(&*file.path, file.size, file.sha256);
    let by_hash = |file: &LockedFile| {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        PoolFile::new(format!("{folder}/by-hash/SHA256/{}", file.sha256), file.size, file.sha256)
    };
    release.map(plain).chain(archive.indexes.iter().flat_map(move |file| [by_hash(file), plain(file)]))
}

/// Whether the file could be had; if not, what hinders it is said.
async fn fetch(cx: &Context, reader: &ArchiveReader, uris: &[Uri], file: &PoolFile) -> bool {
    match reader.file(cx, uris, file).await {
        Ok(_) => true,
        Err(error) => {
            cx.note(format!("blob {}: {}", file.sha256, chain(&error)));
            false
        }
    }
}

/// Looks for everything that the lock of a chroot needs.
async fn check_lock(
    cx: &Context,
    store: &dyn BlobStore,
    chroot: ChrootId,
    lock: &LockFile,
    found: &mut StateCheck,
) -> Result<(), AppError> {
    let known: BTreeSet<Sha256> = found.faults.iter().filter_map(|fault| fault.blob).collect();
    for id in lock.blobs().into_iter().filter(|id| !known.contains(id)) {
        if store.stat(cx, id).await?.is_none() {
            let problem = format!("blob {id} is missing, and the lock of chroot {chroot} needs it");
            found.find("missing", problem, Some(id));
        }
    }
    Ok(())
}

/// What a check found, as every door shows it.
#[must_use]
pub fn state_check_json(check: &StateCheck) -> Value {
    let fault = |fault: &StateFault| {
        json!({
            "kind": fault.kind,
            "problem": fault.problem,
            "blob": fault.blob.map(|id| id.to_string()),
            "repaired": fault.repaired,
        })
    };
    json!({
        "good": check.class().is_none(),
        "blobs": check.blobs,
        "bytes": check.bytes,
        "chroots": check.chroots,
        "artifacts": check.artifacts,
        "faults": check.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}
