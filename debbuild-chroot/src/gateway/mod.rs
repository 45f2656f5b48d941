//! The one door to the archives: an HTTP service that answers only for allowed archives, keeps every byte, and records it.
//!
//! apt inside a confined place speaks plain http to it, as a proxy (`GET http://mirror.example/debian/dists/...`) or
//! directly (`GET /NAME/dists/...`); the gateway speaks http or https to the upstreams. apt still checks all signatures.

mod body;
mod cache;
mod desk;
mod flight;
mod gc;
mod health;
mod listing;
mod range;
mod record;
mod serve;
mod target;
#[cfg(test)]
mod tests;
mod transfer;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

pub use gc::{Collected, GcOptions, GcReason};

use debbuild_core::{
    acquire::fetch::{Fetch, Uri, UriError},
    blob::{Blob, BlobError, BlobStore},
    cancel::Cancelled,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use record::{AccessRecord, Served, UpstreamFailure, Via};
pub use serve::{Door, Listener};

/// An archive that a gateway answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllowedArchive {
    /// Its name: the first part of the path of direct requests, and what the record says.
    pub name: String,
    /// The URIs that sources lists inside use for it, with `http://`: requests below them are for this archive.
    pub bases: Vec<String>,
    /// Where it really is: the first one that answers is used.
    pub upstreams: Vec<Uri>,
}

impl AllowedArchive {
    /// An archive that is used inside under its own address (with `http` for `https`; a `file:` archive under the gateway's), and
    /// fetched from there.
    #[must_use]
    pub fn new(name: impl Into<String>, upstream: Uri) -> Self {
        let name = name.into();
        let own = || format!("{}/{name}", crate::confine::Confinement::proxy());
        let bases = vec![plain_http(upstream.as_str()).unwrap_or_else(own)];
        Self { name, bases, upstreams: vec![upstream] }
    }

    /// With one more place to fetch from when the others do not answer.
    #[must_use]
    pub fn with_upstream(mut self, upstream: Uri) -> Self {
        self.upstreams.push(upstream);
        self
    }

    /// With one more address under which it is known inside.
    #[must_use]
    pub fn with_base(mut self, base: impl Into<String>) -> Self {
        self.bases.push(base.into());
        self
    }

    /// The address to write into sources lists inside: the first base, or the gateway's own.
    #[must_use]
    pub fn inner_uri(&self) -> String {
        let own = || format!("{}/{}", crate::confine::Confinement::proxy(), self.name);
        self.bases.first().cloned().unwrap_or_else(own)
    }
}

/// The address as apt inside has to write it, so that it goes through the gateway: `http` instead of `https`.
fn plain_http(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    Some(format!("http://{place}"))
}

/// What a file of an archive must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Its sha256.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// Files by archive name and path below the archive's root.
pub type ExpectedFiles = BTreeMap<(String, String), Expected>;

/// How much of the world a gateway shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Indexes are refreshed upstream; pool files that are kept are not fetched again.
    #[default]
    Online,
    /// Only what is kept; upstreams are not asked.
    Offline,
    /// Only the expected files, from the blob store; a missing one is fetched if `fetch` allows, and must have its hash.
    Locked {
        /// Whether upstreams may be asked for files that the store does not have.
        fetch: bool,
    },
}

/// What one door of a gateway answers for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// The allowed archives; every other request is refused.
    pub archives: Vec<AllowedArchive>,
    /// How much is shown.
    pub mode: Mode,
    /// What is known of files before they are asked for: from verified indexes, or from a lock.
    pub expected: ExpectedFiles,
    /// The most bytes of one file that is fetched and whose size is not known; 8 GiB by default, since no package comes near.
    pub file_limit: u64,
    /// The most bytes of all files that the door gives together, where that is limited. A file counts whole each time.
    pub total_limit: Option<u64>,
    /// How long a large file of known content is held back to be checked first; after that it is given while it arrives, as others
    /// are. Half a minute by default, since apt does not wait for ever.
    pub check_first: Duration,
    /// Where confinement is impossible: requests must be direct and start with this secret, `/TOKEN/NAME/...`.
    pub token: Option<String>,
}

