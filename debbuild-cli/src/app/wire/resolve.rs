//! Answers about dependencies.

use debbuild_core::{
    arch::Architecture,
    name::PackageName,
    resolve::{Answer, Broken, Installability, Need, Reason, Selected, Solution, Unknown},
    version::Version,
};
use serde_json::{Value, json};

use super::reasons::step_json;

/// An answer: `answer` is `satisfied` (with `packages`), `unsatisfiable` (with `explanation` and
/// `missing`, the same as `steps`, and whether all of them are needed: `minimal`) or `unknown`.
#[must_use]
pub fn answer_json(answer: &Answer) -> Value {
    match answer {
        Answer::Satisfied(solution) => solution_json(solution),
        Answer::Unsatisfiable(why) => json!({
            "answer": "unsatisfiable",
            "explanation": why.sentences,
            "missing": why.missing.iter().map(|missing| {
                json!({ "needed_by": missing.needed_by, "relation": missing.relation })
            }).collect::<Vec<_>>(),
            "steps": why.steps.iter().map(step_json).collect::<Vec<_>>(),
            "minimal": why.minimal,
        }),
        Answer::Unknown(why) => json!({ "answer": "unknown", "reason": why }),
        _ => json!({ "answer": "unknown", "reason": "of a kind that this version does not know" }),
    }
}

fn solution_json(solution: &Solution) -> Value {
    json!({
        "answer": "satisfied",
        "packages": solution.packages.iter().map(selected_json).collect::<Vec<_>>(),
        "download_bytes": solution.download_size(),
        "installed_kib": solution.installed_size(),
        "removed": solution.removed.iter().map(|removed| json!({
            "package": removed.package.to_string(),
            "version": removed.version.to_string(),
            "architecture": removed.architecture.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn selected_json(selected: &Selected) -> Value {
    let package = &selected.package;
    let location = package.location.as_ref();
    json!({
        "package": package.package.to_string(),
        "version": package.version.to_string(),
        "architecture": package.architecture.to_string(),
        "origin": &*selected.origin,
        "size": location.map(|location| location.size),
        "sha256": location.map(|location| location.sha256.to_string()),
        "installed": selected.installed.as_ref().map(ToString::to_string),
        "reason": reason_json(&selected.reason),
    })
}

fn reason_json(reason: &Reason) -> Value {
    match reason {
        Reason::Requested(relation) => json!({ "kind": "requested", "relation": relation }),
        Reason::Essential => json!({ "kind": "essential" }),
        Reason::Installed => json!({ "kind": "installed" }),
        Reason::NeededBy { package, need, relation, .. } => json!({
            "kind": need_name(*need),
            "package": package.to_string(),
            "relation": relation,
        }),
        _ => Value::Null,
    }
}

pub(super) const fn need_name(need: Need) -> &'static str {
    match need {
        Need::PreDepends => "pre-depends",
        Need::Recommends => "recommends",
        Need::Suggests => "suggests",
        _ => "depends",
    }
}

/// What was found of every package: `checked`, `broken` (with `steps` where they were made minimal) and, only where there are such,
/// `unknown`.
#[must_use]
pub fn installability_json(found: &Installability) -> Value {
    let one = |package: &PackageName, version: &Version, architecture: &Architecture| {
        json!({
            "package": package.to_string(),
            "version": version.to_string(),
            "architecture": architecture.to_string(),
        })
    };
    let broken = |broken: &Broken| {
        let mut value = one(&broken.package, &broken.version, &broken.architecture);
        value["explanation"] = broken.explanation.to_string().into();
        if broken.explanation.minimal {
            value["steps"] = broken.explanation.steps.iter().map(step_json).collect();
        }
        value
    };
    let unknown = |unknown: &Unknown| {
        let mut value = one(&unknown.package, &unknown.version, &unknown.architecture);
        value["reason"] = unknown.reason.clone().into();
        value
    };
    let mut value = json!({ "checked": found.checked, "broken": found.broken.iter().map(broken).collect::<Vec<_>>() });
    if !found.unknown.is_empty() {
        value["unknown"] = found.unknown.iter().map(unknown).collect::<Vec<_>>().into();
    }
    value
}
