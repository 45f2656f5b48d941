//! The question about a whole universe: which of its packages can be installed at all?

use std::collections::HashSet;

use super::{Answer, Explanation, Install, Question, ResolveError, Resolver, Universe};
use crate::{
    arch::Architecture,
    context::Context,
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

/// Which packages of a universe can be installed, each alone on an empty system (as dose-debcheck asks).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Installability {
    /// How many packages were looked at.
    pub checked: usize,
    /// Those that cannot be installed.
    pub broken: Vec<Broken>,
    /// Those about which nothing could be shown, with the reason.
    pub unknown: Vec<(PackageName, String)>,
}

/// Asks about every package that can be chosen. A package that is part of a set found for another is not asked about again.
///
/// # Errors
/// [`ResolveError`].
pub fn installability(cx: &Context, resolver: &dyn Resolver, on: &Universe) -> Result<Installability, ResolveError> {
    let step = cx.step("checking packages", Unit::Items, Some(on.len() as u64));
    let mut found = Installability::default();
    let mut good: HashSet<(PackageName, Version, Architecture)> = HashSet::new();
    for id in on.all() {
        step.context().cancel().check()?;
        found.checked += 1;
        if found.checked % 100 == 0 {
            step.progress(found.checked as u64);
        }
        let entry = on.entry(id);
        let key = (entry.package.clone(), entry.version.clone(), entry.architecture.clone());
        if good.contains(&key) {
            continue;
        }
        let answer = resolver.answer(step.context(), on, &exactly(&key.0, &key.1, &key.2))?;
        let explanation = match answer {
            Answer::Satisfied(solution) => {
                good.extend(solution.packages.into_iter().map(|selected| {
                    let package = &selected.package;
                    (package.package.clone(), package.version.clone(), package.architecture.clone())
                }));
                // The preferred choice is tried first: a set without it means that only what provides it can be installed.
                let text = format!("{} {} cannot be installed, only a package that provides it", key.0, key.1);
                (!good.contains(&key)).then(|| Explanation { sentences: vec![text], missing: Vec::new() })
            }
            Answer::Unsatisfiable(explanation) => Some(explanation),
            Answer::Unknown(reason) => {
                found.unknown.push((key.0.clone(), reason));
                None
            }
        };
        let (package, version, architecture) = key;
        found.broken.extend(explanation.map(|explanation| Broken { package, version, architecture, explanation }));
    }
    step.finish();
    Ok(found)
}

fn exactly(package: &PackageName, version: &Version, architecture: &Architecture) -> Question {
    let mut relation = Relation::new(package.clone()).with_constraint(Operator::Equal, version.clone());
    if !architecture.is_all() {
        relation.qualifier = Some(Qualifier::Architecture(architecture.clone()));
    }
    Question::Install(Install::new(Relations(vec![Alternatives(vec![relation])])))
}
