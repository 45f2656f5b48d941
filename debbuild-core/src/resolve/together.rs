//! Sets of packages that are grown package by package: most packages of an archive are shown installable without a solver.

use super::{
    Universe,
    encode::{Demands, Group},
    universe::SolvableId,
};

/// A set in which every demand of every member holds. Growing it is greedy: that a package could not be added says nothing.
pub(super) struct Together<'u> {
    universe: &'u Universe,
    /// Members in the order in which they came.
    members: Vec<SolvableId>,
    /// By package: whether it is a member, and how many members ban it.
    states: Vec<(bool, u32)>,
    /// By name: whether a version of it is a member.
    taken: Vec<bool>,
}

impl<'u> Together<'u> {
    pub(super) fn new(universe: &'u Universe) -> Self {
        let (packages, names) = universe.sizes();
        Self { universe, members: Vec::new(), states: vec![(false, 0); packages], taken: vec![false; names] }
    }

    /// These packages never become members.
    pub(super) fn never(&mut self, packages: impl Iterator<Item = SolvableId>) {
        packages.for_each(|package| self.states[package as usize].1 += 1);
    }

    /// Adds a package with what it needs, and returns the new members; nothing is added where the preferred choices do not fit.
    pub(super) fn add(&mut self, package: SolvableId) -> Option<&[SolvableId]> {
        let before = self.members.len();
        let demands = self.fits(package)?;
        self.put(package, demands);
        if self.close(before) {
            return Some(&self.members[before..]);
        }
        self.cut(before);
        None
    }

    /// Adds the first choice that can be added with what it needs, where none is there yet.
    pub(super) fn meet_whole(&mut self, group: &Group) -> bool {
        group.choices.iter().any(|choice| self.contains(*choice))
            || group.choices.iter().any(|choice| self.add(*choice).is_some())
    }

    /// Removes all members.
    pub(super) fn clear(&mut self) {
        self.cut(0);
    }

    /// Removes all members but the first ones.
    pub(super) fn shrink(&mut self, members: usize) {
        self.cut(members.min(self.members.len()));
    }

    /// The members, in the order in which they came.
    pub(super) fn members(&self) -> &[SolvableId] {
        &self.members
    }

    pub(super) fn contains(&self, package: SolvableId) -> bool {
        self.states[package as usize].0
    }

    /// Adds what the members from this one on need.
    fn close(&mut self, from: usize) -> bool {
        let mut at = from;
        while let Some(id) = self.members.get(at) {
            let Ok(demands) = self.universe.demands(*id) else { return false };
            if !demands.requires.iter().all(|(_, group)| self.meet(group)) {
                return false;
            }
            at += 1;
        }
        true
    }

    fn meet(&mut self, group: &Group) -> bool {
        if group.choices.iter().any(|choice| self.contains(*choice)) {
            return true;
        }
        let fitting = group.choices.iter().find_map(|choice| Some((*choice, self.fits(*choice)?)));
        fitting.map(|(choice, demands)| self.put(choice, demands)).is_some()
    }

    /// The demands of a package that neither is banned by a member nor bans one.
    fn fits(&self, package: SolvableId) -> Option<&'u Demands> {
        if self.taken[self.universe.name_of(package) as usize] || self.states[package as usize].1 > 0 {
            return None;
        }
        let demands = self.universe.demands(package).ok()?;
        let mut banned = demands.bans.iter().flat_map(|ban| &ban.packages);
        (!banned.any(|other| self.contains(*other))).then_some(demands)
    }

    fn put(&mut self, package: SolvableId, demands: &Demands) {
        self.members.push(package);
        self.states[package as usize].0 = true;
        self.taken[self.universe.name_of(package) as usize] = true;
        for other in demands.bans.iter().flat_map(|ban| &ban.packages) {
            self.states[*other as usize].1 += 1;
        }
    }

    /// Takes the members from this one on out again.
    fn cut(&mut self, from: usize) {
        for package in self.members.drain(from..) {
            self.states[package as usize].0 = false;
            self.taken[self.universe.name_of(package) as usize] = false;
            let bans = self.universe.demands(package).map_or(&[][..], |demands| &demands.bans);
            for other in bans.iter().flat_map(|ban| &ban.packages) {
                self.states[*other as usize].1 -= 1;
            }
        }
    }
}
