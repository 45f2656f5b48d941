//! The check itself: package by package, first without lookasides, then with them.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{Checked, ClosureOptions, Doubt, Fault, Lent, Needs, Subject, Use};
use crate::{
    context::{Context, Step},
    control::SourceControl,
    event::Unit,
    resolve::{
        BuildDeps, Need, Question, Reason, ResolveError, SatResolver, Universe,
        encode::{Group, Roots, roots},
        planner::Planner,
        sat::Choice,
        together::Together,
        universe::SolvableId,
    },
};

/// A check in the making.
pub(super) struct Check<'a> {
    on: &'a Universe,
    options: &'a ClosureOptions,
    /// By package: whether it is of a lookaside.
    is_lent: Vec<bool>,
    has_lent: bool,
    /// Much of what is checked in one set, and sets of a few packages, without any of a lookaside.
    many: Together<'a>,
    few: Together<'a>,
    /// By package: whether it was shown that it can be installed without lookasides.
    on_its_own: Vec<bool>,
    planner: Planner<'a>,
    needs: Vec<Needs>,
    lent: BTreeSet<SolvableId>,
}

/// What was found of one package.
enum Found {
    OnItsOwn,
    With(HashSet<SolvableId>),
    Not(Fault),
    Unknown(Doubt),
}

impl<'a> Check<'a> {
    pub(super) fn new(on: &'a Universe, is_lent: Vec<bool>, options: &'a ClosureOptions) -> Self {
        let without = || {
            let mut set = Together::new(on);
            set.never(on.all().filter(|id| is_lent[*id as usize]));
            set
        };
        let (many, few) = (without(), without());
        let planner = Planner::new(on, SatResolver::new().with_limit(options.limit));
        let (on_its_own, has_lent) = (vec![false; is_lent.len()], is_lent.contains(&true));
        Self {
            on,
            options,
            is_lent,
            has_lent,
            many,
            few,
            on_its_own,
            planner,
            needs: Vec::new(),
            lent: BTreeSet::new(),
        }
    }

    /// Looks at every binary package.
    pub(super) fn packages(&mut self, cx: &Context) -> Result<Checked, ResolveError> {
        let mut seen = HashSet::new();
        let checked = self.on.all().filter(|id| !self.is_lent[*id as usize]);
        let checked: Vec<SolvableId> =
            checked.filter(|id| seen.insert((self.on.name_of(*id), self.on.version(*id)))).collect();
        let step = cx.step("check installability", Unit::Items, Some(checked.len() as u64));
        let found = self.all_packages(&step, &checked);
        step.end(found)
    }

    fn all_packages(&mut self, step: &Step, checked: &[SolvableId]) -> Result<Checked, ResolveError> {
        let mut found = Checked::new(self.options.install, checked.len());
        for (at, id) in checked.iter().enumerate() {
            step.context().cancel().check()?;
            step.progress(at as u64);
            let Some(subject) = subject(self.on, *id) else { continue };
            let result = self.package(step.context(), *id, &subject)?;
            let set = found.take(result);
            self.keep(subject, set, |on| {
                let groups = on.demands(*id).map_or(&[][..], |demands| &demands.requires);
                groups.iter().map(|(need, group)| (Some(*need), Arc::clone(group))).collect()
            });
        }
        found.sort();
        Ok(found)
    }

    fn package(&mut self, cx: &Context, id: SolvableId, subject: &Subject) -> Result<Found, ResolveError> {
        if !self.on_its_own[id as usize] {
            self.few.clear();
            for member in self.many.add(id).or_else(|| self.few.add(id)).unwrap_or_default() {
                self.on_its_own[*member as usize] = true;
            }
        }
        if self.on_its_own[id as usize] {
            return Ok(Found::OnItsOwn);
        }
        // Exactly this package, also where a lookaside has another of its name and version.
        let group = Group { text: exactly(subject).into(), choices: vec![id] };
        let requires = vec![(Reason::Requested(group.text.to_string()), Arc::new(group))];
        let asked = Roots { subject: "the request".to_owned(), requires, ..Roots::default() };
        Ok(found_of(self.planner.set(cx, &asked)?, subject))
    }

    /// Looks at the source packages.
    pub(super) fn sources(&mut self, cx: &Context, sources: &[&SourceControl]) -> Result<Checked, ResolveError> {
        let step = cx.step("check build dependencies", Unit::Items, Some(sources.len() as u64));
        let found = self.all_sources(&step, sources);
        step.end(found)
    }

