//! Whether repositories are closed: what is in them can be installed, and built, with what is in them and beside them.

mod check;

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc, time::Duration};

use super::{
    Broken, Explanation, Installability, Need, PRIORITY, PackageIndex, ResolveError, Universe, UniverseOptions,
    Unknown, Versions,
};
use crate::{
    arch::Architecture, context::Context, control::SourceControl, event::Unit, name::PackageName,
    relation::BuildProfile, version::Version,
};

/// What is checked is preferred to what only lies beside it.
const BESIDE: i32 = PRIORITY - 1;

/// How strictly a repository is asked to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strictness {
    /// It is not looked at.
    Off,
    /// Faults are reported.
    #[default]
    Lenient,
    /// With faults the whole is a failure.
    Fatal,
}

impl Strictness {
    /// Its name: `off`, `lenient` or `fatal`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Lenient => "lenient",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Strictness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no strictness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of off, lenient and fatal")]
pub struct StrictnessError(String);

impl crate::error::Classify for StrictnessError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Usage
    }
}

impl FromStr for Strictness {
    type Err = StrictnessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Off, Self::Lenient, Self::Fatal];
        all.into_iter().find(|one| one.name() == text).ok_or_else(|| StrictnessError(text.to_owned()))
    }
}

/// What is checked, and what lies beside it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Repositories {
    /// The indexes whose packages are checked.
    pub checked: Vec<Arc<PackageIndex>>,
    /// The source packages whose build dependencies are checked.
    pub sources: Vec<SourceControl>,
    /// Lookasides: indexes whose packages may be used, but are not checked themselves.
    pub lookaside: Vec<Arc<PackageIndex>>,
}

impl Repositories {
    /// These indexes on their own.
    #[must_use]
    pub const fn new(checked: Vec<Arc<PackageIndex>>) -> Self {
        Self { checked, sources: Vec::new(), lookaside: Vec::new() }
    }

    /// With these source packages.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<SourceControl>) -> Self {
        self.sources = sources;
        self
    }

    /// With these indexes beside them.
    #[must_use]
    pub fn with_lookaside(mut self, lookaside: Vec<Arc<PackageIndex>>) -> Self {
        self.lookaside = lookaside;
        self
    }
}

/// How closure is checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClosureOptions {
    /// The architectures, and what is excluded. The system is empty and every version may be chosen, whatever it says.
    pub universe: UniverseOptions,
    /// Whether each binary package can be installed.
    pub install: Strictness,
    /// Whether the build dependencies of each source package can be.
    pub build: Strictness,
    /// The build profiles.
    pub profiles: BTreeSet<BuildProfile>,
    /// How long the solver may take for one package.
    pub limit: Duration,
}

impl ClosureOptions {
    /// Both kinds, leniently, without build profiles, 30 seconds for a package.
    #[must_use]
    pub fn new(universe: UniverseOptions) -> Self {
        let (install, build) = (Strictness::Lenient, Strictness::Lenient);
        Self { universe, install, build, profiles: BTreeSet::new(), limit: Duration::from_secs(30) }
    }

    /// With another strictness about installing.
    #[must_use]
    pub fn with_install(mut self, strictness: Strictness) -> Self {
        self.install = strictness;
        self
    }

    /// With another strictness about building.
    #[must_use]
    pub fn with_build(mut self, strictness: Strictness) -> Self {
        self.build = strictness;
        self
    }

    /// With these build profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: BTreeSet<BuildProfile>) -> Self {
        self.profiles = profiles;
        self
    }

    /// With another limit for one package.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// A package that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture; `None` for a source package.
    pub architecture: Option<Architecture>,
}

impl Subject {
    /// Its architecture, or `source`.
    #[must_use]
    pub fn architecture_name(&self) -> &str {
        self.architecture.as_ref().map_or("source", Architecture::as_str)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.version, self.architecture_name())
    }
}

impl From<&SourceControl> for Subject {
    fn from(source: &SourceControl) -> Self {
        Self { name: source.source.to_string(), version: source.version.clone(), architecture: None }
    }
}

/// A package that cannot be installed, or built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The package.
    pub subject: Subject,
    /// Why.
    pub explanation: Explanation,
}

/// A package about which nothing could be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Doubt {
    /// The package.
    pub subject: Subject,
    /// Why not: a limit of time.
    pub reason: String,
}

/// What was found of one kind of packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Checked {
    /// How strictly it was asked for.
    pub strictness: Strictness,
    /// How many packages were looked at.
    pub checked: usize,
    /// Those that are at fault, by name.
    pub faults: Vec<Fault>,
    /// Those about which nothing could be shown, by name.
    pub unknown: Vec<Doubt>,
}

