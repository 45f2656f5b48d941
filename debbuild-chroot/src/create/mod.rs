//! Making a base system: the seam between what a chroot should be and the tool that makes it.

#[cfg(feature = "testing")]
pub mod conformance;
mod debootstrap;
mod memory;
mod mmdebstrap;
mod options;
pub mod sources;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    command::{CommandError, OutputSink},
    context::Context,
    control::ControlError,
    error::{Class, Classify},
    name::{PackageName, SuiteName},
    path::{AbsPath, FileError, PathError},
    version::Version,
};
pub use debootstrap::Debootstrap;
pub use memory::MemoryBootstrapper;
pub use mmdebstrap::Mmdebstrap;
pub(crate) use mmdebstrap::failure;
pub use options::{AptOption, Pin, apt_conf, exact_versions, preferences, variable_name};
pub use sources::InnerSource;

use crate::confine::{BuildUser, ConfineError, Scratch};

/// How much is installed besides what is asked for (mmdebstrap(1), `--variant`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Variant {
    /// Packages marked essential, and their dependencies.
    Essential,
    /// Essential, and apt.
    Apt,
    /// Priority required, and apt.
    Minbase,
    /// Minbase, and build-essential: where packages are built.
    #[default]
    Buildd,
    /// Priorities required and important, and apt.
    Important,
    /// Priority standard too.
    Standard,
}

impl Variant {
    /// All of them, smallest first.
    pub const ALL: [Self; 6] =
        [Self::Essential, Self::Apt, Self::Minbase, Self::Buildd, Self::Important, Self::Standard];

    /// The name, as mmdebstrap has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Apt => "apt",
            Self::Minbase => "minbase",
            Self::Buildd => "buildd",
            Self::Important => "important",
            Self::Standard => "standard",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Variant {
    type Err = CreateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|v| v.name() == text).ok_or_else(|| CreateError::Variant(text.to_owned()))
    }
}

/// The tool that makes a base system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BootstrapTool {
    /// mmdebstrap(1), which needs no rights on the host.
    #[default]
    Mmdebstrap,
    /// debootstrap(8), which needs real root.
    Debootstrap,
}

impl BootstrapTool {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mmdebstrap => "mmdebstrap",
            Self::Debootstrap => "debootstrap",
        }
    }
}

impl std::str::FromStr for BootstrapTool {
    type Err = CreateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Mmdebstrap, Self::Debootstrap].into_iter().find(|tool| tool.name() == text);
        known.ok_or_else(|| CreateError::Tool(text.to_owned()))
    }
}

/// A script that changes the finished system: run outside of it, with its folder as the only argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What messages call it.
    pub name: String,
    /// Its text, with a `#!` line.
    pub text: String,
}

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootstrapRequest {
    /// The suite that names the system.
    pub suite: SuiteName,
    /// Its architecture.
    pub architecture: Architecture,
    /// The architecture that it builds for, where that is another one: dpkg and apt in it know its packages too.
    pub host: Option<Architecture>,
    /// How much is in it.
    pub variant: Variant,
    /// Packages besides the variant's.
    pub include: Vec<PackageName>,
    /// Exact versions; with any, packages that are not named here are never chosen. They leave no trace in the system.
    pub versions: BTreeMap<PackageName, Version>,
    /// Where packages come from.
    pub sources: Vec<InnerSource>,
    /// Priorities of what comes from them.
    pub pins: Vec<Pin>,
    /// Options of apt, while it is made and inside.
    pub apt_options: Vec<AptOption>,
    /// Changes at the end, in order.
    pub hooks: Vec<Hook>,
    /// No file of the result is younger (`SOURCE_DATE_EPOCH`).
    pub epoch: Timestamp,
    /// Whether this repeats what a lock says: the archives may have expired since.
    pub replay: bool,
}

