//! Evaluation of architecture restrictions and build profiles.

use std::collections::BTreeSet;

use super::{Alternatives, BuildProfile, Relation, Relations, Term};
use crate::arch::{Architecture, ArchitecturePattern};

pub(super) fn reduce(relations: &Relations, host: &Architecture, profiles: &BTreeSet<BuildProfile>) -> Relations {
    let group = |alternatives: &Alternatives| {
        let kept: Vec<Relation> = alternatives
            .0
            .iter()
            .filter(|relation| {
                on_architecture(&relation.architectures, host) && in_profiles(&relation.profiles, profiles)
            })
            .map(|relation| Relation { architectures: Vec::new(), profiles: Vec::new(), ..relation.clone() })
            .collect();
        (!kept.is_empty()).then_some(Alternatives(kept))
    };
    Relations(relations.0.iter().filter_map(group).collect())
}

/// Positive entries: one must match. Negated entries: none may. (Policy 7.1: a list has only one kind.)
fn on_architecture(restriction: &[Term<ArchitecturePattern>], host: &Architecture) -> bool {
    let matching = restriction.iter().find(|term| term.value.matches(host));
    match (matching, restriction.first()) {
        (_, None) => true,
        (Some(term), _) => !term.negated,
        (None, Some(first)) => first.negated,
    }
}

/// Disjunctive normal form: any formula, in which every term holds.
pub(super) fn in_profiles(formulas: &[Vec<Term<BuildProfile>>], active: &BTreeSet<BuildProfile>) -> bool {
    formulas.is_empty()
        || formulas.iter().any(|formula| formula.iter().all(|term| active.contains(&term.value) != term.negated))
}
