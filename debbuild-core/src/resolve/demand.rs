//! Demands one by one, by numbers: what an explanation is made of before it is told.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{
    By, Clash, Need, Other, PackageVersion, Reason, Step, Unfit, Universe,
    encode::{Ban, Group, Roots},
    universe::SolvableId,
};
use crate::relation::{Qualifier, Relation, Relations};

/// Who demands something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    Question,
    /// It is about an essential package.
    System,
    /// It is about a package that is on the system.
    Installed,
    Package(SolvableId),
}

/// One thing that must hold in every set of packages.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// Where `by` is there, one of the choices is.
    Needs { by: Asker, need: Option<Need>, group: Arc<Group> },
    /// Where `by` is there, the package is not.
    Clash { by: Asker, text: String, package: SolvableId },
    /// Not both are there.
    TwoVersions(SolvableId, SolvableId),
    /// It is never there.
    Unusable(SolvableId, String),
}

/// What makes a demand the same as another.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Needs(Asker, usize),
    Clash(Asker, SolvableId),
    TwoVersions(SolvableId, SolvableId),
    Unusable(SolvableId),
}

impl Demand {
    pub(super) fn key(&self) -> Key {
        match self {
            // Groups are worked out once for a universe and a question, and live as long.
            Self::Needs { by, group, .. } => Key::Needs(*by, Arc::as_ptr(group).addr()),
            Self::Clash { by, package, .. } => Key::Clash(*by, *package),
            Self::TwoVersions(a, b) => Key::TwoVersions(*a, *b),
            Self::Unusable(package, _) => Key::Unusable(*package),
        }
    }

    /// The packages of which at least one is not there where the demand matters.
    pub(super) fn against(&self) -> impl Iterator<Item = SolvableId> {
        let (by, other) = match self {
            Self::Needs { by, .. } => (*by, None),
            Self::Clash { by, package, .. } => (*by, Some(*package)),
            Self::TwoVersions(a, b) => (Asker::Package(*a), Some(*b)),
            Self::Unusable(package, _) => (Asker::Package(*package), None),
        };
        let by = if let Asker::Package(by) = by { Some(by) } else { None };
        by.into_iter().chain(other)
    }

    /// The packages of which one is enough.
    pub(super) fn choices(&self) -> &[SolvableId] {
        if let Self::Needs { group, .. } = self { &group.choices } else { &[] }
    }
}

/// The demands of the question.
pub(super) fn of_question(roots: &Roots) -> impl Iterator<Item = Demand> {
    let needs = roots.requires.iter().map(|(reason, group)| Demand::Needs {
        by: Asker::of(reason),
        need: None,
        group: Arc::clone(group),
    });
    needs.chain(roots.bans.iter().flat_map(|ban| clashes(Asker::Question, ban)))
}

/// The demands of a package, by its own relations.
pub(super) fn of_package(universe: &Universe, roots: &Roots, id: SolvableId) -> Vec<Demand> {
    if roots.nothing_new && universe.installed(universe.name_of(id)).is_none() {
        return vec![Demand::Unusable(id, "nothing new may be installed".to_owned())];
    }
    match universe.demands(id) {
        Err(reason) => vec![Demand::Unusable(id, reason.to_owned())],
        Ok(demands) => {
            let by = Asker::Package(id);
            let needs = demands.requires.iter();
            let needs = needs.map(|(need, group)| Demand::Needs { by, need: Some(*need), group: Arc::clone(group) });
            needs.chain(demands.bans.iter().flat_map(|ban| clashes(by, ban))).collect()
        }
    }
}

fn clashes(by: Asker, ban: &Ban) -> impl Iterator<Item = Demand> {
    ban.packages.iter().map(move |package| Demand::Clash { by, text: ban.text.clone(), package: *package })
}

