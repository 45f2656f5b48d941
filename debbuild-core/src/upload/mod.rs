//! Uploads: signed .changes files by people who may upload, taken into a suite once, and a record of every one.
//!
//! An [`UploadDoor`] takes a .changes only when a key of its keyring signed it, recently, and a rule of its [`Uploaders`] lets that
//! key upload that source there; a text that was taken before is refused. Whatever is decided is written down, and
//! [`UploadDoor::log`] reads it again.
//!
//! ```
//! use debbuild_core::upload::Uploaders;
//!
//! let uploaders = Uploaders::parse("uploaders.toml", r#"
//!     schema = 1
//!     [[uploader]]
//!     name = "Ada"
//!     keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]
//!     sources = ["hello", "lib*"]
//! "#)?;
//! assert_eq!(uploaders.window(), Some(14 * 24 * 60 * 60));
//! # Ok::<(), debbuild_core::upload::UploadError>(())
//! ```

mod door;
mod log;
mod rules;
#[cfg(test)]
mod tests;

pub use door::{UploadDoor, UploadOptions};
pub use log::{Outcome, UPLOAD_SCHEMA, Upload};
pub use rules::{Uploader, Uploaders};

use std::fmt;

use crate::{
    control::ControlError,
    error::{Class, Classify},
    name::{NameError, SourceName},
    path::{FileError, PathError},
    repo::RepoError,
    sign::{Fingerprint, SignError},
};

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The rules cannot be read.
    #[error("uploaders in {file}: {reason}")]
    Rules {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// No rule lets the key upload this.
    #[error("{file}: {who} may not upload {source_name} to {suite}")]
    NotAllowed {
        /// The .changes.
        file: String,
        /// The uploader's name, or the key where no rule names it.
        who: String,
        /// The source package.
        source_name: SourceName,
        /// The suite.
        suite: String,
    },
    /// An uploader of sources sent built packages.
    #[error("{file}: {who} may upload sources only")]
    SourceOnly {
        /// The .changes.
        file: String,
        /// The uploader.
        who: String,
    },
    /// The same text was taken before.
    #[error("{file}: the same upload was taken at {at}")]
    Replayed {
        /// The .changes.
        file: String,
        /// When.
        at: crate::clock::Timestamp,
    },
    /// The signature is older than the rules allow.
    #[error("{file}: signed at {made}, which is longer ago than an upload may wait")]
    TooOld {
        /// The .changes.
        file: String,
        /// When it was signed.
        made: crate::clock::Timestamp,
    },
    /// The verifier does not say when a signature was made, and the rules need it.
    #[error("{file}: the verifier does not say when {key} signed; use gpgv, or set the window to \"forever\"")]
    NoDate {
        /// The .changes.
        file: String,
        /// The key.
        key: Fingerprint,
    },
    /// The upload is for a suite that the repository does not have.
    #[error("{file}: no suite of the repository is called {name:?}")]
    NoSuite {
        /// The .changes.
        file: String,
        /// What it is for.
        name: String,
    },
    /// What is listed cannot be one upload.
    #[error("{file}: {reason}")]
    Content {
        /// The .changes.
        file: String,
        /// Why.
        reason: String,
    },
    /// The .changes cannot be read.
    #[error("cannot read {file}")]
    Control {
        /// The .changes.
        file: String,
        /// What is wrong with it.
        #[source]
        error: ControlError,
    },
    /// The record of uploads cannot be read or written.
    #[error("the record of uploads in {file}: {reason}")]
    Log {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The repository refused it.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// An upload that was refused, as it is remembered, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// What was written down.
    pub upload: Box<Upload>,
    /// Why.
    pub error: UploadError,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Classify for Refusal {
    fn class(&self) -> Class {
        self.error.class()
    }
}

impl Classify for UploadError {
    fn class(&self) -> Class {
        match self {
            Self::Rules { .. } | Self::NoDate { .. } => Class::Config,
            Self::NotAllowed { .. } | Self::SourceOnly { .. } => Class::NotAllowed,
            Self::Replayed { .. } => Class::Conflict,
            Self::TooOld { .. } => Class::Verification,
            Self::NoSuite { .. } => Class::NotFound,
            Self::Content { .. } | Self::Control { .. } => Class::Source,
            Self::Log { .. } => Class::Infrastructure,
            Self::Sign(error) => error.class(),
            Self::Repo(error) => error.class(),
            Self::Name(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Path(error) => error.class(),
        }
    }
}
