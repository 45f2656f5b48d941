//! Opening a suite by its signed index, from archives or from what a lock says.

use std::{os::unix::fs::MetadataExt as _, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    AcquireError, Archive, Suite,
    fetch::{Fetch, FetchError, Uri},
    flight::Flights,
    release::{SignedRelease, check_release, read_release, rolled_back},
    seen::{LastSeen, Seen, SeenError},
};
use crate::{
    blob::{Blob, BlobStore},
    blocking,
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    lock::ArchiveAccess,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    sign::{Keyring, SignError, Verifier, armor},
};

/// How much may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderOptions {
    /// The most bytes of a release file.
    pub release_limit: u64,
    /// The most bytes of an index once it is decompressed.
    pub index_limit: u64,
}

impl ReaderOptions {
    /// Release files up to 64 MiB, indexes up to 2 GiB.
    #[must_use]
    pub const fn new() -> Self {
        Self { release_limit: 64 << 20, index_limit: 2 << 30 }
    }

    /// With other limits, in bytes.
    #[must_use]
    pub const fn with_limits(mut self, release: u64, index: u64) -> Self {
        self.release_limit = release;
        self.index_limit = index;
        self
    }
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads archives: the only way by which bytes of an archive come into the house. Cheap to clone; clones share transfers.
#[derive(Debug, Clone)]
pub struct ArchiveReader(pub(super) Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) seen: Arc<dyn LastSeen>,
    pub(super) scratch: AbsPath,
    pub(super) options: ReaderOptions,
    pub(super) flights: Flights,
}

impl ArchiveReader {
    /// A reader that keeps what it reads in `store`; `scratch` (which must exist, best in the store's file system) holds
    /// transfers under way, and is shared by every process that shall share them.
    #[must_use]
    pub fn new(
        fetch: Arc<dyn Fetch>,
        verifier: Arc<dyn Verifier>,
        store: Arc<dyn BlobStore>,
        seen: Arc<dyn LastSeen>,
        scratch: AbsPath,
    ) -> Self {
        let (options, flights) = (ReaderOptions::new(), Flights::default());
        Self(Arc::new(Parts { fetch, verifier, store, seen, scratch, options, flights }))
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_options(self, options: ReaderOptions) -> Self {
        let Parts { fetch, verifier, store, seen, scratch, .. } = &*self.0;
        let parts = Parts {
            fetch: Arc::clone(fetch),
            verifier: Arc::clone(verifier),
            store: Arc::clone(store),
            seen: Arc::clone(seen),
            scratch: scratch.clone(),
            options,
            flights: Flights::default(),
        };
        Self(Arc::new(parts))
    }

    /// The store that everything is kept in.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        &self.0.store
    }

    /// Opens a suite: gets its signed index (asking the server whether it changed), verifies it and checks it. Where an address
    /// does not answer, or has one that does not hold, the next address is asked.
    ///
    /// # Errors
    /// [`AcquireError`]: not found, unreachable (`infrastructure`), and not verified, expired, dated ahead, rolled back or of
    /// another suite (all `verification`) are told apart. What was seen is remembered only after every check.
    pub async fn open(&self, cx: &Context, archive: &Archive) -> Result<Suite, AcquireError> {
        let parts = &self.0;
        let known = parts.seen.get(cx, archive.key()).await?;
        let keyring = parts.keyring(cx, &archive.signed_by).await?;
        let SignedRelease { files, validators, release } = parts.signed_release(cx, archive, known.as_ref()).await?;
        let seen = Seen::new(release.date, files.clone(), validators);
        parts.seen.advance(cx, archive.key(), seen).await.map_err(|error| match error {
            SeenError::Older { seen, .. } => rolled_back(archive, &release, seen),
            other => other.into(),
        })?;
        Suite::online(self.clone(), archive.clone(), release, &files, keyring, cx).await
    }

    /// Removes what transfers that were killed left in the scratch folder, where it was not touched for `grace`; gives the bytes
    /// freed. Other files there, and lock files, stay.
    ///
    /// # Errors
    /// [`AcquireError::File`].
    pub async fn sweep(&self, cx: &Context, grace: Duration) -> Result<u64, AcquireError> {
        let (scratch, now) = (self.0.scratch.clone(), cx.now());
        blocking::run(move || sweep(&scratch, grace, now)).await
    }

