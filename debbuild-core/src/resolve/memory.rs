//! Twins for tests: packages from a text in memory, and a resolver that tries everything.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;

use super::{
    Answer, Explanation, Missing, PackageIndex, PackageSource, Question, ResolveError, Resolver, SourceError, Universe,
    encode::{Group, Roots, roots, violations},
    explain::solution,
    universe::SolvableId,
};
use crate::context::Context;

/// Packages from a text in memory. Strict: a stanza that cannot be read fails every load.
#[derive(Debug)]
pub struct MemorySource {
    index: Arc<PackageIndex>,
}

impl MemorySource {
    /// The packages of this Packages index.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { index: Arc::new(PackageIndex::parse(name, text)) }
    }
}

#[async_trait]
impl PackageSource for MemorySource {
    fn name(&self) -> &str {
        self.index.name()
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        match self.index.problems().first() {
            Some(problem) => Err(SourceError::Index { name: self.name().to_owned(), source: problem.error.clone() }),
            None => Ok(Arc::clone(&self.index)),
        }
    }
}

/// Tries every set of packages: right by construction, and only for universes of a few packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExhaustiveResolver;

/// The most packages that it takes.
const MOST: usize = 16;

/// Changes of what is there, unmet recommendations, number of packages, how far down the lists of choices they are, their places: the least is the best.
type Rank = (usize, usize, u32, usize, Vec<usize>);

impl Resolver for ExhaustiveResolver {
    fn answer(&self, cx: &Context, on: &Universe, question: &Question) -> Result<Answer, ResolveError> {
        let all: Vec<SolvableId> = on.all().collect();
        if all.len() > MOST {
            return Err(ResolveError::TooLarge { packages: all.len(), most: MOST });
        }
        let roots = roots(on, question)?;
        let mut best: Option<(Rank, Vec<SolvableId>)> = None;
        for set in 0u32..1 << all.len() {
            cx.cancel().check()?;
            let places: Vec<usize> = (0..all.len()).filter(|at| set >> at & 1 == 1).collect();
            let chosen: Vec<SolvableId> = places.iter().map(|at| all[*at]).collect();
            let new = |id: &SolvableId| on.installed(on.name_of(*id)).is_none();
            if roots.nothing_new && chosen.iter().any(new) {
                continue;
            }
            let rank: Rank = (
                changes(&roots, &chosen),
                unmet(on, &roots, &chosen),
                set.count_ones(),
                passed_over(on, &roots, &chosen),
                places,
            );
            if best.as_ref().is_none_or(|(least, _)| rank < *least) && violations(on, &roots, &chosen).is_empty() {
                best = Some((rank, chosen));
            }
        }
        Ok(match best {
            Some((_, chosen)) => Answer::Satisfied(solution(on, &roots, &chosen)),
            None => Answer::Unsatisfiable(explanation(on, &roots, &all)),
        })
    }
}

/// How far what is there is from what it should be.
fn changes(roots: &Roots, chosen: &[SolvableId]) -> usize {
    let place = |group: &Arc<Group>| {
        // That it goes is worse than any other version.
        group.choices.iter().position(|choice| chosen.contains(choice)).unwrap_or(MOST)
    };
    roots.stay.iter().map(place).sum()
}

/// How many recommendations of the set are not met, where they count.
fn unmet(universe: &Universe, roots: &Roots, chosen: &[SolvableId]) -> usize {
    let set: HashSet<SolvableId> = chosen.iter().copied().collect();
    let asked_for = roots.asked_for(&set);
    let of = |id: &SolvableId| {
        let Ok(demands) = universe.demands(*id) else { return 0 };
        let wishes = roots.wishes(demands, asked_for.contains(id));
        wishes.filter(|(_, group)| !group.choices.iter().any(|choice| set.contains(choice))).count()
    };
    // What is installed already has had its wishes asked for.
    chosen.iter().filter(|id| !universe.is_installed(**id)).map(of).sum()
}

/// How many preferred choices were passed over.
fn passed_over(universe: &Universe, roots: &Roots, chosen: &[SolvableId]) -> usize {
    let place = |group: &Group| group.choices.iter().position(|choice| chosen.contains(choice)).unwrap_or_default();
    let of = |id: &SolvableId| {
        universe.demands(*id).map_or(0, |demands| demands.requires.iter().map(|(_, group)| place(group)).sum())
    };
    roots.requires.iter().map(|(_, group)| place(group)).sum::<usize>() + chosen.iter().map(of).sum::<usize>()
}

fn explanation(universe: &Universe, roots: &Roots, all: &[SolvableId]) -> Explanation {
    let mut explanation = Explanation {
        sentences: vec![format!("none of the sets of {} packages satisfies {}", all.len(), roots.subject)],
        ..Explanation::default()
    };
    let mut note = |needed_by: String, text: &str, choices: &[SolvableId]| {
        if choices.is_empty() {
            explanation.missing.push(Missing { needed_by, relation: text.to_owned() });
        }
    };
    for (_, group) in &roots.requires {
        note(roots.subject.clone(), &group.text, &group.choices);
    }
    for id in all {
        if let Ok(demands) = universe.demands(*id) {
            for (_, group) in &demands.requires {
                note(universe.describe(*id), &group.text, &group.choices);
            }
        }
    }
    explanation.missing.sort();
    explanation.missing.dedup();
    explanation
}
