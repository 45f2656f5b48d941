//! One build of one source package, by Debian's own sbuild, and the record of what happened.
//!
//! Only a `.dsc` is ever given to sbuild: from an unpacked tree it would run the package's clean target on the host.

pub mod artifacts;
mod base;
pub mod config;
mod confirm;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod deliver;
mod executor;
mod held;
mod input;
mod locking;
pub mod log;
mod measure;
pub mod outcome;
mod rebuild;
mod run;
mod scripted;
mod sink;
pub mod unmet;

#[cfg(test)]
mod tests;

use std::fmt;

use async_trait::async_trait;
pub use base::{BuildBase, BuildBases, KnownBases};
use debbuild_core::{
    arch::Architecture,
    blob::BlobError,
    build::{BuildRecord, BuildRequest, ChrootId},
    changelog::ChangelogError,
    command::CommandError,
    context::Context,
    error::{Class, Classify},
    name::SuiteName,
    path::{FileError, PathError},
    task::TaskIo,
};
pub use deliver::{RESULT, deliver};
pub use executor::{BUILD_TASK, BuildExecutor, BuildTask};
pub use rebuild::Rebuilder;
pub use run::{SbuildBuilder, SbuildParts};
pub use scripted::ScriptedBuilder;

use crate::{confine::ConfineError, gateway::GatewayError};

/// Builds source packages.
///
/// A failed build is data, not an error: the record says what became of it. The log goes to `io.log` while it is written, and as
/// a blob with the artifacts and the lock into `io.blobs`, pinned.
#[async_trait]
pub trait PackageBuilder: fmt::Debug + Send + Sync {
    /// Builds what is asked for.
    ///
    /// # Errors
    /// [`BuilderError`] when the request cannot be taken at all; nothing was tried then.
    async fn build(
        &self,
        cx: &Context,
        request: &BuildRequest,
        io: &mut TaskIo<'_>,
    ) -> Result<BuildRecord, BuilderError>;
}

/// Why a build was not tried. A build that was tried and failed has a record instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuilderError {
    /// The sbuild on this machine is too old, or something else answers to its name.
    #[error("not an sbuild of 0.85 or newer: {0:?}")]
    Version(String),
    /// There is no such chroot.
    #[error("no such chroot: {0}")]
    NoChroot(ChrootId),
    /// There is no chroot for that suite and architecture.
    #[error("no chroot for {suite} on {architecture}")]
    NoChrootFor {
        /// The suite.
        suite: SuiteName,
        /// The architecture.
        architecture: Architecture,
    },
    /// A chroot could not be made.
    #[error("cannot make a chroot: {message}")]
    Chroot {
        /// The class of its failure.
        class: Class,
        /// What happened.
        message: String,
    },
    /// The request asks for something that this builder cannot give.
    #[error("cannot build so: {0}")]
    Unsupported(String),
    /// The source package cannot be read.
    #[error("not a source package: {0}")]
    Source(String),
    /// The entry of a rebuild cannot be written.
    #[error(transparent)]
    Changelog(#[from] ChangelogError),
    /// An option is malformed.
    #[error("not a {kind}: {text:?}")]
    Option {
        /// What it should be.
        kind: &'static str,
        /// What it is.
        text: String,
    },
    /// The confined place could not be made.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The archives could not be opened.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl Classify for BuilderError {
    fn class(&self) -> Class {
        match self {
            Self::Version(_) => Class::Infrastructure,
            Self::NoChroot(_) | Self::NoChrootFor { .. } => Class::NotFound,
            Self::Chroot { class, .. } => *class,
            Self::Unsupported(_) => Class::NotAllowed,
            Self::Option { .. } => Class::Usage,
            Self::Source(_) => Class::Source,
            Self::Changelog(error) => error.class(),
            Self::Confine(error) => error.class(),
            Self::Gateway(error) => error.class(),
            Self::Command(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Blob(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Version(_) => Some("apt-get install sbuild".to_owned()),
            Self::NoChroot(_) | Self::NoChrootFor { .. } => {
                Some("debbuild chroot list shows those that there are".to_owned())
            }
            Self::Confine(error) => error.hint(),
            Self::Command(error) => error.hint(),
            _ => None,
        }
    }
}
