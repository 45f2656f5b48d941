//! OSTree commits of root file systems, made without root and without unpacking.

#[cfg(feature = "testing")]
pub mod conformance;
mod layout;
mod memory;
mod system;

use std::fmt;

use async_trait::async_trait;
use debbuild_core::{
    clock::Timestamp,
    command::{CommandError, OutputSink},
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError},
};
pub use layout::lay_out;
pub use memory::MemoryCommits;
pub use system::OstreeCommits;

use crate::rootfs::RootfsError;

/// A commit that is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommitRequest {
    /// The tarball of the root file system, finished for OSTree.
    pub rootfs: AbsPath,
    /// The ref that will point to it.
    pub reference: String,
    /// The commit's time, and the newest time in it.
    pub epoch: Timestamp,
    /// One line about it.
    pub subject: String,
    /// The version that the commit's metadata names.
    pub version: Option<String>,
}

impl CommitRequest {
    /// A commit of this root file system, under this ref.
    #[must_use]
    pub fn new(rootfs: AbsPath, reference: impl Into<String>, epoch: Timestamp) -> Self {
        let reference = reference.into();
        Self { rootfs, subject: reference.clone(), reference, epoch, version: None }
    }

    /// With another subject.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// With a version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}

/// Makes OSTree commits.
#[async_trait]
pub trait CommitStore: fmt::Debug + Send + Sync {
    /// Makes an archive repository in the empty folder `repo`, with one commit, and returns the commit's checksum.
    ///
    /// The same request gives the same checksum.
    ///
    /// # Errors
    /// [`OstreeError`]; without a kernel and an initramfs in `usr/lib/modules` there is no commit.
    async fn commit(
        &self,
        cx: &Context,
        request: &CommitRequest,
        log: &mut dyn OutputSink,
        repo: &AbsPath,
    ) -> Result<Sha256, OstreeError>;
}

/// Why a commit could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OstreeError {
    /// The root file system cannot be read or laid out.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// `ostree` failed.
    #[error("ostree {step} failed: {reason}")]
    Ostree {
        /// The subcommand.
        step: &'static str,
        /// The end of what it said.
        reason: String,
    },
    /// A command could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Classify for OstreeError {
    fn class(&self) -> Class {
        match self {
            Self::Rootfs(error) => error.class(),
            Self::Command(error) => error.class(),
            Self::Ostree { .. } | Self::File(_) => Class::Infrastructure,
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
