//! Every stored byte, once: a content-addressed store with durable roots.

use std::{fmt, ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError},
};

/// A stored blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blob {
    /// The sha256 of its bytes.
    pub id: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// How a file becomes a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Adopt {
    /// Copy the bytes: the file may change afterwards.
    #[default]
    Copy,
    /// Link the file where the file system allows, else copy: nobody may write to the file afterwards.
    Link,
}

/// What a sweep removed, or would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// The blobs.
    pub blobs: Vec<Blob>,
}

impl Swept {
    /// Bytes freed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }
}

/// How a sweep goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepOptions {
    /// Blobs younger than this stay, reached or not: somebody may be about to pin them.
    pub grace: Duration,
    /// Only say what would go.
    pub dry_run: bool,
}

impl SweepOptions {
    /// Removes what no root reaches and is older than `grace`.
    #[must_use]
    pub const fn new(grace: Duration) -> Self {
        Self { grace, dry_run: false }
    }

    /// Only says what would go.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no such blob.
    #[error("no such blob: {0}")]
    NotFound(Sha256),
    /// The bytes are not those that were promised, or not those of the name they are stored under.
    #[error("blob {expected} has other content: {actual}")]
    Mismatch {
        /// The digest that was promised.
        expected: Sha256,
        /// The digest of the bytes.
        actual: Sha256,
    },
    /// The owner or name of a root is not a plain name.
    #[error("not a name for a root: {0:?}")]
    RootName(String),
    /// A range outside the blob.
    #[error("blob {id} has {size} bytes, asked for {start}..{end}")]
    Range {
        /// The blob.
        id: Sha256,
        /// Its size in bytes.
        size: u64,
        /// First byte asked for.
        start: u64,
        /// End asked for.
        end: u64,
    },
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] crate::cancel::Cancelled),
}

impl Classify for BlobError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound(_) => Class::NotFound,
            Self::Mismatch { .. } => Class::Verification,
            Self::RootName(_) | Self::Range { .. } => Class::Usage,
            Self::File(_) => Class::Infrastructure,
            Self::Cancelled(_) => Class::Cancelled,
        }
    }
}

/// A content-addressed store. What a call acknowledged is durable, and nothing half-written is ever visible.
///
/// Roots keep blobs: they are named `OWNER/NAME`, hold a set of ids, and are written before the blobs are used.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync {
    /// Keeps these bytes.
    ///
    /// # Errors
    /// [`BlobError::File`].
    async fn put(&self, cx: &Context, bytes: Bytes) -> Result<Blob, BlobError>;

    /// Keeps the content of a file; with `expected`, only if it has that digest.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`] (then nothing is kept), [`BlobError::File`].
    async fn adopt(
        &self,
        cx: &Context,
        file: &AbsPath,
        how: Adopt,
        expected: Option<Sha256>,
    ) -> Result<Blob, BlobError>;

    /// The bytes of a blob, or of a range of it.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::Range`], and [`BlobError::Mismatch`] when a whole read shows damage.
    async fn read(&self, cx: &Context, id: Sha256, range: Option<Range<u64>>) -> Result<Bytes, BlobError>;

    /// A file of this machine with the blob's bytes, read-only, for tools; it stays while the blob is pinned.
    ///
    /// # Errors
    /// [`BlobError::NotFound`].
    async fn local(&self, cx: &Context, id: Sha256) -> Result<AbsPath, BlobError>;

    /// The blob, if it is stored.
    ///
    /// # Errors
    /// [`BlobError::File`]; an unknown blob is `None`.
    async fn stat(&self, cx: &Context, id: Sha256) -> Result<Option<Blob>, BlobError>;

    /// Makes the root `owner/name` hold exactly these ids; an empty set removes the root. The ids need not be stored yet.
    ///
    /// # Errors
    /// [`BlobError::RootName`].
    async fn pin(&self, cx: &Context, owner: &str, name: &str, ids: &[Sha256]) -> Result<(), BlobError>;

    /// The ids that the root `owner/name` holds; empty when there is no such root.
    ///
    /// # Errors
    /// [`BlobError::RootName`], [`BlobError::File`].
    async fn pinned(&self, cx: &Context, owner: &str, name: &str) -> Result<Vec<Sha256>, BlobError>;

    /// Removes blobs that no root holds and that are older than the grace time.
    ///
    /// # Errors
    /// [`BlobError::File`].
    async fn sweep(&self, cx: &Context, options: SweepOptions) -> Result<Swept, BlobError>;
}
