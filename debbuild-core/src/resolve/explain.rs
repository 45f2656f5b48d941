//! Reasons: why each package is there, and why there is no set at all.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::Arc,
};

use resolvo::{
    Requirement,
    conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode},
};

use super::{
    Explanation, Reason, Removed, Selected, Solution, Universe,
    demand::{Asker, Demand, Teller, of_package, of_question},
    encode::{Group, Roots},
    sat::Provider,
    universe::SolvableId,
};

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
        if let Entry::Vacant(vacant) = reasons.entry(id) {
            vacant.insert(Reason::Installed);
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

/// The solver's proof as an explanation, breadth first from the question.
pub(super) fn conflict(
    graph: &ConflictGraph,
    provider: &Provider<'_>,
    universe: &Universe,
    roots: &Roots,
) -> Explanation {
    let mut demands = Vec::new();
    let mut known = HashSet::new();
    let mut seen = HashSet::from([graph.root_node]);
    let mut queue = VecDeque::from([graph.root_node]);
    while let Some(at) = queue.pop_front() {
        let all = match asker(&graph.graph[at]) {
            Some(Asker::Package(id)) => of_package(universe, roots, id),
            Some(_) => of_question(roots).collect(),
            None => Vec::new(),
        };
        for edge in graph.graph.raw_edges().iter().filter(|edge| edge.source() == at) {
            let to = &graph.graph[edge.target()];
            let demand = stated(&edge.weight, &graph.graph[at], to, &all, provider);
            demands.extend(demand.filter(|demand| known.insert(demand.key())));
            if seen.insert(edge.target()) {
                queue.push_back(edge.target());
            }
        }
    }
    let teller = Teller::new(universe, roots);
    let involved = graph.graph.node_weights().filter_map(asker);
    let involved = involved.filter_map(|asker| if let Asker::Package(id) = asker { Some(id) } else { None }).collect();
    Explanation { involved, ..Explanation::of(demands.iter().filter_map(|demand| teller.step(demand)).collect()) }
}

fn asker(node: &ConflictNode) -> Option<Asker> {
    match node {
        ConflictNode::Root => Some(Asker::Question),
        ConflictNode::Solvable(id) => Some(Asker::Package(id.into_raw())),
        ConflictNode::UnresolvedDependency | ConflictNode::Excluded(_) => None,
    }
}

/// The demand, among all those of the one who makes it, that an edge of the solver's proof stands for.
fn stated(
    edge: &ConflictEdge,
    from: &ConflictNode,
    to: &ConflictNode,
    all: &[Demand],
    provider: &Provider<'_>,
) -> Option<Demand> {
    let is_it = |demand: &&Demand| match (edge, demand) {
        (ConflictEdge::Requires(requirement), Demand::Needs { group, .. }) => {
            *group.text == *text(requirement, provider)
        }
        (ConflictEdge::Conflict(ConflictCause::Constrains(set)), Demand::Clash { text, package, .. }) => {
            asker(to) == Some(Asker::Package(*package)) && *text == provider.set_text(*set)
        }
        (ConflictEdge::Conflict(ConflictCause::Excluded), Demand::Unusable(..)) => true,
        _ => false,
    };
    match (edge, asker(from)?, asker(to)) {
        (
            ConflictEdge::Conflict(ConflictCause::ForbidMultipleInstances),
            Asker::Package(from),
            Some(Asker::Package(to)),
        ) => Some(Demand::TwoVersions(from.min(to), from.max(to))),
        _ => all.iter().find(is_it).cloned(),
    }
}

fn text(requirement: &Requirement, provider: &Provider<'_>) -> String {
    match requirement {
        Requirement::Single(set) => provider.set_text(*set),
        Requirement::Union(union) => provider.union_text(*union),
    }
}
