//! From source packages to stages: what each needs, what cannot be built, the cycles, and when each build can be done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Blocked, Build, Order, OrderOptions,
    cycle::Knot,
    graph::{Components, Graph},
    report::Planned,
    sets::{OUTSIDE, Sets, THERE, Variant},
};
use crate::{
    context::{Context, Step},
    control::SourceControl,
    event::Unit,
    name::SourceName,
    resolve::{
        BrokenSource, ResolveError, Universe, UnknownSource,
        buildability::{builds_for, for_each},
        sat::Choice,
        universe::SolvableId,
    },
};

pub(super) fn order(
    cx: &Context,
    sources: &[SourceControl],
    on: &Universe,
    options: &OrderOptions,
) -> Result<Order, ResolveError> {
    let newest = newest(sources, on, options);
    let step = cx.step("order builds", Unit::Items, Some(newest.len() as u64));
    let mut sets = Sets::new(step.context(), on, &newest, options);
    let worked = Work::begin(&mut sets).and_then(|work| work.run(&sets, &step));
    step.end(worked)
}

/// The newest version of each source package that builds something, by name. What is there only for licences is not built.
fn newest<'a>(sources: &'a [SourceControl], on: &Universe, options: &OrderOptions) -> Vec<&'a SourceControl> {
    let mut newest: BTreeMap<&SourceName, &SourceControl> = BTreeMap::new();
    let builds = |source: &&SourceControl| builds_for(source, &on.options().native, options.indep);
    for source in sources.iter().filter(|source| !source.extra_only).filter(builds) {
        let known = newest.entry(&source.source).or_insert(source);
        if source.version.compare(&known.version).is_gt() {
            *known = source;
        }
    }
    newest.into_values().collect()
}

/// What is known of a source package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is to be built.
    Wanted,
    /// It is built already.
    Built,
    /// It cannot be built, or nothing could be shown.
    Failed,
    /// It needs this one, which is not built.
    Blocked(u32),
}

struct Work {
    order: Order,
    /// By source package.
    states: Vec<State>,
    /// What each needs.
    needs: Graph,
}

impl Work {
    /// Finds the owner of each package, and what is built already.
    fn begin(sets: &mut Sets<'_>) -> Result<Self, ResolveError> {
        let places: HashMap<&str, u32> =
            sets.sources.iter().zip(0..).map(|(source, at)| (source.source.as_str(), at)).collect();
        let (all, mut there): (Vec<SolvableId>, _) = (sets.universe.all().collect(), BTreeSet::new());
        there.extend(all.iter().copied().filter(|id| is_had(sets, *id)));
        let mut states: Vec<State> = sets.sources.iter().map(|source| built(sets.options, source)).collect();
        if !sets.options.have.is_empty() {
            let mut missing = vec![(0, 0); states.len()];
            for id in &all {
                if let Some(at) = places.get(sets.universe.source(*id).0) {
                    let (packages, absent) = &mut missing[*at as usize];
                    (*packages, *absent) = (*packages + 1, *absent + u32::from(!there.contains(id)));
                }
            }
            let whole = missing.iter().zip(&mut states).filter(|((packages, absent), _)| *packages > 0 && *absent == 0);
            whole.for_each(|(_, state)| *state = State::Built);
        }
        if !sets.options.from_zero {
            there.extend(sets.base()?);
        }
        let mut owners = vec![THERE; sets.universe.sizes().0];
        for id in all.into_iter().filter(|id| !there.contains(id)) {
            owners[id as usize] = match places.get(sets.universe.source(id).0) {
                Some(at) if states[*at as usize] == State::Built => THERE,
                Some(at) if sets.builds(*at, id, &BTreeSet::new()) => *at,
                _ => OUTSIDE,
            };
        }
        sets.owners = owners;
        Ok(Self { order: Order::default(), states, needs: Graph::new() })
    }

    fn run(mut self, sets: &Sets<'_>, step: &Step) -> Result<Order, ResolveError> {
        self.ask(sets, step)?;
        self.block(sets);
        let components = self.needs.components();
        self.arrange(sets, &components)?;
        self.list(sets);
        Ok(self.order)
    }

