//! Replies to apt.

use debbuild_core::resolve::edsp::{Action, Reply};
use serde_json::{Value, json};

/// A reply: `reply` is `solution` (with `changes`) or `error` (with `kind` and `message`).
#[must_use]
pub fn reply_json(reply: &Reply) -> Value {
    match reply {
        Reply::Solution(changes) => json!({
            "reply": "solution",
            "changes": changes.iter().map(|change| json!({
                "action": action_name(change.action),
                "id": change.id,
                "package": change.package,
                "version": change.version.to_string(),
                "architecture": change.architecture.to_string(),
            })).collect::<Vec<_>>(),
        }),
        Reply::Error { kind, message } => json!({ "reply": "error", "kind": kind, "message": message }),
        _ => json!({ "reply": "error", "message": "of a kind that this version does not know" }),
    }
}

const fn action_name(action: Action) -> &'static str {
    match action {
        Action::Install => "install",
        Action::Remove => "remove",
        Action::Autoremove => "autoremove",
        _ => "unknown",
    }
}
