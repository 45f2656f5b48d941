//! Why an archive, an index or a file of it cannot be used.

use super::{
    fetch::{FetchError, UriError},
    seen::SeenError,
};
use crate::{
    blob::BlobError,
    cancel::Cancelled,
    clock::Timestamp,
    control::ControlError,
    error::{Class, Classify},
    name::NameError,
    path::{FileError, PathError},
    sign::SignError,
};

/// Why an archive, an index or a file of it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The archive has no address.
    #[error("archive {name:?} has no address")]
    NoAddress {
        /// The archive's name.
        name: String,
    },
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The signature is missing or wrong, or could not be checked.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A good signature, but not by a key that may sign this archive.
    #[error("{archive} is signed by {signers}, not by a key that may sign it")]
    Signer {
        /// The suite and its address.
        archive: String,
        /// Who signed.
        signers: String,
    },
    /// The Release is past its `Valid-Until`.
    #[error("Release of {archive} expired at {valid_until}")]
    Expired {
        /// The suite and its address.
        archive: String,
        /// `Valid-Until`.
        valid_until: Timestamp,
    },
    /// The Release is dated ahead of our clock.
    #[error("Release of {archive} is dated ahead, at {date}, and it is {now}")]
    Future {
        /// The suite and its address.
        archive: String,
        /// `Date`.
        date: Timestamp,
        /// Our clock.
        now: Timestamp,
    },
    /// The Release is older than one that was seen before: an attack, or a mirror that lags behind.
    #[error("Release of {archive} is of {date}, older than the one of {seen} that was seen before")]
    RolledBack {
        /// The suite and its address.
        archive: String,
        /// `Date`.
        date: Timestamp,
        /// The newest `Date` seen.
        seen: Timestamp,
    },
    /// The Release is one of another suite.
    #[error("Release of {archive} is of another suite: {found}")]
    OtherSuite {
        /// The suite and its address.
        archive: String,
        /// What it says it is.
        found: String,
    },
    /// The Release does not list this index.
    #[error("{archive} has no {path}")]
    NoIndex {
        /// The suite and its address.
        archive: String,
        /// The index, below the suite's folder.
        path: String,
    },
    /// An index is not what the Release says, or cannot be decompressed.
    #[error("index {path} of {archive}: {reason}")]
    Index {
        /// The suite and its address.
        archive: String,
        /// The index, below the suite's folder.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A replay fetches nothing, and this is not stored.
    #[error("{path} of {archive} is not stored, and a replay fetches nothing")]
    NotStored {
        /// The suite and its address.
        archive: String,
        /// The file, below the archive's root.
        path: String,
    },
    /// No archive of the host has this suite.
    #[error("no archive of the host has the suite {suite}, by an owner of it ({owners}); passed over: {passed_over}")]
    NoHostArchive {
        /// The suite.
        suite: String,
        /// Whose archives were looked for.
        owners: String,
        /// What was found instead.
        passed_over: String,
    },
    /// No such source package.
    #[error("no source package {wanted} in {suites}")]
    NoSource {
        /// Name, and version where one was asked for.
        wanted: String,
        /// Where it was looked for.
        suites: String,
    },
    /// A file of a source package is already there with other content.
    #[error("{path} is already there with other content")]
    Occupied {
        /// The file.
        path: crate::path::AbsPath,
    },
    /// A signed file cannot be read.
    #[error("{what} cannot be read")]
    Control {
        /// The file.
        what: String,
        /// What is wrong.
        source: ControlError,
    },
    /// The memory of what was seen failed.
    #[error(transparent)]
    Seen(#[from] SeenError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// An address cannot be used.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// A name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
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

impl Classify for AcquireError {
    fn class(&self) -> Class {
        match self {
            Self::NoAddress { .. } | Self::NoHostArchive { .. } => Class::Config,
            Self::Fetch(error) => error.class(),
            Self::Sign(error) => error.class(),
            Self::Signer { .. }
            | Self::Expired { .. }
            | Self::Future { .. }
            | Self::RolledBack { .. }
            | Self::OtherSuite { .. }
            | Self::Control { .. }
            | Self::Index { .. } => Class::Verification,
            Self::NoIndex { .. } | Self::NotStored { .. } | Self::NoSource { .. } => Class::NotFound,
            Self::Occupied { .. } => Class::Conflict,
            Self::Seen(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Uri(error) => error.class(),
            Self::Name(error) => error.class(),
            Self::File(_) => Class::Infrastructure,
            Self::Path(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Expired { .. } => {
                "where the archive is kept for ever, say in its configuration that it does not expire"
            }
            Self::Future { .. } => "is this machine's clock right?",
            Self::RolledBack { .. } => "try again later, or another mirror: this one lags behind or is not honest",
            Self::OtherSuite { .. } => "is the suite's name right?",
            Self::NoHostArchive { .. } => "name an archive in the configuration, or with the command",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
