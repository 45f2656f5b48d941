//! A set chosen as apt chooses it: depth first, alternatives in their order, what is marked already before anything new.
//!
//! apt 2.6 does not search: it marks what is asked for, then what each marked package needs, in the order of its fields, and
//! gives up for good what cannot be had. Mostly all holds in the result, and it is the answer that apt gives. Where it does not,
//! apt mends it by scores, and we ask a solver.

use std::sync::Arc;

use super::{
    Reason, Universe,
    encode::{Demands, Group, Roots},
    universe::SolvableId,
};
use crate::{cancel::Cancelled, context::Context};

/// More steps than an archive needs; beyond them a solver is asked.
const MOST_STEPS: usize = 5_000_000;

/// Marks on the packages of a universe.
pub(super) struct Marks<'u> {
    universe: &'u Universe,
    roots: &'u Roots,
    /// By package.
    states: Vec<State>,
    /// By name: the version that is marked.
    taken: Vec<Option<SolvableId>>,
    stack: Vec<Frame<'u>>,
    steps: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    marked: bool,
    /// It must stay: it was asked for, is the only choice of one that must stay, or is being worked on.
    protected: bool,
    /// It cannot be had.
    given_up: bool,
}

/// A package whose needs are being met.
struct Frame<'u> {
    id: SolvableId,
    demands: &'u Demands,
    /// The need that is looked at.
    at: usize,
    /// How many of its choices were tried.
    tried: usize,
    /// Whether it has one choice only.
    single: bool,
    /// Whether the choice was there already, and only its needs are looked at once more.
    there: bool,
    /// Whether it must stay: then so must what only it can choose.
    protects: bool,
    asked_for: bool,
    failed: bool,
}

/// What became of a package that should be marked.
enum Entered {
    Done(bool),
    /// Its needs come first.
    Pushed,
}

impl<'u> Marks<'u> {
    pub(super) fn new(universe: &'u Universe, roots: &'u Roots) -> Self {
        let (packages, names) = universe.sizes();
        let mut states = vec![State::default(); packages];
        for id in roots.bans.iter().flat_map(|ban| &ban.packages) {
            states[*id as usize].given_up = true;
        }
        if roots.nothing_new {
            for id in universe.all().filter(|id| universe.installed(universe.name_of(*id)).is_none()) {
                states[id as usize].given_up = true;
            }
        }
        let mut marks = Self { universe, roots, states, taken: vec![None; names], stack: Vec::new(), steps: 0 };
        for group in &roots.stay {
            // The preferred version: the one that is there, or where all is upgraded the candidate.
            if let Some(id) = group.choices.first() {
                marks.put(*id);
            }
        }
        marks
    }

    /// The marked packages, if all holds for them.
    pub(super) fn choose(mut self, cx: &Context) -> Result<Option<Vec<SolvableId>>, Cancelled> {
        let roots = self.roots;
        let stage = |reason: &Reason, group: &Arc<Group>| match reason {
            Reason::Installed | Reason::Essential => 0,
            _ if roots.base.as_ref().is_some_and(|base| Arc::ptr_eq(base, group)) => 1,
            _ => 2,
        };
        for now in 0..3 {
            let of_stage = roots.requires.iter().filter(|(reason, group)| stage(reason, group) == now);
            let groups: Vec<&Group> = of_stage.map(|(_, group)| &**group).collect();
            if !self.mark_all(cx, &groups)? {
                return Ok(None);
            }
        }
        Ok(self.all_holds().then(|| self.taken.iter().copied().flatten().collect()))
    }

