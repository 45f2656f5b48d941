//! The steps of an explanation: each a relation of a package that is really there.

use std::fmt;

use super::Need;
use crate::{arch::Architecture, name::PackageName, version::Version};

/// A version of a package, as answers name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct PackageVersion {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Whether it is of another architecture than the system's.
    pub foreign: bool,
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.foreign {
            false => write!(f, "{} {}", self.package, self.version),
            true => write!(f, "{}:{} {}", self.package, self.architecture, self.version),
        }
    }
}

/// Who demands something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum By {
    /// The question, by what sentences call it: `the request`, `source hello 1`.
    Question(String),
    /// Every system: it is about an essential package.
    System,
    /// What is on the system: it is about a package that must stay.
    Installed,
    /// A package.
    Package(PackageVersion),
}

impl By {
    /// The package, where it is one.
    #[must_use]
    pub const fn package(&self) -> Option<&PackageVersion> {
        match self {
            Self::Package(package) => Some(package),
            Self::Question(_) | Self::System | Self::Installed => None,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Question(subject) => f.write_str(subject),
            Self::System => f.write_str("every system"),
            Self::Installed => f.write_str("the installed system"),
            Self::Package(package) => package.fmt(f),
        }
    }
}

/// Why a package of the right name does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unfit {
    /// Its version is another.
    Version,
    /// It is not the version that may be chosen: a priority or a higher version is before it.
    Candidate,
    /// It is of an architecture that does not count here.
    Architecture,
    /// Any architecture is asked for, and it is not `Multi-Arch: allowed`.
    NotAllowed,
}

/// A package that is there, and does not do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Other {
    /// The package.
    pub package: PackageVersion,
    /// Why it does not do.
    pub unfit: Unfit,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, unfit } = self;
        match unfit {
            Unfit::Version => write!(f, "{package}"),
            Unfit::Candidate => write!(f, "{package}, but it is not the candidate"),
            Unfit::Architecture => {
                write!(f, "{}:{} {}, which does not count here", package.package, package.architecture, package.version)
            }
            Unfit::NotAllowed => write!(f, "{package}, but it is not Multi-Arch: allowed"),
        }
    }
}

/// By which relation two packages cannot be installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Clash {
    /// `Conflicts`.
    Conflicts,
    /// `Breaks`.
    Breaks,
    /// `Build-Conflicts`.
    BuildConflicts,
    /// The question asks for its removal.
    Removes,
    /// They are one package of two architectures, and not `Multi-Arch: same` in one version.
    Architectures,
    /// Something else that the explanation says.
    Other,
}

/// One step of an explanation. All steps together cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// One of some packages has to be there.
    Needs {
        /// For whom.
        by: By,
        /// By which relation of a package; `None` for what the question asks for.
        need: Option<Need>,
        /// The group of alternatives.
        relation: String,
        /// The packages that satisfy it, the preferred first.
        choices: Vec<PackageVersion>,
        /// What would satisfy it if it could be chosen.
        others: Vec<Other>,
    },
    /// Something has to be there that no package provides.
    Missing {
        /// For whom.
        by: By,
        /// By which relation of a package; `None` for what the question asks for.
        need: Option<Need>,
        /// The group of alternatives.
        relation: String,
        /// What is there under these names.
        others: Vec<Other>,
    },
    /// A package cannot be there.
    Conflicts {
        /// Because of whom.
        by: By,
        /// By which kind of relation.
        clash: Clash,
        /// The relation as a sentence has it: `breaks libfoo (<< 2)`.
        relation: String,
        /// The package.
        package: PackageVersion,
    },
    /// Only one of two versions of a package can be there.
    TwoVersions {
        /// The one.
        first: PackageVersion,
        /// The other.
        second: PackageVersion,
    },
    /// A package cannot be used at all.
    Unusable {
        /// The package.
        package: PackageVersion,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs { by, relation, choices, others, .. } => {
                write!(f, "{by} needs {relation}")?;
                if !choices.iter().any(|choice| names(relation, choice)) {
                    let provide = if choices.len() == 1 { "provides" } else { "provide" };
                    write!(f, ", which {} {provide}", listed(choices, "and"))?;
                }
                there(f, others)
            }
            Self::Missing { by, relation, others, .. } => {
                write!(f, "{by} needs {relation}, which no package provides")?;
                there(f, others)
            }
            Self::Conflicts { by, relation, package, clash } if provided(relation, package, *clash) => {
                write!(f, "{by} {relation}, which {package} provides")
            }
            Self::Conflicts { by, relation, package, .. } => write!(f, "{by} {relation}, and that is {package}"),
            Self::TwoVersions { first, second } => write!(f, "{first} and {second} are two versions of one package"),
            Self::Unusable { package, reason } => write!(f, "{package} cannot be used: {reason}"),
        }
    }
}

/// The most packages that a sentence lists.
const LISTED: usize = 5;

/// Whether a group of alternatives names the package itself, and not only something that it provides.
pub(super) fn names(relation: &str, package: &PackageVersion) -> bool {
    relation.split(" | ").any(|one| one.split([' ', ':']).next() == Some(package.package.as_str()))
}

fn provided(relation: &str, package: &PackageVersion, clash: Clash) -> bool {
    let about = match clash {
        Clash::Conflicts | Clash::BuildConflicts => relation.split_once(" with "),
        Clash::Breaks => relation.split_once(' '),
        Clash::Removes | Clash::Architectures | Clash::Other => None,
    };
    about.is_some_and(|(_, about)| !names(about, package))
}

pub(super) fn listed<T: fmt::Display>(items: &[T], last: &str) -> String {
    let mut texts: Vec<String> = items.iter().take(LISTED).map(ToString::to_string).collect();
    if items.len() > LISTED {
        texts.push(format!("{} more", items.len() - LISTED));
    }
    match texts.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}

fn there(f: &mut fmt::Formatter<'_>, others: &[Other]) -> fmt::Result {
    if others.is_empty() { Ok(()) } else { write!(f, " (there is {})", listed(others, "and")) }
}
