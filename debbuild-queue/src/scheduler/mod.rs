//! Who gets what next: `trait Policy` gives every task its place in the order of work, and says who may have it.

#[cfg(feature = "testing")]
pub mod conformance;
mod priority;
mod scripted;

use std::{fmt, time::Duration};

use debbuild_core::clock::Timestamp;
pub use priority::PriorityPolicy;
pub use scripted::ScriptedPolicy;

use crate::model::{Task, Worker};

/// Why a worker does not get a task, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsuited(pub String);

/// Decides the order of work and who may do what. Pure: the same question has the same answer.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// The task's place, lower first. It is asked for when a task is submitted or its priority changes, and kept.
    fn rank(&self, priority: i32, submitted: Timestamp) -> i64;

    /// Whether the worker may have the task.
    ///
    /// # Errors
    /// [`Unsuited`] with the reason.
    fn suits(&self, worker: &Worker, task: &Task) -> Result<(), Unsuited>;
}

/// How long one step of priority outweighs by default.
pub const STEP: Duration = Duration::from_secs(600);

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;

    #[test]
    fn policies_conform() {
        conformance::ranks(&PriorityPolicy::default());
        conformance::ranks(&PriorityPolicy::new(Duration::ZERO));
        conformance::ranks(&ScriptedPolicy::new());
    }
}
