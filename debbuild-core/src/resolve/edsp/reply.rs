//! Replies to apt: a solution or an error, and how far we are.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::{
    super::{Answer, Question, Resolver, Solution, Universe, universe::SolvableId},
    Scenario, ScenarioError, Settings,
    scenario::Listed,
};
use crate::{
    arch::Architecture, clock::Timestamp, context::Context, error::chain, name::PackageName, version::Version,
};

/// What is to be done with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Action {
    /// It is to be installed, perhaps in place of another version.
    Install,
    /// It is to be removed.
    Remove,
    /// It is not needed any more, and may be removed another time.
    Autoremove,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What.
    pub action: Action,
    /// apt's number for the version.
    pub id: u64,
    /// The package, as apt calls it.
    pub package: String,
    /// The version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
}

/// What apt is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// What is to be done.
    Solution(Vec<Change>),
    /// Why nothing can be done.
    Error {
        /// What kind of error it is: `ERR_UNSOLVABLE`, `ERR_UNKNOWN` for a limit that was hit, `ERR_SCENARIO`.
        kind: &'static str,
        /// What happened: the first line says it in short.
        message: String,
    },
}

impl Reply {
    /// What apt is told when its scenario cannot be read.
    #[must_use]
    pub fn refused(error: &ScenarioError) -> Self {
        Self::Error { kind: "ERR_SCENARIO", message: chain(error) }
    }
}

/// As the protocol has it: one stanza for each change, each with an empty line behind it.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Solution(changes) => changes.iter().try_for_each(|change| {
                let Change { action, id, package, version, architecture } = change;
                writeln!(f, "{action:?}: {id}\nPackage: {package}\nVersion: {version}\nArchitecture: {architecture}\n")
            }),
            Self::Error { kind, message } => {
                let mut lines = message.lines().map(str::trim_end);
                writeln!(f, "Error: {kind}\nMessage: {}", lines.next().unwrap_or_default())?;
                lines.try_for_each(|line| writeln!(f, " {}", if line.is_empty() { "." } else { line }))?;
                writeln!(f)
            }
        }
    }
}

/// How far the solver is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// When.
    pub at: Timestamp,
    /// From 0 to 100.
    pub percentage: u8,
    /// What is done now, in one line.
    pub message: String,
}

impl Progress {
    /// So far at this time.
    #[must_use]
    pub fn new(at: Timestamp, percentage: u8, message: impl Into<String>) -> Self {
        Self { at, percentage, message: message.into() }
    }
}

/// As the protocol has it.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, percentage, message } = self;
        writeln!(f, "Progress: {}\nPercentage: {percentage}\nMessage: {message}\n", at.rfc2822())
    }
}

