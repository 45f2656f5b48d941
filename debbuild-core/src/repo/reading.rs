//! Reading a published tree: ours through its target, anybody's through what fetches.

use std::{fmt, fs, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;

use super::{PublishTarget, RepoError};
use crate::{
    acquire::fetch::{Fetch, FetchError, FetchRequest, Uri},
    arch::Architecture,
    blocking,
    context::Context,
    control::ReleaseFile,
    digest::Sha256,
    name::PoolPath,
    path::{AbsPath, IoResultExt as _},
};

/// The most bytes of a release file: that of Debian's own archive, signed, has a few hundred thousand.
const LARGEST_RELEASE: u64 = 64 << 20;

/// What is said of a file that is not there.
pub(super) const MISSING: &str = "it is missing";

/// A tree that is checked.
#[async_trait]
pub(super) trait Reading: fmt::Debug + Send + Sync {
    /// The bytes of a release file; `None` where it is not there.
    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError>;

    /// The bytes of a file that must be this one, or what is wrong with it, in a sentence.
    async fn take(
        &self,
        cx: &Context,
        path: &PoolPath,
        listed: ReleaseFile,
    ) -> Result<Result<Bytes, String>, RepoError>;

    /// What is wrong with a file that must be this one, in a sentence; `None` for a good one.
    async fn judge(&self, cx: &Context, path: &PoolPath, listed: ReleaseFile) -> Result<Option<String>, RepoError>;
}

/// A tree of ours.
#[derive(Debug)]
pub(super) struct Published<'a>(pub(super) &'a dyn PublishTarget);

fn compare(found: Option<(u64, Sha256)>, listed: ReleaseFile) -> Option<String> {
    match found {
        None => Some(MISSING.to_owned()),
        Some((size, _)) if size != listed.size => Some(format!("it has {size} bytes instead of {}", listed.size)),
        Some((_, sha256)) if sha256 != listed.sha256 => {
            Some(format!("its sha256 is {sha256} instead of {}", listed.sha256))
        }
        Some(_) => None,
    }
}

#[async_trait]
impl Reading for Published<'_> {
    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        self.0.read(cx, path).await
    }

    async fn take(
        &self,
        cx: &Context,
        path: &PoolPath,
        listed: ReleaseFile,
    ) -> Result<Result<Bytes, String>, RepoError> {
        let Some(bytes) = self.0.read(cx, path).await? else { return Ok(Err(MISSING.to_owned())) };
        blocking::run(move || {
            let problem = compare(Some((bytes.len() as u64, Sha256::of(&bytes))), listed);
            Ok(problem.map_or(Ok(bytes), Err))
        })
        .await
    }

    async fn judge(&self, cx: &Context, path: &PoolPath, listed: ReleaseFile) -> Result<Option<String>, RepoError> {
        Ok(compare(self.0.stat(cx, path).await?, listed))
    }
}

/// An archive somewhere, as a client reaches it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ForeignArchive {
    /// What fetches.
    pub fetch: Arc<dyn Fetch>,
    /// Where the archive is; `file:` for a folder of this machine.
    pub base: Uri,
    /// A folder for files while they are checked, which must exist; nothing stays there.
    pub scratch: AbsPath,
}

impl ForeignArchive {
    /// An archive at this address.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>, base: Uri, scratch: AbsPath) -> Self {
        Self { fetch, base, scratch }
    }

    /// Fetches a file, which goes with the folder that it is in; or says why it cannot be had.
    async fn get(
        &self,
        cx: &Context,
        path: &PoolPath,
        request: impl FnOnce(FetchRequest) -> FetchRequest + Send,
    ) -> Result<Result<(TempDir, AbsPath), String>, RepoError> {
        let scratch = self.scratch.clone();
        let made = blocking::run(move || tempfile::Builder::new().prefix("verify").tempdir_in(&scratch));
        let folder = made.await.at("create a folder in", &self.scratch)?;
        let file = AbsPath::new(folder.path().join("file"))?;
        let request = request(FetchRequest::new(self.base.join(path.as_str())?));
        match self.fetch.fetch(cx, &request, &file).await {
            Ok(_) => Ok(Ok((folder, file))),
            Err(FetchError::NotFound { .. }) => Ok(Err(MISSING.to_owned())),
            Err(FetchError::Mismatch { reason, .. }) => Ok(Err(format!("it is not the promised file: {reason}"))),
            Err(FetchError::TooLarge { limit, .. }) => Ok(Err(format!("it has more than {limit} bytes"))),
            Err(error) => Err(error.into()),
        }
    }

    async fn bytes((folder, file): (TempDir, AbsPath)) -> Result<Bytes, RepoError> {
        blocking::run(move || {
            let bytes = fs::read(&file).at("read", &file)?;
            drop(folder);
            Ok(bytes.into())
        })
        .await
    }
}

#[async_trait]
impl Reading for ForeignArchive {
    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        match self.get(cx, path, |request| request.with_limit(LARGEST_RELEASE)).await? {
            Ok(fetched) => Ok(Some(Self::bytes(fetched).await?)),
            Err(_) => Ok(None),
        }
    }

    async fn take(
        &self,
        cx: &Context,
        path: &PoolPath,
        listed: ReleaseFile,
    ) -> Result<Result<Bytes, String>, RepoError> {
        match self.get(cx, path, |request| request.with_content(listed.size, listed.sha256)).await? {
            Ok(fetched) => Ok(Ok(Self::bytes(fetched).await?)),
            Err(problem) => Ok(Err(problem)),
        }
    }

    async fn judge(&self, cx: &Context, path: &PoolPath, listed: ReleaseFile) -> Result<Option<String>, RepoError> {
        let got = self.get(cx, path, |request| request.with_content(listed.size, listed.sha256)).await?;
        blocking::run(move || Ok(got.map(drop).err())).await
    }
}

/// How much of an archive of somebody else is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Only the indexes of these architectures, and those of none; empty means all.
    pub architectures: Vec<Architecture>,
    /// Only release files and indexes, not the packages.
    pub indexes_only: bool,
}

impl VerifyOptions {
    /// Everything.
    #[must_use]
    pub const fn new() -> Self {
        Self { architectures: Vec::new(), indexes_only: false }
    }

    /// Only these architectures.
    #[must_use]
    pub fn with_architectures(mut self, architectures: Vec<Architecture>) -> Self {
        self.architectures = architectures;
        self
    }

    /// Whether packages are left out.
    #[must_use]
    pub const fn with_indexes_only(mut self, indexes_only: bool) -> Self {
        self.indexes_only = indexes_only;
        self
    }

    /// Whether a file of a Release with these architectures is asked for, by its name and that of its folders
    /// (`binary-amd64`, `Contents-udeb-arm64.gz`).
    pub(super) fn wants(&self, all: &[Architecture], below: &str) -> bool {
        let of_other = |part: &str| {
            let part = part.split('.').next().unwrap_or_default();
            let is_its = |architecture: &&Architecture| {
                part.strip_suffix(architecture.as_str()).is_some_and(|rest| rest.ends_with('-'))
            };
            // The longest name is meant: what is for hurd-amd64 is not for amd64.
            let own = all.iter().filter(is_its).max_by_key(|architecture| architecture.as_str().len());
            own.is_some_and(|own| !own.is_all() && !self.architectures.contains(own))
        };
        self.architectures.is_empty() || !below.split('/').any(of_other)
    }
}