    /// Opens a suite from what a lock says, offline: the stored release file is verified again with the stored keyring, as of
    /// the time at which it was verified first; expiry is not checked again, and nothing is ever fetched.
    ///
    /// # Errors
    /// [`AcquireError`]; `NotStored` when a blob of the lock is missing.
    pub async fn replay(
        &self,
        cx: &Context,
        access: &ArchiveAccess,
        verified_at: Timestamp,
    ) -> Result<Suite, AcquireError> {
        let parts = &self.0;
        let uris = access.uris.iter().map(|uri| Uri::new(uri)).collect::<Result<Vec<_>, _>>()?;
        let archive = Archive {
            name: access.name.clone(),
            uris,
            suite: SuiteName::new(&access.suite)?,
            components: Vec::new(),
            architectures: Vec::new(),
            signed_by: Keyring::Bytes(parts.stored(cx, access, "keyring", access.keyring_sha256).await?.to_vec()),
            signers: Vec::new(),
            check_valid_until: false,
            check_suite: true,
        };
        let mut files = Vec::new();
        for file in std::iter::once(&access.release).chain(&access.release_signature) {
            files.push((file.clone(), parts.stored(cx, access, &file.path, file.sha256).await?));
        }
        let verified = parts.verify(cx, &archive, &files, Some(verified_at)).await?;
        let release = read_release(&archive, &verified)?;
        check_release(&archive, &release, verified_at)?;
        Ok(Suite::replayed(self.clone(), archive, release, access.clone()))
    }
}

impl Parts {
    async fn stored(
        &self,
        cx: &Context,
        access: &ArchiveAccess,
        path: &str,
        id: Sha256,
    ) -> Result<Bytes, AcquireError> {
        self.store.read(cx, id, None).await.map_err(|error| match error {
            crate::blob::BlobError::NotFound(_) => {
                AcquireError::NotStored { archive: access.suite.clone(), path: path.to_owned() }
            }
            other => other.into(),
        })
    }

    /// The keys in binary form, as one blob.
    async fn keyring(&self, cx: &Context, keys: &Keyring) -> Result<Blob, AcquireError> {
        let keys = keys.clone();
        let bytes = blocking::run(move || {
            let sources = match keys {
                Keyring::Bytes(bytes) => vec![("an embedded key".to_owned(), bytes)],
                Keyring::Files(files) => files
                    .iter()
                    .map(|file| Ok((file.to_string(), std::fs::read(file).at("read", file)?)))
                    .collect::<Result<_, SignError>>()?,
            };
            let mut all = Vec::new();
            for (what, bytes) in sources {
                let binary = armor::dearmor(&bytes);
                all.extend(binary.map_err(|error| SignError::Keyring { what, reason: error.to_string() })?);
            }
            Ok::<_, SignError>(all)
        })
        .await?;
        Ok(self.store.put(cx, bytes.into()).await?)
    }
}

/// Removes a file of the scratch folder, on the blocking pool.
pub(super) async fn remove(path: AbsPath) -> Result<(), AcquireError> {
    blocking::run(move || Ok(std::fs::remove_file(&path).at("remove", &path)?)).await
}

fn sweep(scratch: &AbsPath, grace: Duration, now: Timestamp) -> Result<u64, AcquireError> {
    let mut freed = 0;
    for entry in std::fs::read_dir(scratch).at("list", scratch)? {
        let path = AbsPath::new(entry.at("list", scratch)?.path())?;
        let stem = path.name().strip_suffix(".partial").unwrap_or(path.name());
        if !matches!(stem.len(), 32 | 64) || !stem.bytes().all(|b| b.is_ascii_hexdigit()) {
            continue;
        }
        let found = std::fs::symlink_metadata(&path).at("read", &path)?;
        let touched = Timestamp::from_seconds(found.mtime());
        if found.is_file() && now.since(touched) >= grace {
            std::fs::remove_file(&path).at("remove", &path)?;
            freed += found.len();
        }
    }
    Ok(freed)
}

/// Of several failures the one that says most: lies first, then trouble, then absence.
pub(super) fn worst(failures: Vec<FetchError>) -> Option<FetchError> {
    let rank = |error: &FetchError| match error {
        FetchError::NotFound { .. } => 0,
        FetchError::Unreachable { .. } | FetchError::Refused { .. } => 1,
        _ => 2,
    };
    failures.into_iter().rev().max_by_key(rank)
}
