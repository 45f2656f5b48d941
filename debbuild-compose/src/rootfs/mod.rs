//! Root file systems as tarballs, made of exactly the packages of a lock.

#[cfg(feature = "testing")]
pub mod conformance;
mod memory;
#[cfg(feature = "rootfs")]
mod mmdebstrap;
pub(crate) mod tarball;

use std::{collections::BTreeMap, fmt, io, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    blob::{BlobError, BlobStore},
    cancel::Cancelled,
    command::{CommandError, OutputSink},
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use memory::MemoryRootfs;
#[cfg(feature = "rootfs")]
pub use mmdebstrap::{MmdebstrapOptions, MmdebstrapRootfs};

use crate::{plan::PackageSet, sources::SystemFile};

/// The bytes of the files of a request.
async fn contents(
    cx: &Context,
    blobs: &dyn BlobStore,
    files: &BTreeMap<String, SystemFile>,
) -> Result<Vec<(String, Vec<u8>)>, RootfsError> {
    let mut all = Vec::new();
    for (path, file) in files {
        let bytes = match file {
            SystemFile::Text(text) => text.clone().into_bytes(),
            SystemFile::Stored(digest) => blobs.read(cx, *digest, None).await?.to_vec(),
        };
        all.push((path.clone(), bytes));
    }
    Ok(all)
}

/// The name of the tarball in a node's output.
pub const TARBALL: &str = "rootfs.tar";

/// What is done inside after the packages are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finish {
    /// Nothing.
    Plain,
    /// The kernel is put beside its modules with an initramfs that finds OSTree deployments (dracut, ostree-boot).
    Ostree,
}

impl Finish {
    /// The name in plans.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Ostree => "ostree",
        }
    }

    /// The finish of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Plain, Self::Ostree].into_iter().find(|finish| finish.name() == name)
    }
}

/// A root file system that is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RootfsRequest {
    /// Exactly what is installed; each .deb is in the blob store.
    pub packages: Arc<PackageSet>,
    /// What follows.
    pub finish: Finish,
    /// Files that are put in place after everything else, by their paths: of root's, mode 0644.
    pub files: BTreeMap<String, SystemFile>,
}

impl RootfsRequest {
    /// A root file system of these packages.
    #[must_use]
    pub fn new(packages: Arc<PackageSet>, finish: Finish) -> Self {
        Self { packages, finish, files: BTreeMap::new() }
    }

    /// With files that are put in place at the end.
    #[must_use]
    pub fn with_files(mut self, files: BTreeMap<String, SystemFile>) -> Self {
        self.files = files;
        self
    }
}

/// Makes root file systems.
#[async_trait]
pub trait RootfsBuilder: fmt::Debug + Send + Sync {
    /// Installs exactly the packages of the request and writes the result as a tarball to `tarball`, a new file.
    ///
    /// The same request gives the same bytes. Package code has no network and is not run by root.
    ///
    /// # Errors
    /// [`RootfsError`]; [`RootfsError::Content`] when a stored .deb is not the locked one, before any tool sees it.
    async fn build(
        &self,
        cx: &Context,
        request: &RootfsRequest,
        log: &mut dyn OutputSink,
        tarball: &AbsPath,
    ) -> Result<(), RootfsError>;
}

/// Why a root file system could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// A .deb is not the locked one.
    #[error("package {package} has other content than its lock says: {actual} instead of {expected}")]
    Content {
        /// The package.
        package: String,
        /// The locked digest.
        expected: Sha256,
        /// The digest of the bytes.
        actual: Sha256,
    },
    /// What is installed is not what the lock says.
    #[error("the root file system is not the locked set: {0}")]
    NotTheSet(String),
    /// The tool failed.
    #[error("cannot install {set}: {reason}")]
    Install {
        /// The package set.
        set: String,
        /// The end of what it said.
        reason: String,
    },
    /// Something that the deliverable needs is not in the tarball.
    #[error("no {what} in the root file system: {advice}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// What would bring it.
        advice: &'static str,
    },
    /// The tarball cannot be read or written.
    #[error("cannot {action} the tarball of a root file system")]
    Tarball {
        /// What was being done.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The confinement could not be set up.
    #[error("cannot confine the installation: {message}")]
    Confine {
        /// What went wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A command could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for RootfsError {
    fn class(&self) -> Class {
        match self {
            Self::Content { .. } | Self::NotTheSet(_) => Class::Verification,
            Self::Missing { .. } => Class::Config,
            Self::Command(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Cancelled(error) => error.class(),
            Self::Install { .. } | Self::Tarball { .. } | Self::Confine { .. } | Self::File(_) => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Confine { hint, .. } => hint.clone(),
            Self::Command(error) => error.hint(),
            _ => None,
        }
    }
}

/// Compares what a tarball has installed with a set: name, architecture and version of each.
pub(crate) fn same_set(set: &PackageSet, installed: &[tarball::Installed]) -> Result<(), RootfsError> {
    let wanted: BTreeMap<(&str, &str), &str> =
        set.packages.iter().map(|p| ((p.name.as_str(), p.architecture.as_str()), p.version.as_str())).collect();
    let have: BTreeMap<(&str, &str), &str> =
        installed.iter().map(|p| ((p.name.as_str(), p.architecture.as_str()), p.version.as_str())).collect();
    let mut wrong = Vec::new();
    for (package @ (name, _), version) in &wanted {
        match have.get(package) {
            None => wrong.push(format!("{name} is not installed")),
            Some(other) if other != version => wrong.push(format!("{name} is {other} instead of {version}")),
            Some(_) => {}
        }
    }
    wrong.extend(
        have.keys().filter(|package| !wanted.contains_key(*package)).map(|(name, _)| format!("{name} is extra")),
    );
    if wrong.is_empty() { Ok(()) } else { Err(RootfsError::NotTheSet(wrong.join("; "))) }
}

#[cfg(test)]
mod tests;