/// Which versions of one package there are among these, in pairs.
pub(super) fn pairs(universe: &Universe, packages: &[SolvableId]) -> Vec<Demand> {
    let mut by_name: HashMap<_, Vec<SolvableId>> = HashMap::new();
    let mut pairs = Vec::new();
    for id in packages {
        let others = by_name.entry(universe.name_of(*id)).or_default();
        pairs.extend(others.iter().map(|other| Demand::TwoVersions(*id.min(other), *id.max(other))));
        others.push(*id);
    }
    pairs
}

/// What is wrong with a set of packages as an answer.
pub(super) fn violated(universe: &Universe, roots: &Roots, chosen: &[SolvableId]) -> Vec<Demand> {
    let set: HashSet<SolvableId> = chosen.iter().copied().collect();
    let is_wrong = |demand: &Demand| {
        demand.against().all(|id| set.contains(&id)) && !demand.choices().iter().any(|choice| set.contains(choice))
    };
    let own = chosen.iter().flat_map(|id| of_package(universe, roots, *id));
    of_question(roots).chain(own).filter(is_wrong).chain(pairs(universe, chosen)).collect()
}

/// The demands that are only about these packages.
pub(super) fn among(universe: &Universe, roots: &Roots, packages: &[SolvableId]) -> Vec<Demand> {
    let set: HashSet<SolvableId> = packages.iter().copied().collect();
    let is_inside =
        |demand: &Demand| demand.against().chain(demand.choices().iter().copied()).all(|id| set.contains(&id));
    let own = packages.iter().flat_map(|id| of_package(universe, roots, *id));
    of_question(roots).chain(own).filter(is_inside).chain(pairs(universe, packages)).collect()
}

/// The places of these demands in the order in which one comes to them from the question. Those about packages that nothing asks
/// for are not among them.
pub(super) fn order(demands: &[&Demand]) -> Vec<usize> {
    let mut waiting: HashMap<SolvableId, Vec<usize>> = HashMap::new();
    let mut unmet: Vec<usize> = Vec::with_capacity(demands.len());
    let mut reached = VecDeque::new();
    for (at, demand) in demands.iter().enumerate() {
        let against: HashSet<SolvableId> = demand.against().collect();
        unmet.push(against.len());
        if against.is_empty() {
            reached.push_back(at);
        }
        against.into_iter().for_each(|id| waiting.entry(id).or_default().push(at));
    }
    let mut order = Vec::new();
    while let Some(at) = reached.pop_front() {
        order.push(at);
        for choice in demands[at].choices() {
            for next in waiting.remove(choice).unwrap_or_default() {
                unmet[next] -= 1;
                if unmet[next] == 0 {
                    reached.push_back(next);
                }
            }
        }
    }
    order
}

/// A package, as answers name it.
pub(super) fn named(universe: &Universe, id: SolvableId) -> Option<PackageVersion> {
    let (package, architecture) = universe.identity(id)?;
    let (version, foreign) = (universe.version(id).clone(), universe.architecture(id) > 0);
    Some(PackageVersion { package, version, architecture, foreign })
}

impl Asker {
    /// Who demands what the question demands for this reason.
    pub(super) const fn of(reason: &Reason) -> Self {
        match reason {
            Reason::Essential => Self::System,
            Reason::Installed => Self::Installed,
            Reason::Requested(_) | Reason::NeededBy { .. } => Self::Question,
        }
    }

    pub(super) fn named(self, universe: &Universe, subject: &str) -> Option<By> {
        Some(match self {
            Self::Question => By::Question(subject.to_owned()),
            Self::System => By::System,
            Self::Installed => By::Installed,
            Self::Package(id) => By::Package(named(universe, id)?),
        })
    }
}

/// Tells demands as the steps of an explanation.
pub(super) struct Teller<'u> {
    universe: &'u Universe,
    roots: &'u Roots,
    /// Packages that are no candidates, by name.
    passed_over: HashMap<&'u str, Vec<SolvableId>>,
}

impl<'u> Teller<'u> {
    /// Tells what the candidates show.
    pub(super) fn new(universe: &'u Universe, roots: &'u Roots) -> Self {
        Self { universe, roots, passed_over: HashMap::new() }
    }

