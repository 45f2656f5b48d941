//! Other archives read into a repository of ours: mirrors of what is on the network, imports of what lies on this machine.
//!
//! A mirror is made of verified [`Suite`]s: [`plan`] chooses packages (whole, or by a [`Pattern`] with what they depend on and
//! their sources), [`MirrorPlan::apply`] fetches what is missing, stages the difference and publishes it as a suite of ours,
//! signed by our key. The second run fetches only what changed; an interrupted one goes on where it ended.
//!
//! An import takes a published tree as reprepro, aptly or dpkg-scanpackages leave it.

mod apply;
mod choose;
mod import;
mod listing;
mod repair;
mod tree;

pub use apply::{Change, Report};
pub use choose::plan;
pub use import::{ImportOptions, ImportPlan, read_tree};
pub use listing::Listed;
pub use repair::{Mended, mend};

use crate::{
    acquire::{AcquireError, PoolFile, Suite},
    arch::Architecture,
    blob::BlobError,
    cancel::Cancelled,
    control::{ControlError, Release},
    error::{Class, Classify},
    name::{ComponentName, NameError, SuiteName},
    path::{AbsPath, FileError, PathError},
    pattern::Pattern,
    repo::{Placing, RepoError, SuiteOptions},
    resolve::ResolveError,
    sign::SignError,
};

/// What is mirrored, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// The suite of ours.
    pub suite: SuiteName,
    /// The architectures; packages for all architectures come with each.
    pub architectures: Vec<Architecture>,
    /// The components; none means all that the archives have.
    pub components: Vec<ComponentName>,
    /// Only these packages; without, all.
    pub filter: Option<Pattern>,
    /// Also what those packages depend on.
    pub with_deps: bool,
    /// Also the sources that the packages were built from, and those that `Built-Using` and `Static-Built-Using` name.
    pub sources: bool,
    /// The most bytes that may be fetched; more is refused before anything is.
    pub limit: Option<u64>,
    /// How files come into the pool: blobs are never written to, so a link is safe.
    pub placing: Placing,
}

impl MirrorOptions {
    /// Everything for these architectures without sources, linked into the pool.
    #[must_use]
    pub const fn new(suite: SuiteName, architectures: Vec<Architecture>) -> Self {
        Self {
            suite,
            architectures,
            components: Vec::new(),
            filter: None,
            with_deps: false,
            sources: false,
            limit: None,
            placing: Placing::Link,
        }
    }

    /// With these components only.
    #[must_use]
    pub fn with_components(mut self, components: Vec<ComponentName>) -> Self {
        self.components = components;
        self
    }

    /// Only packages that this pattern selects; with `deps`, also what they depend on.
    #[must_use]
    pub fn with_filter(mut self, filter: Option<Pattern>, deps: bool) -> Self {
        self.filter = filter;
        self.with_deps = deps;
        self
    }

    /// With or without sources.
    #[must_use]
    pub const fn with_sources(mut self, sources: bool) -> Self {
        self.sources = sources;
        self
    }

    /// With the most bytes that may be fetched.
    #[must_use]
    pub const fn with_limit(mut self, bytes: Option<u64>) -> Self {
        self.limit = bytes;
        self
    }

    /// With another way of bringing files into the pool.
    #[must_use]
    pub const fn with_placing(mut self, placing: Placing) -> Self {
        self.placing = placing;
        self
    }
}

/// Something that was wanted and is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// What: a package with its version and architecture, or a place in an index.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl LeftOut {
    fn new(what: impl ToString, reason: impl ToString) -> Self {
        Self { what: what.to_string(), reason: reason.to_string() }
    }
}

/// What a mirror will hold.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorPlan {
    /// How our suite is called and described: as the archive's own, whose expiry it keeps.
    pub suite: SuiteOptions,
    /// The packages and sources, by kind, name, version and architecture.
    pub packages: Vec<Listed>,
    /// What was wanted and cannot be had: unmet dependencies, sources that the archive does not have, unreadable stanzas.
    pub left_out: Vec<LeftOut>,
    pub(crate) suites: Vec<Suite>,
    pub(crate) options: MirrorOptions,
}

