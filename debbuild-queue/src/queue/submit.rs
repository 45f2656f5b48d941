//! Submitting requests, and doing tasks again.

use std::collections::BTreeMap;

use debbuild_core::{
    clock::Timestamp,
    context::Context,
    digest::{KeyHasher, Sha256},
};

use super::Queue;
use crate::{
    error::QueueError,
    model::{EventKind, NewEvent, NewTask, RequestId, Subject, SubmitRequest, Task, TaskId, TaskState, UserName},
    store::Transaction,
};

/// The most tasks that one request may have.
const MOST_TASKS: usize = 10_000;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submitted {
    /// The request's number.
    pub request: RequestId,
    /// Its tasks, in its order.
    pub tasks: Vec<TaskId>,
    /// Whether the same request was submitted before: then these are the tasks of that time.
    pub repeated: bool,
}

impl Queue {
    /// Submits a request: all its tasks, durably, or nothing. The same request under the same key is submitted once.
    ///
    /// # Errors
    /// [`QueueError::Malformed`], [`QueueError::KeyReused`], [`QueueError::NoTask`] and [`QueueError::DeadDependency`] for
    /// what tasks wait for, [`QueueError::MissingBlob`] when an input is not stored, and those of the store.
    pub async fn submit(&self, cx: &Context, request: &SubmitRequest) -> Result<Submitted, QueueError> {
        check(request)?;
        self.hold_inputs(cx, request).await?;
        let (now, digest) = (cx.now(), request.digest());
        let mut tx = self.store.write().await?;
        tx.forget_keys(Timestamp::from_millis(now.millis().saturating_sub(millis(self.limits.keep_request_keys))))
            .await?;
        if let Some((id, known)) = tx.request(&request.by, &request.key).await? {
            if known != digest {
                return Err(QueueError::KeyReused(request.key.to_string()));
            }
            return Ok(Submitted { request: id, tasks: tx.request_tasks(id).await?, repeated: true });
        }
        let id = tx.add_request(&request.by, &request.key, digest, now).await?;
        let mut tasks: Vec<TaskId> = Vec::with_capacity(request.tasks.len());
        for new in &request.tasks {
            let earlier = new.after_earlier.iter().map(|place| tasks[*place]);
            let after: Vec<TaskId> = new.after.iter().copied().chain(earlier).collect();
            let task = self.fresh(id, &request.by, new, after, now);
            tasks.push(add(&mut *tx, task, now).await?);
        }
        tx.commit().await?;
        Ok(Submitted { request: id, tasks, repeated: false })
    }

    /// Does an ended task again, as a new task with its own attempts; asked again, it answers the same.
    ///
    /// # Errors
    /// [`QueueError::NoTask`], [`QueueError::NothingToRetry`]; [`QueueError::Malformed`] while it has not ended;
    /// [`QueueError::DeadDependency`] when what it waits for must be done again first.
    pub async fn retry(&self, cx: &Context, id: TaskId, by: &UserName) -> Result<TaskId, QueueError> {
        let now = cx.now();
        let mut tx = self.store.write().await?;
        let old = tx.task(id).await?.ok_or(QueueError::NoTask(id))?;
        if let Some(known) = old.retried_by {
            return Ok(known);
        }
        match old.state {
            TaskState::Succeeded => return Err(QueueError::NothingToRetry(id)),
            state if !state.is_ended() => {
                return Err(QueueError::Malformed(format!("task {id} has not ended: {}", state.name())));
            }
            _ => {}
        }
        let mut after = Vec::new();
        for dependency in &old.after {
            after.push(newest(&mut *tx, *dependency).await?);
        }
        let new = NewTask::new(old.spec.clone(), old.label.clone()).with_priority(old.priority);
        let mut task = self.fresh(old.request, by, &new, after, now);
        task.retry_of = Some(id);
        let fresh = add(&mut *tx, task, now).await?;
        tx.put_task(&Task { retried_by: Some(fresh), ..old }).await?;
        let text = format!("as task {fresh}, by {by}");
        tx.add_event(&NewEvent::new(now, Subject::Task(id), EventKind::Retried, text)).await?;
        tx.commit().await?;
        Ok(fresh)
    }

