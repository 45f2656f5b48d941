//! Workers: who is there, who may have work.

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, context::Context, task::Capabilities};
use serde::{Deserialize, Serialize};

use super::Reply;

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// Its name.
    pub name: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// `enabled` or `draining`.
    pub mode: String,
    /// Infrastructure failures in a row.
    pub failures: u32,
    /// Until when it gets nothing because of them.
    pub quarantined_until: Option<Timestamp>,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// The attempts under way on it, `TASK.N`.
    pub attempts: Vec<String>,
}

/// Workers, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The workers.
    pub workers: Vec<Worker>,
}

/// What can be done with workers.
#[async_trait]
pub trait Workers: Send + Sync {
    /// All workers.
    async fn workers(&self, cx: &Context) -> Reply<WorkerList>;
    /// One worker.
    async fn worker(&self, cx: &Context, name: &str) -> Reply<Worker>;
    /// Gives it nothing new from now on.
    async fn drain(&self, cx: &Context, name: &str) -> Reply<Worker>;
    /// Gives it work again, also when it was in quarantine.
    async fn enable(&self, cx: &Context, name: &str) -> Reply<Worker>;
}