impl Scenario<'_> {
    /// Answers the scenario. That nothing can be done, or that this is not known, is a reply.
    ///
    /// # Errors
    /// [`ScenarioError`]: for a scenario that contradicts itself, and what the resolver gives.
    pub fn reply(&self, cx: &Context, resolver: &dyn Resolver, settings: &Settings) -> Result<Reply, ScenarioError> {
        let settings = self.request.settings(settings)?;
        let question = Question::Install(self.question(&settings)?);
        let universe = self.universe()?;
        match resolver.answer(cx, &universe, &question)? {
            Answer::Satisfied(solution) => self.solution(&universe, &solution, &settings),
            Answer::Unsatisfiable(why) => {
                let mut lines = vec!["the request cannot be met".to_owned()];
                lines.extend(why.sentences);
                Ok(Reply::Error { kind: "ERR_UNSOLVABLE", message: self.as_apt_says(lines.join("\n")) })
            }
            Answer::Unknown(why) => {
                Ok(Reply::Error { kind: "ERR_UNKNOWN", message: format!("it is not known whether that can be: {why}") })
            }
        }
    }

    fn solution(&self, universe: &Universe, solution: &Solution, settings: &Settings) -> Result<Reply, ScenarioError> {
        type Key<'a> = (&'a PackageName, &'a Architecture, &'a Version);
        let mut by_key: HashMap<Key<'_>, &Listed<'_>> = HashMap::new();
        for listed in self.versions.iter().rev() {
            let key = (&listed.package, &listed.architecture, &listed.version);
            // Of two builds of one version the one that is installed is meant, else the candidate, else the first.
            let rank = |listed: &Listed<'_>| (listed.installed, listed.candidate);
            match by_key.get_mut(&key) {
                Some(known) if rank(known) > rank(listed) => {}
                Some(known) => *known = listed,
                None => drop(by_key.insert(key, listed)),
            }
        }
        let find = |key: Key<'_>| {
            let lost = || ScenarioError::Contents(format!("{}:{} {} was lost", key.0, key.1, key.2));
            by_key.get(&key).copied().ok_or_else(lost)
        };
        if let Some((name, architecture)) = self.passed_over(solution) {
            let message = format!("{name}:{architecture} cannot be installed, only something that provides it");
            return Ok(Reply::Error { kind: "ERR_UNSOLVABLE", message });
        }
        let mut changes = Vec::new();
        for selected in solution.packages.iter().filter(|selected| !selected.is_unchanged()) {
            let package = &selected.package;
            let listed = find((&package.package, &package.architecture, &package.version))?;
            changes.push(change(Action::Install, listed));
        }
        for removed in &solution.removed {
            changes.push(change(Action::Remove, find((&removed.package, &removed.architecture, &removed.version))?));
        }
        let set = chosen(universe, solution);
        let action = if self.request.autoremove { Action::Remove } else { Action::Autoremove };
        for id in self.not_needed(universe, &set, settings) {
            if let Some((package, architecture)) = universe.identity(id) {
                changes.push(change(action, find((&package, &architecture, universe.version(id)))?));
            }
        }
        changes.sort_by_key(|change| change.action);
        Ok(Reply::Solution(changes))
    }

    /// What was asked for and is not part of the solution itself.
    fn passed_over(&self, solution: &Solution) -> Option<&(String, Architecture)> {
        let there: HashSet<(&str, &Architecture)> = solution
            .packages
            .iter()
            .map(|selected| &selected.package)
            .map(|package| (package.package.as_str(), &package.architecture))
            .collect();
        let by_name = self.by_name();
        let is_there = |(name, architecture): &(String, Architecture)| {
            let own = by_name.get(&(name.as_str(), architecture)).map_or(&[][..], Vec::as_slice);
            own.iter().any(|listed| there.contains(&(listed.package.as_str(), &listed.architecture)))
        };
        self.request.install.iter().find(|asked| !is_there(asked))
    }

    /// With the names that apt made up in place of ours.
    fn as_apt_says(&self, message: String) -> String {
        let made_up = self.versions.iter().filter(|listed| listed.is_made_up());
        made_up.fold(message, |message, listed| message.replace(listed.package.as_str(), listed.name))
    }
}

fn change(action: Action, listed: &Listed<'_>) -> Change {
    Change {
        action,
        id: listed.id,
        package: listed.name.to_owned(),
        version: listed.version.clone(),
        architecture: listed.architecture.clone(),
    }
}

/// The packages of a solution by their place in the universe.
fn chosen(universe: &Universe, solution: &Solution) -> HashSet<SolvableId> {
    let keys: HashSet<(&str, &str, &Version)> = solution
        .packages
        .iter()
        .map(|selected| &selected.package)
        .map(|package| (package.package.as_str(), package.architecture.as_str(), &package.version))
        .collect();
    let is_chosen = |id: &SolvableId| {
        universe
            .identity(*id)
            .is_some_and(|(package, own)| keys.contains(&(package.as_str(), own.as_str(), universe.version(*id))))
    };
    universe.all().filter(is_chosen).collect()
}
