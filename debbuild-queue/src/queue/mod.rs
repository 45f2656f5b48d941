//! The facade `Queue`: what can be asked of the queue, each answer one transaction of its store.

mod control;
mod explain;
mod lease;
mod protocol;
mod read;
mod submit;

use std::{collections::VecDeque, sync::Arc};

use debbuild_core::{
    blob::BlobStore,
    build::{BuildRecord, Outcome},
    clock::Timestamp,
    context::Context,
    task::TaskOutcome,
};
pub use explain::Explanation;
pub use protocol::{Accepted, Beat, BeatReply, ClaimRequest, Lease, LogChunk};
pub use read::{EventPage, LogPart};
pub use submit::Submitted;

use crate::{
    error::QueueError,
    model::{Attempt, AttemptId, Change, Command, Limits, Task, TaskId, TaskState, View, decide, dependency_ended},
    scheduler::{Policy, PriorityPolicy},
    store::{QueueStore, Transaction},
};

/// The queue: a store for its state, a store for its files, a policy, and the figures of the lease protocol.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(crate) store: Arc<dyn QueueStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) limits: Limits,
}

impl Queue {
    /// A queue with the usual policy and figures.
    #[must_use]
    pub fn new(store: Arc<dyn QueueStore>, blobs: Arc<dyn BlobStore>) -> Self {
        Self { store, blobs, policy: Arc::new(PriorityPolicy::default()), limits: Limits::default() }
    }

    /// With another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policy = policy;
        self
    }

    /// With other figures.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The figures.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The files.
    #[must_use]
    pub fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.blobs
    }

    /// Decides a command about the attempt (without one: about the task's newest) and carries it out, in one transaction.
    /// Returns the task and the attempt as they are afterwards.
    async fn carry_out(
        &self,
        cx: &Context,
        task: TaskId,
        number: Option<u32>,
        command: &Command<'_>,
    ) -> Result<(Task, Option<Attempt>), QueueError> {
        let mut tx = self.store.write().await?;
        let after = self.decide_in(cx, &mut *tx, task, number, command).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// The same inside a transaction that the caller commits.
    async fn decide_in(
        &self,
        cx: &Context,
        tx: &mut dyn Transaction,
        task: TaskId,
        number: Option<u32>,
        command: &Command<'_>,
    ) -> Result<(Task, Option<Attempt>), QueueError> {
        let before = tx.task(task).await?.ok_or(QueueError::NoTask(task))?;
        let id = AttemptId { task, number: number.unwrap_or(before.attempts) };
        let attempt = tx.attempt(id).await?;
        let view = View { task: &before, attempt: attempt.as_ref() };
        let decision = decide(view, command, &self.limits, cx.now())?;
        if decision.changes.is_empty() {
            return Ok((before, attempt));
        }
        self.apply(cx, tx, decision.changes).await?;
        let after = tx.task(task).await?.ok_or(QueueError::NoTask(task))?;
        Ok((after, tx.attempt(id).await?))
    }

    /// Makes the changes, and those that follow from the end of a task for the tasks that wait for it.
    async fn apply(&self, cx: &Context, tx: &mut dyn Transaction, changes: Vec<Change>) -> Result<(), QueueError> {
        let now = cx.now();
        let mut left = VecDeque::from(changes);
        while let Some(change) = left.pop_front() {
            match change {
                Change::Task(task) => tx.put_task(&task).await?,
                Change::NewAttempt(attempt) => tx.add_attempt(&attempt).await?,
                Change::Attempt(attempt) => {
                    tx.put_attempt(&attempt).await?;
                    if attempt.log.is_some() {
                        tx.drop_log(attempt.id).await?;
                    }
                }
                Change::Event(event) => tx.add_event(&event).await?,
                Change::Avoid(task, worker) => tx.avoid(task, &worker, now.after(self.limits.refusal)).await?,
                Change::Blame(name, broken) => self.blame(tx, &name, broken, now).await?,
                Change::Results(id, outcome) => keep_results(cx, tx, id, &outcome, now).await?,
                Change::Wake(ended, state) => {
                    for id in tx.dependants(ended).await? {
                        left.extend(woken(tx, id, ended, state, now).await?);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What the end of a dependency changes for a task that waits for it.
async fn woken(
    tx: &mut dyn Transaction,
    id: TaskId,
    ended: TaskId,
    state: TaskState,
    now: Timestamp,
) -> Result<Vec<Change>, QueueError> {
    let task = tx.task(id).await?.ok_or(QueueError::NoTask(id))?;
    let mut waiting = 0;
    for dependency in &task.after {
        let other = tx.task(*dependency).await?.ok_or(QueueError::NoTask(*dependency))?;
        waiting += usize::from(other.state != TaskState::Succeeded);
    }
    Ok(dependency_ended(&task, ended, state, waiting, now).map(|decision| decision.changes).unwrap_or_default())
}

/// Keeps files and record; a build task that came to its own end leaves a build.
async fn keep_results(
    cx: &Context,
    tx: &mut dyn Transaction,
    id: AttemptId,
    outcome: &TaskOutcome,
    now: Timestamp,
) -> Result<(), QueueError> {
    tx.add_result(id, &outcome.artifacts, outcome.record.as_ref()).await?;
    let task = tx.task(id.task).await?.ok_or(QueueError::NoTask(id.task))?;
    let Some(record) = outcome.record.as_ref().filter(|_| task.spec.kind == BUILD_KIND) else { return Ok(()) };
    match serde_json::from_value::<BuildRecord>(record.clone()) {
        // An aborted build says nothing about the source: it leaves its files and its record, but no build.
        Ok(record) if record.outcome == Outcome::Aborted || outcome.outcome == Outcome::Aborted => {}
        Ok(record) if record.outcome == outcome.outcome => {
            tx.add_build(id, &record, now).await?;
        }
        Ok(_) => cx.warn(format!("attempt {id}: the record tells another outcome than the worker; no build is made")),
        Err(error) => cx.warn(format!("attempt {id}: the record is not a build record: {error}")),
    }
    Ok(())
}

/// The kind of tasks that leave builds.
pub const BUILD_KIND: &str = "build";
