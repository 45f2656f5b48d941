//! What can be reached from a question.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    Recommends, Universe,
    encode::{Group, Roots},
    universe::SolvableId,
};

/// The packages that matter, and whether they are only mentioned: in a version that nothing wants.
#[derive(Debug, Default)]
pub(super) struct Reached(BTreeMap<SolvableId, bool>);

impl Reached {
    /// In the order of the universe: index after index, as each has them.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (SolvableId, bool)> {
        self.0.iter().map(|(id, mentioned)| (*id, *mentioned))
    }
}

/// Everything that may be part of an answer, through all alternatives, and other versions of what is missing, which explanations
/// name.
pub(super) fn reach(universe: &Universe, roots: &Roots) -> Reached {
    let mut reached = Reached::default();
    let mut missing = BTreeSet::new();
    let mut todo: Vec<SolvableId> = Vec::new();
    let mut note = |group: &Group, todo: &mut Vec<SolvableId>| {
        if group.choices.is_empty() {
            let names = group.text.split(" | ").filter_map(|one| one.split([' ', ':']).next());
            missing.extend(names.map(str::to_owned));
        }
        todo.extend(&group.choices);
    };
    roots.requires.iter().map(|(_, group)| group).chain(&roots.stay).for_each(|group| note(group, &mut todo));
    while let Some(id) = todo.pop() {
        if reached.0.insert(id, false).is_none()
            && let Ok(demands) = universe.demands(id)
        {
            let wishes = roots.wishes(demands, true).map(|(_, group)| group);
            demands.requires.iter().map(|(_, group)| group).chain(wishes).for_each(|group| note(group, &mut todo));
        }
    }
    for id in universe.all().filter(|id| missing.contains(universe.package_name(*id))) {
        reached.0.entry(id).or_insert(true);
    }
    // A name that is installed in some version is preferred, also where another version is wanted.
    let names = reached.0.keys().map(|id| universe.name_of(*id));
    let installed: Vec<SolvableId> = names.filter_map(|name| universe.installed(name)).collect();
    for id in installed {
        reached.0.entry(id).or_insert(true);
    }
    reached
}

/// The fields of wishes that count.
pub(super) fn wishes(roots: &Roots) -> Vec<&'static str> {
    let recommends = (roots.recommends != Recommends::Ignore).then_some("Recommends");
    recommends.into_iter().chain(roots.suggests.then_some("Suggests")).collect()
}
