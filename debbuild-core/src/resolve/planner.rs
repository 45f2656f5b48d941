//! Sets of packages for many questions about one universe: grown greedily where that does, else by the solver.

use super::{
    BuildDeps, Question, Recommends, ResolveError, SatResolver, Universe,
    encode::{Roots, roots},
    sat::Choice,
    together::Together,
    universe::SolvableId,
};
use crate::context::Context;

/// Answers questions about one universe one after the other, faster than each alone.
pub(super) struct Planner<'u> {
    universe: &'u Universe,
    grown: Together<'u>,
    solver: SatResolver,
}

impl<'u> Planner<'u> {
    pub(super) fn new(universe: &'u Universe, solver: SatResolver) -> Self {
        Self { universe, grown: Together::new(universe), solver }
    }

    /// What would be there to build a source package: the essential packages, build-essential and its build dependencies.
    pub(super) fn build_set(&mut self, cx: &Context, build: BuildDeps) -> Result<Choice, ResolveError> {
        let roots = roots(self.universe, &Question::BuildDeps(Box::new(build)))?;
        self.set(cx, &roots)
    }

    /// A set of packages in which every demand of the question and of each member holds.
    pub(super) fn set(&mut self, cx: &Context, roots: &Roots) -> Result<Choice, ResolveError> {
        match self.grow(roots) {
            Some(set) => Ok(Choice::Set(set)),
            None => self.solver.choose(cx, self.universe, roots),
        }
    }

    fn grow(&mut self, roots: &Roots) -> Option<Vec<SolvableId>> {
        if roots.recommends != Recommends::Ignore || roots.suggests {
            return None;
        }
        self.grown.clear();
        for (_, group) in &roots.requires {
            if !group.choices.iter().any(|choice| self.grown.contains(*choice)) {
                group.choices.iter().find_map(|choice| self.grown.add(*choice).map(|_| ()))?;
            }
        }
        let banned = roots.bans.iter().flat_map(|ban| &ban.packages).any(|id| self.grown.contains(*id));
        (!banned).then(|| self.grown.members().to_vec())
    }
}
