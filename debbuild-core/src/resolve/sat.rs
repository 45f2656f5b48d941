//! The resolver for real archives: resolvo, a CDCL SAT solver, fed with Debian's rules.

use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Display,
    time::{Duration, Instant},
};

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, DenseIndex as _, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, NameId, Problem, SolvableId, Solver, SolverCache, StringId,
    UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use super::{
    Answer, Question, ResolveError, Resolver, Universe,
    encode::{Ban, Group, Roots, roots},
    explain,
    marks::Marks,
    universe,
};
use crate::{cancel::Cancelled, context::Context};

/// How long a question may take: beyond this the answer is that it is not known.
const LIMIT: Duration = Duration::from_secs(30);

/// Answers as apt does where its way leads to a set in which all holds, else with a SAT solver. There versions and alternatives are
/// preferred in their order, and recommended packages are added to a solution of what is depended on, and never change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SatResolver {
    limit: Duration,
}

impl SatResolver {
    /// A resolver with a limit of 30 seconds for each question.
    #[must_use]
    pub const fn new() -> Self {
        Self { limit: LIMIT }
    }

    /// The same with another limit.
    #[must_use]
    pub const fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// What can be chosen for a question.
#[derive(Debug)]
pub(super) enum Choice {
    /// These packages, in no order.
    Set(Vec<universe::SolvableId>),
    /// None: why.
    Impossible(super::Explanation),
    /// Nothing could be shown: why not.
    Unknown(String),
}

impl SatResolver {
    /// A set of packages in which every demand of the question and of each member holds.
    pub(super) fn choose(&self, cx: &Context, on: &Universe, roots: &Roots) -> Result<Choice, ResolveError> {
        let stop = Stop { cx, at: cx.clock().monotonic() + self.limit };
        cx.cancel().check()?;
        if cx.clock().monotonic() < stop.at
            && let Some(chosen) = Marks::new(on, roots).choose(cx)?
        {
            return Ok(Choice::Set(chosen));
        }
        let mut soft: Vec<universe::SolvableId> =
            roots.stay.iter().filter_map(|group| group.choices.first().copied()).collect();
        loop {
            let chosen = match solve(on, roots, &soft, &stop) {
                Outcome::Chosen(chosen) => chosen,
                Outcome::Impossible(explanation) => return Ok(Choice::Impossible(explanation)),
                Outcome::Cancelled => return Err(Cancelled.into()),
                Outcome::LimitHit => {
                    let limit = self.limit.as_secs();
                    return Ok(Choice::Unknown(format!("no answer was found within {limit} seconds")));
                }
            };
            let more = wanted(on, roots, &chosen, &soft);
            if more.is_empty() {
                return Ok(Choice::Set(kept(on, roots, chosen, &stop)));
            }
            soft.extend(more);
        }
    }
}

/// The set with more of what is on the system, where that fits: a wish that failed may have taken others with it that come after.
fn kept(
    universe: &Universe,
    roots: &Roots,
    mut chosen: Vec<universe::SolvableId>,
    stop: &Stop<'_>,
) -> Vec<universe::SolvableId> {
    for group in &roots.stay {
        if group.choices.iter().any(|choice| chosen.contains(choice)) {
            continue;
        }
        for choice in &group.choices {
            let soft: Vec<universe::SolvableId> = chosen.iter().copied().chain([*choice]).collect();
            match solve(universe, roots, &soft, stop) {
                Outcome::Chosen(more) if more.contains(choice) && chosen.iter().all(|id| more.contains(id)) => {
                    chosen = more;
                    break;
                }
                Outcome::Chosen(_) => {}
                Outcome::Impossible(_) | Outcome::Cancelled | Outcome::LimitHit => return chosen,
            }
        }
    }
    chosen
}

impl Default for SatResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolver for SatResolver {
    fn answer(&self, cx: &Context, on: &Universe, question: &Question) -> Result<Answer, ResolveError> {
        let roots = roots(on, question)?;
        Ok(match self.choose(cx, on, &roots)? {
            Choice::Set(chosen) => Answer::Satisfied(explain::solution(on, &roots, &chosen)),
            Choice::Impossible(explanation) => Answer::Unsatisfiable(explanation),
            Choice::Unknown(reason) => Answer::Unknown(reason),
        })
    }
}

/// The preferred choice for each wish that is not met; where that could not be had in an earlier round, the next one.
fn wanted(
    universe: &Universe,
    roots: &Roots,
    chosen: &[universe::SolvableId],
    tried: &[universe::SolvableId],
) -> Vec<universe::SolvableId> {
    let there: HashSet<universe::SolvableId> = chosen.iter().copied().collect();
    let mut tried: HashSet<universe::SolvableId> = tried.iter().copied().collect();
    let asked_for = roots.asked_for(&there);
    // What is installed already has had its wishes asked for.
    let new = chosen.iter().filter(|id| !universe.is_installed(**id));
    let wishes = new.filter_map(|id| {
        let demands = universe.demands(*id).ok()?;
        Some(roots.wishes(demands, asked_for.contains(id)).map(|(_, group)| group))
    });
    let mut more = Vec::new();
    for group in roots.stay.iter().chain(wishes.flatten()) {
        if !group.choices.iter().any(|choice| there.contains(choice)) {
            more.extend(group.choices.iter().copied().find(|choice| tried.insert(*choice)));
        }
    }
    more
}

/// When to stop.
struct Stop<'a> {
    cx: &'a Context,
    at: Instant,
}