    /// Asks what each source package needs.
    fn ask(&mut self, sets: &Sets<'_>, step: &Step) -> Result<(), ResolveError> {
        let wanted: Vec<u32> =
            (0..self.states.len() as u32).filter(|at| self.states[*at as usize] == State::Wanted).collect();
        let answers = for_each(step, sets.universe, sets.options.limit, &wanted, |planner, source| {
            Ok(match sets.take(planner, *source, &Variant::default())? {
                Choice::Set(set) => Ok(owners(sets, &set)),
                other => Err(other),
            })
        })?;
        let mut answers = wanted.into_iter().zip(answers).peekable();
        let mut outside = BTreeSet::new();
        for (at, of) in sets.sources.iter().enumerate() {
            let mut row = Vec::new();
            if let Some((_, answer)) = answers.next_if(|(source, _)| *source == at as u32) {
                match answer {
                    Ok((needs, strangers)) => {
                        row = needs;
                        outside.extend(strangers);
                    }
                    Err(choice) => {
                        self.states[at] = State::Failed;
                        self.fail(of, choice);
                    }
                }
            }
            self.needs.push(row);
        }
        let name = |id: SolvableId| SourceName::new(sets.universe.source(id).0).ok();
        let outside: BTreeSet<SourceName> = outside.into_iter().filter_map(name).collect();
        self.order.outside = outside.into_iter().collect();
        Ok(())
    }

    fn fail(&mut self, of: &SourceControl, choice: Choice) {
        let (source, version) = (of.source.clone(), of.version.clone());
        match choice {
            Choice::Impossible(explanation) => {
                self.order.unbuildable.push(BrokenSource { source, version, explanation });
            }
            Choice::Unknown(reason) => self.order.unknown.push(UnknownSource { source, version, reason }),
            Choice::Set(_) => {}
        }
    }

    /// Finds what needs a source package that cannot be built, and leaves it out of the graph.
    fn block(&mut self, sets: &Sets<'_>) {
        let count = self.needs.len() as u32;
        let mut needed_by = vec![Vec::new(); count as usize];
        for source in 0..count {
            self.needs.row(source).iter().for_each(|needs| needed_by[*needs as usize].push(source));
        }
        let mut open: Vec<u32> = (0..count).filter(|at| self.states[*at as usize] == State::Failed).collect();
        let mut next = 0;
        while let Some(by) = open.get(next).copied() {
            next += 1;
            for source in std::mem::take(&mut needed_by[by as usize]) {
                if self.states[source as usize] == State::Wanted {
                    self.states[source as usize] = State::Blocked(by);
                    open.push(source);
                }
            }
        }
        let mut left = Graph::new();
        for (source, state) in (0..count).zip(&self.states) {
            let row = if *state == State::Wanted { self.needs.row(source).to_vec() } else { Vec::new() };
            left.push(row);
            if let State::Blocked(by) = state {
                let (of, by) = (sets.sources[source as usize], sets.sources[*by as usize].source.clone());
                self.order.blocked.push(Blocked { source: of.source.clone(), version: of.version.clone(), by });
            }
        }
        self.needs = left;
    }

    /// Breaks the cycles and finds the stage of each build, component after component.
    fn arrange(&mut self, sets: &Sets<'_>, components: &Components) -> Result<(), ResolveError> {
        let mut stages = Stages { last: vec![0; self.states.len()], builds: Vec::new() };
        let places = self.places(components);
        let mut in_order: Vec<(usize, &Vec<u32>)> = places.iter().copied().zip(&components.members).collect();
        in_order.sort_unstable_by_key(|(place, _)| *place);
        for (place, members) in in_order {
            if self.states[members[0] as usize] != State::Wanted {
                continue;
            }
            if !self.needs.is_cycle(members) {
                let (source, outer) = (members[0], self.needs.row(members[0]).to_vec());
                stages.add(sets, &[Planned { source, outer, ..Planned::default() }]);
                continue;
            }
            let wanted = |source: u32| self.states[source as usize] == State::Wanted;
            let below = |source: u32| wanted(source) && places[components.of[source as usize] as usize] < place;
            let mut knot = Knot::new(sets, members, &below)?;
            let least = knot.untie()?;
            stages.add(sets, &knot.builds());
            let cycle = knot.report(least)?;
            self.order.cycles.push(cycle);
        }
        self.order.stages = stages.lists();
        Ok(())
    }

