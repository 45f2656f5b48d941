//! A build: what an accepted attempt at a build task made, with its record and its artifacts.

use debbuild_core::{build::BuildRecord, clock::Timestamp};

use super::AttemptId;

debbuild_core::number_id! {
    /// The number of a build.
    BuildId
}

/// A build, as stores keep it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Build {
    /// Its number.
    pub id: BuildId,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// Its whole record, `result.json`.
    pub record: BuildRecord,
}

impl Build {
    /// A build with this number.
    #[must_use]
    pub fn new(id: BuildId, attempt: AttemptId, accepted: Timestamp, record: BuildRecord) -> Self {
        Self { id, attempt, accepted, record }
    }
}
