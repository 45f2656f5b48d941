//! What builds take, in terms of the source packages that build it.

use std::collections::BTreeSet;

use super::OrderOptions;
use crate::{
    arch::Architecture,
    context::Context,
    control::{SourceControl, SourceRelations},
    relation::{Alternatives, BuildProfile, Relation, Relations},
    resolve::{
        BuildDeps, Question, ResolveError, SatResolver, Universe,
        encode::{Roots, roots},
        planner::Planner,
        sat::Choice,
        universe::SolvableId,
    },
};

/// How a first build differs from a full one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Variant {
    /// Profiles beside those of all builds.
    pub(super) profiles: BTreeSet<BuildProfile>,
    /// Groups of build dependencies (without restrictions) and what is taken for them.
    pub(super) picks: Vec<(Alternatives, Relation)>,
}

/// What a build of a member of a cycle takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// Packages that members of the cycle build, each with the place of that member.
    pub(super) inner: Vec<(u32, SolvableId)>,
    /// Other source packages.
    pub(super) outer: Vec<u32>,
}

/// The owner of packages that are there already.
pub(super) const THERE: u32 = u32::MAX;
/// The owner of packages that none of the source packages builds.
pub(super) const OUTSIDE: u32 = u32::MAX - 1;

/// Works out what builds take.
pub(super) struct Sets<'a> {
    pub(super) cx: &'a Context,
    pub(super) universe: &'a Universe,
    pub(super) sources: &'a [&'a SourceControl],
    pub(super) options: &'a OrderOptions,
    /// By package: the place of its source package, or why it has none.
    pub(super) owners: Vec<u32>,
}

impl<'a> Sets<'a> {
    pub(super) fn new(
        cx: &'a Context,
        universe: &'a Universe,
        sources: &'a [&'a SourceControl],
        options: &'a OrderOptions,
    ) -> Self {
        Self { cx, universe, sources, options, owners: Vec::new() }
    }

    pub(super) fn planner(&self) -> Planner<'a> {
        Planner::new(self.universe, SatResolver::new().with_limit(self.options.limit))
    }

    /// The packages of a build's smallest surroundings: essential ones and build-essential.
    pub(super) fn base(&self) -> Result<Vec<SolvableId>, ResolveError> {
        let Some(any) = self.sources.first() else { return Ok(Vec::new()) };
        let build = self.question(any, SourceRelations::default(), BTreeSet::new());
        Ok(match self.planner().build_set(self.cx, build)? {
            Choice::Set(set) => set,
            Choice::Impossible(_) | Choice::Unknown(_) => Vec::new(),
        })
    }

    /// What is there while a source package is built.
    pub(super) fn take(
        &self,
        planner: &mut Planner<'_>,
        source: u32,
        variant: &Variant,
    ) -> Result<Choice, ResolveError> {
        planner.build_set(self.cx, self.build(source, variant))
    }

    /// The same in terms of source packages; nothing where that cannot be installed.
    pub(super) fn plan(
        &self,
        planner: &mut Planner<'_>,
        members: &[u32],
        source: u32,
        variant: &Variant,
    ) -> Result<Option<Plan>, ResolveError> {
        Ok(match self.take(planner, source, variant)? {
            Choice::Set(set) => Some(self.split(members, &set)),
            Choice::Impossible(_) | Choice::Unknown(_) => None,
        })
    }

    fn split(&self, members: &[u32], set: &[SolvableId]) -> Plan {
        let mut plan = Plan::default();
        for id in set {
            let owner = self.owners[*id as usize];
            match members.binary_search(&owner) {
                Ok(place) => plan.inner.push((place as u32, *id)),
                Err(_) if owner < OUTSIDE => plan.outer.push(owner),
                Err(_) => {}
            }
        }
        plan.outer.sort_unstable();
        plan.outer.dedup();
        plan
    }

    /// What a build demands.
    pub(super) fn roots(&self, source: u32, variant: &Variant) -> Result<Roots, ResolveError> {
        roots(self.universe, &Question::BuildDeps(Box::new(self.build(source, variant))))
    }

    /// The build dependencies that hold, without their restrictions.
    pub(super) fn groups(&self, source: u32, profiles: &BTreeSet<BuildProfile>) -> Relations {
        let relations = &self.sources[source as usize].relations;
        let indep = if self.options.indep { &relations.depends_indep.0[..] } else { &[] };
        let parts = [&relations.depends.0[..], &relations.depends_arch.0[..], indep];
        Relations(parts.concat()).reduce(self.native(), &self.profiles(profiles))
    }

    pub(super) fn native(&self) -> &'a Architecture {
        &self.universe.options().native
    }

    fn profiles(&self, more: &BTreeSet<BuildProfile>) -> BTreeSet<BuildProfile> {
        self.options.profiles.union(more).cloned().collect()
    }

    /// Whether profiles say which packages a source package makes.
    pub(super) fn depends_on_profiles(&self, source: u32) -> bool {
        !self.sources[source as usize].profiled.is_empty()
    }

    /// Whether a build with these profiles beside those of all builds makes that package.
    pub(super) fn builds(&self, source: u32, package: SolvableId, more: &BTreeSet<BuildProfile>) -> bool {
        let profiled = &self.sources[source as usize].profiled;
        let name = self.universe.package_name(package);
        let mut said = profiled.iter().filter(|profiled| profiled.package.as_str() == name).peekable();
        said.peek().is_none() || {
            let active = self.profiles(more);
            said.any(|profiled| profiled.is_built(&active))
        }
    }

    fn build(&self, source: u32, variant: &Variant) -> BuildDeps {
        let of = self.sources[source as usize];
        let mut depends = self.groups(source, &variant.profiles);
        for group in &mut depends.0 {
            if let Some((_, pick)) = variant.picks.iter().find(|(instead_of, _)| instead_of == group) {
                group.0 = vec![pick.clone()];
            }
        }
        let SourceRelations { conflicts, conflicts_arch, conflicts_indep, .. } = of.relations.clone();
        let relations =
            SourceRelations { depends, conflicts, conflicts_arch, conflicts_indep, ..SourceRelations::default() };
        self.question(of, relations, self.profiles(&variant.profiles))
    }

    fn question(&self, of: &SourceControl, relations: SourceRelations, profiles: BTreeSet<BuildProfile>) -> BuildDeps {
        let source = SourceControl {
            source: of.source.clone(),
            version: of.version.clone(),
            format: String::new(),
            binaries: Vec::new(),
            profiled: Vec::new(),
            architectures: Vec::new(),
            maintainer: None,
            section: None,
            priority: None,
            extra_only: false,
            relations,
            files: Vec::new(),
            directory: None,
        };
        let build = BuildDeps::new(source, self.native().clone()).with_profiles(profiles);
        if self.options.indep { build } else { build.with_any_only() }
    }
}
