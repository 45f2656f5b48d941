//! The usual policy: priority, then age; a worker gets what its capabilities cover.

use std::time::Duration;

use debbuild_core::clock::Timestamp;

use super::{Policy, STEP, Unsuited};
use crate::model::{Task, Worker};

/// Higher priority first, older first within a priority; waiting makes up for priority, so that nothing waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorityPolicy {
    step: Duration,
}

impl PriorityPolicy {
    /// A policy in which a task overtakes those of a priority higher by one after it waited `step` longer.
    #[must_use]
    pub const fn new(step: Duration) -> Self {
        Self { step }
    }
}

impl Default for PriorityPolicy {
    fn default() -> Self {
        Self::new(STEP)
    }
}

impl Policy for PriorityPolicy {
    fn name(&self) -> &str {
        "priority"
    }

    // Age grows alike for all tasks, so their order never changes by itself, and an index can hold it.
    fn rank(&self, priority: i32, submitted: Timestamp) -> i64 {
        let step = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX);
        submitted.millis().saturating_sub(i64::from(priority).saturating_mul(step))
    }

    fn suits(&self, worker: &Worker, task: &Task) -> Result<(), Unsuited> {
        let (has, needs) = (&worker.capabilities, &task.spec.needs);
        if has.cover(needs) {
            return Ok(());
        }
        let architectures = needs.architectures.difference(&has.architectures).map(ToString::to_string);
        let features = needs.features.difference(&has.features).cloned();
        let missing: Vec<String> = architectures.chain(features).collect();
        Err(Unsuited(format!("worker {} does not have {}", worker.name, missing.join(", "))))
    }
}
