//! An opened suite: its indexes and files, each checked against the signed index, each kept as a blob, each recorded.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, BufRead, BufReader},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{
    AcquireError, Archive, ArchiveReader, PoolFile,
    decompress::{ENDINGS, unpack},
    pool_files,
};
use crate::{
    arch::Architecture,
    blob::{Blob, BlobStore},
    blocking,
    context::{Context, Step},
    control::{Release, ReleaseFile},
    digest::{HashingReader, Sha256},
    event::Unit,
    lock::{ArchiveAccess, LockedFile},
    name::ComponentName,
};

/// The owner of the roots that keep release files and indexes, so that the next opening finds them.
const ROOT_OWNER: &str = "acquire";

/// How many files of one suite are fetched at a time: enough to hide latency, few enough to be polite.
const PARALLEL: usize = 6;

/// A verified suite of an archive. Cheap to clone; clones share the record of what was read.
#[derive(Debug, Clone)]
pub struct Suite(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    reader: ArchiveReader,
    archive: Archive,
    release: Release,
    replayed: bool,
    access: Mutex<ArchiveAccess>,
    pool: tokio::sync::Mutex<KnownPool>,
}

#[derive(Debug, Default)]
struct KnownPool {
    read: BTreeSet<String>,
    files: HashMap<String, PoolFile>,
}

impl Suite {
    pub(super) async fn online(
        reader: ArchiveReader,
        archive: Archive,
        release: Release,
        files: &[LockedFile],
        keyring: Blob,
        cx: &Context,
    ) -> Result<Self, AcquireError> {
        let Some((first, rest)) = files.split_first() else {
            return Err(AcquireError::NoAddress { name: archive.name });
        };
        let mut access =
            ArchiveAccess::new(&archive.name, archive.suite.as_str(), first.clone(), release.date, keyring.id);
        access.release_signature = rest.first().cloned();
        access.uris = archive.uris.iter().map(ToString::to_string).collect();
        access.valid_until = release.valid_until;
        access.expiry_checked = archive.check_valid_until;
        let suite = Self::new(reader, archive, release, false, access);
        let root = suite.root();
        let store = suite.store();
        let before = store.pinned(cx, ROOT_OWNER, &root).await?;
        let mut kept: Vec<Sha256> = files.iter().map(|file| file.sha256).collect();
        kept.push(keyring.id);
        // While the release is the same, so are its indexes: they stay.
        if kept.iter().all(|id| before.contains(id)) {
            kept = before;
        }
        store.pin(cx, ROOT_OWNER, &root, &kept).await?;
        Ok(suite)
    }

    pub(super) fn replayed(reader: ArchiveReader, archive: Archive, release: Release, access: ArchiveAccess) -> Self {
        Self::new(reader, archive, release, true, access)
    }

    fn new(reader: ArchiveReader, archive: Archive, release: Release, replayed: bool, access: ArchiveAccess) -> Self {
        let (access, pool) = (Mutex::new(access), tokio::sync::Mutex::default());
        Self(Arc::new(Opened { reader, archive, release, replayed, access, pool }))
    }

    fn root(&self) -> String {
        self.0.archive.key().to_string()
    }

