//! OCI images: one layer, a configuration, a manifest and an index, in an image layout (OCI image specification 1.1).

#[cfg(feature = "testing")]
pub mod conformance;
mod layout;
mod memory;

use std::{collections::BTreeMap, fmt, io};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError},
};
pub use layout::LayoutBuilder;
pub use memory::MemoryImages;

use crate::rootfs::RootfsError;

/// An image that is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImageRequest {
    /// The tarball of the root file system.
    pub rootfs: AbsPath,
    /// Debian's name of the architecture.
    pub architecture: Architecture,
    /// The tag.
    pub tag: String,
    /// When it counts as made.
    pub epoch: Timestamp,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub command: Vec<String>,
    /// Environment variables; `PATH` is added where it is missing.
    pub environment: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// How the layer was made, for its history.
    pub history: String,
}

impl ImageRequest {
    /// An image of this root file system.
    #[must_use]
    pub fn new(rootfs: AbsPath, architecture: Architecture, tag: impl Into<String>, epoch: Timestamp) -> Self {
        Self {
            rootfs,
            architecture,
            tag: tag.into(),
            epoch,
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
            history: "debbuild compose: the locked packages, installed by mmdebstrap".to_owned(),
        }
    }

    /// With an entry point.
    #[must_use]
    pub fn with_entrypoint(mut self, entrypoint: Vec<String>) -> Self {
        self.entrypoint = entrypoint;
        self
    }

    /// With a command.
    #[must_use]
    pub fn with_command(mut self, command: Vec<String>) -> Self {
        self.command = command;
        self
    }

    /// With environment variables.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// With labels.
    #[must_use]
    pub fn with_labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = labels;
        self
    }

    /// With another history of the layer.
    #[must_use]
    pub fn with_history(mut self, history: impl Into<String>) -> Self {
        self.history = history.into();
        self
    }
}

/// Makes OCI images.
#[async_trait]
pub trait ImageBuilder: fmt::Debug + Send + Sync {
    /// Makes an image layout in the new folder `layout` and returns the digest of the image's manifest.
    ///
    /// The same request gives the same bytes.
    ///
    /// # Errors
    /// [`OciError`].
    async fn build(&self, cx: &Context, request: &ImageRequest, layout: &AbsPath) -> Result<Sha256, OciError>;
}

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// The root file system cannot be read.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// A document of the image cannot be made.
    #[error("cannot write the image's {document}: {message}")]
    Document {
        /// Which one.
        document: &'static str,
        /// Why not.
        message: String,
    },
    /// The layer cannot be compressed.
    #[error("cannot write the layer")]
    Layer(#[source] io::Error),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Classify for OciError {
    fn class(&self) -> Class {
        match self {
            Self::Rootfs(error) => error.class(),
            Self::Document { .. } => Class::Internal,
            Self::Layer(_) | Self::File(_) => Class::Infrastructure,
        }
    }
}

#[cfg(test)]
mod tests;
