//! Breaking a cycle: by profiles, then by other alternatives, then by packages from somewhere else; and leaving out again what was
//! not needed in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cycle::{Knot, Tied},
    feedback::feedback,
    paths::Paths,
    sets::{Plan, Variant},
};
use crate::{
    relation::{BuildProfile, Operator, Relation},
    resolve::{ResolveError, encode::Group, sat::Choice, universe::SolvableId},
};

/// How many other packages are tried for a build dependency.
const MOST_CHOICES: usize = 12;
/// Of how many profiles of a build all subsets are tried.
const MOST_PROFILES: usize = 6;

impl Knot<'_, '_> {
    /// Breaks the cycle. Returns whether the packages from somewhere else were shown to be of as few source packages as possible,
    /// beside the other breaks.
    pub(super) fn untie(&mut self) -> Result<bool, ResolveError> {
        let profiles = self.sets.options.breaking.clone();
        for count in 1..=profiles.len() {
            self.try_profile(&profiles[..count])?;
        }
        while self.try_alternatives()? {}
        let least = self.cut();
        self.mend_cuts();
        // What one gives up may make that of another superfluous.
        while self.undo(&profiles)? {
            self.mend_cuts();
        }
        Ok(least)
    }

    /// Builds members with a profile first where they need less of their cycle then; where that takes the earlier profiles too,
    /// with all of them.
    fn try_profile(&mut self, profiles: &[BuildProfile]) -> Result<(), ResolveError> {
        let tied = self.tied();
        for member in tied.near.keys().copied() {
            let (source, now) = (self.sources[member as usize], self.members[member as usize].variant.profiles.clone());
            let mut more = now.clone();
            more.extend(profiles.last().cloned());
            let all: BTreeSet<BuildProfile> = profiles.iter().cloned().collect();
            let groups = self.sets.groups(source, &now);
            let tries = if more == all { vec![more] } else { vec![more, all] };
            for profiles in tries {
                if self.sets.groups(source, &profiles) == groups {
                    continue;
                }
                let variant = Variant { profiles, picks: Vec::new() };
                if let Some(plan) = self.plan(member, &variant)?
                    && self.is_better(&tied, member, &plan)
                {
                    self.set(member, variant, plan);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes other packages for build dependencies where that leaves less of a cycle, one for each member. Returns whether any
    /// was taken.
    fn try_alternatives(&mut self) -> Result<bool, ResolveError> {
        let tied = self.tied();
        let mut changed = false;
        for member in tied.near.keys().copied() {
            if let Some((variant, plan)) = self.alternative(&tied, member)? {
                self.set(member, variant, plan);
                changed = true;
            }
        }
        Ok(changed)
    }

    /// The choice for a build dependency of a member that leaves the least of its cycle.
    fn alternative(&mut self, tied: &Tied, member: u32) -> Result<Option<(Variant, Plan)>, ResolveError> {
        let (source, now) = (self.sources[member as usize], self.members[member as usize].variant.clone());
        let groups = self.sets.groups(source, &now.profiles).0;
        let roots = self.sets.roots(source, &now)?;
        let several: Vec<usize> = (0..groups.len()).filter(|at| roots.requires[*at].1.choices.len() > 1).collect();
        if several.is_empty() {
            return Ok(None);
        }
        let Choice::Set(set) = self.sets.take(&mut self.planner, source, &now)? else { return Ok(None) };
        let near = &tied.near[&member];
        let mut best: Option<(usize, Variant, Plan)> = None;
        for at in several {
            let without = Paths::new(self.sets.universe, &roots, &set, |other| other != at);
            let left: BTreeSet<u32> = without.packages().filter_map(|id| self.maker_of(id)).collect();
            if near.iter().all(|build| left.contains(build)) {
                continue;
            }
            for pick in self.others(&roots.requires[at].1, &set) {
                let mut variant = now.clone();
                variant.picks.push((groups[at].clone(), pick));
                let Some(plan) = self.plan(member, &variant)? else { continue };
                let needs = self.makers(&plan).iter().filter(|build| near.binary_search(build).is_ok()).count();
                if self.is_better(tied, member, &plan) && best.as_ref().is_none_or(|(least, ..)| needs < *least) {
                    best = Some((needs, variant, plan));
                }
            }
        }
        Ok(best.map(|(_, variant, plan)| (variant, plan)))
    }

    /// The build of the cycle that makes a package.
    fn maker_of(&self, package: SolvableId) -> Option<u32> {
        let member = self.sources.binary_search(&self.sets.owners[package as usize]).ok()?;
        Some(self.maker(member as u32, package))
    }

    /// The other packages that could be taken for a group.
    fn others(&self, group: &Group, set: &[SolvableId]) -> Vec<Relation> {
        let universe = self.sets.universe;
        let taken = group.choices.iter().find(|choice| set.contains(choice));
        let others = group.choices.iter().filter(|choice| Some(*choice) != taken).take(MOST_CHOICES);
        let exactly = |id: &SolvableId| {
            let (package, _) = universe.identity(*id)?;
            Some(Relation::new(package).with_constraint(Operator::Equal, universe.version(*id).clone()))
        };
        others.filter_map(exactly).collect()
    }

    /// Takes packages from somewhere else for what still ties the builds.
    fn cut(&mut self) -> bool {
        let graph = self.graph();
        let found = feedback(&graph);
        let of = graph.components().of;
        for from in 0..graph.len() as u32 {
            for to in graph.row(from).iter().filter(|to| found.vertices.binary_search(to).is_ok()) {
                if of[from as usize] == of[*to as usize] {
                    self.cuts.insert((from, to / 2));
                }
            }
        }
        found.least
    }

    /// Gives up the cuts that are not needed: nothing leads back from what is taken from somewhere else.
    fn mend_cuts(&mut self) {
        let mut cuts: BTreeMap<u32, Vec<(u32, Vec<u32>)>> = BTreeMap::new();
        for (from, member) in self.cuts.iter().copied() {
            let mut makers = self.plan_of(from).map(|plan| self.makers(plan)).unwrap_or_default();
            makers.retain(|to| to / 2 == member);
            if !makers.is_empty() {
                cuts.entry(member).or_default().push((from, makers));
            }
        }
        let mut rows = self.rows();
        self.cuts.clear();
        for (member, builds) in cuts {
            let (first, full) = (reached(&rows, member * 2), reached(&rows, member * 2 + 1));
            for (from, makers) in builds {
                let needs = |to: u32| if to.is_multiple_of(2) { &first } else { &full };
                if makers.iter().any(|to| from == *to || needs(*to)[from as usize]) {
                    self.cuts.insert((from, member));
                } else {
                    rows[from as usize].extend(makers);
                }
            }
        }
    }

    fn rows(&self) -> Vec<Vec<u32>> {
        (0..self.members.len() as u32 * 2).map(|build| self.row(build)).collect()
    }

    /// What a build takes; nothing where there is no such build.
    pub(super) fn plan_of(&self, build: u32) -> Option<&Plan> {
        let member = &self.members[build as usize / 2];
        match build % 2 {
            0 => Some(&member.first),
            _ => member.is_reduced().then_some(&member.full),
        }
    }

    /// Gives up what is not needed: the other alternatives first, then profiles. Returns whether anything was given up.
    fn undo(&mut self, order: &[BuildProfile]) -> Result<bool, ResolveError> {
        let (mut rows, mut changed) = (self.rows(), false);
        for member in 0..self.members.len() as u32 {
            let mut at = 0;
            while let Some(variant) = self.without_pick(member, at) {
                if self.try_variant(&mut rows, member, variant)? {
                    changed = true;
                } else {
                    at += 1;
                }
            }
        }
        for member in 0..self.members.len() as u32 {
            changed |= self.undo_profiles(&mut rows, member, order)?;
        }
        Ok(changed)
    }

    fn without_pick(&self, member: u32, at: usize) -> Option<Variant> {
        let mut variant = self.members[member as usize].variant.clone();
        (at < variant.picks.len()).then(|| {
            variant.picks.remove(at);
            variant
        })
    }

    /// Builds with as few profiles as possible; of as many, with the preferred ones.
    fn undo_profiles(
        &mut self,
        rows: &mut [Vec<u32>],
        member: u32,
        order: &[BuildProfile],
    ) -> Result<bool, ResolveError> {
        let now = self.members[member as usize].variant.clone();
        let used: Vec<&BuildProfile> = order.iter().filter(|profile| now.profiles.contains(*profile)).collect();
        let (tried, kept) = used.split_at(used.len().min(MOST_PROFILES));
        let mut fewer: Vec<u32> = (0..(1 << tried.len()) - 1).collect();
        fewer.sort_by_key(|set: &u32| (set.count_ones(), *set));
        for set in fewer {
            let with = tried.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, profile)| profile);
            let profiles = with.chain(kept).copied().cloned().collect();
            if self.try_variant(rows, member, Variant { profiles, picks: now.picks.clone() })? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a variant for a member if that makes no cycle. Every new one would go through its first build.
    fn try_variant(&mut self, rows: &mut [Vec<u32>], member: u32, variant: Variant) -> Result<bool, ResolveError> {
        let Some(plan) = self.plan(member, &variant)? else { return Ok(false) };
        let (first, full) = (member * 2, member * 2 + 1);
        let of = &self.members[member as usize];
        let (variant_before, plan_before) = (of.variant.clone(), of.first.clone());
        let mut moved = Vec::new();
        if variant.profiles.is_empty() {
            // What a full build took from somewhere else it takes from there as the only build too.
            let taken = self.cuts.range((full, 0)..=(full, u32::MAX)).map(|(_, member)| (first, *member));
            moved = taken.filter(|cut| !self.cuts.contains(cut)).collect();
            self.cuts.extend(moved.iter().copied());
        }
        self.set(member, variant, plan);
        self.renew(rows, member);
        if !reached(rows, first)[first as usize] {
            return Ok(true);
        }
        moved.iter().for_each(|cut| {
            self.cuts.remove(cut);
        });
        self.set(member, variant_before, plan_before);
        self.renew(rows, member);
        Ok(false)
    }

    /// Works out the needs of a member's builds again, and of those that take packages which not each of its builds makes.
    fn renew(&self, rows: &mut [Vec<u32>], member: u32) {
        let (first, full) = (member * 2, member * 2 + 1);
        let mut changed = vec![first, full];
        if self.sets.depends_on_profiles(self.sources[member as usize]) {
            let users = (0..).zip(rows.iter()).filter(|(_, row)| row.contains(&first) || row.contains(&full));
            changed.extend(users.map(|(build, _)| build));
        }
        for build in changed {
            rows[build as usize] = self.row(build);
        }
    }
}

/// By build: whether edges lead there from one of them.
fn reached(rows: &[Vec<u32>], from: u32) -> Vec<bool> {
    let mut reached = vec![false; rows.len()];
    let mut open = vec![from];
    while let Some(build) = open.pop() {
        for to in &rows[build as usize] {
            if !std::mem::replace(&mut reached[*to as usize], true) {
                open.push(*to);
            }
        }
    }
    reached
}
