//! Uploads as every door shows them.

use debbuild_core::upload::{Outcome, Upload};
use serde_json::{Value, json};

/// An upload as every door shows it.
#[must_use]
pub fn upload_json(upload: &Upload) -> Value {
    json!({
        "at": upload.at,
        "file": upload.file,
        "accepted": upload.outcome == Outcome::Accepted,
        "class": upload.class,
        "reason": upload.reason,
        "key": upload.key,
        "by": upload.by,
        "source": upload.source,
        "version": upload.version,
        "suites": upload.suites,
        "packages": upload.packages,
    })
}
