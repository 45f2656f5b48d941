//! What people do to tasks and workers: cancel, reorder, drain.

use debbuild_core::context::Context;

use super::Queue;
use crate::{
    error::QueueError,
    model::{Command, EventKind, NewEvent, Subject, Task, TaskId, UserName, Worker, WorkerMode, WorkerName},
};

impl Queue {
    /// Wishes that a task ends. One that waits ends at once; one under way ends when its worker hears of it.
    ///
    /// # Errors
    /// [`QueueError::NoTask`]; [`Rejection::Ended`](crate::model::Rejection::Ended) when it ended otherwise before.
    pub async fn cancel(&self, cx: &Context, id: TaskId, by: &UserName, reason: &str) -> Result<Task, QueueError> {
        Ok(self.carry_out(cx, id, None, &Command::Cancel(by, reason)).await?.0)
    }

    /// Gives a task another priority; its waiting time still counts.
    ///
    /// # Errors
    /// [`QueueError::NoTask`]; [`Rejection::Ended`](crate::model::Rejection::Ended).
    pub async fn set_priority(&self, cx: &Context, id: TaskId, priority: i32) -> Result<Task, QueueError> {
        let task = self.task(cx, id).await?;
        let rank = self.policy.rank(priority, task.submitted);
        Ok(self.carry_out(cx, id, None, &Command::Prioritise(priority, rank)).await?.0)
    }

    /// Sets whether a worker gets new work. Enabling it ends its quarantine.
    ///
    /// # Errors
    /// [`QueueError::NoWorker`].
    pub async fn set_worker_mode(
        &self,
        cx: &Context,
        name: &WorkerName,
        mode: WorkerMode,
    ) -> Result<Worker, QueueError> {
        let mut tx = self.store.write().await?;
        let mut worker = tx.worker(name).await?.ok_or_else(|| QueueError::NoWorker(name.clone()))?;
        worker.mode = mode;
        if mode == WorkerMode::Enabled {
            (worker.failures, worker.quarantined) = (0, None);
        }
        tx.put_worker(&worker).await?;
        let subject = Subject::Worker(name.clone());
        tx.add_event(&NewEvent::new(cx.now(), subject, EventKind::WorkerChanged, mode.name())).await?;
        tx.commit().await?;
        Ok(worker)
    }
}