impl BootstrapRequest {
    /// A system of this suite from these sources.
    #[must_use]
    pub fn new(
        suite: SuiteName,
        architecture: Architecture,
        variant: Variant,
        sources: Vec<InnerSource>,
        epoch: Timestamp,
    ) -> Self {
        let (include, pins, apt_options, hooks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let versions = BTreeMap::new();
        Self {
            suite,
            architecture,
            host: None,
            variant,
            include,
            versions,
            sources,
            pins,
            apt_options,
            hooks,
            epoch,
            replay: false,
        }
    }

    /// To build for another architecture.
    #[must_use]
    pub fn with_host(mut self, host: Option<Architecture>) -> Self {
        self.host = host;
        self
    }

    /// With more packages.
    #[must_use]
    pub fn with_include(mut self, include: Vec<PackageName>) -> Self {
        self.include = include;
        self
    }

    /// With exact versions.
    #[must_use]
    pub fn with_versions(mut self, versions: BTreeMap<PackageName, Version>) -> Self {
        self.versions = versions;
        self
    }

    /// With priorities of what comes from the sources, and options of apt.
    #[must_use]
    pub fn with_apt(mut self, pins: Vec<Pin>, options: Vec<AptOption>) -> Self {
        self.pins = pins;
        self.apt_options = options;
        self
    }

    /// Whether this repeats what a lock says.
    #[must_use]
    pub fn with_replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }

    /// With changes at the end.
    #[must_use]
    pub fn with_hooks(mut self, hooks: Vec<Hook>) -> Self {
        self.hooks = hooks;
        self
    }
}

/// What was made: files in the scratch folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bootstrapped {
    /// The whole system as an uncompressed tar archive.
    pub tarball: AbsPath,
    /// Its `/var/lib/dpkg/status`.
    pub status: String,
    /// The tool and its version, for the record.
    pub tool: (String, String),
}

/// Makes base systems, confined to a scratch folder in which the gateway listens.
#[async_trait]
pub trait Bootstrapper: fmt::Debug + Send + Sync {
    /// Makes the system. The same request over the same archives gives the same bytes.
    ///
    /// # Errors
    /// [`CreateError`]; whether an archive was at fault, the gateway's record says.
    async fn bootstrap(
        &self,
        cx: &Context,
        request: &BootstrapRequest,
        scratch: &Scratch,
        user: &BuildUser,
        log: &mut dyn OutputSink,
    ) -> Result<Bootstrapped, CreateError>;
}

/// Why there is no base system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Not a variant.
    #[error("not a variant: {0:?} (there are essential, apt, minbase, buildd, important, standard)")]
    Variant(String),
    /// Not a tool that makes base systems.
    #[error("not a bootstrapper: {0:?} (there are mmdebstrap, debootstrap)")]
    Tool(String),
    /// The tool does not make such systems.
    #[error("{tool} makes no variant {variant}")]
    ToolVariant {
        /// The tool.
        tool: &'static str,
        /// The variant.
        variant: Variant,
    },
    /// The tool needs real root, and this process is not root.
    #[error("{0} needs real root")]
    NeedsRoot(&'static str),
    /// Not an option of apt that can be given.
    #[error("option of apt {key}: {reason}")]
    AptOption {
        /// The option.
        key: String,
        /// Why not.
        reason: String,
    },
    /// A package to include does not exist.
    #[error("no such package in the archives: {0}")]
    NoPackage(String),
    /// This machine does not run programs of the architecture.
    #[error("programs of {0} do not run on this machine")]
    CannotRun(Architecture),
    /// The packages cannot be installed together.
    #[error("the packages cannot be installed together: {0}")]
    Dependencies(String),
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The confined place failed.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A sources list cannot be written.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Classify for CreateError {
    fn class(&self) -> Class {
        match self {
            Self::Variant(_) | Self::AptOption { .. } | Self::Tool(_) | Self::ToolVariant { .. } => Class::Usage,
            Self::NeedsRoot(_) => Class::NotAllowed,
            Self::NoPackage(_) => Class::NotFound,
            Self::Dependencies(_) => Class::Dependencies,
            Self::Command(error) => error.class(),
            Self::Confine(error) => error.class(),
            Self::Control(error) => error.class(),
            Self::Path(error) => error.class(),
            Self::CannotRun(_) | Self::File(_) => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.hint(),
            Self::Confine(error) => error.hint(),
            Self::CannotRun(architecture) => {
                let emulator = architecture.emulator().map(|name| format!(" (it has {name})")).unwrap_or_default();
                Some(format!(
                    "install arch-test, qemu-user-static{emulator} and binfmt-support; debbuild doctor says what is missing"
                ))
            }
            _ => None,
        }
    }
}
