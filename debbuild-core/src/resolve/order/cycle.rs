//! A cycle while it is broken: what each of its members is built with first, and what that leaves of the cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    graph::Graph,
    sets::{Plan, Sets, Variant},
};
use crate::resolve::{ResolveError, planner::Planner, universe::SolvableId};

/// A source package of a cycle.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) source: u32,
    /// What a full build takes.
    pub(super) full: Plan,
    /// What the first build takes.
    pub(super) first: Plan,
    pub(super) variant: Variant,
}

impl Member {
    /// Whether the first build is not a full one, so that another must follow.
    pub(super) fn is_reduced(&self) -> bool {
        !self.variant.profiles.is_empty()
    }
}

/// What lies on cycles.
#[derive(Debug)]
pub(super) struct Tied {
    /// By build: the place of its component, those that others need first.
    of: Vec<u32>,
    /// By member, the builds of its cycle that its first build needs.
    pub(super) near: BTreeMap<u32, Vec<u32>>,
}

/// A cycle. Its builds have numbers: two for each member, the first build and the full one after a reduced first one.
pub(super) struct Knot<'s, 'a> {
    pub(super) sets: &'s Sets<'a>,
    pub(super) planner: Planner<'a>,
    /// The members' sources, sorted.
    pub(super) sources: Vec<u32>,
    pub(super) members: Vec<Member>,
    /// Builds and members whose packages are taken from somewhere else for them.
    pub(super) cuts: BTreeSet<(u32, u32)>,
    /// By source: whether it is built without this cycle.
    below: &'s dyn Fn(u32) -> bool,
}

impl<'s, 'a> Knot<'s, 'a> {
    /// `below` says of a source package whether it can be built before the cycle.
    pub(super) fn new(
        sets: &'s Sets<'a>,
        sources: &[u32],
        below: &'s dyn Fn(u32) -> bool,
    ) -> Result<Self, ResolveError> {
        let mut planner = sets.planner();
        let mut members = Vec::with_capacity(sources.len());
        for source in sources {
            sets.cx.cancel().check()?;
            // What could be worked out for the graph can be worked out again.
            let full = sets.plan(&mut planner, sources, *source, &Variant::default())?.unwrap_or_default();
            members.push(Member { source: *source, first: full.clone(), full, variant: Variant::default() });
        }
        Ok(Self { sets, planner, sources: sources.to_vec(), members, cuts: BTreeSet::new(), below })
    }

    /// What a member takes in another variant; nothing where that is no help: it cannot be installed, or needs what comes after
    /// the cycle.
    pub(super) fn plan(&mut self, member: u32, variant: &Variant) -> Result<Option<Plan>, ResolveError> {
        self.sets.cx.cancel().check()?;
        let source = self.sources[member as usize];
        let plan = self.sets.plan(&mut self.planner, &self.sources, source, variant)?;
        Ok(plan.filter(|plan| plan.outer.iter().all(|source| (self.below)(*source))))
    }

    /// The build that makes a package of a member.
    pub(super) fn maker(&self, member: u32, package: SolvableId) -> u32 {
        let of = &self.members[member as usize];
        let later = of.is_reduced() && !self.sets.builds(of.source, package, &of.variant.profiles);
        member * 2 + u32::from(later)
    }

    /// The builds of the cycle that a plan needs, in their order.
    pub(super) fn makers(&self, plan: &Plan) -> Vec<u32> {
        let mut makers: Vec<u32> = plan.inner.iter().map(|(member, package)| self.maker(*member, *package)).collect();
        makers.sort_unstable();
        makers.dedup();
        makers
    }

    /// What a build needs of the others, without what is cut.
    pub(super) fn row(&self, build: u32) -> Vec<u32> {
        let member = &self.members[build as usize / 2];
        let first = build.is_multiple_of(2);
        if !first && !member.is_reduced() {
            return Vec::new();
        }
        let mut row = self.makers(if first { &member.first } else { &member.full });
        row.retain(|to| !self.cuts.contains(&(build, to / 2)));
        if !first {
            // The full build comes after the reduced one in any case.
            row.push(build - 1);
        }
        row
    }

    pub(super) fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        (0..self.members.len() as u32 * 2).for_each(|build| graph.push(self.row(build)));
        graph
    }

    /// The members whose first builds lie on a cycle, as things are now.
    pub(super) fn tied(&self) -> Tied {
        let graph = self.graph();
        let components = graph.components();
        let mut near = BTreeMap::new();
        for builds in components.members.iter().filter(|builds| graph.is_cycle(builds)) {
            for build in builds.iter().filter(|build| **build % 2 == 0) {
                let of = graph.row(*build).iter().copied().filter(|to| builds.binary_search(to).is_ok());
                near.insert(*build / 2, of.collect());
            }
        }
        Tied { of: components.of, near }
    }

    /// Takes a variant for a member.
    pub(super) fn set(&mut self, member: u32, variant: Variant, first: Plan) {
        let member = &mut self.members[member as usize];
        (member.variant, member.first) = (variant, first);
    }

    /// Whether a plan of a member leaves it with less of its cycle: it needs not all that it did, and else only what comes before.
    pub(super) fn is_better(&self, tied: &Tied, member: u32, plan: &Plan) -> bool {
        let Some(near) = tied.near.get(&member) else { return false };
        let (needs, place) = (self.makers(plan), |build: u32| tied.of[build as usize]);
        let before = |build: &u32| near.binary_search(build).is_ok() || place(*build) < place(member * 2);
        near.iter().any(|build| needs.binary_search(build).is_err()) && needs.iter().all(before)
    }
}
