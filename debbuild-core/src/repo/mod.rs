//! APT repositories published from immutable, numbered states: pool, indexes, Release, signatures, one atomic switch.
//!
//! A [`Repository`] is a folder: `pool/` and `dists/` are what APT clients read, `.debbuild/` keeps what is known of each
//! package, the content of each suite and its numbered [`State`]s. Changes are staged by `add` and `remove` and become visible by `publish` only.
//!
//! The formats are those of deb822(5), dsc(5), apt-ftparchive(1) and the repository format that apt(8) reads
//! (`Acquire-By-Hash`, SHA256 only, InRelease beside Release and Release.gpg).

mod bring;
mod catalog;
mod chunk;
#[cfg(feature = "testing")]
pub mod conformance;
mod contents;
mod facade;
mod folder;
mod index;
mod ingest;
mod input;
mod key;
mod listing;
mod memory;
mod named;
#[cfg(feature = "resolve")]
mod otherwise;
mod overrides;
pub(crate) mod parallel;
mod pdiff;
mod pool;
mod publish;
mod push;
mod reading;
mod record;
mod release;
mod repair;
mod report;
mod retain;
#[cfg(feature = "s3")]
mod s3;
mod seen;
mod segment;
mod staging;
mod stanza;
mod store;
mod suite;
mod told;
mod tree;
mod verify;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
pub use facade::{Repository, RepositoryOptions};
pub use folder::FolderTarget;
pub use input::{AddOptions, Input, InputKind, SourceFile};
pub use key::KeyExport;
pub use memory::MemoryTarget;
pub use overrides::{Override, Overrides};
pub use reading::{ForeignArchive, VerifyOptions};
pub use record::{
    BuiltUsing, Change, ChangeKind, Content, Diff, Entry, EntryKind, IndexFile, PoolFile, STATE_SCHEMA, State, Wanted,
};
pub use report::{Finding, Report};
pub use retain::{Collected, Retention};
#[cfg(feature = "s3")]
pub use s3::{S3Credentials, S3Location, S3LocationError, S3Options, S3Target};
pub use suite::{IndexFormat, SuiteOptions};
pub use tree::{TreeContent, TreeFile};
pub use verify::verify_published;

use crate::{
    acquire::fetch::{FetchError, UriError},
    cancel::Cancelled,
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    error::{Class, Classify},
    file_lock::FileLockError,
    name::{NameError, PoolPath, SuiteName},
    path::{AbsPath, FileError, PathError},
    sign::SignError,
};

crate::number_id! {
    /// The number of a state of one suite; each publication has a higher one.
    StateId
}

/// How a file comes into the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placing {
    /// Copy the bytes: the file may change afterwards.
    #[default]
    Copy,
    /// Link the file where the file system allows, else copy: nobody may write to the file afterwards.
    Link,
}

/// A file that is to be in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// Where, below the repository's folder (`pool/main/h/hello/hello_2.10-3_amd64.deb`).
    pub path: PoolPath,
    /// The file with its content.
    pub file: AbsPath,
    /// Its size in bytes.
    pub size: u64,
    /// The digest that its content must have.
    pub sha256: Sha256,
    /// Copy or link.
    pub how: Placing,
    /// Whether the file was read already and has this size and digest: a target that links it need not read it again.
    pub checked: bool,
}

impl Placement {
    /// A file for the pool, with what its content must be.
    #[must_use]
    pub const fn new(path: PoolPath, file: AbsPath, size: u64, sha256: Sha256, how: Placing) -> Self {
        Self { path, file, size, sha256, how, checked: false }
    }

    /// The same, with a content that was read and found to be as promised, and that nobody changes.
    #[must_use]
    pub const fn checked(mut self) -> Self {
        self.checked = true;
        self
    }
}

/// Where a repository is published: a set of pool files that never change, and one tree of files per suite that is replaced
/// as a whole. Readers see the old tree or the new one, never a mixture; what a call acknowledged is durable.
#[async_trait]
pub trait PublishTarget: fmt::Debug + Send + Sync {
    /// Puts files into the pool, all or (when one is refused) none. A file that is there already with the same content is
    /// left alone.
    ///
    /// # Errors
    /// [`RepoError::Conflict`] when a path has other content, [`RepoError::Mismatch`] when a file is not what was promised.
    async fn place(&self, cx: &Context, files: &[Placement]) -> Result<(), RepoError>;

