//! Builds: what accepted attempts made, with their records.

use async_trait::async_trait;
use debbuild_core::{build::BuildRecord, clock::Timestamp, context::Context};
use serde::{Deserialize, Serialize};

use super::Reply;

/// A build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// Its number.
    pub id: i64,
    /// The attempt that made it, `TASK.N`.
    pub attempt: String,
    /// The task's number.
    pub task: i64,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Its whole record, as in `result.json`.
    pub record: BuildRecord,
}

/// Which builds to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildFilter {
    /// Only of this source package.
    pub source: Option<String>,
    /// Only with this version.
    pub version: Option<String>,
    /// Only of this task.
    pub task: Option<i64>,
    /// From this cursor on.
    pub after: Option<String>,
    /// At most so many (1 to 1000; 100 without).
    pub limit: Option<u32>,
}

/// Builds, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The builds.
    pub builds: Vec<Build>,
    /// Where the next page begins; null at the end.
    pub next: Option<String>,
}

/// What can be done with builds.
#[async_trait]
pub trait Builds: Send + Sync {
    /// One build.
    async fn build(&self, cx: &Context, id: i64) -> Reply<Build>;
    /// Builds, newest first.
    async fn builds(&self, cx: &Context, filter: &BuildFilter) -> Reply<BuildList>;
}
