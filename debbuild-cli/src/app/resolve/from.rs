//! Which packages a question is about: index files, suites, folders, repositories, tags, and what lies beside them.

use std::fmt;

use debbuild_core::{
    arch::Architecture,
    error::Class,
    name::{PackageName, SuiteName},
    path::AbsPath,
    relation::Relations,
    resolve::RepositoryState,
};
use debbuild_queue::model::TagName;

use crate::app::{AppError, Failure, Machine};

/// A suite of a repository on this machine, as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryPlace {
    /// The repository's folder.
    pub dir: AbsPath,
    /// The suite; the only one of the repository where none is named.
    pub suite: Option<SuiteName>,
    /// Which content of it.
    pub state: RepositoryState,
}

impl RepositoryPlace {
    /// What readers see of the only suite of the repository in this folder.
    #[must_use]
    pub const fn new(dir: AbsPath) -> Self {
        Self { dir, suite: None, state: RepositoryState::Current }
    }

    /// Reads `DIR[:SUITE][@STATE]`, as [`RepositoryState`] reads the state. A folder of that whole name is meant by itself.
    ///
    /// # Errors
    /// Class `usage` for a part that cannot be.
    pub fn parse(machine: &Machine, text: &str) -> Result<Self, AppError> {
        let whole = machine.path(text)?;
        if whole.as_std().is_dir() {
            return Ok(Self::new(whole));
        }
        let no_state = |state: &str| {
            let failure = Failure::new(Class::Usage, format!("{state:?} is no state of a suite"));
            failure.with_hint("it is `current`, `staged`, a number, or a time such as 20250510T091605Z")
        };
        // A time has colons too, but no state has an @.
        let (place, state) = match text.rsplit_once('@') {
            None => (text, RepositoryState::Current),
            Some((place, state)) => match state.parse() {
                Ok(state) => (place, state),
                Err(_) if place.contains(':') => return Err(no_state(state).into()),
                Err(_) => return Ok(Self::new(whole)),
            },
        };
        let (dir, suite) = match place.rsplit_once(':') {
            Some((dir, suite)) => (dir, Some(SuiteName::new(suite)?)),
            None => (place, None),
        };
        Ok(Self { dir: machine.path(dir)?, suite, state })
    }
}

impl fmt::Display for RepositoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dir)?;
        if let Some(suite) = &self.suite {
            write!(f, ":{suite}")?;
        }
        match self.state {
            RepositoryState::Current => Ok(()),
            state => write!(f, "@{state}"),
        }
    }
}

/// Packages that may be used, but that nothing is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookaside {
    /// Packages files.
    pub packages: Vec<AbsPath>,
    /// Suites of the archives of this machine, each with its updates and security suites.
    pub suites: Vec<SuiteName>,
    /// Suites of repositories.
    pub repositories: Vec<RepositoryPlace>,
}

impl Lookaside {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.suites.is_empty() && self.repositories.is_empty()
    }
}

/// Which packages a question is about. Among equal versions the order of the fields decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagesFrom {
    /// Packages files, compressed as their names say, the first preferred among equal versions.
    pub packages: Vec<AbsPath>,
    /// Sources files, in which source packages are looked up.
    pub sources: Vec<AbsPath>,
    /// Folders of .deb and .dsc files.
    pub debs: Vec<AbsPath>,
    /// Suites of repositories on this machine.
    pub repositories: Vec<RepositoryPlace>,
    /// Tags of the queue on this machine.
    pub tags: Vec<TagName>,
    /// A suite of the archives of this machine, with its updates and security suites.
    pub suite: Option<SuiteName>,
    /// What lies beside all that.
    pub lookaside: Lookaside,
    /// Files of preferences (apt_preferences(5)), the first of matching records first.
    pub preferences: Vec<AbsPath>,
    /// Packages that are never chosen, by name and perhaps version; what provides one of the names is not meant.
    pub excluded: Relations,
    /// What is on the system already: a list in dpkg's form (`/var/lib/dpkg/status`); without it the system is empty.
    pub installed: Option<AbsPath>,
    /// Installed packages that keep their version.
    pub held: Vec<PackageName>,
    /// The architecture; that of this machine where none is given.
    pub architecture: Option<Architecture>,
    /// Other architectures whose packages may be installed too.
    pub foreign: Vec<Architecture>,
}

impl PackagesFrom {
    /// The archives of this machine that make a suite.
    #[must_use]
    pub fn suite(suite: SuiteName) -> Self {
        Self { suite: Some(suite), ..Self::default() }
    }

    /// Packages files.
    #[must_use]
    pub fn files(packages: Vec<AbsPath>) -> Self {
        Self { packages, ..Self::default() }
    }

    /// With Sources files.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<AbsPath>) -> Self {
        self.sources = sources;
        self
    }

    /// With suites of repositories.
    #[must_use]
    pub fn with_repositories(mut self, repositories: Vec<RepositoryPlace>) -> Self {
        self.repositories = repositories;
        self
    }

    /// With other packages beside.
    #[must_use]
    pub fn with_lookaside(mut self, lookaside: Lookaside) -> Self {
        self.lookaside = lookaside;
        self
    }

    /// Of another architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: Option<Architecture>) -> Self {
        self.architecture = architecture;
        self
    }

    /// Whether it names no packages at all, but perhaps source packages.
    pub(super) fn names_no_packages(&self) -> bool {
        let named = [self.packages.len(), self.debs.len(), self.repositories.len(), self.tags.len()];
        named.iter().all(|count| *count == 0) && self.suite.is_none() && self.lookaside.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_repositories_are_read_from_the_right() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        let machine = Machine::new(std::collections::BTreeMap::new(), base.clone(), 1000);
        std::fs::create_dir_all(folder.path().join("odd:name@3")).unwrap();
        let parse = |text: &str| {
            let place = RepositoryPlace::parse(&machine, text).map_err(|error| error.class())?;
            let dir = place.dir.as_str().strip_prefix(base.as_str()).unwrap().to_owned();
            Ok((dir, place.suite.map(|suite| suite.to_string()), place.state.to_string()))
        };
        let good = |dir: &str, suite: Option<&str>, state: &str| {
            Ok((format!("/{dir}"), suite.map(str::to_owned), state.to_owned()))
        };
        assert_eq!(parse("apt"), good("apt", None, "current"));
        assert_eq!(parse("apt:stable"), good("apt", Some("stable"), "current"));
        assert_eq!(parse("apt:stable/x@7"), good("apt", Some("stable/x"), "7"));
        assert_eq!(parse("apt@staged"), good("apt", None, "staged"));
        assert_eq!(parse("apt:stable@2025-05-10T09:16:05Z"), good("apt", Some("stable"), "20250510T091605Z"));
        assert_eq!(parse("apt:stable@20250510T091605Z"), good("apt", Some("stable"), "20250510T091605Z"));
        assert_eq!(parse("odd:name@3"), good("odd:name@3", None, "current"));
        assert_eq!(parse("user@host"), good("user@host", None, "current"));
        for bad in ["apt:", "apt:stable@soon", "apt:not a suite"] {
            assert_eq!(parse(bad), Err(Class::Usage), "{bad}");
        }
    }
}
