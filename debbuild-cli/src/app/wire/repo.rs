//! Repositories as every door shows them.

use debbuild_core::repo::{Change, Diff, Entry, Finding, PoolFile, Report, State, SuiteOptions};
use serde_json::{Value, json};

/// A state as every door shows it.
#[must_use]
pub fn state_json(state: &State) -> Value {
    json!({
        "suite": state.options.suite,
        "state": state.number,
        "date": state.date,
        "snapshot": state.date.snapshot_id(),
        "valid_until": state.valid_until,
        "signed_by": state.signed_by,
        "release_sha256": state.release_sha256,
        "switched_to": state.switched_to,
        "packages": state.content.packages,
    })
}

/// A package of a suite as every door shows it.
#[must_use]
pub fn entry_json(entry: &Entry) -> Value {
    let file = |file: &PoolFile| json!({ "path": file.path, "size": file.size, "sha256": file.sha256 });
    json!({
        "package": entry.name,
        "version": entry.version,
        "architecture": entry.architecture_name(),
        "component": entry.component,
        "source": entry.source,
        "source_version": entry.source_version,
        "section": entry.section,
        "priority": entry.priority,
        "files": entry.files.iter().map(file).collect::<Vec<_>>(),
    })
}

/// A suite as every door shows it.
#[must_use]
pub fn suite_json(options: &SuiteOptions) -> Value {
    json!(options)
}

/// The difference of two states as every door shows it.
#[must_use]
pub fn diff_json(diff: &Diff) -> Value {
    let change = |change: &Change| {
        json!({
            "package": change.name,
            "architecture": change.architecture,
            "change": change.kind().as_str(),
            "removed": change.removed,
            "added": change.added,
        })
    };
    Value::Array(diff.changes.iter().map(change).collect())
}

/// What a check found, as every door shows it.
#[must_use]
pub fn report_json(report: &Report) -> Value {
    let finding = |finding: &Finding| json!({ "path": finding.path, "problem": finding.problem });
    let all = |findings: &[Finding]| findings.iter().map(finding).collect::<Vec<Value>>();
    let (findings, notes) = (all(&report.findings), all(&report.notes));
    json!({ "good": report.is_good(), "files": report.files, "findings": findings, "notes": notes })
}
