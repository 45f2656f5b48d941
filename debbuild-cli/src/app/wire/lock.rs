//! Locks.

use debbuild_core::lock::{ArchiveAccess, ArchiveChange, LockDiff, ValueChange};
use serde_json::{Map, Value, json};

use super::reasons::{change_name, changed_json};

/// What differs between two locks: `packages` and `additions` as [`changed_json`], `archives` with `change` (`added`, `removed` or
/// `other`), and `about`, `options` and `tools` with `name`, `before` and `after`; `same` where nothing differs.
#[must_use]
pub fn lock_diff_json(diff: &LockDiff) -> Value {
    let additions = diff.additions.iter().map(|(name, changed)| (name.clone(), changed_json(changed)));
    json!({
        "same": diff.is_empty(),
        "about": values_json(&diff.about),
        "packages": changed_json(&diff.packages),
        "additions": Value::Object(additions.collect::<Map<_, _>>()),
        "archives": diff.archives.iter().map(archive_json).collect::<Vec<_>>(),
        "options": values_json(&diff.options),
        "tools": values_json(&diff.tools),
    })
}

fn values_json(changes: &[ValueChange]) -> Vec<Value> {
    let one = |change: &ValueChange| json!({ "name": change.name, "before": change.before, "after": change.after });
    changes.iter().map(one).collect()
}

fn archive_json(change: &ArchiveChange) -> Value {
    let side = |archive: &ArchiveAccess| {
        json!({
            "date": archive.date,
            "release_sha256": archive.release.sha256,
            "keyring_sha256": archive.keyring_sha256,
            "uris": archive.uris,
        })
    };
    let archive = change.archive();
    json!({
        "name": archive.map(|archive| &archive.name),
        "suite": archive.map(|archive| &archive.suite),
        "change": change_name(change.change()),
        "before": change.before.as_ref().map(side),
        "after": change.after.as_ref().map(side),
        "other_release": change.has_other_release(),
        "other_keyring": change.has_other_keyring(),
        "other_uris": change.has_other_uris(),
    })
}
