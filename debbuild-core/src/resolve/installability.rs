//! The question about a whole universe: which of its packages can be installed at all?

use std::collections::HashSet;

use super::{
    Answer, Explanation, Install, Question, ResolveError, Resolver, Selected, Universe, together::Together,
    universe::SolvableId,
};
use crate::{
    arch::Architecture,
    context::{Context, Step},
    event::Unit,
    name::PackageName,
    relation::{Alternatives, Operator, Qualifier, Relation, Relations},
    version::Version,
};

/// A package that cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Why.
    pub explanation: Explanation,
}

impl Broken {
    /// The question that its explanation answers: can this very package be installed?
    #[must_use]
    pub fn question(&self) -> Question {
        exactly(&self.package, &self.version, &self.architecture)
    }
}

/// Which packages of a universe can be installed, each alone on an empty system (as dose-debcheck asks).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Installability {
    /// How many packages were looked at.
    pub checked: usize,
    /// Those that cannot be installed.
    pub broken: Vec<Broken>,
    /// Those about which nothing could be shown.
    pub unknown: Vec<Unknown>,
}

/// A package about which nothing could be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unknown {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Why not: a limit of time.
    pub reason: String,
}

/// Asks about every package that can be chosen. Most are shown by one set that holds much of the archive, or by a small set of
/// their own; the resolver is asked about the rest.
///
/// # Errors
/// [`ResolveError`].
pub fn installability(cx: &Context, resolver: &dyn Resolver, on: &Universe) -> Result<Installability, ResolveError> {
    let step = cx.step("check installability", Unit::Items, Some(on.len() as u64));
    let checked = Check { cx: step.context(), resolver, on, shown: vec![false; on.sizes().0] }.run(&step);
    step.end(checked)
}

struct Check<'a> {
    cx: &'a Context,
    resolver: &'a dyn Resolver,
    on: &'a Universe,
    /// By package: whether it was shown that it can be installed.
    shown: Vec<bool>,
}

impl Check<'_> {
    fn run(mut self, step: &Step) -> Result<Installability, ResolveError> {
        let mut found = Installability::default();
        let mut left = Vec::new();
        let (mut many, mut alone) = (Together::new(self.on), Together::new(self.on));
        let mut seen = HashSet::new();
        for id in self.on.all() {
            if !seen.insert((self.on.name_of(id), self.on.version(id))) {
                continue;
            }
            found.checked += 1;
            if found.checked % 500 == 0 {
                self.cx.cancel().check()?;
                step.progress((found.checked - left.len()) as u64);
            }
            if !self.shown[id as usize] && !self.show(id, &mut many, &mut alone) {
                left.push(id);
            }
        }
        let done = found.checked - left.len();
        for (at, id) in left.into_iter().enumerate() {
            self.cx.cancel().check()?;
            step.progress((done + at) as u64);
            if !self.shown[id as usize] {
                self.ask(id, &mut found)?;
            }
        }
        found.broken.sort_by(|a, b| (&a.package, &a.version).cmp(&(&b.package, &b.version)));
        found.unknown.sort_by(|a, b| (&a.package, &a.version).cmp(&(&b.package, &b.version)));
        Ok(found)
    }

    /// Whether a greedy set shows that it can be installed.
    fn show(&mut self, id: SolvableId, many: &mut Together<'_>, alone: &mut Together<'_>) -> bool {
        alone.clear();
        let Some(members) = many.add(id).or_else(|| alone.add(id)) else { return false };
        members.iter().for_each(|member| self.shown[*member as usize] = true);
        true
    }

    /// Asks the resolver.
    fn ask(&mut self, id: SolvableId, found: &mut Installability) -> Result<(), ResolveError> {
        let Some((package, architecture)) = self.on.identity(id) else { return Ok(()) };
        let version = self.on.version(id).clone();
        let question = exactly(&package, &version, &architecture);
        let explanation = match self.resolver.answer(self.cx, self.on, &question)? {
            Answer::Satisfied(solution) => {
                // The preferred choice is tried first: a set without it means that only what provides it can be installed.
                let is_it = |selected: &Selected| {
                    let chosen = &selected.package;
                    (&chosen.package, &chosen.version, &chosen.architecture) == (&package, &version, &architecture)
                };
                if solution.packages.iter().any(is_it) {
                    return Ok(());
                }
                let text = format!("{package} {version} cannot be installed, only a package that provides it");
                Explanation { sentences: vec![text], ..Explanation::default() }
            }
            Answer::Unsatisfiable(explanation) => explanation,
            Answer::Unknown(reason) => {
                found.unknown.push(Unknown { package, version, architecture, reason });
                return Ok(());
            }
        };
        found.broken.push(Broken { package, version, architecture, explanation });
        Ok(())
    }
}

/// This very package.
fn exactly(package: &PackageName, version: &Version, architecture: &Architecture) -> Question {
    let mut relation = Relation::new(package.clone()).with_constraint(Operator::Equal, version.clone());
    if !architecture.is_all() {
        relation.qualifier = Some(Qualifier::Architecture(architecture.clone()));
    }
    Question::Install(Install::new(Relations(vec![Alternatives(vec![relation])])))
}
