//! Relations between packages: `Depends`, `Build-Depends` and their kin, typed, and reduced for an architecture and profiles.

mod parse;
mod reduce;

use std::{collections::BTreeSet, fmt};

pub use parse::RelationError;

use crate::{
    arch::{Architecture, ArchitecturePattern},
    name::{NameError, PackageName, checked_name},
    version::Version,
};

checked_name! {
    /// The name of a build profile, as `nocheck` or `pkg.hello.minimal`.
    BuildProfile, "build profile", is_profile
}

fn is_profile(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// How a version must compare (Policy 7.1). The obsolete `<` and `>` are read as dpkg reads them: `<=` and `>=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `<<`
    StrictlyEarlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    StrictlyLater,
}

impl Operator {
    /// The operator as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StrictlyEarlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::StrictlyLater => ">>",
        }
    }

    /// Whether `version` stands so to `wanted`, by dpkg's order.
    #[must_use]
    pub fn accepts(self, version: &Version, wanted: &Version) -> bool {
        let order = version.compare(wanted);
        match self {
            Self::StrictlyEarlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::StrictlyLater => order.is_gt(),
        }
    }
}

/// A condition on a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionConstraint {
    /// How it must compare.
    pub operator: Operator,
    /// With what.
    pub version: Version,
}

impl VersionConstraint {
    /// Whether this version meets the condition, by dpkg's order.
    #[must_use]
    pub fn accepts(&self, version: &Version) -> bool {
        self.operator.accepts(version, &self.version)
    }
}

impl fmt::Display for VersionConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.as_str(), self.version)
    }
}

/// What follows the colon of a package name: which architecture's package is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qualifier {
    /// `:any`: the package may be of any architecture, if it says `Multi-Arch: allowed`.
    Any,
    /// `:native`: the package of the machine that builds.
    Native,
    /// The package of this architecture.
    Architecture(Architecture),
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Native => f.write_str("native"),
            Self::Architecture(architecture) => f.write_str(architecture.as_str()),
        }
    }
}

/// One entry of an architecture restriction or of a profile formula, perhaps negated with `!`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term<T> {
    /// Whether it is negated.
    pub negated: bool,
    /// What it names.
    pub value: T,
}

impl<T: fmt::Display> fmt::Display for Term<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "!" } else { "" }, self.value)
    }
}

/// One package that is related to: `libfoo:any (>= 1.2) [linux-any] <!nocheck>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Relation {
    /// The package, real or virtual.
    pub package: PackageName,
    /// The architecture after its colon.
    pub qualifier: Option<Qualifier>,
    /// The condition on its version.
    pub constraint: Option<VersionConstraint>,
    /// The architectures for which this relation holds; empty: all.
    pub architectures: Vec<Term<ArchitecturePattern>>,
    /// The restriction formulas (any of them, all terms in it) under which this relation holds; empty: always.
    pub profiles: Vec<Vec<Term<BuildProfile>>>,
}

impl Relation {
    /// A relation to any version of this package.
    #[must_use]
    pub const fn new(package: PackageName) -> Self {
        Self { package, qualifier: None, constraint: None, architectures: Vec::new(), profiles: Vec::new() }
    }

    /// The same with a condition on the version.
    #[must_use]
    pub fn with_constraint(mut self, operator: Operator, version: Version) -> Self {
        self.constraint = Some(VersionConstraint { operator, version });
        self
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package.as_str())?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some(constraint) = &self.constraint {
            write!(f, " ({constraint})")?;
        }
        if !self.architectures.is_empty() {
            write!(f, " [{}]", joined(&self.architectures, " "))?;
        }
        for formula in &self.profiles {
            write!(f, " <{}>", joined(formula, " "))?;
        }
        Ok(())
    }
}

/// Relations of which one is enough, the preferred first: `default-mta | mail-transport-agent`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Alternatives(pub Vec<Relation>);

impl fmt::Display for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0, " | "))
    }
}

/// The value of a relation field: all of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Relations(pub Vec<Alternatives>);

impl Relations {
    /// Reads the value of a relation field of a finished package or an index. Line breaks and trailing commas are allowed.
    ///
    /// # Errors
    /// [`RelationError`] with the position in bytes; substitution variables are refused.
    pub fn parse(text: &str) -> Result<Self, RelationError> {
        let (relations, substvars) = Self::parse_template(text)?;
        match substvars.into_iter().next() {
            None => Ok(relations),
            Some(name) => Err(RelationError::substvar(text, &name)),
        }
    }

    /// Reads the value of a relation field of `debian/control`, and reports the substitution variables (without `${}`) that
    /// it names; a group of alternatives, a version or a name that holds one is left out of the relations.
    ///
    /// # Errors
    /// [`RelationError`] with the position in bytes.
    pub fn parse_template(text: &str) -> Result<(Self, BTreeSet<String>), RelationError> {
        parse::field(text)
    }

    /// What holds on `host` with these build profiles: restrictions are evaluated and gone (as `Dpkg::Deps` does for
    /// `reduce_arch` and `reduce_profiles`), alternatives that do not hold too.
    #[must_use]
    pub fn reduce(&self, host: &Architecture, profiles: &BTreeSet<BuildProfile>) -> Self {
        reduce::reduce(self, host, profiles)
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The groups of alternatives.
    pub fn iter(&self) -> impl Iterator<Item = &Alternatives> {
        self.0.iter()
    }
}

impl fmt::Display for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0, ", "))
    }
}

impl std::str::FromStr for Relations {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Reads the value of a `Build-Profiles` field (`<!nocheck !cross> <stage1>`): formulas of which one must hold, with all its terms.
///
/// # Errors
/// [`RelationError`] with the position in bytes.
pub fn profile_formulas(text: &str) -> Result<Vec<Vec<Term<BuildProfile>>>, RelationError> {
    parse::formulas(text)
}

/// Whether formulas hold with these build profiles: one of them, with all its terms. No formulas always hold.
#[must_use]
pub fn profiles_hold(formulas: &[Vec<Term<BuildProfile>>], active: &BTreeSet<BuildProfile>) -> bool {
    reduce::in_profiles(formulas, active)
}

fn joined<T: fmt::Display>(items: &[T], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests;
