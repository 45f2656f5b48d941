//! Why a chroot could not be made, found or removed.

use debbuild_core::{
    acquire::AcquireError,
    arch::Architecture,
    blob::BlobError,
    build::ChrootId,
    deb::DebError,
    digest::Sha256,
    error::{Class, Classify},
    name::PackageName,
    path::{FileError, PathError},
    resolve::{ResolveError, SourceError},
};

use crate::{
    backend::ChrootError,
    confine::ConfineError,
    create::CreateError,
    gateway::{GatewayError, UpstreamFailure},
    import::ImportError,
    layer::LayerError,
};

/// Why a chroot could not be made, found or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// There is no such chroot.
    #[error("no such chroot: {0}")]
    NotFound(String),
    /// More than one chroot has an id that begins so.
    #[error("more than one chroot has an id that begins with {0}")]
    Ambiguous(String),
    /// The request names no archive.
    #[error("the request names no archive")]
    NoArchives,
    /// A file of an archive could not be had, or was not what the archive says.
    #[error("archive {}: cannot get {}: {}", .0.archive, .0.path, .0.reason)]
    Archive(UpstreamFailure),
    /// A priority cannot be given to one archive alone.
    #[error("no priority can be given to {archive}: {reason}")]
    Priority {
        /// The archive.
        archive: String,
        /// Why not.
        reason: String,
    },
    /// A package is installed that did not come through the gateway.
    #[error("{name} {version} ({architecture}) is installed, but did not come from the archives")]
    Unaccounted {
        /// The package.
        name: String,
        /// Its architecture.
        architecture: String,
        /// Its version.
        version: String,
    },
    /// A chroot cannot be a parent as it was asked for.
    #[error("chroot {id} cannot be the parent: {reason}")]
    Parent {
        /// The chroot.
        id: String,
        /// Why not.
        reason: String,
    },
    /// A tool that needs real root was not allowed.
    #[error("{0} needs real root, which nobody allowed")]
    Privileged(&'static str),
    /// A chroot that was imported was to be made from archives.
    #[error("the chroot was imported ({kind}, sha256 {sha256}): nobody knows the archives to make it from")]
    Imported {
        /// `tar` or `oci`.
        kind: String,
        /// The digest of what it was imported from.
        sha256: Sha256,
    },
    /// A system could not be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A layer could not be made.
    #[error(transparent)]
    Layer(LayerError),
    /// A record cannot be read.
    #[error("cannot read {what}: {reason}")]
    Record {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// Packages that are wanted in exactly one version are in none of the archives.
    #[error("no archive has {packages}")]
    Absent {
        /// The packages with their versions.
        packages: String,
    },
    /// Packages that are wanted are of another architecture.
    #[error("a chroot for {own} has no packages of other architectures: {packages}")]
    OtherArchitecture {
        /// The packages with their architectures.
        packages: String,
        /// The architecture of the chroot.
        own: Architecture,
    },
    /// A cross chroot is wanted for its own architecture, or for none.
    #[error("a chroot of {own} cannot be a cross chroot for {host}")]
    NotCross {
        /// The chroot's own architecture.
        own: Architecture,
        /// The architecture to build for.
        host: Architecture,
    },
    /// A package is wanted in two versions at once.
    #[error("{0} is wanted in two versions")]
    TwoVersions(PackageName),
    /// It is not known which packages are needed.
    #[error("it is not known what is needed: {0}")]
    Undecided(String),
    /// A lock cannot be used.
    #[error("the lock cannot be used: {0}")]
    Lock(String),
    /// A chroot made from a lock is not what the lock says.
    #[error("chroot {0}, made from the lock, is not what the lock says")]
    Drift(ChrootId),
    /// An archive is not as it must be.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// The packages of an archive could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The resolver gave no answer.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The base system could not be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// A session or the backend failed.
    #[error(transparent)]
    Session(#[from] ChrootError),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The confined place failed.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A served package cannot be read.
    #[error(transparent)]
    Deb(#[from] DebError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl From<LayerError> for ManagerError {
    fn from(error: LayerError) -> Self {
        match error {
            LayerError::Archive(failure) => Self::Archive(failure),
            LayerError::Create(error) => Self::Create(error),
            LayerError::Session(error) => Self::Session(error),
            error => Self::Layer(error),
        }
    }
}

impl Classify for ManagerError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound(_) | Self::Absent { .. } => Class::NotFound,
            Self::Ambiguous(_) | Self::Lock(_) | Self::TwoVersions(_) | Self::Parent { .. } | Self::Imported { .. } => {
                Class::Usage
            }
            Self::NotCross { .. } => Class::Usage,
            Self::OtherArchitecture { .. } => Class::Architecture,
            Self::Privileged(_) => Class::NotAllowed,
            Self::Import(error) => error.class(),
            Self::Layer(error) => error.class(),
            Self::NoArchives | Self::Priority { .. } => Class::Config,
            Self::Undecided(_) => Class::Infrastructure,
            Self::Archive(failure) => failure.class,
            Self::Unaccounted { .. } | Self::Drift(_) => Class::Verification,
            Self::Record { .. } => Class::Infrastructure,
            Self::Acquire(error) => error.class(),
            Self::Source(error) => error.class(),
            Self::Resolve(error) => error.class(),
            Self::Create(error) => error.class(),
            Self::Session(error) => error.class(),
            Self::Gateway(error) => error.class(),
            Self::Confine(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Deb(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Path(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some("debbuild chroot list".to_owned()),
            Self::Absent { .. } => Some(
                "name archives that have them: a profile's repositories, which may be of an earlier time (valid-until = false)"
                    .to_owned(),
            ),
            Self::Acquire(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Create(error) => error.hint(),
            Self::Layer(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::NotCross { .. } => {
                Some("the host architecture is another one than the chroot's own, and never all".to_owned())
            }
            Self::Privileged(_) => Some("--privileged allows it: programs of its packages run as root then".to_owned()),
            Self::Imported { .. } => Some("debbuild chroot import takes the same bytes again".to_owned()),
            Self::Session(error) => error.hint(),
            Self::Confine(error) => error.hint(),
            _ => None,
        }
    }
}
