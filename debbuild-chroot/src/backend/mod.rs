//! Using a chroot: throw-away sessions over an immutable base, run by whatever isolates them.

mod bases;
mod command;
#[cfg(feature = "testing")]
pub mod conformance;
mod copy;
mod lasting;
mod memory;
mod nspawn;
mod schroot;
mod snapshots;
#[cfg(test)]
mod tests;
mod unshare;
mod words;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
pub use command::SessionCommand;
use debbuild_core::{
    build::ChrootId,
    command::{CommandError, Exit, OutputSink},
    context::Context,
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use lasting::{LastingSession, SessionId};
pub use memory::MemoryBackend;
pub use nspawn::{NspawnBackend, NspawnOptions};
pub use schroot::{SchrootBackend, SchrootOptions};
pub use snapshots::SnapshotError;
pub use unshare::{UnshareBackend, UnshareOptions};

use crate::{
    confine::ConfineError,
    gateway::{AccessRecord, GatewayError, GatewayOptions},
    limits::{Limits, Usage},
};

/// A chroot to open sessions of: its id, and the tar archive of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChrootRef {
    /// Its identity.
    pub id: ChrootId,
    /// The whole system as an uncompressed tar archive.
    pub tarball: AbsPath,
}

/// How a session is.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The archives that can be reached from it; without any it has no network at all.
    pub gateway: Option<GatewayOptions>,
    /// What each of its commands may use.
    pub limits: Limits,
    /// Variables of all its commands, which may have others of the same names.
    pub environment: BTreeMap<String, String>,
}

impl SessionOptions {
    /// No network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With these archives in reach, and nothing else.
    #[must_use]
    pub fn with_gateway(mut self, gateway: Option<GatewayOptions>) -> Self {
        self.gateway = gateway;
        self
    }

    /// With limits of what each command may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With variables for all its commands.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }
}

/// What a backend can do for sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Commands run in namespaces of their own (network, PID, IPC, UTS, mount): nothing of the host is in reach, no process stays.
    pub isolated: bool,
    /// Sessions can reach archives, and nothing else.
    pub archives: bool,
    /// [`Limits`] are held.
    pub limits: bool,
    /// It needs no rights on the host.
    pub rootless: bool,
    /// Sessions have snapshots, to which they can go back.
    pub snapshots: bool,
    /// Sessions can last, for one process after the other ([`ChrootBackend::begin`]).
    pub lasting: bool,
}

impl Capabilities {
    /// Whether its commands run in namespaces of their own.
    #[must_use]
    pub const fn with_isolated(mut self, isolated: bool) -> Self {
        self.isolated = isolated;
        self
    }

    /// Whether it needs no rights on the host.
    #[must_use]
    pub const fn with_rootless(mut self, rootless: bool) -> Self {
        self.rootless = rootless;
        self
    }

    /// Whether sessions can be like this.
    ///
    /// # Errors
    /// [`ChrootError::Cannot`] for what the backend cannot do.
    pub fn check(&self, backend: &'static str, options: &SessionOptions) -> Result<(), ChrootError> {
        let wanted = [
            ("reach archives", options.gateway.is_some(), self.archives),
            ("hold limits", !options.limits.is_empty(), self.limits),
        ];
        match wanted.into_iter().find(|(_, wanted, can)| *wanted && !can) {
            Some((what, ..)) => Err(ChrootError::Cannot { backend, what }),
            None => Ok(()),
        }
    }
}

/// Opens sessions of chroots. What has a default suits backends that keep nothing between sessions; `examples/chroot_backend.rs` is one.
#[async_trait]
pub trait ChrootBackend: fmt::Debug + Send + Sync {
    /// The name that records use, for example `unshare`.
    fn name(&self) -> &'static str;

    /// What it can do. A session that needs more is refused.
    fn capabilities(&self) -> Capabilities;

    /// Opens a session. Changes made in it are seen in it only, and are gone when it is closed or dropped.
    ///
    /// # Errors
    /// [`ChrootError`].
    async fn open(
        &self,
        cx: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError>;

    /// Begins a session that lasts until it is ended, however this process ends.
    ///
    /// # Errors
    /// [`ChrootError`]; [`ChrootError::Cannot`] where [`Capabilities::lasting`] says so.
    async fn begin(&self, _cx: &Context, _base: &ChrootRef, _: &SessionOptions) -> Result<SessionId, ChrootError> {
        Err(ChrootError::Cannot { backend: self.name(), what: "let sessions last" })
    }

    /// Opens a session that lasts, for one user at a time; with its archives in reach if it was begun so. Closed or dropped it goes on.
    ///
    /// # Errors
    /// [`ChrootError::NoSession`]; [`ChrootError::InUse`] while it is open elsewhere.
    async fn attach(
        &self,
        _cx: &Context,
        id: SessionId,
        _gateway: Option<GatewayOptions>,
    ) -> Result<Box<dyn Session>, ChrootError> {
        Err(ChrootError::NoSession(id.to_string()))
    }

    /// Ends a session that lasts and removes everything it left.
    ///
    /// # Errors
    /// As [`ChrootBackend::attach`].
    async fn end(&self, _cx: &Context, id: SessionId) -> Result<(), ChrootError> {
        Err(ChrootError::NoSession(id.to_string()))
    }

    /// The sessions that last, oldest first.
    ///
    /// # Errors
    /// [`ChrootError`].
    fn lasting(&self) -> Result<Vec<LastingSession>, ChrootError> {
        Ok(Vec::new())
    }

    /// Removes what it keeps of a chroot that is about to be removed.
    ///
    /// # Errors
    /// [`ChrootError::Busy`] while a session of it is open.
    async fn forget(&self, _cx: &Context, _id: ChrootId) -> Result<(), ChrootError> {
        Ok(())
    }

    /// Clears what sessions left whose makers died, and says how many.
    ///
    /// # Errors
    /// [`ChrootError`].
    async fn reap(&self, _cx: &Context) -> Result<usize, ChrootError> {
        Ok(0)
    }
}

fn no_snapshots() -> ChrootError {
    ChrootError::Cannot { backend: "of this session", what: "make snapshots" }
}

/// One throw-away use of a chroot. Commands run one after the other: no process, IPC object or mount outlives its command; files, and
/// what is said of the network and the host's name, last until the session ends.
#[async_trait]
pub trait Session: fmt::Debug + Send + Sync {
    /// Runs a command; its own status comes back.
    ///
    /// # Errors
    /// [`ChrootError`] when it could not be run to its end.
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError>;

