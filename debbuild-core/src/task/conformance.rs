//! What every [`TaskExecutor`] must do.

use super::{TaskExecutor, TaskIo, TaskSpec};
use crate::{build::Outcome, cancel::CancelToken, context::Context, error::Class};

/// A task of a kind that it does not know is refused, and executing it all the same does nothing but say so.
///
/// # Panics
/// When the executor does not conform.
pub async fn unknown_kind(executor: &dyn TaskExecutor, io: &mut TaskIo<'_>) {
    let task = TaskSpec::new("no-such-kind", 1, serde_json::Value::Null);
    assert!(!executor.kinds().contains(&task.kind));
    assert!(executor.consider(&task).is_err());
    let outcome = executor.execute(&Context::new(), &task, io).await;
    assert_eq!(outcome.outcome, Outcome::Aborted);
}

/// A cancelled context ends the task as cancelled, never as failed.
///
/// # Panics
/// When the executor does not conform.
pub async fn cancelled(executor: &dyn TaskExecutor, task: &TaskSpec, io: &mut TaskIo<'_>) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let outcome = executor.execute(&Context::new().with_cancel(cancel), task, io).await;
    assert_eq!((outcome.outcome, outcome.class()), (Outcome::Aborted, Some(Class::Cancelled)));
}
