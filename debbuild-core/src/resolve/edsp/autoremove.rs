//! What was installed only because something needed it, and nothing does any more.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    super::{Universe, encode::Group, universe::SolvableId},
    Scenario, Settings,
};
use crate::arch::Architecture;

/// A package by name and architecture of its index.
type Key<'a> = (&'a str, &'a str);

impl Scenario<'_> {
    /// The packages of a set that are installed, were installed automatically, and that nothing of the set needs which was not.
    pub(super) fn not_needed(
        &self,
        universe: &Universe,
        set: &HashSet<SolvableId>,
        settings: &Settings,
    ) -> Vec<SolvableId> {
        let automatic: HashSet<Key<'_>> = self
            .versions
            .iter()
            .filter(|listed| listed.automatic)
            .map(|listed| (listed.package.as_str(), self.place(listed).as_str()))
            .collect();
        let essential: HashSet<&str> =
            self.versions.iter().filter(|listed| listed.essential).map(|listed| listed.package.as_str()).collect();
        let asked: BTreeSet<(&str, &Architecture)> =
            self.request.install.iter().map(|(name, architecture)| (name.as_str(), architecture)).collect();
        let is_root = |id: SolvableId| {
            let Some((package, architecture)) = universe.identity(id) else { return true };
            let architecture = if architecture.is_all() { &self.request.architecture } else { &architecture };
            let key = (package.as_str(), architecture.as_str());
            let new = universe.installed(universe.name_of(id)).is_none();
            new || !automatic.contains(&key)
                || asked.contains(&(key.0, architecture))
                || essential.contains(key.0)
                || universe.row(id).protected()
                || settings.keeps(key.0)
        };
        let mut needed: HashSet<SolvableId> = set.iter().copied().filter(|id| is_root(*id)).collect();
        let mut todo: Vec<SolvableId> = needed.iter().copied().collect();
        while let Some(id) = todo.pop() {
            let Ok(demands) = universe.demands(id) else { continue };
            let none: &[Arc<Group>] = &[];
            let recommends = if settings.recommends_keep { &demands.recommends[..] } else { none };
            let suggests = if settings.suggests_keep { &demands.suggests[..] } else { none };
            let groups = demands.requires.iter().map(|(_, group)| group).chain(recommends).chain(suggests);
            // Whatever satisfies it is needed, also beside something else that does.
            for choice in groups.flat_map(|group| &group.choices) {
                if set.contains(choice) && needed.insert(*choice) {
                    todo.push(*choice);
                }
            }
        }
        let left = universe.all_installed().filter(|id| set.contains(id) && !needed.contains(id));
        left.collect()
    }
}
