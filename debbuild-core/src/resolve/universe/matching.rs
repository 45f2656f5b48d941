//! Which packages a relation is about, seen from the one that has it.

use std::sync::{Arc, PoisonError};

use super::{
    super::{
        encode::{self, Group},
        index::{ANY, Alternative, Field, GroupId, NATIVE, NONE, TextId, UNQUALIFIED},
    },
    Part, SolvableId, Symbol, Universe,
    build::place,
};
use crate::{
    control::MultiArch,
    relation::{Alternatives, Operator, Qualifier, Relation},
    version::Version,
};

/// What a relation is about, whether it stands in an index or in a question.
#[derive(Clone, Copy)]
pub(in super::super) struct Target<'a> {
    /// None: no package has this name or provides it.
    symbol: Option<Symbol>,
    constraint: Option<(Operator, &'a Version)>,
    qualifier: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// As the one that asks, or one that serves all.
    Own,
    Any,
    /// The architecture of this place; none: of no architecture of the universe.
    Place(Option<u32>),
}

impl Target<'_> {
    fn accepts(&self, version: &Version) -> bool {
        self.constraint.is_none_or(|(operator, wanted)| operator.accepts(version, wanted))
    }
}

impl Universe {
    /// The groups of a field of a package, as it means them.
    pub(in super::super) fn groups_of(&self, id: SolvableId, field: Field) -> impl Iterator<Item = Arc<Group>> {
        let (part, context) = (self.part(id), self.architecture(id));
        let groups = part.packages.table().groups(self.row(id), field);
        groups.iter().map(move |group| self.group_of(part, *group, context))
    }

    /// The relations of a field of a package that has no alternatives, each as text and with what it is about.
    pub(in super::super) fn targets_of(
        &self,
        id: SolvableId,
        field: Field,
    ) -> impl Iterator<Item = (GroupId, Target<'_>)> {
        let part = self.part(id);
        let table = part.packages.table();
        table.groups(self.row(id), field).iter().flat_map(move |group| {
            table.alternatives(*group).iter().map(move |alternative| (*group, self.target(part, alternative)))
        })
    }

    /// A group of the index of a package, as text.
    pub(in super::super) fn group_text(&self, id: SolvableId, group: GroupId) -> String {
        self.part(id).packages.table().group_text(group)
    }

    pub(super) fn group_of(&self, part: &Part, group: GroupId, context: u32) -> Arc<Group> {
        let make = || {
            let table = part.packages.table();
            let targets = table.alternatives(group).iter().map(|alternative| self.target(part, alternative));
            let choices = encode::choices(self, targets, context);
            Arc::new(Group { text: table.group_text(group).into(), choices })
        };
        if context == 0 {
            return Arc::clone(part.groups[group as usize].get_or_init(make));
        }
        let key = (context, part.packages.table().group_text(group).into());
        self.known(key, make)
    }

    /// A group of alternatives, as a package (or question) of that architecture means it; worked out once.
    pub(in super::super) fn group(&self, alternatives: &Alternatives, context: u32) -> Arc<Group> {
        let key = (context, Arc::from(alternatives.to_string()));
        self.known(key.clone(), || {
            let targets = alternatives.0.iter().map(|relation| self.target_of(relation));
            Arc::new(Group { text: key.1, choices: encode::choices(self, targets, context) })
        })
    }

    fn known(&self, key: (u32, Arc<str>), make: impl FnOnce() -> Arc<Group>) -> Arc<Group> {
        let groups = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups().get(&key) {
            return Arc::clone(known);
        }
        let group = make();
        Arc::clone(groups().entry(key).or_insert(group))
    }

    fn target<'a>(&self, part: &'a Part, alternative: &Alternative) -> Target<'a> {
        let constraint =
            (alternative.version != NONE).then(|| (alternative.operator(), part.packages.version(alternative.version)));
        let qualifier = match alternative.qualifier {
            UNQUALIFIED => Wanted::Own,
            ANY => Wanted::Any,
            NATIVE => Wanted::Place(Some(0)),
            architecture => Wanted::Place(place(&self.options, part.packages.table().text(architecture))),
        };
        Target { symbol: Some(part.symbols[alternative.package as usize]), constraint, qualifier }
    }

    /// What a relation of a question is about.
    pub(in super::super) fn target_of<'a>(&self, relation: &'a Relation) -> Target<'a> {
        let constraint = relation.constraint.as_ref().map(|constraint| (constraint.operator, &constraint.version));
        let qualifier = match &relation.qualifier {
            None => Wanted::Own,
            Some(Qualifier::Any) => Wanted::Any,
            Some(Qualifier::Native) => Wanted::Place(Some(0)),
            Some(Qualifier::Architecture(wanted)) => Wanted::Place(place(&self.options, wanted.as_str())),
        };
        Target { symbol: self.symbols.get(relation.package.as_str()).copied(), constraint, qualifier }
    }

    pub(super) fn named(&self, symbol: Symbol) -> impl Iterator<Item = SolvableId> {
        self.named[symbol as usize].iter().flat_map(|name| self.candidates(*name)).copied()
    }

    /// Packages of that name or that provide it, whose version fits: the real ones first, best first.
    fn matching<'u>(&'u self, target: Target<'u>) -> impl Iterator<Item = SolvableId> + use<'u> {
        let named = target.symbol.into_iter().flat_map(|symbol| self.named(symbol));
        let real = named.filter(move |id| target.accepts(self.version(*id)));
        let providers = target.symbol.into_iter().flat_map(|symbol| &self.providers[symbol as usize]);
        let fits = move |version: &Option<(u32, TextId)>| match version {
            None => target.constraint.is_none(),
            Some((index, version)) => target.accepts(self.parts[*index as usize].packages.version(*version)),
        };
        real.chain(providers.filter(move |(_, version)| fits(version)).map(|(id, _)| *id))
    }

    /// The packages that satisfy a relation of a package (or question) of that architecture, in order of preference. One that
    /// provides its own name may occur twice.
    pub(in super::super) fn satisfying<'u>(
        &'u self,
        target: Target<'u>,
        context: u32,
    ) -> impl Iterator<Item = SolvableId> + 'u {
        self.matching(target).filter(move |id| {
            let own = self.architecture(*id);
            match target.qualifier {
                Wanted::Own => own == context || self.row(*id).multi_arch() == MultiArch::Foreign,
                Wanted::Any => self.row(*id).multi_arch() == MultiArch::Allowed,
                Wanted::Place(wanted) => Some(own) == wanted,
            }
        })
    }

    /// The packages that a `Conflicts` or `Breaks` of `id` forbids: of every architecture, but never itself under another version
    /// or architecture (those cannot be installed together anyway, or are meant to be).
    pub(in super::super) fn forbidden(&self, target: Target<'_>, id: SolvableId) -> Vec<SolvableId> {
        let own = self.symbol(id);
        let mut found: Vec<SolvableId> = Vec::new();
        for other in self.matching(target) {
            let wanted = match target.qualifier {
                Wanted::Place(wanted) => Some(self.architecture(other)) == wanted,
                Wanted::Own | Wanted::Any => true,
            };
            if wanted && self.symbol(other) != own && !found.contains(&other) {
                found.push(other);
            }
        }
        found
    }
}
