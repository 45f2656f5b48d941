//! Getting one file from somewhere, into a file of ours: with limits, hashes, conditions, retries and resume.

mod arriving;
#[cfg(feature = "testing")]
pub mod conformance;
mod file;
#[cfg(feature = "http")]
mod http;
mod landing;
mod memory;
mod schemes;
mod uri;

use std::fmt;

pub use arriving::{Arrived, Arriving};
use async_trait::async_trait;
pub use file::FileFetch;
#[cfg(feature = "http")]
pub use http::{HttpFetch, HttpOptions};
pub use memory::{Fault, MemoryFetch};
pub use schemes::SchemeFetch;
pub use uri::{Uri, UriError};

use crate::{
    cancel::Cancelled,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};

/// The most bytes that a file of unknown size may have: 64 MiB.
pub const DEFAULT_LIMIT: u64 = 64 << 20;

/// What a server said about one version of a file, to ask later whether it changed (RFC 9110, section 8.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Validators {
    /// `ETag`, as sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub last_modified: Option<String>,
}

impl Validators {
    /// These two headers.
    #[must_use]
    pub const fn new(etag: Option<String>, last_modified: Option<String>) -> Self {
        Self { etag, last_modified }
    }

    /// Whether there is nothing to ask with.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// One file to get.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// Where it is.
    pub uri: Uri,
    /// Its size in bytes, where known: another size is a mismatch.
    pub size: Option<u64>,
    /// Its digest, where known: other bytes are a mismatch. Only then does a later call go on from what this one left.
    pub sha256: Option<Sha256>,
    /// The most bytes to take where the size is not known.
    pub limit: u64,
    /// Only if it is not the version that these describe.
    pub unless: Validators,
    /// Told how far the transfer is.
    pub arriving: Option<Arriving>,
}

impl FetchRequest {
    /// This file, whatever it holds, up to [`DEFAULT_LIMIT`].
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self { uri, size: None, sha256: None, limit: DEFAULT_LIMIT, unless: Validators::default(), arriving: None }
    }

    /// With the content that it must have.
    #[must_use]
    pub const fn with_content(mut self, size: u64, sha256: Sha256) -> Self {
        self.size = Some(size);
        self.sha256 = Some(sha256);
        self
    }

    /// With the most bytes to take where the size is not known.
    #[must_use]
    pub const fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Only if it changed since the version that these describe.
    #[must_use]
    pub fn with_unless(mut self, validators: Validators) -> Self {
        self.unless = validators;
        self
    }

    /// Telling others how far it is, so that they can read the file while it arrives.
    #[must_use]
    pub fn with_arriving(mut self, arriving: Arriving) -> Self {
        self.arriving = Some(arriving);
        self
    }

    /// The most bytes that the answer may have.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.size.unwrap_or(self.limit)
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetched {
    /// The file is there, complete, and what was promised.
    Complete {
        /// Its size in bytes.
        size: u64,
        /// Its digest.
        sha256: Sha256,
        /// What to ask with the next time.
        validators: Validators,
    },
    /// It did not change; nothing was written.
    NotModified,
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server is there, the file is not.
    #[error("not found: {uri}")]
    NotFound {
        /// The file.
        uri: Uri,
    },
    /// The server cannot be reached, breaks off, answers too slowly, or says that it is in trouble; retries were made.
    #[error("cannot reach {uri}: {reason}")]
    Unreachable {
        /// The file.
        uri: Uri,
        /// What happened the last time.
        reason: String,
    },
    /// The server refuses (status 401, 403 and the like); asking again would not help.
    #[error("{uri} was refused with status {status}")]
    Refused {
        /// The file.
        uri: Uri,
        /// The status.
        status: u16,
    },
    /// The bytes are not those that were promised.
    #[error("{uri} is not the promised file: {reason}")]
    Mismatch {
        /// The file.
        uri: Uri,
        /// What was expected and what came.
        reason: String,
    },
    /// The file is larger than the limit.
    #[error("{uri} has more than {limit} bytes")]
    TooLarge {
        /// The file.
        uri: Uri,
        /// The limit in bytes.
        limit: u64,
    },
    /// No way to fetch from there.
    #[error("cannot fetch from {uri}: no way to do {scheme:?} is configured")]
    Scheme {
        /// The file.
        uri: Uri,
        /// The scheme.
        scheme: String,
    },
    /// The client cannot be set up.
    #[error("cannot set up the http client: {0}")]
    Client(String),
    /// A file of ours failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path of ours cannot be taken.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for FetchError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } => Class::NotFound,
            Self::Unreachable { .. } | Self::Refused { .. } | Self::File(_) => Class::Infrastructure,
            Self::Mismatch { .. } | Self::TooLarge { .. } => Class::Verification,
            Self::Scheme { .. } | Self::Client(_) => Class::Config,
            Self::Path(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
        }
    }
}

/// Gets files.
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Writes the file to `to`, which appears only when it is complete and what was promised.
    ///
    /// The folder of `to` must exist; a transfer that broke off may leave `to` with `.partial` added, from which a later
    /// call with the same digest goes on. Two calls for one `to` at the same time are the caller's mistake.
    ///
    /// # Errors
    /// [`FetchError`]: not there, unreachable and mismatched are told apart.
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError>;
}

#[cfg(all(test, feature = "testing"))]
mod tests;
