//! What the queue's own wire types do not have: publications of tags, and what a worker did.

use debbuild_queue::{model::WorkerName, suite::Published, worker::WorkerReport};
use serde_json::{Value, json};

/// A publication of a tag as a suite.
#[must_use]
pub fn published_json(published: &Published) -> Value {
    json!({
        "schema": 1,
        "tag": published.tag.name.as_str(),
        "content": published.content,
        "version": published.tag.version,
        "suite": published.state.options.suite,
        "state": published.state.number,
        "packages": published.state.content.packages,
        "signed_by": published.state.signed_by,
    })
}

/// What a worker did until it stopped.
#[must_use]
pub fn worked_json(name: &WorkerName, report: &WorkerReport) -> Value {
    json!({
        "schema": 1,
        "worker": name.as_str(),
        "attempts": report.attempts,
        "replayed": report.replayed,
        "abandoned": report.abandoned,
    })
}
