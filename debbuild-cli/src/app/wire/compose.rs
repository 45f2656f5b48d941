//! Composes.

use debbuild_compose::composer::{ComposeDetail, ComposeReport, ComposeSummary, NodeOutcome, NodeReport, Planned, Why};
use serde_json::{Value, json};

fn outcome(outcome: &NodeOutcome) -> (&'static str, Value) {
    match outcome {
        NodeOutcome::Reused => ("reused", Value::Null),
        NodeOutcome::Made { seconds } => ("made", json!({ "seconds": seconds })),
        NodeOutcome::NotNeeded => ("not-needed", Value::Null),
        NodeOutcome::Failed { class, message } => ("failed", json!({ "class": class.name(), "message": message })),
        _ => ("skipped", Value::Null),
    }
}

/// What a compose did: its id, status and folder, and each node's outcome with the reason for it.
#[must_use]
pub fn compose_report_json(report: &ComposeReport) -> Value {
    let node = |node: &NodeReport| {
        let (word, detail) = outcome(&node.outcome);
        let (name, key) = (&node.name, node.key.to_string());
        json!({ "name": name, "key": key, "reason": node.reason.to_string(), "outcome": word, "detail": detail })
    };
    json!({
        "id": report.id.to_string(),
        "status": report.status.to_string(),
        "folder": report.folder.as_str(),
        "resumed": report.resumed,
        "nodes": report.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

/// What a compose would do: its nodes, and its lock.
#[must_use]
pub fn compose_plan_json(planned: &Planned) -> Value {
    let nodes: Vec<Value> = planned
        .nodes()
        .map(|(node, reason)| {
            let (name, key) = (&node.spec.name, node.key.to_string());
            let inputs: Vec<String> = node.spec.inputs.iter().map(|input| input.label()).collect();
            let (phase, options) = (&node.spec.phase, &node.spec.options);
            json!({ "name": name, "phase": phase, "key": key, "inputs": inputs, "options": options, "reason": reason.to_string() })
        })
        .collect();
    json!({ "nodes": nodes, "lock": planned.lock })
}

/// A compose in a list.
#[must_use]
pub fn compose_summary_json(summary: &ComposeSummary) -> Value {
    let (id, status) = (summary.id.to_string(), summary.status.to_string());
    json!({ "id": id, "status": status, "folder": summary.folder.as_str() })
}

/// A compose with its deliverables.
#[must_use]
pub fn compose_detail_json(detail: &ComposeDetail) -> Value {
    let mut value = compose_summary_json(&detail.summary);
    value["info"] = json!(detail.info);
    value["images"] = json!(detail.images);
    value
}

/// Why a package is in a compose, from the package to what was asked for.
#[must_use]
pub fn compose_why_json(way: &[Why]) -> Value {
    let step = |step: &Why| {
        let mut value = json!(step.because);
        value["package"] = json!(step.package);
        value
    };
    Value::Array(way.iter().map(step).collect())
}
