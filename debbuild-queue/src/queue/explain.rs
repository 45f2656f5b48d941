//! Why a task is where it is: what it waits for, and who could do it.

use debbuild_core::{clock::Timestamp, context::Context};

use super::Queue;
use crate::{
    error::QueueError,
    model::{Task, TaskId, TaskState, Worker, WorkerMode},
    store::{ReadyQuery, Transaction},
};

/// Why a task is where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The task.
    pub task: TaskId,
    /// Where it stands.
    pub state: TaskState,
    /// Its place among the ready tasks, from 1; `None` when it is not ready.
    pub place: Option<u64>,
    /// The reasons, one line each, the most important first.
    pub reasons: Vec<String>,
}

impl Queue {
    /// Explains where a task stands.
    ///
    /// # Errors
    /// [`QueueError::NoTask`].
    pub async fn explain(&self, cx: &Context, id: TaskId) -> Result<Explanation, QueueError> {
        let mut tx = self.store.read().await?;
        let task = tx.task(id).await?.ok_or(QueueError::NoTask(id))?;
        let mut reasons = Vec::new();
        let mut place = None;
        match task.state {
            TaskState::Blocked => blocked(&mut *tx, &task, &mut reasons).await?,
            TaskState::Ready => {
                place = self.ready_place(&mut *tx, &task, cx.now(), &mut reasons).await?;
                self.workers_for(&mut *tx, &task, cx.now(), &mut reasons).await?;
            }
            TaskState::Leased => leased(&mut *tx, &task, &mut reasons).await?,
            _ => {
                if let Some(failure) = &task.failure {
                    reasons.push(format!("{}: {}", failure.class, failure.message));
                }
                if let Some(again) = task.retried_by {
                    reasons.push(format!("task {again} does it again"));
                }
            }
        }
        Ok(Explanation { task: id, state: task.state, place, reasons })
    }

    /// Counts the tasks before it, and says whether it pauses.
    async fn ready_place(
        &self,
        tx: &mut dyn Transaction,
        task: &Task,
        now: Timestamp,
        reasons: &mut Vec<String>,
    ) -> Result<Option<u64>, QueueError> {
        let mut want = ReadyQuery::new(now, self.limits.longest_pause());
        if want.pauses(task.not_before) {
            let left = task.not_before.map_or(0, |at| at.since(now).as_secs());
            let cause = task.failure.as_ref().map_or("an infrastructure failure", |failure| failure.message.as_str());
            reasons
                .push(format!("attempt {} did not come to its own end ({cause}); it pauses {left} s", task.attempts));
            return Ok(None);
        }
        want.limit = 500;
        let mut before = 0;
        loop {
            let tasks = tx.ready(&want).await?;
            let ahead = tasks.iter().take_while(|other| (other.rank, other.id) < (task.rank, task.id)).count();
            before += ahead as u64;
            match tasks.last() {
                Some(last) if ahead == tasks.len() => want = want.with_after((last.rank, last.id)),
                _ => break,
            }
        }
        if before > 0 {
            reasons.push(format!("{before} ready tasks are before it"));
        }
        Ok(Some(before + 1))
    }

    /// Says what keeps each worker from it.
    async fn workers_for(
        &self,
        tx: &mut dyn Transaction,
        task: &Task,
        now: Timestamp,
        reasons: &mut Vec<String>,
    ) -> Result<(), QueueError> {
        let workers = tx.workers().await?;
        if workers.is_empty() {
            reasons.push("no worker was ever seen: debbuild worker run starts one".to_owned());
        }
        for worker in workers {
            let name = &worker.name;
            if let Err(unsuited) = self.policy.suits(&worker, task) {
                reasons.push(unsuited.to_string());
            } else if worker.mode == WorkerMode::Draining {
                reasons.push(format!("worker {name} takes nothing new: debbuild worker enable {name}"));
            } else if worker.is_quarantined(now) {
                let left = worker.quarantined.map_or(0, |until| until.since(now).as_secs());
                reasons.push(format!("worker {name} is in quarantine for {left} s: {} failures", worker.failures));
            } else if tx.avoided(name, now).await?.contains(&task.id) {
                reasons.push(format!("worker {name} refused it"));
            } else {
                reasons.push(able(&worker, now));
            }
        }
        Ok(())
    }
}

fn able(worker: &Worker, now: Timestamp) -> String {
    format!("worker {} can do it; it was last seen {} s ago", worker.name, now.since(worker.seen).as_secs())
}

async fn blocked(tx: &mut dyn Transaction, task: &Task, reasons: &mut Vec<String>) -> Result<(), QueueError> {
    for id in &task.after {
        let other = tx.task(*id).await?.ok_or(QueueError::NoTask(*id))?;
        if other.state != TaskState::Succeeded {
            reasons.push(format!("it waits for task {id} ({}), which is {}", other.label, other.state.name()));
        }
    }
    Ok(())
}

async fn leased(tx: &mut dyn Transaction, task: &Task, reasons: &mut Vec<String>) -> Result<(), QueueError> {
    if let Some(attempt) = tx.attempts(task.id).await?.last() {
        reasons.push(format!("attempt {} is {} on worker {}", attempt.id, attempt.state.name(), attempt.worker));
    }
    if let Some(wish) = &task.cancel {
        reasons.push(format!("{} wishes to cancel it; its worker hears of it with the next heartbeat", wish.by));
    }
    Ok(())
}