    /// The archive, as it was asked for.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// The verified Release.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.0.release
    }

    /// The store that everything is kept in.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        self.0.reader.store()
    }

    /// What was read of the archive so far, by hash, as locks keep it: indexes in the order of their paths.
    #[must_use]
    pub fn access(&self) -> ArchiveAccess {
        self.0.access.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The components that are used: those of the archive's configuration that the Release has, or all of the Release, by the
    /// names that their indexes are found under.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentName> {
        let wanted = &self.0.archive.components;
        let all = self.release().components.iter().map(|component| self.found_under(component));
        all.filter(|component| wanted.is_empty() || wanted.contains(component)).collect()
    }

    /// Security archives call `updates/main` what they have in `main`, as apt's entries do: where nothing is listed under the
    /// whole name, the last part is the name.
    fn found_under(&self, component: &ComponentName) -> ComponentName {
        let begins = |file: &str, name: &str| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        let has = |name: &str| self.release().files.keys().any(|file| begins(file.as_str(), name));
        let last = component.as_str().rsplit_once('/').map(|(_, last)| last);
        let last = last.filter(|last| !has(component.as_str()) && has(last));
        last.and_then(|last| ComponentName::new(last).ok()).unwrap_or_else(|| component.clone())
    }

    /// Whose Packages indexes hold what is installable on an architecture: itself, and `all` where that has an index of its own.
    #[must_use]
    pub fn package_architectures(&self, architecture: &Architecture) -> Vec<Architecture> {
        let release = self.release();
        let own_all = release.architectures.iter().any(Architecture::is_all)
            && !release.no_support_for_all.iter().any(|kind| kind == "Packages");
        let all = own_all.then(Architecture::all).filter(|all| all != architecture);
        std::iter::once(architecture.clone()).chain(all).collect()
    }

    /// The text of a Packages index.
    ///
    /// # Errors
    /// [`AcquireError::NoIndex`] where the suite has no such component or architecture; else as [`Suite::index`].
    pub async fn packages(
        &self,
        cx: &Context,
        component: &ComponentName,
        architecture: &Architecture,
    ) -> Result<Bytes, AcquireError> {
        self.index(cx, &format!("{component}/binary-{architecture}/Packages")).await
    }

    /// The text of a Sources index.
    ///
    /// # Errors
    /// As [`Suite::packages`].
    pub async fn sources(&self, cx: &Context, component: &ComponentName) -> Result<Bytes, AcquireError> {
        self.index(cx, &format!("{component}/source/Sources")).await
    }

    /// The text of any index by its path below the suite's folder, without the ending of its compression.
    ///
    /// # Errors
    /// [`AcquireError`]: `NoIndex` when the Release does not list it, `Index` when it is not what the Release says.
    pub async fn index(&self, cx: &Context, path: &str) -> Result<Bytes, AcquireError> {
        let whole = |text: &mut dyn BufRead| {
            let mut bytes = Vec::new();
            text.read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        };
        self.read_index(cx, path, whole).await
    }

    /// Reads an index as a stream, decompressed, with memory for what `read` keeps of it. Its answer is given only once all of the
    /// index was found to be what the Release says.
    ///
    /// # Errors
    /// As [`Suite::index`]; `Index` also for an error of `read`.
    pub async fn read_index<T: Send + 'static>(
        &self,
        cx: &Context,
        path: &str,
        read: impl FnOnce(&mut dyn BufRead) -> io::Result<T> + Send + 'static,
    ) -> Result<T, AcquireError> {
        let name = self.stored(path).ok_or_else(|| self.no_index(path))?;
        let blob = self.dists_file(cx, &name).await?;
        let bytes = self.store().read(cx, blob.id, None).await?;
        let plain = self.listed(path);
        let most = self.0.reader.0.options.index_limit;
        let limit = plain.map_or(most, |file| file.size.min(most));
        let (what, cancel) = (name.clone(), cx.cancel().clone());
        let answer = blocking::run(move || {
            let text = HashingReader::new(unpack(&what, &bytes, limit, &cancel)?);
            let mut text = BufReader::with_capacity(128 * 1024, text);
            let answer = read(&mut text)?;
            io::copy(&mut text, &mut io::sink())?;
            let (size, sha256) = text.into_inner().finish();
            match plain {
                Some(file) if file != ReleaseFile { size, sha256 } => {
                    Err(io::Error::other("decompressed it is not what the Release says"))
                }
                _ => Ok(answer),
            }
        })
        .await;
        cx.cancel().check()?;
        answer.map_err(|error| AcquireError::Index {
            archive: self.0.archive.what(),
            path: name,
            reason: error.to_string(),
        })
    }

    /// The exact bytes of a file below the suite's folder, as clients ask for it: `InRelease`, `main/binary-amd64/Packages.xz`,
    /// or `main/binary-amd64/by-hash/SHA256/..`.
    ///
    /// # Errors
    /// [`AcquireError::NoIndex`] when it is neither a release file nor listed in the Release.
    pub async fn dists_file(&self, cx: &Context, path: &str) -> Result<Blob, AcquireError> {
        if let Some(file) = self.release_file(path) {
            return Ok(Blob { id: file.sha256, size: file.size });
        }
        let (name, file) = self.resolve(path).ok_or_else(|| self.no_index(path))?;
        let folder = format!("dists/{}", self.0.archive.suite);
        if self.0.replayed && !self.was_read(&name) {
            let path = format!("{folder}/{name}");
            return Err(AcquireError::NotStored { archive: self.0.archive.what(), path });
        }
        let mut places = vec![format!("{folder}/{name}")];
        if self.release().acquire_by_hash {
            let parent = name.rsplit_once('/').map_or(String::new(), |(parent, _)| format!("{parent}/"));
            places.insert(0, format!("{folder}/{parent}by-hash/SHA256/{}", file.sha256));
        }
        let blob = self.checked(cx, &places, file).await?;
        self.record(cx, LockedFile { path: format!("{folder}/{name}"), size: file.size, sha256: file.sha256 }).await?;
        Ok(blob)
    }

    /// A file of the pool, checked; fetched only where it is not stored yet.
    ///
    /// # Errors
    /// [`AcquireError::Fetch`]: not there, unreachable, and other than promised are told apart.
    pub async fn file(&self, cx: &Context, file: &PoolFile) -> Result<Blob, AcquireError> {
        let PoolFile { path, size, sha256 } = file;
        self.checked(cx, std::slice::from_ref(path), ReleaseFile { size: *size, sha256: *sha256 }).await
    }

    /// Many files of the pool, several at a time; the answer has their order. Reports bytes as they arrive, file by file.
    ///
    /// # Errors
    /// As [`Suite::file`], for the first that fails; what was fetched before stays stored.
    pub async fn files(&self, cx: &Context, files: &[PoolFile]) -> Result<Vec<Blob>, AcquireError> {
        let total = files.iter().map(|file| file.size).sum();
        let step =
            cx.step(format!("fetch {} files of {}", files.len(), self.0.archive.suite), Unit::Bytes, Some(total));
        let fetched = self.files_in(&step, files).await;
        step.end(fetched)
    }

    async fn files_in(&self, step: &Step, files: &[PoolFile]) -> Result<Vec<Blob>, AcquireError> {
        let cx = step.context();
        // Owned, so that the future can be sent between threads whatever the lifetime of the list.
        let transfers = files.iter().cloned().map(|file| async move { self.file(cx, &file).await });
        let mut transfers = futures_util::stream::iter(transfers).buffered(PARALLEL);
        let mut blobs: Vec<Blob> = Vec::with_capacity(files.len());
        let mut done = 0;
        while let Some(blob) = transfers.next().await {
            let blob = blob?;
            done += blob.size;
            step.progress(done);
            blobs.push(blob);
        }
        Ok(blobs)
    }

    /// The files of the pool that a Packages or Sources index names, by its path as in [`Suite::index`].
    ///
    /// # Errors
    /// As [`Suite::index`].
    pub async fn pool_files(&self, cx: &Context, path: &str) -> Result<Vec<PoolFile>, AcquireError> {
        self.read_index(cx, path, |text| pool_files(text)).await
    }

    /// What the indexes that were read so far say about a path of the pool.
    ///
    /// # Errors
    /// As [`Suite::index`].
    pub async fn pool_file(&self, cx: &Context, path: &str) -> Result<Option<PoolFile>, AcquireError> {
        let mut known = self.0.pool.lock().await;
        if let Some(file) = known.files.get(path) {
            return Ok(Some(file.clone()));
        }
        let folder = format!("dists/{}/", self.0.archive.suite);
        for index in self.access().indexes {
            let name = index.path.strip_prefix(&folder).unwrap_or_default();
            let plain =
                ENDINGS.into_iter().find_map(|e| name.strip_suffix(e).filter(|_| !e.is_empty())).unwrap_or(name);
            let of_pool = plain.ends_with("/Packages") || plain.ends_with("/Sources");
            if !of_pool || !known.read.insert(plain.to_owned()) {
                continue;
            }
            let files = self.pool_files(cx, plain).await?;
            known.files.extend(files.into_iter().map(|file| (file.path.clone(), file)));
        }
        Ok(known.files.get(path).cloned())
    }

    /// Whether there is an index under this path, as [`Suite::index`] takes it.
    #[must_use]
    pub fn has_index(&self, path: &str) -> bool {
        self.stored(path).is_some()
    }

    /// The listed file of an index; in a replay one that was read then.
    fn stored(&self, path: &str) -> Option<String> {
        let listed = ENDINGS.into_iter().map(|ending| format!("{path}{ending}"));
        listed.filter(|name| self.listed(name).is_some()).find(|name| !self.0.replayed || self.was_read(name))
    }

    fn listed(&self, path: &str) -> Option<ReleaseFile> {
        self.release().file(path)
    }

    fn release_file(&self, path: &str) -> Option<LockedFile> {
        let access = self.access();
        let files = std::iter::once(access.release).chain(access.release_signature);
        files.into_iter().find(|file| file.path == format!("dists/{}/{path}", self.0.archive.suite))
    }

    /// The listed file of a path: itself, or the one that a by-hash path means.
    fn resolve(&self, path: &str) -> Option<(String, ReleaseFile)> {
        if let Some(file) = self.listed(path) {
            return Some((path.to_owned(), file));
        }
        let (folder, digest) = path.split_once("/by-hash/SHA256/")?;
        let digest: Sha256 = digest.parse().ok()?;
        let mut files = self.release().files.iter();
        let within = |name: &str| name.rsplit_once('/').is_some_and(|(parent, _)| parent == folder);
        let found = files.find(|(name, file)| file.sha256 == digest && within(name.as_str()));
        found.map(|(name, file)| (name.as_str().to_owned(), *file))
    }

    fn was_read(&self, name: &str) -> bool {
        let path = format!("dists/{}/{name}", self.0.archive.suite);
        self.access().indexes.iter().any(|index| index.path == path)
    }

    fn no_index(&self, path: &str) -> AcquireError {
        AcquireError::NoIndex { archive: self.0.archive.what(), path: path.to_owned() }
    }

    async fn record(&self, cx: &Context, file: LockedFile) -> Result<(), AcquireError> {
        if self.0.replayed {
            return Ok(());
        }
        let id = file.sha256;
        {
            let mut access = self.0.access.lock().unwrap_or_else(PoisonError::into_inner);
            match access.indexes.binary_search(&file) {
                Ok(_) => return Ok(()),
                Err(at) => access.indexes.insert(at, file),
            }
        }
        let (store, root) = (self.store(), self.root());
        let mut kept = store.pinned(cx, ROOT_OWNER, &root).await?;
        if !kept.contains(&id) {
            kept.push(id);
            store.pin(cx, ROOT_OWNER, &root, &kept).await?;
        }
        Ok(())
    }

    /// Gets a file with known content from the store, or from the first place and address that has it.
    async fn checked(&self, cx: &Context, places: &[String], file: ReleaseFile) -> Result<Blob, AcquireError> {
        let parts = &self.0.reader.0;
        let blob = Blob { id: file.sha256, size: file.size };
        if parts.store.stat(cx, blob.id).await? == Some(blob) {
            return Ok(blob);
        }
        if self.0.replayed {
            let path = places.last().cloned().unwrap_or_default();
            return Err(AcquireError::NotStored { archive: self.0.archive.what(), path });
        }
        let found = parts.get(cx, &self.0.archive.uris, places, file).await?;
        found.ok_or_else(|| AcquireError::NoAddress { name: self.0.archive.name.clone() })
    }
}
