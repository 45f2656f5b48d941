//! Answers about all source packages.

use std::fmt::Display;

use debbuild_core::resolve::{
    BrokenSource, Buildability, UnknownSource,
    order::{Blocked, Break, Build, Cycle, Edge, Order},
};
use serde_json::{Value, json};

fn texts<T: Display>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

fn broken(broken: &BrokenSource) -> Value {
    json!({
        "source": broken.source.to_string(),
        "version": broken.version.to_string(),
        "explanation": broken.explanation.to_string(),
    })
}

fn unknown(unknown: &UnknownSource) -> Value {
    json!({
        "source": unknown.source.to_string(),
        "version": unknown.version.to_string(),
        "reason": unknown.reason,
    })
}

/// What was found of every source package: `checked`, `broken` and, only where there are such, `unknown`.
#[must_use]
pub fn buildability_json(found: &Buildability) -> Value {
    let mut value = json!({ "checked": found.checked, "broken": found.broken.iter().map(broken).collect::<Vec<_>>() });
    if !found.unknown.is_empty() {
        value["unknown"] = found.unknown.iter().map(unknown).collect::<Vec<_>>().into();
    }
    value
}

/// A build order: `stages` of builds, `cycles` with their `breaks`, what cannot be built and why.
#[must_use]
pub fn order_json(order: &Order) -> Value {
    let stage = |builds: &Vec<Build>| builds.iter().map(build).collect::<Vec<_>>();
    json!({
        "stages": order.stages.iter().map(stage).collect::<Vec<_>>(),
        "cycles": order.cycles.iter().map(cycle).collect::<Vec<_>>(),
        "rebuilds": texts(&order.rebuilds),
        "unbuildable": order.unbuildable.iter().map(broken).collect::<Vec<_>>(),
        "unknown": order.unknown.iter().map(unknown).collect::<Vec<_>>(),
        "blocked": order.blocked.iter().map(blocked).collect::<Vec<_>>(),
        "built": texts(&order.built),
        "outside": texts(&order.outside),
    })
}

fn build(build: &Build) -> Value {
    json!({
        "source": build.source.to_string(),
        "version": build.version.to_string(),
        "profiles": texts(&build.profiles),
        "rebuild": build.rebuild,
    })
}

fn blocked(blocked: &Blocked) -> Value {
    json!({
        "source": blocked.source.to_string(),
        "version": blocked.version.to_string(),
        "by": blocked.by.to_string(),
    })
}

fn cycle(cycle: &Cycle) -> Value {
    let edge = |edge: &Edge| {
        json!({
            "source": edge.source.to_string(),
            "needs": edge.needs.to_string(),
            "relation": edge.relation,
            "through": texts(&edge.through),
        })
    };
    json!({
        "members": texts(&cycle.members),
        "edge_count": cycle.edge_count,
        "edges": cycle.edges.iter().map(edge).collect::<Vec<_>>(),
        "breaks": cycle.breaks.iter().map(one_break).collect::<Vec<_>>(),
        "least": cycle.least,
    })
}

fn one_break(one: &Break) -> Value {
    match one {
        Break::Profiles { source, profiles, relations, dropped } => json!({
            "kind": "profiles",
            "source": source.to_string(),
            "profiles": texts(profiles),
            "relations": relations,
            "dropped": texts(dropped),
        }),
        Break::Alternative { source, relation, instead, dropped } => json!({
            "kind": "alternative",
            "source": source.to_string(),
            "relation": relation,
            "instead": instead.to_string(),
            "dropped": texts(dropped),
        }),
        Break::Existing { source, packages, dropped } => json!({
            "kind": "existing",
            "source": source.to_string(),
            "packages": texts(packages),
            "dropped": texts(dropped),
        }),
        _ => Value::Null,
    }
}