    /// Unpacks a tar archive into a folder inside, which is made if it is missing; files belong to root.
    ///
    /// # Errors
    /// [`ChrootError`].
    async fn copy_in(&mut self, cx: &Context, tar: &AbsPath, to: &str) -> Result<(), ChrootError> {
        copy::into(self, cx, tar, to).await
    }

    /// Packs a file or folder inside, under its last name and without set-id bits, into a new tar archive.
    ///
    /// # Errors
    /// [`ChrootError::NoFile`] when there is no such file.
    async fn copy_out(&mut self, cx: &Context, from: &str, tar: &AbsPath) -> Result<(), ChrootError> {
        copy::out(self, cx, from, tar).await
    }

    /// Keeps the files of the session as they are now, `/run` and `/dev/shm` too, under a new name: a letter or digit, then up to 63 of
    /// those and `.`, `_`, `+`, `-`.
    ///
    /// # Errors
    /// [`ChrootError::Snapshot`]; [`ChrootError::Cannot`] where [`Capabilities::snapshots`] says so.
    async fn snapshot(&mut self, _cx: &Context, _name: &str) -> Result<(), ChrootError> {
        Err(no_snapshots())
    }

    /// Makes all files as they were at a snapshot; it stays, and so do those that were made after it.
    ///
    /// # Errors
    /// As [`Session::snapshot`]. When the files could not be put back the session runs nothing more until another rollback.
    async fn rollback(&mut self, _cx: &Context, _name: &str) -> Result<(), ChrootError> {
        Err(no_snapshots())
    }

    /// The names of the snapshots, oldest first.
    fn snapshots(&self) -> Vec<String> {
        Vec::new()
    }

    /// What passed through the gateway so far.
    fn record(&self) -> AccessRecord {
        AccessRecord::default()
    }

    /// What the last command used, also one that was killed.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Ends the session and removes everything it left.
    ///
    /// # Errors
    /// [`ChrootError`]; what is left then is cleared by [`ChrootBackend::reap`].
    async fn close(self: Box<Self>, _cx: &Context) -> Result<(), ChrootError> {
        Ok(())
    }
}

/// Why a session could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChrootError {
    /// The namespaces or mounts could not be made.
    #[error("the session cannot be set up: {0}")]
    Setup(String),
    /// The base could not be unpacked.
    #[error("chroot {id} cannot be unpacked: {reason}")]
    Unpack {
        /// The chroot.
        id: ChrootId,
        /// What tar said.
        reason: String,
    },
    /// Somebody uses it.
    #[error("chroot {0} is in use")]
    Busy(ChrootId),
    /// There is no such session, or it has ended.
    #[error("no such session: {0}")]
    NoSession(String),
    /// Somebody else uses the session.
    #[error("session {0} is in use")]
    InUse(SessionId),
    /// There is no such file inside.
    #[error("no such file in the session: {0}")]
    NoFile(String),
    /// Files could not be copied.
    #[error("cannot copy {what}: {reason}")]
    Copy {
        /// The path inside.
        what: String,
        /// What was said.
        reason: String,
    },
    /// The backend cannot do what was asked for.
    #[error("the backend {backend} cannot {what}")]
    Cannot {
        /// Its name.
        backend: &'static str,
        /// What it cannot do.
        what: &'static str,
    },
    /// There is no such snapshot, or there cannot be one.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A command cannot be run like this.
    #[error("not a command for a session: {0}")]
    Request(String),
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The confined place failed.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Classify for ChrootError {
    fn class(&self) -> Class {
        match self {
            Self::Busy(_) | Self::InUse(_) => Class::Conflict,
            Self::NoFile(_) | Self::NoSession(_) => Class::NotFound,
            Self::Request(_) | Self::Cannot { .. } => Class::Usage,
            Self::Snapshot(error) => error.class(),
            Self::Command(error) => error.class(),
            Self::Confine(error) => error.class(),
            Self::Gateway(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Setup(_) | Self::Unpack { .. } | Self::Copy { .. } | Self::File(_) => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSession(_) | Self::Busy(_) => Some("debbuild chroot sessions".to_owned()),
            Self::Snapshot(error) => error.hint(),
            Self::Setup(_) => Some("debbuild doctor says what this machine lacks".to_owned()),
            Self::Command(error) => error.hint(),
            Self::Confine(error) => error.hint(),
            _ => None,
        }
    }
}
