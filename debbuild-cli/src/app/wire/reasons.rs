//! Reasons: chains, steps of explanations, who needs what, and differences.

use debbuild_core::resolve::{
    Answer, By, Change, Changed, Clash, Dependency, Dependent, Link, Needer, Other, PackageVersion, Picked, Step, Unfit,
};
use serde_json::{Value, json};

use super::resolve::{answer_json, need_name};
use crate::app::Reasons;

fn package_json(package: &PackageVersion) -> Value {
    json!({
        "package": package.package.to_string(),
        "version": package.version.to_string(),
        "architecture": package.architecture.to_string(),
    })
}

fn packages_json(packages: &[PackageVersion]) -> Vec<Value> {
    packages.iter().map(package_json).collect()
}

/// Who demands something: `kind` is `question`, `essential`, `installed` or `package`.
fn by_json(by: &By) -> Value {
    match by {
        By::Question(subject) => json!({ "kind": "question", "subject": subject }),
        By::System => json!({ "kind": "essential" }),
        By::Installed => json!({ "kind": "installed" }),
        By::Package(package) => {
            let mut value = package_json(package);
            value["kind"] = "package".into();
            value
        }
        _ => Value::Null,
    }
}

fn others_json(others: &[Other]) -> Vec<Value> {
    let one = |other: &Other| {
        let mut value = package_json(&other.package);
        value["unfit"] = match other.unfit {
            Unfit::Version => "version",
            Unfit::Candidate => "not-candidate",
            Unfit::Architecture => "architecture",
            Unfit::NotAllowed => "not-allowed",
            _ => "other",
        }
        .into();
        value
    };
    others.iter().map(one).collect()
}

/// A step of an explanation: `step` is `needs`, `missing`, `conflicts`, `two-versions` or `unusable`, `text` the sentence.
pub(super) fn step_json(step: &Step) -> Value {
    let mut value = match step {
        Step::Needs { by, need, relation, choices, others } => json!({
            "step": "needs",
            "by": by_json(by),
            "need": need.map(need_name),
            "relation": relation,
            "choices": packages_json(choices),
            "others": others_json(others),
        }),
        Step::Missing { by, need, relation, others } => json!({
            "step": "missing",
            "by": by_json(by),
            "need": need.map(need_name),
            "relation": relation,
            "others": others_json(others),
        }),
        Step::Conflicts { by, clash, relation, package } => json!({
            "step": "conflicts",
            "by": by_json(by),
            "clash": match clash {
                Clash::Conflicts => "conflicts",
                Clash::Breaks => "breaks",
                Clash::BuildConflicts => "build-conflicts",
                Clash::Removes => "removes",
                Clash::Architectures => "architectures",
                _ => "other",
            },
            "relation": relation,
            "package": package_json(package),
        }),
        Step::TwoVersions { first, second } => {
            json!({ "step": "two-versions", "packages": [package_json(first), package_json(second)] })
        }
        Step::Unusable { package, reason } => {
            json!({ "step": "unusable", "package": package_json(package), "reason": reason })
        }
        _ => json!({ "step": "other" }),
    };
    value["text"] = step.to_string().into();
    value
}

fn link_json(link: &Link) -> Value {
    json!({
        "by": by_json(&link.by),
        "need": link.need.map(need_name),
        "relation": link.relation,
        "package": package_json(&link.package),
        "also": packages_json(&link.also),
        "text": link.to_string(),
    })
}

/// Why a package is there: `there`, and where it is `package`, `chains` (the shortest first, each a list of links) and `circular`;
/// where there is no set of packages, the answer.
#[must_use]
pub fn reasons_json(reasons: &Reasons) -> Value {
    match reasons {
        Reasons::There(why) => json!({
            "answer": "satisfied",
            "there": true,
            "package": package_json(&why.package),
            "chains": why.chains.iter().map(|chain| chain.iter().map(link_json).collect()).collect::<Vec<Vec<_>>>(),
            "circular": why.circular.iter().map(link_json).collect::<Vec<_>>(),
        }),
        Reasons::NotThere { package, among } => json!({
            "answer": "satisfied",
            "there": false,
            "package": { "package": package.to_string() },
            "among": among,
        }),
        Reasons::NoSet(answer) => answer_json(answer),
    }
}

/// An answer to why something cannot be: as [`answer_json`], and where it can, only how many packages that would be.
#[must_use]
pub fn why_not_json(answer: &Answer) -> Value {
    match answer {
        Answer::Satisfied(solution) => json!({ "answer": "satisfied", "packages": solution.packages.len() }),
        other => answer_json(other),
    }
}

/// Who needs a package, each with `depth`, `by`, `kind`, `relation`, `on`, `through` and `fits`.
#[must_use]
pub fn dependents_json(found: &[Dependent]) -> Value {
    let by = |by: &Needer| match by {
        Needer::Package(package) => {
            let mut value = package_json(package);
            value["kind"] = "package".into();
            value
        }
        Needer::Source { name, version } => {
            json!({ "source": name.to_string(), "version": version.to_string(), "kind": "source" })
        }
        _ => Value::Null,
    };
    let one = |one: &Dependent| {
        json!({
            "depth": one.depth,
            "by": by(&one.by),
            "kind": dependency_name(one.kind),
            "relation": one.relation,
            "on": one.on.to_string(),
            "through": one.through.as_ref().map(ToString::to_string),
            "fits": one.fits,
        })
    };
    found.iter().map(one).collect()
}

/// The field of a relation, in lower case.
#[must_use]
pub const fn dependency_name(kind: Dependency) -> &'static str {
    match kind {
        Dependency::PreDepends => "pre-depends",
        Dependency::Depends => "depends",
        Dependency::Recommends => "recommends",
        Dependency::Suggests => "suggests",
        Dependency::BuildDepends => "build-depends",
        Dependency::BuildDependsArch => "build-depends-arch",
        Dependency::BuildDependsIndep => "build-depends-indep",
        _ => "other",
    }
}

/// What differs: each with `change` (`added`, `removed`, `upgraded`, `downgraded` or `other`), `before` and `after`.
#[must_use]
pub fn changed_json(changed: &[Changed]) -> Value {
    let side = |picked: &Picked| {
        json!({
            "package": picked.package.to_string(),
            "version": picked.version.to_string(),
            "architecture": picked.architecture.to_string(),
            "origin": &*picked.origin,
            "sha256": picked.sha256.map(|sha256| sha256.to_string()),
        })
    };
    let one = |one: &Changed| {
        json!({
            "change": change_name(one.change),
            "before": one.before.as_ref().map(side),
            "after": one.after.as_ref().map(side),
            "other_origin": one.has_other_origin(),
            "other_content": one.has_other_content(),
        })
    };
    changed.iter().map(one).collect()
}

/// The kind of a change.
#[must_use]
pub const fn change_name(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Upgraded => "upgraded",
        Change::Downgraded => "downgraded",
        _ => "other",
    }
}