impl MirrorPlan {
    /// The files of all packages.
    pub fn files(&self) -> impl Iterator<Item = &PoolFile> {
        self.packages.iter().flat_map(|listed| &listed.files)
    }

    /// Their size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.size).sum()
    }
}

/// Why another archive could not be read into ours. Our published suite is then what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// There is no archive to read.
    #[error("no archive to mirror")]
    NoArchive,
    /// The archive has no such component or architecture.
    #[error("{suite} has no {kind} {name}")]
    Undeclared {
        /// The suite, as the archive calls it.
        suite: String,
        /// `component` or `architecture`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The pattern selects nothing.
    #[error("no package of {suite} is selected by {pattern}")]
    Nothing {
        /// The suite.
        suite: String,
        /// The pattern.
        pattern: String,
    },
    /// More would be fetched than is allowed.
    #[error("{bytes} bytes would be fetched, and {limit} are allowed")]
    TooMuch {
        /// How many.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// There is no archive in the folder.
    #[error("no archive in {folder}: {reason}")]
    NoTree {
        /// The folder.
        folder: AbsPath,
        /// What was looked for.
        reason: String,
    },
    /// A file of the folder is not what its index says.
    #[error("{path} is not what the index says: {reason}")]
    Mismatch {
        /// The file.
        path: AbsPath,
        /// Expected and found.
        reason: String,
    },
    /// A file of the archive cannot be read as what it should be.
    #[error("cannot read {what}")]
    Control {
        /// The file.
        what: String,
        /// Its own error.
        source: ControlError,
    },
    /// An index cannot be unpacked.
    #[error("cannot unpack {path}: {reason}")]
    Index {
        /// The index.
        path: AbsPath,
        /// Why.
        reason: String,
    },
    /// The archive could not be read.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// Our repository did not take it.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A blob failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Dependencies could not be worked out.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A signature is wrong, or could not be checked.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path cannot be taken.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A name is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for MirrorError {
    fn class(&self) -> Class {
        match self {
            Self::NoArchive | Self::Undeclared { .. } => Class::Usage,
            Self::Nothing { .. } | Self::NoTree { .. } => Class::NotFound,
            Self::TooMuch { .. } => Class::Disk,
            Self::Mismatch { .. } | Self::Control { .. } | Self::Index { .. } => Class::Verification,
            Self::Acquire(error) => error.class(),
            Self::Repo(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Resolve(error) => error.class(),
            Self::Sign(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::Name(error) => error.class(),
            Self::Cancelled(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooMuch { .. } => Some("select less with --filter, or allow more with --limit".to_owned()),
            Self::Acquire(error) => error.hint(),
            Self::Repo(error) => error.hint(),
            _ => None,
        }
    }
}

/// A suite of ours that says of itself what the archive's own says, and is good for as long.
fn suite_options(
    suite: &SuiteName,
    release: &Release,
    components: Vec<ComponentName>,
    architectures: Vec<Architecture>,
) -> SuiteOptions {
    let mut options = SuiteOptions::new(suite.clone(), architectures)
        .with_components(components)
        .with_not_automatic(release.not_automatic, release.but_automatic_upgrades)
        .with_valid_for_seconds(release.valid_until.map(|until| until.since(release.date).as_secs()));
    // Only what can be written into a Release: one line, not empty.
    let text = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty() && !text.contains('\n'));
    let origin = text(&release.origin).unwrap_or_else(|| options.origin.clone());
    options = options.with_origin(origin.clone(), text(&release.label).unwrap_or(origin));
    if let Some(version) = text(&release.version) {
        options = options.with_version(version);
    }
    if let Some(description) = text(&release.description) {
        options = options.with_description(description);
    }
    match &release.codename {
        Some(codename) => options.with_codename(codename.clone()),
        None => options,
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
