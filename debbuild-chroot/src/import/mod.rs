//! Systems from elsewhere: a tar archive, or an OCI image by digest, put together as one plain tar archive. Nothing is unpacked here.

mod oci;
mod plan;
#[cfg(test)]
mod tests;
mod write;

use std::{io, str::FromStr};

use debbuild_core::{
    arch::Architecture,
    blob::{Adopt, BlobError, BlobStore},
    blocking,
    cancel::Cancelled,
    context::Context,
    digest::{DigestError, Sha256},
    error::{Class, Classify},
    name::SuiteName,
    path::{AbsPath, FileError, IoResultExt as _, PathError},
};

/// The most bytes that one archive may unpack to.
const MOST: u64 = 64 << 30;
/// The most entries of one archive.
const ENTRIES: u64 = 4_000_000;

/// What is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportSource {
    /// A tar archive: plain, or compressed by gzip, xz, Zstandard or bzip2.
    Tar(AbsPath),
    /// An image of an OCI image layout, which is a folder or a tar archive of one.
    Oci {
        /// The layout.
        layout: AbsPath,
        /// The digest of the image's manifest, or of an index that has it.
        digest: Sha256,
    },
}

/// A system that is to become a chroot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportRequest {
    /// Where it is.
    pub source: ImportSource,
    /// The suite that it is of; without one what it says of itself.
    pub suite: Option<SuiteName>,
    /// The architecture that it must be of.
    pub architecture: Option<Architecture>,
    /// The architecture that is taken of an image that has several, where none is asked for.
    pub host: Architecture,
}

impl ImportRequest {
    /// A system of whatever suite and architecture.
    #[must_use]
    pub const fn new(source: ImportSource, host: Architecture) -> Self {
        Self { source, suite: None, architecture: None, host }
    }

    /// Of this suite.
    #[must_use]
    pub fn with_suite(mut self, suite: Option<SuiteName>) -> Self {
        self.suite = suite;
        self
    }

    /// Of this architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: Option<Architecture>) -> Self {
        self.architecture = architecture;
        self
    }
}

/// A digest as OCI writes it, `sha256:` and 64 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OciDigest(pub Sha256);

impl FromStr for OciDigest {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").ok_or_else(|| ImportError::Digest(text.to_owned()))?;
        digits.parse().map(Self).map_err(|_: DigestError| ImportError::Digest(text.to_owned()))
    }
}

/// One archive of a system, whose bytes are in the store.
#[derive(Debug, Clone)]
struct Layer {
    file: AbsPath,
    /// Whether names that begin with `.wh.` take files of the layers below away.
    whiteouts: bool,
}

/// Bytes that were found and kept, before anybody read what is in them.
#[derive(Debug)]
pub(crate) struct Found {
    /// `tar` or `oci`.
    pub(crate) kind: &'static str,
    /// The digest of the file, or of the image.
    pub(crate) sha256: Sha256,
    layers: Vec<Layer>,
}

/// A system as one plain tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flattened {
    /// Its `/var/lib/dpkg/status`.
    pub(crate) status: String,
    /// Its `/usr/lib/os-release`; empty if there is none.
    pub(crate) os_release: String,
    /// The latest modification time in it, in seconds since 1970.
    pub(crate) latest: i64,
    /// How many device nodes were left out.
    pub(crate) devices: u64,
}

impl Flattened {
    /// The name of the suite, as os-release(5) says it.
    pub(crate) fn suite(&self) -> Option<SuiteName> {
        let named = self.os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        named.and_then(|name| SuiteName::new(name.trim().trim_matches('"')).ok())
    }
}

/// Finds the bytes and takes them into the store, each checked against the digest that is known of it. `scratch` is a folder for
/// what an archive of a layout holds.
pub(crate) async fn find(
    cx: &Context,
    blobs: &dyn BlobStore,
    request: &ImportRequest,
    scratch: &AbsPath,
) -> Result<Found, ImportError> {
    match &request.source {
        ImportSource::Tar(file) => {
            std::fs::metadata(file).at("read", file)?;
            let blob = blobs.adopt(cx, file, Adopt::Copy, None).await?;
            let layers = vec![Layer { file: blobs.local(cx, blob.id).await?, whiteouts: false }];
            Ok(Found { kind: "tar", sha256: blob.id, layers })
        }
        ImportSource::Oci { layout, digest } => {
            let (place, to, cancel) = (layout.clone(), scratch.join("layout"), cx.cancel().clone());
            let folder = blocking::run(move || oci::folder(&place, &to, &cancel)).await?;
            let wanted = request.architecture.clone().unwrap_or_else(|| request.host.clone());
            let (from, digest) = (folder.clone(), *digest);
            let named = blocking::run(move || oci::layers(&from, digest, &wanted)).await?;
            let mut layers = Vec::new();
            for id in named {
                let blob = blobs.adopt(cx, &oci::blob(&folder, id)?, Adopt::Copy, Some(id)).await?;
                layers.push(Layer { file: blobs.local(cx, blob.id).await?, whiteouts: true });
            }
            Ok(Found { kind: "oci", sha256: digest, layers })
        }
    }
}

/// Puts what was found together in the new file `to`. The same bytes give the same bytes.
pub(crate) async fn flatten(cx: &Context, found: Found, to: &AbsPath) -> Result<Flattened, ImportError> {
    let (cancel, to) = (cx.cancel().clone(), to.clone());
    blocking::run(move || {
        let tree = plan::plan(&found.layers, &cancel)?;
        let file = std::fs::File::create_new(&to).at("create", &to)?;
        write::write(&found.layers, &tree, file, &cancel)
    })
    .await
}

/// Why a system cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Not a digest.
    #[error("not a digest: {0:?} (sha256: and 64 digits)")]
    Digest(String),
    /// The layout has no such document.
    #[error("{layout} has no {digest}")]
    NoImage {
        /// The layout.
        layout: AbsPath,
        /// The digest that was asked for, or that another document names.
        digest: String,
    },
    /// A document of the layout cannot be used.
    #[error("{digest}: {reason}")]
    Image {
        /// The digest of the document.
        digest: String,
        /// Why not.
        reason: String,
    },
    /// An entry cannot be part of a system.
    #[error("entry {path:?}: {reason}")]
    Entry {
        /// Its path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The archive cannot be read.
    #[error("cannot read the archive")]
    Read(#[source] io::Error),
    /// There is no database of packages in it.
    #[error("it has no dpkg status: not a Debian system")]
    NoStatus,
    /// It does not say what it is of.
    #[error("it does not say of which suite it is")]
    NoSuite,
    /// It is of another architecture.
    #[error("it is of {found}, not of {wanted}")]
    Architecture {
        /// Its own.
        found: Architecture,
        /// The one that was asked for.
        wanted: Architecture,
    },
    /// The store failed, or bytes are not those of their digest.
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

impl Classify for ImportError {
    fn class(&self) -> Class {
        match self {
            Self::NoImage { .. } => Class::NotFound,
            Self::Architecture { .. } => Class::Architecture,
            // What the system says of its disk is no word about the archive.
            Self::Read(error) if error.raw_os_error().is_some() => Class::Infrastructure,
            Self::Digest(_)
            | Self::Image { .. }
            | Self::Entry { .. }
            | Self::Read(_)
            | Self::NoStatus
            | Self::NoSuite => Class::Usage,
            Self::Blob(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuite => Some("name it: --suite".to_owned()),
            _ => None,
        }
    }
}