    fn fresh(&self, request: RequestId, by: &UserName, new: &NewTask, after: Vec<TaskId>, now: Timestamp) -> Task {
        Task {
            id: TaskId::new(0),
            request,
            by: by.clone(),
            spec: new.spec.clone(),
            label: new.label.clone(),
            priority: new.priority,
            rank: self.policy.rank(new.priority, now),
            state: TaskState::Ready,
            submitted: now,
            not_before: None,
            attempts: 0,
            infra_failures: 0,
            cancel: None,
            ended: None,
            failure: None,
            after,
            retry_of: None,
            retried_by: None,
            revision: 0,
        }
    }

    /// Pins the inputs, then looks whether they are stored: in this order no sweep comes in between.
    async fn hold_inputs(&self, cx: &Context, request: &SubmitRequest) -> Result<(), QueueError> {
        let inputs: BTreeMap<Sha256, _> =
            request.tasks.iter().flat_map(|task| &task.spec.inputs).map(|input| (input.sha256, input)).collect();
        if inputs.is_empty() {
            return Ok(());
        }
        // Named by content as well: another request under the same key must not take the blobs of this one away.
        let mut root = KeyHasher::new("queue-inputs-1");
        root.part("by", request.by.as_str()).part("key", request.key.as_str());
        root.part("digest", request.digest().as_bytes());
        let ids: Vec<Sha256> = inputs.keys().copied().collect();
        self.blobs.pin(cx, "queue-inputs", &root.finish().to_string(), &ids).await?;
        for (sha256, input) in inputs {
            let (name, size) = (input.name.clone(), input.size);
            if self.blobs.stat(cx, sha256).await?.is_none_or(|blob| blob.size != size) {
                return Err(QueueError::MissingBlob { name, sha256, size });
            }
        }
        Ok(())
    }
}

/// Adds the task, blocked while something that it waits for has not succeeded.
async fn add(tx: &mut dyn Transaction, mut task: Task, now: Timestamp) -> Result<TaskId, QueueError> {
    for dependency in &task.after {
        let other = tx.task(*dependency).await?.ok_or(QueueError::NoTask(*dependency))?;
        match other.state {
            TaskState::Succeeded => {}
            state if state.is_ended() => return Err(QueueError::DeadDependency { task: *dependency, state }),
            _ => task.state = TaskState::Blocked,
        }
    }
    let id = tx.add_task(&task).await?;
    tx.add_event(&NewEvent::new(now, Subject::Task(id), EventKind::Submitted, &*task.label)).await?;
    Ok(id)
}

/// The newest task that does this one again, or itself.
async fn newest(tx: &mut dyn Transaction, mut id: TaskId) -> Result<TaskId, QueueError> {
    while let Some(next) = tx.task(id).await?.ok_or(QueueError::NoTask(id))?.retried_by {
        id = next;
    }
    Ok(id)
}

fn check(request: &SubmitRequest) -> Result<(), QueueError> {
    let malformed = |text: String| Err(QueueError::Malformed(text));
    if request.tasks.is_empty() || request.tasks.len() > MOST_TASKS {
        return malformed(format!("{} tasks, not 1 to {MOST_TASKS}", request.tasks.len()));
    }
    for (place, task) in request.tasks.iter().enumerate() {
        if let Some(late) = task.after_earlier.iter().find(|earlier| **earlier >= place) {
            return malformed(format!("task {place} of the request waits for task {late}, which is not before it"));
        }
        if task.spec.kind.is_empty() || task.label.len() > 500 || task.label.contains(char::is_control) {
            return malformed(format!("task {place} of the request has no kind, or a label that is no short line"));
        }
        let mut names: Vec<&str> = task.spec.inputs.iter().map(|input| input.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return malformed(format!("task {place} of the request has two inputs named {}", pair[0]));
        }
        if let Some(name) = names.iter().find(|name| !is_file_name(name)) {
            return malformed(format!("not a plain file name: {name:?}"));
        }
    }
    Ok(())
}

/// Whether a name from outside may become a file's: plain, as those of Debian's files.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~:-=%".contains(&b))
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
