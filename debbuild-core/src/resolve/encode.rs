//! What a question and each package demand, in terms of the packages of a universe: the part that all resolvers share.

use std::{collections::HashSet, sync::Arc};

use super::{
    BuildDeps, Changes, Need, Question, Reason, Recommends, ResolveError, Universe,
    index::Field,
    universe::{SolvableId, Target},
};
use crate::relation::Relations;

/// One of `choices` must be there; the preferred first.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) text: Arc<str>,
    pub(super) choices: Vec<SolvableId>,
}

/// None of `packages` may be there.
#[derive(Debug)]
pub(super) struct Ban {
    /// What the one who bans says: `breaks foo (<< 2)`.
    pub(super) text: String,
    pub(super) packages: Vec<SolvableId>,
}

/// What a package demands of the set that it is part of.
#[derive(Debug, Default)]
pub(super) struct Demands {
    pub(super) requires: Vec<(Need, Arc<Group>)>,
    pub(super) recommends: Vec<Arc<Group>>,
    pub(super) suggests: Vec<Arc<Group>>,
    pub(super) bans: Vec<Ban>,
}

/// What a question demands.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// Who asks, for sentences.
    pub(super) subject: String,
    pub(super) requires: Vec<(Reason, Arc<Group>)>,
    /// What is there before the rest is asked for, of `requires`: build-essential.
    pub(super) base: Option<Arc<Group>>,
    pub(super) bans: Vec<Ban>,
    pub(super) recommends: Recommends,
    /// Whether what is suggested is installed too, where it can be had.
    pub(super) suggests: bool,
    /// For each name that is installed the versions that may stay, the preferred first.
    pub(super) stay: Vec<Arc<Group>>,
    /// Whether only names that are installed may be chosen.
    pub(super) nothing_new: bool,
    /// Whether candidates are preferred to what is installed, also by what needs them.
    pub(super) upgrade_all: bool,
}

impl Roots {
    /// What counts of the things that a package would like to be there; `asked_for`: whether the question is about it.
    pub(super) fn wishes<'d>(
        &self,
        demands: &'d Demands,
        asked_for: bool,
    ) -> impl Iterator<Item = (Need, &'d Arc<Group>)> {
        let recommends = match self.recommends {
            Recommends::Install => true,
            Recommends::TopLevel => asked_for,
            Recommends::Ignore => false,
        };
        let recommends = if recommends { &demands.recommends[..] } else { &[] };
        let suggests = if self.suggests { &demands.suggests[..] } else { &[] };
        let of = |need: Need, groups: &'d [Arc<Group>]| groups.iter().map(move |group| (need, group));
        of(Need::Recommends, recommends).chain(of(Need::Suggests, suggests))
    }

    /// The packages of a set that the question asks for.
    pub(super) fn asked_for(&self, chosen: &HashSet<SolvableId>) -> HashSet<SolvableId> {
        let met = |(_, group): &(Reason, Arc<Group>)| group.choices.iter().copied().find(|id| chosen.contains(id));
        self.requires.iter().filter_map(met).collect()
    }
}

/// What is wrong with a set of packages as an answer; empty when nothing is.
pub(super) fn violations(universe: &Universe, roots: &Roots, chosen: &[SolvableId]) -> Vec<String> {
    let met = |group: &Group| group.choices.iter().any(|id| chosen.contains(id));
    let hit = |ban: &Ban| ban.packages.iter().any(|id| chosen.contains(id));
    let mut wrong: Vec<String> =
        roots.requires.iter().filter(|(_, group)| !met(group)).map(|(_, group)| group.text.to_string()).collect();
    wrong.extend(roots.bans.iter().filter(|ban| hit(ban)).map(|ban| ban.text.clone()));
    for id in chosen {
        let who = universe.describe(*id);
        match universe.demands(*id) {
            Err(reason) => wrong.push(format!("{who}: {reason}")),
            Ok(demands) => {
                let unmet = demands.requires.iter().filter(|(_, group)| !met(group));
                wrong.extend(unmet.map(|(_, group)| format!("{who} needs {}", group.text)));
                wrong.extend(demands.bans.iter().filter(|ban| hit(ban)).map(|ban| format!("{who} {}", ban.text)));
            }
        }
        let name = universe.name_of(*id);
        if chosen.iter().any(|other| other != id && universe.name_of(*other) == name) {
            wrong.push(format!("{who} is there in two versions"));
        }
    }
    wrong
}

/// What the question demands.
pub(super) fn roots(universe: &Universe, question: &Question) -> Result<Roots, ResolveError> {
    match question {
        Question::Install(install) => {
            let mut roots = Roots {
                subject: "the request".to_owned(),
                recommends: install.recommends,
                suggests: install.suggests,
                ..Roots::default()
            };
            request(universe, &install.seeds, &mut roots);
            if install.essential {
                essential(universe, &mut roots);
            }
            remove(universe, &install.remove, &mut roots);
            installed(universe, install.changes, &mut roots);
            Ok(roots)
        }
        Question::BuildDeps(build) => build_roots(universe, build),
    }
}

