//! The test twin of a policy: first come first served, and refusals by the worker's name.

use std::collections::BTreeMap;

use debbuild_core::clock::Timestamp;

use super::{Policy, Unsuited};
use crate::model::{Task, Worker};

/// Knows no priority; refuses what it was told to refuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptedPolicy {
    refusals: BTreeMap<String, String>,
}

impl ScriptedPolicy {
    /// A policy that refuses nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses every task to the worker of this name, for this reason.
    #[must_use]
    pub fn with_refusal(mut self, worker: impl Into<String>, reason: impl Into<String>) -> Self {
        self.refusals.insert(worker.into(), reason.into());
        self
    }
}

impl Policy for ScriptedPolicy {
    fn name(&self) -> &str {
        "scripted"
    }

    fn rank(&self, _priority: i32, submitted: Timestamp) -> i64 {
        submitted.millis()
    }

    fn suits(&self, worker: &Worker, _task: &Task) -> Result<(), Unsuited> {
        self.refusals.get(worker.name.as_str()).map_or(Ok(()), |reason| Err(Unsuited(reason.clone())))
    }
}
