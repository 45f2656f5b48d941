//! Reasons: why each package is there, and why there is no set at all.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use resolvo::{
    Requirement,
    conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode},
};

use super::{
    Explanation, Missing, Reason, Removed, Selected, Solution, Universe,
    encode::{Group, Roots},
    sat::Provider,
    universe::SolvableId,
};

/// The most sentences of an explanation.
const MOST: usize = 40;

/// The chosen packages with their reasons, breadth first from the question. What nothing needs is left out.
pub(super) fn solution(universe: &Universe, roots: &Roots, chosen: &[SolvableId]) -> Solution {
    let set: HashSet<SolvableId> = chosen.iter().copied().collect();
    let met = |group: &Group| group.choices.iter().copied().find(|id| set.contains(id));
    let asked_for = roots.asked_for(&set);
    let mut reasons: HashMap<SolvableId, Reason> = HashMap::new();
    let mut queue = VecDeque::new();
    for (reason, group) in &roots.requires {
        if let Some(id) = met(group)
            && !reasons.contains_key(&id)
        {
            reasons.insert(id, reason.clone());
            queue.push_back(id);
        }
    }
    for id in chosen.iter().copied().filter(|id| universe.installed(universe.name_of(*id)).is_some()) {
        if !reasons.contains_key(&id) {
            reasons.insert(id, Reason::Installed);
            queue.push_back(id);
        }
    }
    while let Some(by) = queue.pop_front() {
        let Ok(demands) = universe.demands(by) else { continue };
        let wishes = roots.wishes(demands, asked_for.contains(&by));
        for (need, group) in demands.requires.iter().map(|(need, group)| (*need, group)).chain(wishes) {
            if let Some(id) = met(group)
                && !reasons.contains_key(&id)
            {
                let Some((package, architecture)) = universe.identity(by) else { continue };
                reasons.insert(id, Reason::NeededBy { package, architecture, need, relation: group.text.to_string() });
                queue.push_back(id);
            }
        }
    }
    let selected = |(id, reason): (SolvableId, Reason)| {
        let package = Arc::new(universe.read(id).ok()?);
        let installed = universe.installed(universe.name_of(id)).map(|id| universe.version(id).clone());
        Some(Selected { package, origin: Arc::clone(universe.origin(id)), reason, installed })
    };
    let mut packages: Vec<Selected> = reasons.into_iter().filter_map(selected).collect();
    packages.sort_by(|a, b| {
        (&a.package.package, &a.package.architecture).cmp(&(&b.package.package, &b.package.architecture))
    });
    Solution { packages, removed: removed(universe, &set) }
}

/// What is on the system and has no version in the set.
fn removed(universe: &Universe, set: &HashSet<SolvableId>) -> Vec<Removed> {
    let gone =
        |id: &SolvableId| !universe.candidates(universe.name_of(*id)).iter().any(|version| set.contains(version));
    let removed = universe.all_installed().filter(gone).filter_map(|id| {
        let (package, architecture) = universe.identity(id)?;
        Some(Removed { package, version: universe.version(id).clone(), architecture })
    });
    let mut removed: Vec<Removed> = removed.collect();
    removed.sort_by(|a, b| (&a.package, &a.architecture).cmp(&(&b.package, &b.architecture)));
    removed
}

/// The solver's proof as sentences, breadth first from the question.
pub(super) fn conflict(
    graph: &ConflictGraph,
    provider: &Provider<'_>,
    universe: &Universe,
    roots: &Roots,
) -> Explanation {
    let who = |node: &ConflictNode| match node {
        ConflictNode::Root => roots.subject.clone(),
        ConflictNode::Solvable(id) => universe.describe(id.into_raw()),
        ConflictNode::UnresolvedDependency | ConflictNode::Excluded(_) => String::new(),
    };
    let mut explanation = Explanation::default();
    let mut said = BTreeSet::new();
    let mut seen = HashSet::from([graph.root_node]);
    let mut queue = VecDeque::from([graph.root_node]);
    while let Some(at) = queue.pop_front() {
        for edge in graph.graph.raw_edges().iter().filter(|edge| edge.source() == at) {
            let (from, to) = (&graph.graph[at], &graph.graph[edge.target()]);
            let sentence = match (&edge.weight, to) {
                (ConflictEdge::Requires(requirement), ConflictNode::UnresolvedDependency) => {
                    let relation = text(requirement, provider);
                    explanation.missing.push(Missing { needed_by: who(from), relation: relation.clone() });
                    let there = available(universe, &relation);
                    format!("{} needs {relation}, which no package provides{there}", who(from))
                }
                (ConflictEdge::Requires(requirement), _) => {
                    format!("{} needs {}", who(from), text(requirement, provider))
                }
                (ConflictEdge::Conflict(ConflictCause::Constrains(set)), _) => {
                    format!("{} {}, and that is {}", who(from), provider.set_text(*set), who(to))
                }
                (ConflictEdge::Conflict(_), ConflictNode::Excluded(reason)) => {
                    format!("{} cannot be used: {}", who(from), provider.string(*reason))
                }
                (ConflictEdge::Conflict(_), _) => {
                    format!("{} and {} are two versions of one package", who(from), who(to))
                }
            };
            if said.insert(sentence.clone()) && explanation.sentences.len() < MOST {
                explanation.sentences.push(sentence);
            }
            if seen.insert(edge.target()) {
                queue.push_back(edge.target());
            }
        }
    }
    if said.len() > MOST {
        explanation.sentences.push(format!("and {} more reasons", said.len() - MOST));
    }
    explanation.missing.sort();
    explanation.missing.dedup();
    explanation
}

fn text(requirement: &Requirement, provider: &Provider<'_>) -> String {
    match requirement {
        Requirement::Single(set) => provider.set_text(*set),
        Requirement::Union(union) => provider.union_text(*union),
    }
}

/// The versions that are there of what is asked for in another version.
fn available(universe: &Universe, relation: &str) -> String {
    let names = relation.split(" | ").filter_map(|one| one.split([' ', ':']).next());
    let found = names.flat_map(|name| universe.versions(name).map(move |version| format!("{name} {version}")));
    let found: Vec<String> = found.take(5).collect();
    if found.is_empty() { String::new() } else { format!(" (there is {})", found.join(", ")) }
}