impl GatewayOptions {
    /// Answers for these archives, online.
    #[must_use]
    pub fn new(archives: Vec<AllowedArchive>) -> Self {
        let (mode, expected, check_first) = (Mode::Online, ExpectedFiles::new(), Duration::from_secs(30));
        Self { archives, mode, expected, file_limit: 8 << 30, total_limit: None, check_first, token: None }
    }

    /// In another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Knowing these files: other content under their paths is refused.
    #[must_use]
    pub fn with_expected(mut self, expected: ExpectedFiles) -> Self {
        self.expected = expected;
        self
    }

    /// With other limits: on one file, and on all files together, in bytes.
    #[must_use]
    pub const fn with_limits(mut self, file: u64, total: Option<u64>) -> Self {
        self.file_limit = file;
        self.total_limit = total;
        self
    }

    /// Holding a large file of known content back for another while.
    #[must_use]
    pub const fn with_check_first(mut self, time: Duration) -> Self {
        self.check_first = time;
        self
    }

    /// Only for who knows the token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }
}

/// The shared part of all doors: what is kept, and where the rest comes from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    fetch: Arc<dyn Fetch>,
    blobs: Arc<dyn BlobStore>,
    cache: Arc<cache::Cache>,
    flights: flight::Flights,
    health: health::Health,
    listings: listing::Listings,
    file_limit: u64,
    total_limit: Option<u64>,
}

impl Gateway {
    /// A gateway that keeps bytes in `blobs` and its notes about them in `folder` (made if it is missing).
    ///
    /// # Errors
    /// [`GatewayError::File`].
    pub fn new(fetch: Arc<dyn Fetch>, blobs: Arc<dyn BlobStore>, folder: &AbsPath) -> Result<Self, GatewayError> {
        let cache = Arc::new(cache::Cache::open(folder)?);
        let (flights, health) = (flight::Flights::default(), health::Health::default());
        let listings = listing::Listings::default();
        Ok(Self { fetch, blobs, cache, flights, health, listings, file_limit: u64::MAX, total_limit: None })
    }

    /// With limits for all doors, beside their own: on one file, and on all files that one door gives together, in bytes.
    #[must_use]
    pub const fn with_limits(mut self, file: u64, total: Option<u64>) -> Self {
        self.file_limit = file;
        self.total_limit = total;
        self
    }

    /// Where the bytes that are kept came from: each address, and the content that it had. For repairs.
    ///
    /// # Errors
    /// [`GatewayError::File`].
    pub fn origins(&self) -> Result<Vec<(Uri, Blob)>, GatewayError> {
        Ok(self.cache.all()?.into_iter().map(|found| (found.url, found.blob)).collect())
    }

    /// Opens a door at a unix socket, which every user may connect to that can reach its folder.
    ///
    /// # Errors
    /// [`GatewayError::Bind`].
    pub fn open(&self, cx: &Context, socket: &AbsPath, options: GatewayOptions) -> Result<Door, GatewayError> {
        let listener = serve::bind(socket).map_err(|source| GatewayError::Bind { socket: socket.clone(), source })?;
        self.serve(cx, Listener::Unix(listener), options)
    }

    /// Opens a door at a bound socket. It is served until the [`Door`] is closed or dropped.
    ///
    /// # Errors
    /// [`GatewayError::Archive`] when two archives share a name or a base, or one cannot be matched.
    pub fn serve(&self, cx: &Context, listener: Listener, mut options: GatewayOptions) -> Result<Door, GatewayError> {
        let targets = target::Targets::new(&options)?;
        options.file_limit = options.file_limit.min(self.file_limit);
        options.total_limit = options.total_limit.into_iter().chain(self.total_limit).min();
        Ok(Door::start(cx, self.clone(), listener, options, targets))
    }
}

/// Why a gateway cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// An archive cannot be served.
    #[error("archive {name} cannot be served: {reason}")]
    Archive {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The socket cannot be bound.
    #[error("cannot listen on {socket}")]
    Bind {
        /// The socket.
        socket: AbsPath,
        /// The system's answer.
        source: io::Error,
    },
    /// A path cannot be part of an address.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A note about a kept file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A note cannot be named.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for GatewayError {
    fn class(&self) -> Class {
        match self {
            Self::Archive { .. } | Self::Uri(_) => Class::Config,
            Self::Blob(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
            Self::Bind { .. } | Self::File(_) => Class::Infrastructure,
        }
    }
}
