//! Sets of packages for many questions about one universe: grown greedily where that does, else by the solver.

use std::sync::Arc;

use super::{
    BuildDeps, Question, Reason, Recommends, ResolveError, SatResolver, Universe,
    encode::{Group, Roots, roots},
    sat::Choice,
    together::Together,
    universe::SolvableId,
};
use crate::context::Context;

/// Answers questions about one universe one after the other, faster than each alone.
pub(super) struct Planner<'u> {
    universe: &'u Universe,
    grown: Together<'u>,
    /// How many members all questions about builds have in common: the essential packages and build-essential.
    base: Option<usize>,
    solver: SatResolver,
}

impl<'u> Planner<'u> {
    pub(super) fn new(universe: &'u Universe, solver: SatResolver) -> Self {
        Self { universe, grown: Together::new(universe), base: None, solver }
    }

    /// What would be there to build a source package: the essential packages, build-essential and its build dependencies.
    pub(super) fn build_set(&mut self, cx: &Context, build: BuildDeps) -> Result<Choice, ResolveError> {
        let roots = roots(self.universe, &Question::BuildDeps(Box::new(build)))?;
        let base = self.base(&roots);
        self.grown.shrink(base);
        self.choose(cx, &roots)
    }

    /// A set of packages in which every demand of the question and of each member holds.
    pub(super) fn set(&mut self, cx: &Context, roots: &Roots) -> Result<Choice, ResolveError> {
        self.grown.shrink(0);
        self.base = None;
        self.choose(cx, roots)
    }

    fn choose(&mut self, cx: &Context, roots: &Roots) -> Result<Choice, ResolveError> {
        match self.grow(roots) {
            Some(set) => Ok(Choice::Set(set)),
            None => self.solver.choose(cx, self.universe, roots),
        }
    }

    /// What is there before any build dependency, grown once.
    fn base(&mut self, roots: &Roots) -> usize {
        if let Some(base) = self.base {
            return base;
        }
        self.grown.shrink(0);
        let common = |(reason, group): &&(Reason, Arc<Group>)| {
            *reason == Reason::Essential || roots.base.as_ref().is_some_and(|base| Arc::ptr_eq(base, group))
        };
        let grown = roots.requires.iter().filter(common).all(|(_, group)| self.grown.meet_whole(group));
        let base = if grown { self.grown.members().len() } else { 0 };
        *self.base.insert(base)
    }

    fn grow(&mut self, roots: &Roots) -> Option<Vec<SolvableId>> {
        if roots.recommends != Recommends::Ignore || roots.suggests || !roots.stay.is_empty() || roots.nothing_new {
            return None;
        }
        let grown = roots.requires.iter().all(|(_, group)| self.grown.meet_whole(group));
        let banned = roots.bans.iter().flat_map(|ban| &ban.packages).any(|id| self.grown.contains(*id));
        (grown && !banned).then(|| self.grown.members().to_vec())
    }
}