enum StopReason {
    Cancelled,
    LimitHit,
}

enum Outcome {
    Chosen(Vec<universe::SolvableId>),
    Impossible(super::Explanation),
    Cancelled,
    LimitHit,
}

fn solve(universe: &Universe, roots: &Roots, soft: &[universe::SolvableId], stop: &Stop<'_>) -> Outcome {
    let (packages, names) = universe.sizes();
    let provider = Provider { universe, roots, soft, packages, names, stop, tables: RefCell::default() };
    let requirements: Vec<ConditionalRequirement> =
        roots.requires.iter().map(|(_, group)| provider.union(group).into()).collect();
    let constraints = provider.allowed(&roots.bans);
    let soft: Vec<SolvableId> = (packages..packages + soft.len()).map(|id| SolvableId::from_raw(id as u32)).collect();
    let problem = Problem::new().requirements(requirements).constraints(constraints).soft_requirements(soft);
    let mut solver = Solver::new(provider);
    match solver.solve(problem) {
        Ok(chosen) => {
            let chosen = chosen.into_iter().map(SolvableId::into_raw);
            Outcome::Chosen(chosen.filter(|id| (*id as usize) < packages).collect())
        }
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let graph = conflict.graph(&solver);
            Outcome::Impossible(explain::conflict(&graph, solver.provider(), universe, roots))
        }
        Err(UnsolvableOrCancelled::Cancelled(why)) => match why.downcast_ref::<StopReason>() {
            Some(StopReason::LimitHit) => Outcome::LimitHit,
            _ => Outcome::Cancelled,
        },
    }
}

/// What resolvo is told, by the numbers that it uses.
#[derive(Default)]
struct Tables {
    /// Name, packages in order of preference, text.
    sets: Vec<(universe::NameId, Vec<universe::SolvableId>, String)>,
    unions: Vec<(Vec<VersionSetId>, String)>,
    /// By the group's address: groups live as long as the universe and the question.
    union_ids: HashMap<usize, VersionSetUnionId>,
    strings: Vec<String>,
}

pub(super) struct Provider<'a> {
    universe: &'a Universe,
    roots: &'a Roots,
    /// What is wished for. Each wish is a package of its own, behind those of the universe, that depends on it: resolvo does not
    /// see that two versions exclude each other where one of them itself is wished for.
    soft: &'a [universe::SolvableId],
    /// How many packages the universe has.
    packages: usize,
    /// How many names it has.
    names: usize,
    stop: &'a Stop<'a>,
    tables: RefCell<Tables>,
}

impl Provider<'_> {
    /// The wish that a package stands for.
    fn wish(&self, solvable: SolvableId) -> Option<universe::SolvableId> {
        self.soft.get((solvable.into_raw() as usize).checked_sub(self.packages)?).copied()
    }

    pub(super) fn union_text(&self, id: VersionSetUnionId) -> String {
        self.tables.borrow().unions[id.to_index()].1.clone()
    }

    pub(super) fn set_text(&self, id: VersionSetId) -> String {
        self.tables.borrow().sets[id.to_index()].2.clone()
    }

    pub(super) fn string(&self, id: StringId) -> String {
        self.tables.borrow().strings[id.to_index()].clone()
    }

    fn set(&self, name: universe::NameId, packages: Vec<universe::SolvableId>, text: &str) -> VersionSetId {
        let sets = &mut self.tables.borrow_mut().sets;
        sets.push((name, packages, text.to_owned()));
        VersionSetId::from_index(sets.len() - 1)
    }

    /// A group as resolvo's union: one set for each run of choices of one name, so that their order is kept.
    fn union(&self, group: &Group) -> VersionSetUnionId {
        let key = std::ptr::from_ref(group).addr();
        if let Some(known) = self.tables.borrow().union_ids.get(&key) {
            return *known;
        }
        let universe = self.universe;
        let runs = group.choices.chunk_by(|a, b| universe.name_of(*a) == universe.name_of(*b));
        let sets = runs.map(|run| self.set(universe.name_of(run[0]), run.to_vec(), &group.text)).collect();
        let mut tables = self.tables.borrow_mut();
        let id = VersionSetUnionId::from_index(tables.unions.len());
        tables.unions.push((sets, group.text.to_string()));
        tables.union_ids.insert(key, id);
        id
    }

    /// Bans as resolvo's constraints: for each name, the versions that are left.
    fn allowed(&self, bans: &[Ban]) -> Vec<VersionSetId> {
        let universe = self.universe;
        let mut constraints = Vec::new();
        for ban in bans {
            let mut names: BTreeMap<universe::NameId, Vec<universe::SolvableId>> = BTreeMap::new();
            for id in &ban.packages {
                names.entry(universe.name_of(*id)).or_default().push(*id);
            }
            for (name, banned) in names {
                let left = universe.candidates(name).iter().copied().filter(|id| !banned.contains(id)).collect();
                constraints.push(self.set(name, left, &ban.text));
            }
        }
        constraints
    }
}

