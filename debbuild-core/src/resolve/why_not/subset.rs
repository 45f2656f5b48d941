//! Whether some demands, and nothing else, can hold together.

use std::{any::Any, collections::HashMap, fmt::Display, time::Instant};

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, DenseIndex as _, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, NameId, Problem, SolvableId, Solver, SolverCache, StringId,
    UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use super::super::{
    demand::{Asker, Demand},
    universe,
};
use crate::{cancel::Cancelled, context::Context};

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop<'a> {
    pub(super) cx: &'a Context,
    pub(super) at: Instant,
}

impl Stop<'_> {
    pub(super) fn is_late(&self) -> bool {
        self.cx.clock().monotonic() >= self.at
    }
}

/// What can be said about demands.
pub(super) enum Outcome {
    /// They hold for these packages.
    Hold(Vec<universe::SolvableId>),
    /// They cannot hold.
    Fail,
    /// Time was up.
    Late,
}

/// Looks for a set of packages in which these demands hold.
pub(super) fn solve(demands: &[&Demand], stop: Stop<'_>) -> Result<Outcome, Cancelled> {
    let problem = Few::new(demands, stop);
    let asked = &problem.asks[0];
    let requirements: Vec<ConditionalRequirement> = asked.requires.iter().map(|union| (*union).into()).collect();
    let wanted = Problem::new().requirements(requirements).constraints(asked.bans.clone());
    let mut solver = Solver::new(problem);
    match solver.solve(wanted) {
        Ok(chosen) => {
            let packages = &solver.provider().packages;
            Ok(Outcome::Hold(chosen.into_iter().map(|id| packages[id.into_raw() as usize]).collect()))
        }
        Err(UnsolvableOrCancelled::Unsolvable(_)) => Ok(Outcome::Fail),
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            stop.cx.cancel().check()?;
            Ok(Outcome::Late)
        }
    }
}

/// What the question (the first) or a package asks for.
#[derive(Default)]
struct Asks {
    requires: Vec<VersionSetUnionId>,
    bans: Vec<VersionSetId>,
}

/// Demands as resolvo is told them. Each package has a name of its own, so that nothing holds but what is demanded.
struct Few<'a> {
    /// By local number.
    packages: Vec<universe::SolvableId>,
    /// For the question, then for each package by local number.
    asks: Vec<Asks>,
    /// The choices of each group.
    unions: Vec<Vec<VersionSetId>>,
    stop: Stop<'a>,
}

/// For each package there are two sets of versions: itself, and nothing.
const fn itself(package: usize) -> VersionSetId {
    VersionSetId(2 * package as u32)
}

const fn nothing(package: usize) -> VersionSetId {
    VersionSetId(2 * package as u32 + 1)
}

impl<'a> Few<'a> {
    fn new(demands: &[&Demand], stop: Stop<'a>) -> Self {
        let mut numbers: HashMap<universe::SolvableId, usize> = HashMap::new();
        let mut packages = Vec::new();
        let mut asks = vec![Asks::default()];
        let mut unions = Vec::new();
        for demand in demands {
            let mut number = |id: universe::SolvableId| {
                *numbers.entry(id).or_insert_with(|| {
                    packages.push(id);
                    asks.push(Asks::default());
                    packages.len() - 1
                })
            };
            let choices: Vec<VersionSetId> = demand.choices().iter().map(|id| itself(number(*id))).collect();
            let (by, banned) = match demand {
                Demand::Needs { by, .. } => (*by, None),
                Demand::Clash { by, package, .. } => (*by, Some(*package)),
                Demand::TwoVersions(a, b) => (Asker::Package(*a), Some(*b)),
                Demand::Unusable(id, _) => (Asker::Question, Some(*id)),
            };
            let banned = banned.map(&mut number);
            let by = if let Asker::Package(id) = by { number(id) + 1 } else { 0 };
            if let Some(banned) = banned {
                asks[by].bans.push(nothing(banned));
            } else {
                asks[by].requires.push(VersionSetUnionId::from_index(unions.len()));
                unions.push(choices);
            }
        }
        Self { packages, asks, unions, stop }
    }
}

impl Interner for Few<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        solvable.into_raw()
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        name.into_raw()
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        version_set.to_index()
    }

    fn display_string(&self, string_id: StringId) -> impl Display + '_ {
        string_id.to_index()
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_raw(version_set.to_index() as u32 / 2)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(solvable.into_raw())
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.unions[union.to_index()].iter().copied()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        // No requirement is made with a condition.
        Condition::Requirement(VersionSetId::default())
    }
}

#[expect(clippy::future_not_send, reason = "resolvo polls them in place, on the thread of the question")]
impl DependencyProvider for Few<'_> {
    async fn filter_candidates(&self, candidates: &[SolvableId], set: VersionSetId, inverse: bool) -> Vec<SolvableId> {
        let is_in = |id: &SolvableId| set == itself(id.into_raw() as usize);
        candidates.iter().copied().filter(|id| is_in(id) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        Some(Candidates {
            candidates: vec![SolvableId::from_raw(name.into_raw())],
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {}

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let asks = &self.asks[solvable.into_raw() as usize + 1];
        Dependencies::Known(KnownDependencies {
            requirements: asks.requires.iter().map(|union| (*union).into()).collect(),
            constrains: asks.bans.clone(),
        })
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        (self.stop.cx.cancel().is_cancelled() || self.stop.is_late()).then(|| Box::new(()) as Box<dyn Any>)
    }
}
