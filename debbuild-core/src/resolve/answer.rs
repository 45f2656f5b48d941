//! Answers: a set with reasons, an explanation, or that it is not known.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

use super::{Step, universe::SolvableId};
use crate::{arch::Architecture, control::BinaryPackage, name::PackageName, version::Version};

/// What a resolver says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Yes: this would be installed.
    Satisfied(Solution),
    /// No, and why: proved on the whole universe.
    Unsatisfiable(Explanation),
    /// Neither could be shown, for this reason (a time limit).
    Unknown(String),
}

impl Answer {
    /// What kind of answer it is.
    #[must_use]
    pub const fn kind(&self) -> AnswerKind {
        match self {
            Self::Satisfied(_) => AnswerKind::Satisfied,
            Self::Unsatisfiable(_) => AnswerKind::Unsatisfiable,
            Self::Unknown(_) => AnswerKind::Unknown,
        }
    }
}

/// Yes, no or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerKind {
    /// There is a set of packages.
    Satisfied,
    /// There is none.
    Unsatisfiable,
    /// Neither could be shown.
    Unknown,
}

impl fmt::Display for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Satisfied => "satisfied",
            Self::Unsatisfiable => "unsatisfiable",
            Self::Unknown => "unknown",
        })
    }
}

impl FromStr for AnswerKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Satisfied, Self::Unsatisfiable, Self::Unknown];
        let found = all.into_iter().find(|kind| kind.to_string() == text);
        found.ok_or("is none of satisfied, unsatisfiable and unknown")
    }
}

/// By which relation a package needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Need {
    /// `Pre-Depends`.
    PreDepends,
    /// `Depends`.
    Depends,
    /// `Recommends`.
    Recommends,
    /// `Suggests`.
    Suggests,
}

/// Why a package is in a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The question asks for it: the group of alternatives that it satisfies.
    Requested(String),
    /// It is essential.
    Essential,
    /// It is on the system, and nothing made it go.
    Installed,
    /// Another package of the solution needs it.
    NeededBy {
        /// The other package.
        package: PackageName,
        /// Its architecture.
        architecture: Architecture,
        /// By which relation.
        need: Need,
        /// The group of alternatives that it satisfies.
        relation: String,
    },
}

/// A package of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selected {
    /// The package, with its location, size and digest.
    pub package: Arc<BinaryPackage>,
    /// The name of the index that it comes from.
    pub origin: Arc<str>,
    /// Why it is there: the first reason, seen from the question.
    pub reason: Reason,
    /// The version that is on the system, if one is.
    pub installed: Option<Version>,
}

impl Selected {
    /// Whether it is on the system in this very version.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.installed.as_ref() == Some(&self.package.version)
    }
}

/// A package of the system that is not part of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
}

/// A set of packages in which every relation holds. Ordered by name, then architecture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Solution {
    /// The packages, also those that are on the system and stay.
    pub packages: Vec<Selected>,
    /// What has to leave the system.
    pub removed: Vec<Removed>,
}

impl Solution {
    /// The first package of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Selected> {
        self.packages.iter().find(|selected| selected.package.package.as_str() == name)
    }

    /// Bytes to download.
    #[must_use]
    pub fn download_size(&self) -> u64 {
        let changed = self.packages.iter().filter(|selected| !selected.is_unchanged());
        changed.filter_map(|selected| Some(selected.package.location.as_ref()?.size)).sum()
    }

    /// What it takes installed, in KiB, as far as the packages say.
    #[must_use]
    pub fn installed_size(&self) -> u64 {
        self.packages.iter().filter_map(|selected| selected.package.installed_size).sum()
    }

    /// Why that package is there: the chain from what the question asks for to the package. Empty when it is not there.
    #[must_use]
    pub fn chain(&self, name: &str) -> Vec<&Selected> {
        let key = |package: &BinaryPackage| (package.package.clone(), package.architecture.clone());
        let by_key: HashMap<_, _> = self.packages.iter().map(|selected| (key(&selected.package), selected)).collect();
        let mut chain: Vec<&Selected> = self.get(name).into_iter().collect();
        while let Some(Selected { reason: Reason::NeededBy { package, architecture, .. }, .. }) = chain.last()
            && let Some(by) = by_key.get(&(package.clone(), architecture.clone()))
            && chain.len() <= self.packages.len()
        {
            chain.push(by);
        }
        chain.reverse();
        chain
    }
}

/// Something that is needed and that no package provides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Missing {
    /// Who needs it: a package with its version, or the subject of the question.
    pub needed_by: String,
    /// The group of alternatives.
    pub relation: String,
}

/// Why something cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Explanation {
    /// The reasons, one sentence each, from the question to where it fails.
    pub sentences: Vec<String>,
    /// What no package provides.
    pub missing: Vec<Missing>,
    /// The same as data, as many as there are sentences for.
    pub steps: Vec<Step>,
    /// Whether every step is needed: without any one of them the others could hold together.
    pub minimal: bool,
    /// The packages that the solver found in conflict, by their place in the universe: where minimising begins.
    pub(super) involved: Vec<SolvableId>,
}

/// The most steps of an explanation that is told.
const MOST: usize = 40;

impl Explanation {
    /// These steps, in sentences too.
    pub(super) fn of(mut steps: Vec<Step>) -> Self {
        let missing = |step: &Step| match step {
            Step::Missing { by, relation, .. } => {
                Some(Missing { needed_by: by.to_string(), relation: relation.clone() })
            }
            _ => None,
        };
        let mut missing: Vec<Missing> = steps.iter().filter_map(missing).collect();
        missing.sort();
        missing.dedup();
        let more = steps.len().saturating_sub(MOST);
        steps.truncate(MOST);
        let mut sentences: Vec<String> = steps.iter().map(ToString::to_string).collect();
        if more > 0 {
            sentences.push(format!("and {more} more reasons"));
        }
        Self { sentences, missing, steps, ..Self::default() }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences.join("; "))
    }
}
