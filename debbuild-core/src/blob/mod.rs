//! Every stored byte, once: a content-addressed store with durable roots.

mod check;
#[cfg(feature = "testing")]
pub mod conformance;
mod deliver;
pub(crate) mod durable;
mod folder;
mod fsck;
mod memory;

use std::{fmt, ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
pub use check::{CheckOptions, Checked, Fault};
pub use deliver::{deliver, deliver_bytes};
pub use folder::FolderStore;
pub use memory::MemoryStore;

use crate::{
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
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

/// One file of a batch that is to become blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adoption {
    /// The file.
    pub file: AbsPath,
    /// How it becomes a blob.
    pub how: Adopt,
    /// The digest that it must have.
    pub expected: Option<Sha256>,
}

impl Adoption {
    /// Copies this file, whatever its digest.
    #[must_use]
    pub const fn new(file: AbsPath) -> Self {
        Self { file, how: Adopt::Copy, expected: None }
    }

    /// In this way.
    #[must_use]
    pub const fn with_how(mut self, how: Adopt) -> Self {
        self.how = how;
        self
    }

    /// Only if it has this digest.
    #[must_use]
    pub const fn with_expected(mut self, expected: Sha256) -> Self {
        self.expected = Some(expected);
        self
    }
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
    /// The file of a root holds something else than ids; nothing is swept until it is mended.
    #[error("root {0} is damaged")]
    DamagedRoot(AbsPath),
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
    /// A path cannot be taken.
    #[error(transparent)]
    Path(#[from] PathError),
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
            Self::File(_) | Self::DamagedRoot(_) => Class::Infrastructure,
            Self::Path(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
        }
    }
}

/// A content-addressed store. What a call acknowledged is durable, and nothing half-written is ever visible.
///
/// Roots keep blobs: they are named `OWNER/NAME`, hold a set of ids, and are written before the blobs are used: pin first,
/// then look whether the blob is there. A blob that is put or adopted again counts as young again.
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

    /// Keeps the content of many files, with one acknowledgement for all: much cheaper than one call for each.
    ///
    /// # Errors
    /// As [`BlobStore::adopt`]; files before the one that failed may have been kept.
    async fn adopt_all(&self, cx: &Context, files: &[Adoption]) -> Result<Vec<Blob>, BlobError> {
        let mut blobs = Vec::with_capacity(files.len());
        for one in files {
            blobs.push(self.adopt(cx, &one.file, one.how, one.expected).await?);
        }
        Ok(blobs)
    }

    /// The bytes of a blob, or of a range of it.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::Range`], and [`BlobError::Mismatch`] when a whole read shows damage: the
    /// damaged bytes are then set aside, so that the blob counts as missing and can be put again.
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

    /// Reads every blob and every root, and names each fault. What others put or sweep meanwhile is no fault.
    ///
    /// # Errors
    /// [`BlobError::File`]; what is wrong with the content is in the answer.
    async fn check(&self, cx: &Context, options: CheckOptions) -> Result<Checked, BlobError>;

    /// Removes blobs that no root holds and that are older than the grace time.
    ///
    /// # Errors
    /// [`BlobError::File`].
    async fn sweep(&self, cx: &Context, options: SweepOptions) -> Result<Swept, BlobError>;
}

/// Checks the owner or name of a root: letters, digits and `_.+~:@=-`, not starting with a dot, at most 200 bytes.
fn root_part(text: &str) -> Result<&str, BlobError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.+~:@=-".contains(&b);
    if text.is_empty() || text.len() > 200 || text.starts_with('.') || !text.bytes().all(plain) {
        return Err(BlobError::RootName(text.to_owned()));
    }
    Ok(text)
}

/// Checks a range against the size of a blob; without one it is the whole.
fn checked_range(id: Sha256, size: u64, range: Option<Range<u64>>) -> Result<Range<u64>, BlobError> {
    let range = range.unwrap_or(0..size);
    if range.start > range.end || range.end > size {
        return Err(BlobError::Range { id, size, start: range.start, end: range.end });
    }
    Ok(range)
}

#[cfg(all(test, feature = "testing"))]
mod tests;
