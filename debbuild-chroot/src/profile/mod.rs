//! Profiles: named kinds of chroots, written in TOML, that build on each other.
//!
//! ```
//! use debbuild_chroot::profile::ProfileSet;
//!
//! let mut none = |_: &str, name: &str| Err(format!("no such file: {name}"));
//! let text = "[profiles.ci]\ninherits = 'trixie'\nadd.include = ['eatmydata']";
//! let profile = ProfileSet::shipped()?.with_text("ci.toml", text, &mut none)?.profile("ci")?;
//! assert_eq!((profile.suite.as_str(), profile.include[0].as_str()), ("trixie", "eatmydata"));
//! # Ok::<(), debbuild_chroot::profile::ProfileError>(())
//! ```

mod check;
mod set;
mod spec;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use debbuild_core::{
    acquire::{AcquireError, fetch::Uri},
    arch::Architecture,
    config::{ConfigError, Document, Leaf, Place},
    error::{Class, Classify},
    name::{ComponentName, PackageName, SuiteName},
    path::{AbsPath, FileError},
};
pub use set::{ProfileSet, ProfileSummary};
pub use spec::HostPart;

use crate::create::{AptOption, Variant};

/// A kind of chroot: all that its profile and those that it builds on say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What it is for, in a line; may be empty.
    pub description: String,
    /// The suite.
    pub suite: SuiteName,
    /// The architecture; the machine's own without one.
    pub architecture: Option<Architecture>,
    /// The host architecture of a cross chroot.
    pub host: Option<Architecture>,
    /// How much is in it.
    pub variant: Variant,
    /// The components; none: those that the machine's source lists name, or with mirrors all.
    pub components: Vec<ComponentName>,
    /// Where its archive is; none: where the machine's own APT sources say.
    pub mirrors: Vec<Uri>,
    /// The keyrings that its archive may be signed by; none: those of the machine's source lists.
    pub keyrings: Vec<AbsPath>,
    /// Endings of the suites that are used with it. Without the machine's sources they must exist.
    pub companions: Vec<String>,
    /// Whether an expired Release is refused, where the machine's sources do not say otherwise.
    pub check_valid_until: bool,
    /// More packages.
    pub include: Vec<PackageName>,
    /// Files with scripts that change it at the end.
    pub hooks: Vec<AbsPath>,
    /// Variables of its sessions and builds.
    pub environment: BTreeMap<String, String>,
    /// Options of apt inside.
    pub apt_options: Vec<AptOption>,
    /// More repositories.
    pub repositories: Vec<Repository>,
    document: Document,
}

/// A repository that a profile adds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repository {
    /// Its name in the profile.
    pub name: String,
    /// Where it is; none: at the archive of the profile.
    pub uri: Option<Uri>,
    /// The suite of it.
    pub suite: SuiteName,
    /// The components; none: those of the profile, or with an address of its own all.
    pub components: Vec<ComponentName>,
    /// The file with the keys that may sign it; none: the keyrings of the profile.
    pub key: Option<AbsPath>,
    /// The priority of its packages, as apt_preferences(5) has it; none: what apt gives them.
    pub priority: Option<i16>,
    /// Whether an expired Release is refused.
    pub check_valid_until: bool,
    /// Where it was written.
    pub place: Place,
}

impl Profile {
    /// Every value with the file and line that it comes from, the items of lists one by one.
    #[must_use]
    pub fn origins(&self) -> Vec<Leaf> {
        self.document.items()
    }

    /// Every value as TOML spells it, lists whole.
    #[must_use]
    pub fn values(&self) -> Vec<Leaf> {
        self.document.leaves()
    }

    /// Everything as a document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Where a value was written, or the profile itself.
    fn place(&self, key: &str) -> &Place {
        self.document.place(key).unwrap_or_else(|| self.document.origin())
    }
}

/// Why there is no profile, or no chroot of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// There is no profile of this name.
    #[error("no such profile: {name}{}", near(nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// What a file says cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that a profile names cannot be read.
    #[error("{place}: {key}")]
    Named {
        /// Where it is named.
        place: Place,
        /// The key that names it.
        key: String,
        /// What is wrong with it.
        source: FileError,
    },
    /// A file of profiles cannot be read.
    #[error("file of profiles")]
    Read(#[source] FileError),
    /// An archive is not as it must be.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
}

fn near(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

impl Classify for ProfileError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown { .. } => Class::Usage,
            Self::Config(_) | Self::Named { .. } | Self::Read(_) => Class::Config,
            Self::Acquire(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some("debbuild profile list".to_owned()),
            Self::Named { source, .. } if source.path.name().starts_with("debian-archive-keyring.") => {
                Some("apt install debian-archive-keyring".to_owned())
            }
            Self::Acquire(error) => error.hint(),
            _ => None,
        }
    }
}
