//! Live ISOs for BIOS and UEFI, made without root and byte for byte the same from the same root file system.

#[cfg(feature = "testing")]
pub mod conformance;
mod memory;
mod tree;
mod xorriso;

use std::fmt;

use async_trait::async_trait;
use debbuild_core::{
    clock::Timestamp,
    command::{CommandError, OutputSink},
    context::Context,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use memory::MemoryIsos;
pub use xorriso::XorrisoIsos;

use crate::rootfs::RootfsError;

/// An ISO that is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IsoRequest {
    /// The tarball of the root file system: with a kernel, an initrd by initramfs-tools, and live-boot.
    pub rootfs: AbsPath,
    /// The volume id, by which the boot loader finds the medium.
    pub volume: String,
    /// The newest time on it, and its modification time.
    pub epoch: Timestamp,
    /// What the boot menu says.
    pub title: String,
    /// Kernel arguments after `boot=live`.
    pub arguments: Vec<String>,
    /// The zstd level of the squashfs, 1 to 22.
    pub compression: u32,
    /// How long the boot menu waits, in seconds.
    pub timeout: u32,
}

impl IsoRequest {
    /// An ISO of this root file system.
    #[must_use]
    pub fn new(rootfs: AbsPath, volume: impl Into<String>, epoch: Timestamp) -> Self {
        let volume = volume.into();
        Self { rootfs, title: volume.clone(), volume, epoch, arguments: Vec::new(), compression: 3, timeout: 1 }
    }

    /// With another title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// With kernel arguments.
    #[must_use]
    pub fn with_arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments = arguments.into_iter().collect();
        self
    }

    /// With another zstd level.
    #[must_use]
    pub fn with_compression(mut self, level: u32) -> Self {
        self.compression = level;
        self
    }

    /// With another time before the menu boots.
    #[must_use]
    pub fn with_timeout(mut self, seconds: u32) -> Self {
        self.timeout = seconds;
        self
    }
}

/// Makes live ISOs.
#[async_trait]
pub trait IsoBuilder: fmt::Debug + Send + Sync {
    /// Makes the ISO `file`, which is new; the folder that it is in can be used while it is made.
    ///
    /// The same request gives the same bytes.
    ///
    /// # Errors
    /// [`IsoError`].
    async fn build(
        &self,
        cx: &Context,
        request: &IsoRequest,
        log: &mut dyn OutputSink,
        file: &AbsPath,
    ) -> Result<(), IsoError>;
}

/// Why an ISO could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsoError {
    /// The root file system cannot be read, or has no kernel.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// A tool failed.
    #[error("{tool} failed: {reason}")]
    Tool {
        /// The tool.
        tool: String,
        /// The end of what it said.
        reason: String,
    },
    /// A command could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Classify for IsoError {
    fn class(&self) -> Class {
        match self {
            Self::Rootfs(error) => error.class(),
            Self::Command(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Tool { .. } | Self::File(_) => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