impl Interner for Provider<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        match self.wish(solvable) {
            Some(wish) => format!("the wish for {}", self.universe.describe(wish)),
            None => self.universe.describe(solvable.into_raw()),
        }
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        let known = Some(name.into_raw()).filter(|name| (*name as usize) < self.names);
        let candidates = known.map_or(&[][..], |name| self.universe.candidates(name));
        candidates.first().map_or(String::new(), |id| self.universe.package_name(*id).to_owned())
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        self.set_text(version_set)
    }

    fn display_string(&self, string_id: StringId) -> impl Display + '_ {
        self.string(string_id)
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_raw(self.tables.borrow().sets[version_set.to_index()].0)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        let id = solvable.into_raw();
        match (id as usize).checked_sub(self.packages) {
            None => NameId::from_raw(self.universe.name_of(id)),
            Some(wish) => NameId::from_raw((self.names + wish) as u32),
        }
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.tables.borrow().unions[union.to_index()].0.clone().into_iter()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        // Debian's relations are reduced before they come here: no requirement is made with a condition.
        Condition::Requirement(VersionSetId::default())
    }
}

#[expect(clippy::future_not_send, reason = "resolvo polls them in place, on the thread of the question")]
impl DependencyProvider for Provider<'_> {
    async fn filter_candidates(&self, candidates: &[SolvableId], set: VersionSetId, inverse: bool) -> Vec<SolvableId> {
        let tables = self.tables.borrow();
        let members = &tables.sets[set.to_index()].1;
        candidates.iter().copied().filter(|id| members.contains(&id.into_raw()) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        if name.into_raw() as usize >= self.names {
            return None;
        }
        let candidates = self.universe.candidates(name.into_raw());
        let installed = self.universe.installed(name.into_raw());
        Some(Candidates {
            candidates: candidates.iter().copied().map(SolvableId::from_raw).collect(),
            favored: installed.filter(|_| !self.roots.upgrade_all).map(SolvableId::from_raw),
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let universe = self.universe;
        let place = |id: &SolvableId| {
            let id = id.into_raw();
            universe.candidates(universe.name_of(id)).iter().position(|candidate| *candidate == id)
        };
        solvables.sort_by_key(place);
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        if let Some(wish) = self.wish(solvable) {
            let requirements = vec![self.set(self.universe.name_of(wish), vec![wish], "").into()];
            return Dependencies::Known(KnownDependencies { requirements, constrains: Vec::new() });
        }
        let id = solvable.into_raw();
        let known = if self.roots.nothing_new && self.universe.installed(self.universe.name_of(id)).is_none() {
            Err("nothing new may be installed")
        } else {
            self.universe.demands(id)
        };
        match known {
            Ok(demands) => Dependencies::Known(KnownDependencies {
                requirements: demands.requires.iter().map(|(_, group)| self.union(group).into()).collect(),
                constrains: self.allowed(&demands.bans),
            }),
            Err(reason) => {
                let strings = &mut self.tables.borrow_mut().strings;
                strings.push(reason.to_owned());
                Dependencies::Unknown(StringId::from_index(strings.len() - 1))
            }
        }
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        if self.stop.cx.cancel().is_cancelled() {
            Some(Box::new(StopReason::Cancelled))
        } else if self.stop.cx.clock().monotonic() >= self.stop.at {
            Some(Box::new(StopReason::LimitHit))
        } else {
            None
        }
    }
}