    /// Tells also which other versions would do, for which every package of the universe is looked at.
    pub(super) fn thorough(universe: &'u Universe, roots: &'u Roots) -> Self {
        let mut passed_over: HashMap<&str, Vec<SolvableId>> = HashMap::new();
        let all = 0..universe.sizes().0 as SolvableId;
        for id in all.filter(|id| !universe.candidates(universe.name_of(*id)).contains(id)) {
            passed_over.entry(universe.package_name(id)).or_default().push(id);
        }
        Self { universe, roots, passed_over }
    }

    pub(super) fn step(&self, demand: &Demand) -> Option<Step> {
        let universe = self.universe;
        Some(match demand {
            Demand::Needs { by, need, group } => {
                let (relation, others) = (group.text.to_string(), self.others(*by, group));
                let (by, need) = (by.named(universe, &self.roots.subject)?, *need);
                if group.choices.is_empty() {
                    Step::Missing { by, need, relation, others }
                } else {
                    let choices = group.choices.iter().filter_map(|id| named(universe, *id)).collect();
                    Step::Needs { by, need, relation, choices, others }
                }
            }
            Demand::Clash { by, text, package } => {
                let (by, package) = (by.named(universe, &self.roots.subject)?, named(universe, *package)?);
                Step::Conflicts { by, clash: clash(text), relation: text.clone(), package }
            }
            Demand::TwoVersions(a, b) => {
                Step::TwoVersions { first: named(universe, *a)?, second: named(universe, *b)? }
            }
            Demand::Unusable(id, reason) => Step::Unusable { package: named(universe, *id)?, reason: reason.clone() },
        })
    }

    /// What is there under the names of a group and is not among its choices.
    fn others(&self, by: Asker, group: &Group) -> Vec<Other> {
        let relations = Relations::parse(&group.text).unwrap_or_default();
        let context = if let Asker::Package(by) = by { self.universe.architecture(by) } else { 0 };
        let mut others = Vec::new();
        for relation in relations.iter().flat_map(|alternatives| &alternatives.0) {
            let found = self.candidates(relation, group, context).into_iter().chain(self.passed_over(relation));
            others.extend(found.filter_map(|(id, unfit)| Some(Other { package: named(self.universe, id)?, unfit })));
        }
        others
    }

    /// Candidates of a name that do not do; only where nothing does, for else they are no reason.
    fn candidates(&self, relation: &Relation, group: &Group, context: u32) -> Vec<(SolvableId, Unfit)> {
        let universe = self.universe;
        if !group.choices.is_empty() {
            return Vec::new();
        }
        let unfit = |id: SolvableId| match &relation.qualifier {
            _ if !accepts(universe, relation, id) => Unfit::Version,
            Some(Qualifier::Any) if universe.architecture(id) == context => Unfit::NotAllowed,
            _ => Unfit::Architecture,
        };
        universe.called(relation.package.as_str()).map(|id| (id, unfit(id))).collect()
    }

    /// Versions of a name that would do and are not the candidate.
    fn passed_over(&self, relation: &Relation) -> Vec<(SolvableId, Unfit)> {
        let named = self.passed_over.get(relation.package.as_str()).into_iter().flatten();
        named.filter(|id| accepts(self.universe, relation, **id)).map(|id| (*id, Unfit::Candidate)).collect()
    }
}

fn accepts(universe: &Universe, relation: &Relation, id: SolvableId) -> bool {
    relation.constraint.as_ref().is_none_or(|constraint| constraint.accepts(universe.version(id)))
}

/// The kind of a relation, by the sentence that it makes.
fn clash(text: &str) -> Clash {
    let kinds = [
        ("conflicts with ", Clash::Conflicts),
        ("breaks ", Clash::Breaks),
        ("build-conflicts with ", Clash::BuildConflicts),
        ("removes ", Clash::Removes),
        ("cannot be installed for two architectures", Clash::Architectures),
    ];
    kinds.iter().find(|(start, _)| text.starts_with(start)).map_or(Clash::Other, |(_, clash)| *clash)
}
