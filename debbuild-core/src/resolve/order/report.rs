//! A broken cycle as builds with what they need, and in the words of the answer.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Break, Cycle, Edge,
    cycle::{Knot, Member},
    paths::Paths,
    sets::{Plan, Variant},
};
use crate::{
    name::{PackageName, SourceName},
    relation::BuildProfile,
    resolve::{ResolveError, sat::Choice, universe::SolvableId},
};

/// A build of a source package.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) source: u32,
    pub(super) profiles: BTreeSet<BuildProfile>,
    pub(super) rebuild: bool,
    /// Builds of the same cycle that come before, by their places.
    pub(super) inner: Vec<usize>,
    /// Source packages that are built in full before.
    pub(super) outer: Vec<u32>,
}

impl Knot<'_, '_> {
    /// The builds of a cycle that was broken, each after those that it needs.
    pub(super) fn builds(&self) -> Vec<Planned> {
        let graph = self.graph();
        let mut places = BTreeMap::new();
        let mut builds = Vec::new();
        for build in graph.components().members.into_iter().flatten() {
            let Some(plan) = self.plan_of(build) else { continue };
            let member = &self.members[build as usize / 2];
            let rebuild = build % 2 == 1;
            let profiles = if rebuild { BTreeSet::new() } else { member.variant.profiles.clone() };
            let inner = graph.row(build).iter().filter_map(|before| places.get(before).copied()).collect();
            places.insert(build, builds.len());
            builds.push(Planned { source: member.source, profiles, rebuild, inner, outer: plan.outer.clone() });
        }
        builds
    }

    /// The cycle as it was, with how it was broken.
    pub(super) fn report(&mut self, least: bool) -> Result<Cycle, ResolveError> {
        let members = self.members.iter().map(|member| self.name(member.source)).collect();
        let edge_count = self.members.iter().map(|member| owners(&member.full).len()).sum();
        let mut edges = Vec::new();
        if edge_count <= self.sets.options.most_edges {
            for source in self.sources.clone() {
                self.edges(source, &mut edges)?;
            }
        }
        let mut breaks = Vec::new();
        for member in &self.members {
            self.breaks_of(member, &mut breaks);
        }
        self.existing(&mut breaks);
        Ok(Cycle { members, edge_count, edges, breaks, least })
    }

    fn name(&self, source: u32) -> SourceName {
        self.sets.sources[source as usize].source.clone()
    }

    fn package(&self, id: SolvableId) -> Option<PackageName> {
        self.sets.universe.identity(id).map(|(package, _)| package)
    }

    fn edges(&mut self, source: u32, edges: &mut Vec<Edge>) -> Result<(), ResolveError> {
        let full = Variant::default();
        let roots = self.sets.roots(source, &full)?;
        let Choice::Set(set) = self.sets.take(&mut self.planner, source, &full)? else { return Ok(()) };
        let paths = Paths::new(self.sets.universe, &roots, &set, |_| true);
        let owner = |id: SolvableId| {
            let owner = self.sets.owners[id as usize];
            self.sources.binary_search(&owner).is_ok().then_some(owner)
        };
        let mut nearest: Vec<(u32, usize)> = paths.nearest(owner).into_iter().collect();
        nearest.sort_unstable();
        for (needs, at) in nearest {
            let (relation, through) = paths.chain(&roots, at);
            edges.push(Edge {
                source: self.name(source),
                needs: self.name(needs),
                relation: relation.to_string(),
                through: through.into_iter().filter_map(|id| self.package(id)).collect(),
            });
        }
        Ok(())
    }

    /// The breaks by profiles and by alternatives.
    fn breaks_of(&self, member: &Member, breaks: &mut Vec<Break>) {
        let source = self.name(member.source);
        let (full, first) = (owners(&member.full), owners(&member.first));
        let dropped: Vec<SourceName> =
            full.difference(&first).map(|at| self.name(self.sources[*at as usize])).collect();
        let profiles = &member.variant.profiles;
        if !profiles.is_empty() {
            let left = self.sets.groups(member.source, profiles).0;
            let all = self.sets.groups(member.source, &BTreeSet::new()).0;
            let relations = all.iter().filter(|group| !left.contains(group)).map(ToString::to_string).collect();
            let (source, profiles, dropped) = (source.clone(), profiles.clone(), dropped.clone());
            breaks.push(Break::Profiles { source, profiles, relations, dropped });
        }
        for (group, pick) in &member.variant.picks {
            let (source, relation, dropped) = (source.clone(), group.to_string(), dropped.clone());
            breaks.push(Break::Alternative { source, relation, instead: pick.package.clone(), dropped });
        }
    }

    /// The breaks by packages from somewhere else, by the source packages of those.
    fn existing(&self, breaks: &mut Vec<Break>) {
        let mut by_source: BTreeMap<u32, (BTreeSet<PackageName>, BTreeSet<SourceName>)> = BTreeMap::new();
        for (from, of) in &self.cuts {
            let Some(plan) = self.plan_of(*from) else { continue };
            let (packages, builds) = by_source.entry(*of).or_default();
            let taken = plan.inner.iter().filter(|(member, _)| member == of);
            packages.extend(taken.filter_map(|(_, id)| self.package(*id)));
            builds.insert(self.name(self.sources[*from as usize / 2]));
        }
        for (member, (packages, builds)) in by_source {
            let source = self.name(self.sources[member as usize]);
            let (packages, dropped) = (packages.into_iter().collect(), builds.into_iter().collect());
            breaks.push(Break::Existing { source, packages, dropped });
        }
    }
}

/// The members of a cycle that a plan needs.
fn owners(plan: &Plan) -> BTreeSet<u32> {
    plan.inner.iter().map(|(member, _)| *member).collect()
}
