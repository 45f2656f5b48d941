//! Ways from a question to the packages of its answer, the shortest first.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::resolve::{
    Universe,
    encode::{Group, Roots},
    universe::SolvableId,
};

/// Every package of a set that is reached from the question, breadth first.
pub(super) struct Paths {
    /// Each with the place of the group of the question, or of the package, that leads there.
    reached: Vec<(SolvableId, Before)>,
}

#[derive(Clone, Copy)]
enum Before {
    Question(usize),
    Package(usize),
}

impl Paths {
    /// Follows what holds in the set, without the groups of the question that are not wanted.
    pub(super) fn new(universe: &Universe, roots: &Roots, set: &[SolvableId], wanted: impl Fn(usize) -> bool) -> Self {
        let members: HashSet<SolvableId> = set.iter().copied().collect();
        let met = |group: &Group| group.choices.iter().copied().find(|choice| members.contains(choice));
        let mut paths = Self { reached: Vec::with_capacity(set.len()) };
        let mut seen = HashSet::with_capacity(set.len());
        for (at, (_, group)) in roots.requires.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            if let Some(id) = met(group).filter(|id| seen.insert(*id)) {
                paths.reached.push((id, Before::Question(at)));
            }
        }
        let mut at = 0;
        while let Some((id, _)) = paths.reached.get(at).copied() {
            let groups = universe.demands(id).map_or(&[][..], |demands| &demands.requires);
            for (_, group) in groups {
                if let Some(next) = met(group).filter(|next| seen.insert(*next)) {
                    paths.reached.push((next, Before::Package(at)));
                }
            }
            at += 1;
        }
        paths
    }

    /// The packages, the nearest first.
    pub(super) fn packages(&self) -> impl Iterator<Item = SolvableId> {
        self.reached.iter().map(|(id, _)| *id)
    }

    /// For each owner of a package, the place of its nearest one.
    pub(super) fn nearest<O: Eq + std::hash::Hash>(
        &self,
        owner: impl Fn(SolvableId) -> Option<O>,
    ) -> HashMap<O, usize> {
        let mut nearest = HashMap::new();
        for (at, (id, _)) in self.reached.iter().enumerate() {
            if let Some(owner) = owner(*id) {
                nearest.entry(owner).or_insert(at);
            }
        }
        nearest
    }

    /// The group of the question that leads to a package by the shortest way, and the packages on it, that one last.
    pub(super) fn chain(&self, roots: &Roots, at: usize) -> (Arc<str>, Vec<SolvableId>) {
        let mut chain = Vec::new();
        let mut at = at;
        loop {
            let (id, before) = self.reached[at];
            chain.push(id);
            match before {
                Before::Package(earlier) => at = earlier,
                Before::Question(group) => {
                    chain.reverse();
                    return (Arc::clone(&roots.requires[group].1.text), chain);
                }
            }
        }
    }
}
