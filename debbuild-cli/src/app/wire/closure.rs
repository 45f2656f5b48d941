//! Answers about the closure of repositories.

use debbuild_core::resolve::{Checked, Closure, Doubt, Fault, Lent, Needs, Subject, Use};
use serde_json::{Value, json};

use super::resolve::need_name;

/// Whether repositories are closed: for `install` and `build` (null where not looked at) what was `checked`, is `broken` and, only
/// where there are such, `unknown`; what of `lookaside` which package `needs`, and all `packages` of them that are needed.
#[must_use]
pub fn closure_json(found: &Closure) -> Value {
    let needs = |needs: &Needs| {
        let mut value = subject_json(&needs.subject);
        let one = |one: &Use| {
            let need = one.need.map_or("build-depends", need_name);
            json!({ "need": need, "relation": one.relation, "package": lent_json(&one.package) })
        };
        value["uses"] = needs.uses.iter().map(one).collect();
        value
    };
    json!({
        "closed": found.is_closed(),
        "failed": found.fails(),
        "install": found.install.as_ref().map(checked_json),
        "build": found.build.as_ref().map(checked_json),
        "lookaside": {
            "needs": found.needs.iter().map(needs).collect::<Vec<_>>(),
            "packages": found.lent.iter().map(lent_json).collect::<Vec<_>>(),
        },
    })
}

fn checked_json(part: &Checked) -> Value {
    let broken = |fault: &Fault| {
        let mut value = subject_json(&fault.subject);
        value["explanation"] = fault.explanation.to_string().into();
        value
    };
    let unknown = |doubt: &Doubt| {
        let mut value = subject_json(&doubt.subject);
        value["reason"] = doubt.reason.clone().into();
        value
    };
    let mut value = json!({
        "strictness": part.strictness.name(),
        "checked": part.checked,
        "broken": part.faults.iter().map(broken).collect::<Vec<_>>(),
    });
    if !part.unknown.is_empty() {
        value["unknown"] = part.unknown.iter().map(unknown).collect();
    }
    value
}

fn subject_json(subject: &Subject) -> Value {
    json!({
        "package": subject.name,
        "version": subject.version.to_string(),
        "architecture": subject.architecture_name(),
    })
}

fn lent_json(lent: &Lent) -> Value {
    json!({
        "package": lent.package.to_string(),
        "version": lent.version.to_string(),
        "architecture": lent.architecture.to_string(),
        "origin": &*lent.origin,
    })
}