fn build_roots(universe: &Universe, build: &BuildDeps) -> Result<Roots, ResolveError> {
    let native = &universe.options().native;
    if build.architecture != *native {
        return Err(ResolveError::Architecture { universe: native.clone(), question: build.architecture.clone() });
    }
    let source = &build.source;
    let mut roots = Roots { subject: format!("source {} {}", source.source, source.version), ..Roots::default() };
    let relations = &source.relations;
    let of = |common: &Relations, arch: &Relations, indep: &Relations| {
        let parts = [(true, common), (build.any, arch), (build.all, indep)];
        let groups = parts.into_iter().filter(|(counts, _)| *counts).flat_map(|(_, part)| part.0.clone());
        Relations(groups.collect()).reduce(native, &build.profiles)
    };
    request(universe, &of(&relations.depends, &relations.depends_arch, &relations.depends_indep), &mut roots);
    // Policy 4.2: nobody needs to say that build-essential is needed.
    if let Ok(base) = Relations::parse("build-essential") {
        request(universe, &base, &mut roots);
        roots.base = roots.requires.last().map(|(_, group)| Arc::clone(group));
    }
    essential(universe, &mut roots);
    for group in of(&relations.conflicts, &relations.conflicts_arch, &relations.conflicts_indep).iter() {
        for relation in &group.0 {
            let packages = universe.satisfying(universe.target_of(relation), 0).collect();
            roots.bans.push(Ban { text: format!("build-conflicts with {relation}"), packages });
        }
    }
    Ok(roots)
}

fn request(universe: &Universe, relations: &Relations, roots: &mut Roots) {
    for alternatives in relations.iter() {
        let group = newest(universe, universe.group(alternatives, 0));
        roots.requires.push((Reason::Requested(group.text.to_string()), group));
    }
}

/// What is asked for is wanted as its candidate, also where another version is installed.
fn newest(universe: &Universe, group: Arc<Group>) -> Arc<Group> {
    let candidate = |id: &SolvableId| universe.candidates(universe.name_of(*id)).first().copied();
    let passed = |id: &SolvableId| {
        universe.is_installed(*id) && candidate(id).is_some_and(|other| other != *id && group.choices.contains(&other))
    };
    if !group.choices.iter().any(passed) {
        return group;
    }
    let choices = group.choices.iter().copied().filter(|id| !passed(id)).collect();
    Arc::new(Group { text: Arc::clone(&group.text), choices })
}

fn remove(universe: &Universe, relations: &Relations, roots: &mut Roots) {
    for relation in relations.iter().flat_map(|group| &group.0) {
        let named = universe.satisfying(universe.target_of(relation), 0);
        let packages = named.filter(|id| universe.package_name(*id) == relation.package.as_str()).collect();
        roots.bans.push(Ban { text: format!("removes {relation}"), packages });
    }
}

fn installed(universe: &Universe, changes: Changes, roots: &mut Roots) {
    (roots.nothing_new, roots.upgrade_all) = (changes.nothing_new, changes.upgrade_all);
    for id in universe.all_installed() {
        let banned = |id: &SolvableId| roots.bans.iter().any(|ban| ban.packages.contains(id));
        let mut choices = universe.candidates(universe.name_of(id)).to_vec();
        choices.retain(|id| !banned(id));
        if !changes.upgrade_all {
            choices.sort_by_key(|choice| *choice != id);
        }
        if choices.is_empty() {
            continue;
        }
        let group = Arc::new(Group { text: universe.package_name(id).into(), choices });
        if changes.keep_all {
            roots.requires.push((Reason::Installed, Arc::clone(&group)));
        }
        roots.stay.push(group);
    }
}

fn essential(universe: &Universe, roots: &mut Roots) {
    roots.requires.extend(universe.essential().iter().map(|group| (Reason::Essential, Arc::clone(group))));
}

/// What satisfies a group of alternatives of a package (or question) of that architecture, in order of preference.
pub(super) fn choices<'u>(
    universe: &'u Universe,
    alternatives: impl Iterator<Item = Target<'u>>,
    context: u32,
) -> Vec<SolvableId> {
    let mut choices = Vec::new();
    for id in alternatives.flat_map(|target| universe.satisfying(target, context)) {
        if !choices.contains(&id) {
            choices.push(id);
        }
    }
    // As apt does: what is installed, then another version of that, then what is new.
    if universe.options().installed.is_some() {
        choices.sort_by_key(|id| (!universe.is_installed(*id), universe.installed(universe.name_of(*id)).is_none()));
    }
    choices
}

/// What a package demands, or why it cannot be used.
pub(super) fn demands(universe: &Universe, id: SolvableId) -> Result<Demands, String> {
    if let Some(reason) = universe.unusable(id) {
        return Err(reason.to_owned());
    }
    let needed = |need: Need, field: Field| universe.groups_of(id, field).map(move |group| (need, group));
    let requires = needed(Need::PreDepends, Field::PreDepends)
        .chain(needed(Need::Depends, Field::Depends))
        // A package that provides what it depends on satisfies itself.
        .filter(|(_, group)| !group.choices.contains(&id))
        .collect();
    let mut bans = Vec::new();
    for (verb, field) in [("conflicts with", Field::Conflicts), ("breaks", Field::Breaks)] {
        for (group, target) in universe.targets_of(id, field) {
            let packages = universe.forbidden(target, id);
            if !packages.is_empty() {
                bans.push(Ban { text: format!("{verb} {}", universe.group_text(id, group)), packages });
            }
        }
    }
    let siblings = universe.siblings(id);
    if !siblings.is_empty() {
        bans.push(Ban { text: "cannot be installed for two architectures like this".to_owned(), packages: siblings });
    }
    let [recommends, suggests] =
        [Field::Recommends, Field::Suggests].map(|field| universe.groups_of(id, field).collect());
    Ok(Demands { requires, recommends, suggests, bans })
}