    /// Marks what is named, then what that needs, in the order in which the names became known; then what has alternatives.
    fn mark_all(&mut self, cx: &Context, groups: &[&Group]) -> Result<bool, Cancelled> {
        let (several, single): (Vec<&Group>, Vec<&Group>) = groups.iter().partition(|group| group.text.contains('|'));
        let mut named = Vec::new();
        for group in single {
            let Some(id) = group.choices.first().copied().filter(|id| self.put(*id)) else { return Ok(false) };
            self.states[id as usize].protected = true;
            named.push(id);
        }
        named.sort_by_key(|id| self.universe.symbol(*id));
        for id in named {
            if self.mark(cx, id, true)? != Some(true) {
                return Ok(false);
            }
        }
        for group in several {
            if self.met(group) {
                continue;
            }
            let mut found = false;
            for id in &group.choices {
                match self.mark(cx, *id, false)? {
                    Some(true) => found = true,
                    Some(false) => continue,
                    None => return Ok(false),
                }
                break;
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Marks a package with what it needs; none where that takes too many steps.
    fn mark(&mut self, cx: &Context, id: SolvableId, asked_for: bool) -> Result<Option<bool>, Cancelled> {
        let mut result = match self.enter(id, asked_for) {
            Entered::Done(result) => return Ok(Some(result)),
            Entered::Pushed => None,
        };
        while let Some(mut frame) = self.stack.pop() {
            self.steps += 1;
            if self.steps.is_multiple_of(10_000) {
                cx.cancel().check()?;
            }
            if self.steps > MOST_STEPS {
                return Ok(None);
            }
            if let Some(result) = result.take() {
                frame.note(result);
            }
            match self.next(&mut frame) {
                None => result = Some(self.leave(&frame)),
                Some(choice) => {
                    self.stack.push(frame);
                    if let Entered::Done(done) = self.enter(choice, false) {
                        result = Some(done);
                    }
                }
            }
        }
        Ok(Some(result.unwrap_or_default()))
    }

    fn enter(&mut self, id: SolvableId, asked_for: bool) -> Entered {
        let State { marked, protected, given_up } = self.states[id as usize];
        if given_up {
            return Entered::Done(false);
        }
        if marked && !protected {
            return Entered::Done(true);
        }
        let Ok(demands) = self.universe.demands(id) else { return Entered::Done(false) };
        let mut failed = false;
        for other in demands.bans.iter().flat_map(|ban| &ban.packages) {
            let state = self.states[*other as usize];
            if state.marked && state.protected {
                if !protected && !asked_for {
                    return Entered::Done(false);
                }
                failed = true;
            } else if state.marked {
                self.take_back(*other);
            } else if protected {
                self.states[*other as usize].given_up = true;
            }
        }
        if !self.put(id) {
            return Entered::Done(false);
        }
        self.states[id as usize].protected = true;
        let (single, there) = (false, false);
        self.stack.push(Frame { id, demands, at: 0, tried: 0, single, there, protects: protected, asked_for, failed });
        Entered::Pushed
    }

    fn leave(&mut self, frame: &Frame<'_>) -> bool {
        if !frame.protects {
            self.states[frame.id as usize].protected = false;
            if frame.failed && !frame.asked_for {
                self.take_back(frame.id);
                self.states[frame.id as usize].given_up = true;
            }
        }
        !frame.failed
    }

    /// The choice that is to be tried next; none when the package is done.
    fn next(&mut self, frame: &mut Frame<'u>) -> Option<SolvableId> {
        while let Some((group, critical)) = self.need(frame) {
            if frame.tried == 0 && self.met(group) {
                if frame.protects
                    && critical
                    && let Some(only) = self.only(group).filter(|only| !self.states[*only as usize].protected)
                {
                    self.states[only as usize].protected = true;
                    frame.there = true;
                    return Some(only);
                }
                frame.at += 1;
                continue;
            }
            if frame.tried == 0 {
                frame.single = self.only(group).is_some();
            }
            match group.choices.get(frame.tried).copied() {
                None => {
                    frame.at += 1;
                    frame.tried = 0;
                    frame.failed |= critical;
                    if critical && !frame.protects && !frame.asked_for {
                        return None;
                    }
                }
                Some(choice) if self.states[choice as usize].given_up => frame.tried += 1,
                Some(choice) if frame.protects && critical && frame.single => {
                    if self.put(choice) {
                        self.states[choice as usize].protected = true;
                        return Some(choice);
                    }
                    frame.tried += 1;
                }
                Some(choice) => return Some(choice),
            }
        }
        None
    }

    /// The need that a package has to look at, and whether it cannot be without it.
    fn need(&self, frame: &Frame<'u>) -> Option<(&'u Group, bool)> {
        let demands = frame.demands;
        if let Some((_, group)) = demands.requires.get(frame.at) {
            return Some((group, true));
        }
        // What is installed already has had its wishes asked for.
        let wishes = self.roots.wishes(demands, frame.asked_for).filter(|_| !self.universe.is_installed(frame.id));
        wishes.map(|(_, group)| (&**group, false)).nth(frame.at - demands.requires.len())
    }

    fn met(&self, group: &Group) -> bool {
        group.choices.iter().any(|id| self.states[*id as usize].marked)
    }

    /// The only choice that can be had, if there is one only.
    fn only(&self, group: &Group) -> Option<SolvableId> {
        let mut possible = group.choices.iter().copied().filter(|id| !self.states[*id as usize].given_up);
        possible.next().filter(|_| possible.next().is_none())
    }

    /// Marks one package alone; not beside another version of it.
    fn put(&mut self, id: SolvableId) -> bool {
        let name = self.universe.name_of(id) as usize;
        if let Some(other) = self.taken[name].filter(|other| *other != id) {
            // What was there may give way to another version.
            if !self.universe.is_installed(other) || self.states[other as usize].protected {
                return false;
            }
            self.take_back(other);
        }
        let fits = !self.states[id as usize].given_up;
        if fits {
            self.taken[name] = Some(id);
            self.states[id as usize].marked = true;
        }
        fits
    }

    fn take_back(&mut self, id: SolvableId) {
        self.states[id as usize].marked = false;
        self.taken[self.universe.name_of(id) as usize] = None;
    }

    /// Whether every demand of the question and of each marked package holds.
    fn all_holds(&self) -> bool {
        let marked = |id: &SolvableId| self.states[*id as usize].marked;
        let holds = |id: &SolvableId| {
            self.universe.demands(*id).is_ok_and(|demands| {
                demands.requires.iter().all(|(_, group)| self.met(group))
                    && !demands.bans.iter().flat_map(|ban| &ban.packages).any(marked)
            })
        };
        self.roots.requires.iter().all(|(_, group)| self.met(group)) && self.taken.iter().flatten().all(holds)
    }
}

impl Frame<'_> {
    /// Takes in what became of the choice that was tried last.
    const fn note(&mut self, marked: bool) {
        if self.there {
            self.failed |= !marked;
            self.there = false;
            self.at += 1;
        } else if marked {
            self.at += 1;
            self.tried = 0;
        } else {
            self.tried += 1;
        }
    }
}