    /// By component: when it is arranged. What needs no cycle comes first, so that alternatives can be found among it; then what
    /// needs one cycle after another, and so on.
    fn places(&self, components: &Components) -> Vec<usize> {
        let count = components.members.len();
        let mut levels: Vec<(usize, bool, usize)> = Vec::with_capacity(count);
        for (place, members) in components.members.iter().enumerate() {
            let needs = members.iter().flat_map(|source| self.needs.row(*source));
            let others = needs.map(|source| components.of[*source as usize] as usize).filter(|other| *other != place);
            let level = others.map(|other| levels[other].0).max().unwrap_or(0);
            let cycle = self.needs.is_cycle(members);
            levels.push((level + usize::from(cycle), !cycle, place));
        }
        let mut places = vec![0; count];
        levels.sort_unstable();
        levels.into_iter().enumerate().for_each(|(at, (.., place))| places[place] = at);
        places
    }

    fn list(&mut self, sets: &Sets<'_>) {
        let rebuilds = self.order.stages.iter().flatten().filter(|build| build.rebuild);
        self.order.rebuilds = rebuilds.map(|build| build.source.clone()).collect();
        self.order.rebuilds.sort_unstable();
        let built = sets.sources.iter().zip(&self.states).filter(|(_, state)| **state == State::Built);
        self.order.built = built.map(|(source, _)| source.source.clone()).collect();
    }
}

fn built(options: &OrderOptions, source: &SourceControl) -> State {
    if options.built.contains(&source.source) { State::Built } else { State::Wanted }
}

/// Whether a package is there from the start: the caller has it, or it is of the kind that is not built.
fn is_had(sets: &Sets<'_>, id: SolvableId) -> bool {
    if sets.options.indep && sets.options.have.is_empty() {
        return false;
    }
    let Some((package, architecture)) = sets.universe.identity(id) else { return false };
    let version = sets.options.have.get(&package);
    !sets.options.indep && architecture.is_all()
        || version.is_some_and(|version| version.compare(sets.universe.version(id)).is_ge())
}

/// The source packages that build a set, and the packages in it that none of them builds.
fn owners(sets: &Sets<'_>, set: &[SolvableId]) -> (Vec<u32>, Vec<SolvableId>) {
    let owned = set.iter().map(|id| (sets.owners[*id as usize], *id));
    let (mut needs, mut strangers) = (Vec::new(), Vec::new());
    for (owner, id) in owned {
        match owner {
            THERE => {}
            OUTSIDE => strangers.push(id),
            _ => needs.push(owner),
        }
    }
    needs.sort_unstable();
    needs.dedup();
    (needs, strangers)
}

/// The stages of builds, counted from 1.
struct Stages {
    /// By source package: the stage of its full build.
    last: Vec<usize>,
    builds: Vec<(usize, Build)>,
}

impl Stages {
    /// Adds builds of which each comes after those that it needs.
    fn add(&mut self, sets: &Sets<'_>, builds: &[Planned]) {
        let mut places: Vec<usize> = Vec::with_capacity(builds.len());
        for build in builds {
            let outer = build.outer.iter().map(|source| self.last[*source as usize]);
            let stage = 1 + outer.chain(build.inner.iter().map(|at| places[*at])).max().unwrap_or(0);
            places.push(stage);
        }
        for (build, stage) in builds.iter().zip(places) {
            let last = &mut self.last[build.source as usize];
            *last = stage.max(*last);
            let of = sets.sources[build.source as usize];
            let (source, version) = (of.source.clone(), of.version.clone());
            let profiles = build.profiles.clone();
            self.builds.push((stage, Build { source, version, profiles, rebuild: build.rebuild }));
        }
    }

    fn lists(self) -> Vec<Vec<Build>> {
        let count = self.builds.iter().map(|(stage, _)| *stage).max().unwrap_or(0);
        let mut lists = vec![Vec::new(); count];
        for (stage, build) in self.builds {
            lists[stage - 1].push(build);
        }
        lists.iter_mut().for_each(|list| list.sort_unstable());
        lists
    }
}
