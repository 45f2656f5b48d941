//! What was collected, as every door shows it to programs.

use serde_json::{Value, json};

use crate::app::gc::GarbageReport;

/// What a collection removed and let go, or would.
#[must_use]
pub fn garbage_json(report: &GarbageReport) -> Value {
    let gateway = report.gateway.iter().map(|file| {
        json!({
            "uri": file.uri.to_string(),
            "sha256": file.blob.id,
            "size": file.blob.size,
            "used": file.used,
            "reason": file.reason.to_string(),
        })
    });
    json!({
        "dry_run": report.dry_run,
        "blobs": report.swept.blobs.len(),
        "bytes": report.swept.bytes(),
        "gateway": gateway.collect::<Vec<_>>(),
    })
}
