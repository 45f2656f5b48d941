//! Why a package is in a solution: every member that needs it, and how the question leads there.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::Arc,
};

use super::{
    By, Need, PackageVersion, Question, ResolveError, Selected, Solution, Universe,
    demand::{Asker, named},
    encode::{Group, roots},
    step::{listed, names},
    universe::SolvableId,
};
use crate::control::BinaryPackage;

/// One relation that a package of a solution satisfies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Link {
    /// Who needs it.
    pub by: By,
    /// By which relation of a package; `None` for what the question asks for.
    pub need: Option<Need>,
    /// The group of alternatives.
    pub relation: String,
    /// The package that satisfies it.
    pub package: PackageVersion,
    /// Other packages of the solution that satisfy it too: where there are any, the package is not there only for this.
    pub also: Vec<PackageVersion>,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, need, relation, package, also } = self;
        let verb = match need {
            None if *by == By::Installed => "has",
            None => "needs",
            Some(Need::PreDepends) => "pre-depends on",
            Some(Need::Depends) => "depends on",
            Some(Need::Recommends) => "recommends",
            Some(Need::Suggests) => "suggests",
        };
        write!(f, "{by} {verb} {relation}")?;
        if !names(relation, package) {
            write!(f, ", which {package} provides")?;
        }
        if also.is_empty() { Ok(()) } else { write!(f, " (also met by {})", listed(also, "and")) }
    }
}

/// Why a package is in a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// The package.
    pub package: PackageVersion,
    /// For each direct reason (the last link) the shortest chain from the question to it, the shortest chain first.
    pub chains: Vec<Vec<Link>>,
    /// Relations of packages that need it and that are themselves there only because of it.
    pub circular: Vec<Link>,
}

/// Says why a package is in a solution of a question about a universe; `None` where it is not.
///
/// # Errors
/// [`ResolveError`] for a question that the universe cannot be asked.
pub fn why(
    on: &Universe,
    question: &Question,
    solution: &Solution,
    package: &BinaryPackage,
) -> Result<Option<Why>, ResolveError> {
    let graph = Graph::of(on, question, solution)?;
    let same = |selected: &&Selected| {
        (&selected.package.package, &selected.package.version, &selected.package.architecture)
            == (&package.package, &package.version, &package.architecture)
    };
    let target = solution.packages.iter().find(same).and_then(|selected| member(on, selected));
    Ok(target.and_then(|target| graph.why(target)))
}

/// The place of a package of a solution in the universe.
fn member(universe: &Universe, selected: &Selected) -> Option<SolvableId> {
    let package = &selected.package;
    let is_it = |id: &SolvableId| {
        *universe.version(*id) == package.version
            && *universe.origin(*id) == selected.origin
            && named(universe, *id).is_some_and(|named| named.architecture == package.architecture)
    };
    universe.called(package.package.as_str()).find(is_it)
}

/// A relation that some members satisfy, of which one is looked at.
struct Edge {
    by: Asker,
    need: Option<Need>,
    relation: String,
    to: SolvableId,
    also: Vec<SolvableId>,
}

/// All relations between the members of a solution.
struct Graph<'u> {
    universe: &'u Universe,
    subject: String,
    edges: Vec<Edge>,
    /// The edges that start at each.
    from: HashMap<Asker, Vec<usize>>,
}

impl<'u> Graph<'u> {
    fn of(universe: &'u Universe, question: &Question, solution: &Solution) -> Result<Self, ResolveError> {
        let roots = roots(universe, question)?;
        let members: Vec<SolvableId> =
            solution.packages.iter().filter_map(|selected| member(universe, selected)).collect();
        let set: HashSet<SolvableId> = members.iter().copied().collect();
        let asked_for = roots.asked_for(&set);
        let mut graph = Self { universe, subject: roots.subject.clone(), edges: Vec::new(), from: HashMap::new() };
        for (reason, group) in &roots.requires {
            graph.add(Asker::of(reason), None, group, &set);
        }
        let required = |group: &Arc<Group>| roots.requires.iter().any(|(_, other)| Arc::ptr_eq(other, group));
        for group in roots.stay.iter().filter(|group| !required(group)) {
            graph.add(Asker::Installed, None, group, &set);
        }
        for id in members {
            let Ok(demands) = universe.demands(id) else { continue };
            for (need, group) in &demands.requires {
                graph.add(Asker::Package(id), Some(*need), group, &set);
            }
            for (need, group) in roots.wishes(demands, asked_for.contains(&id)) {
                graph.add(Asker::Package(id), Some(need), group, &set);
            }
        }
        Ok(graph)
    }

    fn add(&mut self, by: Asker, need: Option<Need>, group: &Group, set: &HashSet<SolvableId>) {
        let met: Vec<SolvableId> = group.choices.iter().copied().filter(|choice| set.contains(choice)).collect();
        for to in &met {
            let also = met.iter().copied().filter(|other| other != to).collect();
            self.from.entry(by).or_default().push(self.edges.len());
            self.edges.push(Edge { by, need, relation: group.text.to_string(), to: *to, also });
        }
    }

    fn why(&self, target: SolvableId) -> Option<Why> {
        let came = self.came(target);
        let mut why = Why { package: named(self.universe, target)?, chains: Vec::new(), circular: Vec::new() };
        for (at, edge) in self.edges.iter().enumerate().filter(|(_, edge)| edge.to == target) {
            if edge.by == Asker::Package(target) {
                continue;
            }
            let mut chain = vec![at];
            while let Asker::Package(by) = self.edges[chain[chain.len() - 1]].by
                && let Some(before) = came.get(&by)
            {
                chain.push(*before);
            }
            if matches!(self.edges[chain[chain.len() - 1]].by, Asker::Package(_)) {
                why.circular.extend(self.link(edge));
            } else {
                why.chains.push(chain.into_iter().rev().filter_map(|at| self.link(&self.edges[at])).collect());
            }
        }
        why.chains.sort_by_key(Vec::len);
        Some(why)
    }

    /// By package, the edge by which one comes to it first from the question, without passing the target.
    fn came(&self, target: SolvableId) -> HashMap<SolvableId, usize> {
        let mut came = HashMap::new();
        let mut queue = VecDeque::from([Asker::Question, Asker::System, Asker::Installed]);
        while let Some(by) = queue.pop_front() {
            for at in self.from.get(&by).into_iter().flatten() {
                let to = self.edges[*at].to;
                if to != target && !came.contains_key(&to) {
                    came.insert(to, *at);
                    queue.push_back(Asker::Package(to));
                }
            }
        }
        came
    }

    fn link(&self, edge: &Edge) -> Option<Link> {
        let by = edge.by.named(self.universe, &self.subject)?;
        let also = edge.also.iter().filter_map(|id| named(self.universe, *id)).collect();
        let (need, relation) = (edge.need, edge.relation.clone());
        Some(Link { by, need, relation, package: named(self.universe, edge.to)?, also })
    }
}

#[cfg(test)]
mod tests;