    /// Writes the tree of a state; readers do not see it yet. A tree that an interrupted run left under this number is replaced.
    ///
    /// # Errors
    /// [`RepoError::Current`] when readers see this state, [`RepoError::File`].
    async fn stage(&self, cx: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError>;

    /// Makes the tree of a state what readers see, at once.
    ///
    /// # Errors
    /// [`RepoError::NoState`] when it was not staged.
    async fn switch(&self, cx: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError>;

    /// The state whose tree readers see.
    ///
    /// # Errors
    /// [`RepoError::Foreign`] when something else lies there.
    async fn current(&self, cx: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError>;

    /// The states of a suite whose trees are kept, ascending; those above the current one were staged only.
    ///
    /// # Errors
    /// [`RepoError::File`].
    async fn trees(&self, cx: &Context, suite: &SuiteName) -> Result<Vec<StateId>, RepoError>;

    /// Removes the trees of all states of a suite but these and the current one.
    ///
    /// # Errors
    /// [`RepoError::File`].
    async fn prune(&self, cx: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError>;

    /// All files of the pool, with their sizes in bytes.
    ///
    /// # Errors
    /// [`RepoError::File`].
    async fn pool(&self, cx: &Context) -> Result<Vec<(PoolPath, u64)>, RepoError>;

    /// Removes files of the pool; what is not there is left alone.
    ///
    /// # Errors
    /// [`RepoError::File`].
    async fn remove(&self, cx: &Context, files: &[PoolPath]) -> Result<(), RepoError>;

    /// The folder in which readers find a state by its time. Where there are links, a whole archive lies at that time
    /// (`snapshots/TIME/dists/SUITE`); else the suite alone, under a longer name over the one pool (`dists/SUITE/TIME`).
    ///
    /// # Errors
    /// [`RepoError::Name`].
    fn timed(&self, suite: &SuiteName, time: &str) -> Result<PoolPath, RepoError>;

    /// Makes a state reachable by its time, for as long as its tree stays: in the folder that [`PublishTarget::timed`] names, and
    /// where there are links with the other suites as readers see them now. `time` is as
    /// [`Timestamp::snapshot_id`](crate::clock::Timestamp::snapshot_id) spells it.
    ///
    /// # Errors
    /// [`RepoError::NoState`] when it was not staged.
    async fn expose(&self, cx: &Context, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError>;

    /// What a reader gets under this path (`pool/...`, `dists/...` or `snapshots/...`).
    ///
    /// # Errors
    /// [`RepoError::File`]; a path that is not there is `None`.
    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError>;

    /// Size in bytes and digest of what a reader gets under this path.
    ///
    /// # Errors
    /// [`RepoError::File`]; a path that is not there is `None`.
    async fn stat(&self, cx: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError>;
}

/// Why a repository could not do it. After an error the published state is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// There is no repository in the folder.
    #[error("no repository in {0}")]
    NoRepository(AbsPath),
    /// The repository has no such suite.
    #[error("no suite {0} in the repository")]
    NoSuite(SuiteName),
    /// The suite has no such state.
    #[error("suite {suite} has no state {state}")]
    NoState {
        /// The suite.
        suite: SuiteName,
        /// The state.
        state: StateId,
    },
    /// The suite has no state of that time, or none any more.
    #[error("suite {suite} has no state of {at}")]
    NoStateAt {
        /// The suite.
        suite: SuiteName,
        /// The time.
        at: Timestamp,
    },
    /// The suite was never published.
    #[error("suite {0} was never published")]
    NotPublished(SuiteName),
    /// The suite has no such component or architecture.
    #[error("suite {suite} has no {kind} {name}")]
    Undeclared {
        /// The suite.
        suite: SuiteName,
        /// `component` or `architecture`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Nothing in the suite is meant.
    #[error("suite {suite} has no package {wanted}")]
    NoPackage {
        /// The suite.
        suite: SuiteName,
        /// What was asked for.
        wanted: String,
    },
    /// The same name with other content.
    #[error("{what} is already there with other content")]
    Conflict {
        /// A pool path, or a package with its version and architecture.
        what: String,
    },
    /// The tree that readers see cannot be written again.
    #[error("state {state} of suite {suite} is the published one")]
    Current {
        /// The suite.
        suite: SuiteName,
        /// The state.
        state: StateId,
    },
    /// Something that debbuild did not publish lies where the suite should be.
    #[error("{0} was not published by debbuild")]
    Foreign(String),
    /// A suite's name is a part of another's path.
    #[error("suite {0} would lie inside suite {1}")]
    Nested(SuiteName, SuiteName),
    /// A file is not what was promised.
    #[error("{file} is not what was promised: expected {expected}, found {actual}")]
    Mismatch {
        /// The file.
        file: String,
        /// Expected size or digest.
        expected: String,
        /// Actual size or digest.
        actual: String,
    },
    /// A package or a source cannot be taken.
    #[error("cannot take {file}: {reason}")]
    Input {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An option cannot be.
    #[error("{field} of suite {suite}: {reason}")]
    Option {
        /// The suite.
        suite: SuiteName,
        /// The option.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A record of the repository cannot be read.
    #[error("cannot read {path}: {reason}")]
    Record {
        /// The record.
        path: AbsPath,
        /// What is wrong.
        reason: String,
    },
    /// An archive could not be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An address cannot be taken.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// Signing or checking a signature failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Remote storage did not do it, after the usual retries.
    #[error("cannot {action} {object}: {reason}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// The object.
        object: String,
        /// What the server said, or why there was no answer.
        reason: String,
        /// Whether the server refused who asked.
        refused: bool,
    },
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The lock of the repository could not be had.
    #[error(transparent)]
    Lock(#[from] FileLockError),
    /// A name cannot be a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A name is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for RepoError {
    fn class(&self) -> Class {
        match self {
            Self::NoRepository(_)
            | Self::NoSuite(_)
            | Self::NoState { .. }
            | Self::NoStateAt { .. }
            | Self::NotPublished(_)
            | Self::NoPackage { .. } => Class::NotFound,
            Self::Undeclared { .. } | Self::Option { .. } | Self::Path(_) | Self::Name(_) => Class::Usage,
            Self::Conflict { .. } | Self::Current { .. } | Self::Foreign(_) | Self::Nested(..) => Class::Conflict,
            Self::Mismatch { .. } => Class::Verification,
            Self::Input { .. } => Class::Source,
            Self::Storage { refused: true, .. } => Class::NotAllowed,
            Self::Record { .. } | Self::Storage { .. } => Class::Infrastructure,
            Self::Fetch(error) => error.class(),
            Self::Uri(error) => error.class(),
            Self::Sign(error) => error.class(),
            Self::Lock(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Cancelled(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRepository(dir) => Some(format!("debbuild repo init {dir} --suite SUITE")),
            Self::NoSuite(suite) => Some(format!("debbuild repo init DIR --suite {suite}")),
            Self::Undeclared { suite, kind, name, .. } => {
                Some(format!("debbuild repo init DIR --suite {suite} --{kind} {name} adds it"))
            }
            Self::Conflict { .. } => {
                Some("one version has one content for ever: give the package a new version".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
