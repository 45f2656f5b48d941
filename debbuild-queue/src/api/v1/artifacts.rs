//! Artifacts: the files that attempts left.

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{context::Context, digest::Sha256};
use serde::{Deserialize, Serialize};

use super::Reply;

/// A file that an attempt left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its plain file name.
    pub name: String,
    /// `deb`, `udeb`, `changes`, `buildinfo`, `dsc`, `tarball`, `log` or `other`.
    pub kind: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}

/// The files of one attempt, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The attempt, `TASK.N`.
    pub attempt: String,
    /// The files.
    pub artifacts: Vec<Artifact>,
}

/// What can be done with artifacts.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// The files of an attempt at a task (without a number: the newest).
    async fn artifacts(&self, cx: &Context, task: i64, attempt: Option<u32>) -> Reply<ArtifactList>;
    /// The bytes of a file, checked.
    async fn artifact(&self, cx: &Context, sha256: Sha256) -> Reply<Bytes>;
}
