//! Layers: packages that the apt of a finished chroot installs on top of it, or takes away, in a session that is then packed.

#[cfg(feature = "testing")]
pub mod conformance;
mod memory;
mod pack;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;

use async_trait::async_trait;
use debbuild_core::{
    clock::Timestamp,
    command::OutputSink,
    context::Context,
    error::{Class, Classify},
    name::PackageName,
    path::{AbsPath, FileError},
};
pub use memory::MemoryLayers;
pub(crate) use pack::status;
pub use session::SessionLayers;

use crate::{
    backend::{ChrootError, ChrootRef},
    create::CreateError,
    gateway::{AccessRecord, GatewayOptions, UpstreamFailure},
};

/// Where the indexes are that apt reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lists {
    /// In the archives.
    #[default]
    Fetch,
    /// In the archives; what was read is written to this new file, for other layers over the same parent.
    Keep(AbsPath),
    /// In this file, which [`Lists::Keep`] made over the same parent: nothing is read again.
    Given(AbsPath),
}

/// What a layer does.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LayerRequest {
    /// The archives in reach.
    pub gateway: GatewayOptions,
    /// No file of the result is younger (`SOURCE_DATE_EPOCH`).
    pub epoch: Timestamp,
    /// Packages to install.
    pub install: Vec<PackageName>,
    /// Packages to take away, with their configuration and what depends on them.
    pub remove: Vec<PackageName>,
    /// Whether everything is brought up to date first: the archives have changed since the parent was made.
    pub upgrade: bool,
    /// Whether this repeats what a lock says: the archives may have expired since.
    pub replay: bool,
    /// Where the indexes are.
    pub lists: Lists,
}

impl LayerRequest {
    /// A layer that does nothing yet, with these archives in reach.
    #[must_use]
    pub fn new(gateway: GatewayOptions, epoch: Timestamp) -> Self {
        let (install, remove) = (Vec::new(), Vec::new());
        Self { gateway, epoch, install, remove, upgrade: false, replay: false, lists: Lists::Fetch }
    }

    /// With packages to install, and packages to take away.
    #[must_use]
    pub fn with_packages(mut self, install: Vec<PackageName>, remove: Vec<PackageName>) -> Self {
        self.install = install;
        self.remove = remove;
        self
    }

    /// Whether everything is brought up to date first.
    #[must_use]
    pub const fn with_upgrade(mut self, upgrade: bool) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// Whether this repeats what a lock says.
    #[must_use]
    pub const fn with_replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }

    /// With another place of the indexes.
    #[must_use]
    pub fn with_lists(mut self, lists: Lists) -> Self {
        self.lists = lists;
        self
    }
}

/// What a layer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layered {
    /// The `/var/lib/dpkg/status` of the result.
    pub status: String,
    /// What passed through the gateway.
    pub access: AccessRecord,
}

/// Makes layers over finished chroots.
#[async_trait]
pub trait LayerMaker: fmt::Debug + Send + Sync {
    /// Makes the layer, and writes the whole system as an uncompressed tar archive to the new file `to`. The same request over the
    /// same parent and archives gives the same bytes. The parent has apt and the sources of its archives.
    ///
    /// # Errors
    /// [`LayerError`].
    async fn make(
        &self,
        cx: &Context,
        parent: &ChrootRef,
        request: &LayerRequest,
        to: &AbsPath,
        log: &mut dyn OutputSink,
    ) -> Result<Layered, LayerError>;
}

/// Why there is no layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// An archive could not be had.
    #[error("archive {}: cannot get {}: {}", .0.archive, .0.path, .0.reason)]
    Archive(UpstreamFailure),
    /// The result has no database of packages.
    #[error("the layer has no dpkg status")]
    NoStatus,
    /// apt or tar failed.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The session failed.
    #[error(transparent)]
    Session(#[from] ChrootError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Classify for LayerError {
    fn class(&self) -> Class {
        match self {
            Self::Archive(_) | Self::NoStatus | Self::File(_) => Class::Infrastructure,
            Self::Create(error) => error.class(),
            Self::Session(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Create(error) => error.hint(),
            Self::Session(error) => error.hint(),
            _ => None,
        }
    }
}