    fn all_sources(&mut self, step: &Step, sources: &[&SourceControl]) -> Result<Checked, ResolveError> {
        let mut found = Checked::new(self.options.build, sources.len());
        for (at, source) in sources.iter().enumerate() {
            step.context().cancel().check()?;
            step.progress(at as u64);
            let native = self.options.universe.native.clone();
            let build = BuildDeps::new((*source).clone(), native).with_profiles(self.options.profiles.clone());
            let asked = roots(self.on, &Question::BuildDeps(Box::new(build.clone())))?;
            let subject = Subject::from(*source);
            let result = if self.has_lent && self.meets(&asked) {
                Found::OnItsOwn
            } else {
                let choice = self.planner.build_set(step.context(), build)?;
                found_of(choice, &subject)
            };
            let set = found.take(result);
            self.keep(subject, set, |_| {
                let named = asked.requires.iter().filter(|(reason, _)| matches!(reason, Reason::Requested(_)));
                named.map(|(_, group)| (None, Arc::clone(group))).collect()
            });
        }
        found.sort();
        Ok(found)
    }

    /// Whether a greedy set without lookasides has what is asked for.
    fn meets(&mut self, asked: &Roots) -> bool {
        self.few.clear();
        let met = asked.requires.iter().all(|(_, group)| self.few.meet_whole(group));
        met && !asked.bans.iter().flat_map(|ban| &ban.packages).any(|id| self.few.contains(*id))
    }

    /// Notes what a set has of lookasides, and which of these groups only they meet.
    fn keep(
        &mut self,
        subject: Subject,
        set: Option<HashSet<SolvableId>>,
        groups: impl FnOnce(&Universe) -> Vec<(Option<Need>, Arc<Group>)>,
    ) {
        let Some(set) = set.filter(|_| self.has_lent) else { return };
        let is_lent = |id: &SolvableId| self.is_lent[*id as usize];
        self.lent.extend(set.iter().copied().filter(is_lent));
        let used = |(need, group): (Option<Need>, Arc<Group>)| {
            let there = || group.choices.iter().copied().filter(|id| set.contains(id));
            let package = there().next().filter(|_| there().all(|id| is_lent(&id))).and_then(|id| lent(self.on, id))?;
            Some(Use { need, relation: group.text.to_string(), package })
        };
        let uses: Vec<Use> = groups(self.on).into_iter().filter_map(used).collect();
        if !uses.is_empty() {
            self.needs.push(Needs { subject, uses });
        }
    }

    /// What each takes from lookasides, by name, and what is taken in all, by name.
    pub(super) fn finish(mut self) -> (Vec<Needs>, Vec<Lent>) {
        self.needs.sort_by(|a, b| a.subject.cmp(&b.subject));
        let mut all: Vec<Lent> = self.lent.iter().filter_map(|id| lent(self.on, *id)).collect();
        all.sort();
        (self.needs, all)
    }
}

impl Checked {
    /// Notes what was found of a package; the set that was needed for it.
    fn take(&mut self, found: Found) -> Option<HashSet<SolvableId>> {
        match found {
            Found::OnItsOwn => {}
            Found::With(set) => return Some(set),
            Found::Not(fault) => self.faults.push(fault),
            Found::Unknown(doubt) => self.unknown.push(doubt),
        }
        None
    }

    fn sort(&mut self) {
        self.faults.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.unknown.sort_by(|a, b| a.subject.cmp(&b.subject));
    }
}

fn found_of(choice: Choice, subject: &Subject) -> Found {
    let subject = subject.clone();
    match choice {
        Choice::Set(set) => Found::With(set.into_iter().collect()),
        Choice::Impossible(explanation) => Found::Not(Fault { subject, explanation }),
        Choice::Unknown(reason) => Found::Unknown(Doubt { subject, reason }),
    }
}

fn exactly(subject: &Subject) -> String {
    format!("{} (= {})", subject.name, subject.version)
}

fn subject(on: &Universe, id: SolvableId) -> Option<Subject> {
    let (package, architecture) = on.identity(id)?;
    let (name, version) = (package.to_string(), on.version(id).clone());
    Some(Subject { name, version, architecture: Some(architecture) })
}

fn lent(on: &Universe, id: SolvableId) -> Option<Lent> {
    let (package, architecture) = on.identity(id)?;
    Some(Lent { package, version: on.version(id).clone(), architecture, origin: Arc::clone(on.origin(id)) })
}