impl Checked {
    /// Whether it was shown that nothing is missing.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.faults.is_empty() && self.unknown.is_empty()
    }

    /// Whether it is not closed, and that is fatal.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.strictness == Strictness::Fatal && !self.is_closed()
    }

    const fn new(strictness: Strictness, checked: usize) -> Self {
        Self { strictness, checked, faults: Vec::new(), unknown: Vec::new() }
    }
}

impl From<Checked> for Installability {
    fn from(part: Checked) -> Self {
        let mut found = Self { checked: part.checked, ..Self::default() };
        for Fault { subject, explanation } in part.faults {
            let Subject { name, version, architecture } = subject;
            if let Some((package, architecture)) = PackageName::new(&name).ok().zip(architecture) {
                found.broken.push(Broken { package, version, architecture, explanation });
            }
        }
        for Doubt { subject, reason } in part.unknown {
            let Subject { name, version, architecture } = subject;
            if let Some((package, architecture)) = PackageName::new(&name).ok().zip(architecture) {
                found.unknown.push(Unknown { package, version, architecture, reason });
            }
        }
        found
    }
}

/// A package of a lookaside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Lent {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// The name of the index that it comes from.
    pub origin: Arc<str>,
}

/// A relation that a package of a lookaside meets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Use {
    /// By which relation it is needed; `None` for what a source package needs to be built.
    pub need: Option<Need>,
    /// The group of alternatives.
    pub relation: String,
    /// The package that meets it.
    pub package: Lent,
}

/// What a checked package itself takes from lookasides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// The checked package.
    pub subject: Subject,
    /// Its relations that a lookaside meets, in their order. What other checked packages need for it is said of those.
    pub uses: Vec<Use>,
}

/// Whether repositories are closed, and what of their lookasides they need for that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Closure {
    /// The binary packages; `None` where they were not looked at.
    pub install: Option<Checked>,
    /// The source packages; `None` where they were not looked at.
    pub build: Option<Checked>,
    /// The packages of which a relation is met by a package of a lookaside.
    pub needs: Vec<Needs>,
    /// All packages of lookasides that are part of what would be installed: with them beside it, the repository is as closed as
    /// with the whole lookasides.
    pub lent: Vec<Lent>,
}

impl Closure {
    /// Both kinds, as far as they were looked at.
    pub fn parts(&self) -> impl Iterator<Item = &Checked> {
        self.install.iter().chain(&self.build)
    }

    /// Whether it was shown that nothing is missing, of what was looked at.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.parts().all(Checked::is_closed)
    }

    /// Whether it is not closed where that is fatal: then the work that it is part of fails, by the class `closure`.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.parts().any(Checked::fails)
    }
}

/// Checks whether repositories are closed: each binary package can be installed on an empty system, and the build dependencies of
/// each source package that builds something for the architecture can be, with packages of the repositories and their lookasides.
///
/// # Errors
/// [`ResolveError`]; that something is missing is an answer.
pub fn closure(cx: &Context, repositories: &Repositories, options: &ClosureOptions) -> Result<Closure, ResolveError> {
    let step = cx.step("check closure", Unit::None, None);
    let found = check(step.context(), repositories, options);
    step.end(found)
}

fn check(cx: &Context, repositories: &Repositories, options: &ClosureOptions) -> Result<Closure, ResolveError> {
    let native = &options.universe.native;
    let checked = repositories.checked.iter().map(|index| (Arc::clone(index), PRIORITY));
    let beside = repositories.lookaside.iter().map(|index| (Arc::clone(index), BESIDE));
    let empty = UniverseOptions { installed: None, versions: Versions::All, ..options.universe.clone() };
    let on = Universe::new(empty, checked.chain(beside));
    let is_checked = |id| {
        let mut labels = repositories.checked.iter().map(|index| index.label());
        labels.any(|label| Arc::ptr_eq(label, on.origin(id)))
    };
    let mut is_lent = vec![false; on.sizes().0];
    on.all().for_each(|id| is_lent[id as usize] = !is_checked(id));
    let sources: Vec<&SourceControl> =
        repositories.sources.iter().filter(|source| builds_for(source, native)).collect();

    let mut check = check::Check::new(&on, is_lent, options);
    let mut found = Closure::default();
    if options.install != Strictness::Off {
        found.install = Some(check.packages(cx)?);
    }
    if options.build != Strictness::Off {
        found.build = Some(check.sources(cx, &sources)?);
    }
    (found.needs, found.lent) = check.finish();
    Ok(found)
}

/// Whether a source package builds something for an architecture.
fn builds_for(source: &SourceControl, architecture: &Architecture) -> bool {
    source.architectures.iter().any(|one| one.matches(architecture) || one.as_str() == "all")
}

#[cfg(test)]
mod tests;
