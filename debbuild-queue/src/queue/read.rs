//! What can be looked at: tasks, attempts, builds, files, workers, events, logs.

use std::time::Duration;

use debbuild_core::{build::Artifact, context::Context};

use super::Queue;
use crate::{
    error::QueueError,
    model::{Attempt, AttemptId, Build, BuildId, Event, Rejection, Subject, Task, TaskId, Worker, WorkerName},
    store::{BuildQuery, Cursor, Page, TaskQuery},
};

/// Events, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, oldest first; none when nothing happened meanwhile.
    pub events: Vec<Event>,
    /// Where the next ones begin.
    pub next: Cursor,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogPart {
    /// Whose log.
    pub attempt: AttemptId,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether nothing will ever follow.
    pub end: bool,
}

/// How often a wait looks for events of other processes.
const POLL: Duration = Duration::from_millis(250);

impl Queue {
    /// A task.
    ///
    /// # Errors
    /// [`QueueError::NoTask`].
    pub async fn task(&self, _cx: &Context, id: TaskId) -> Result<Task, QueueError> {
        self.store.read().await?.task(id).await?.ok_or(QueueError::NoTask(id))
    }

    /// Tasks, newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tasks(&self, _cx: &Context, query: &TaskQuery) -> Result<Page<Task>, QueueError> {
        Ok(self.store.read().await?.tasks(query).await?)
    }

    /// The attempts at a task, oldest first.
    ///
    /// # Errors
    /// [`QueueError::NoTask`].
    pub async fn attempts(&self, _cx: &Context, id: TaskId) -> Result<Vec<Attempt>, QueueError> {
        let mut tx = self.store.read().await?;
        tx.task(id).await?.ok_or(QueueError::NoTask(id))?;
        Ok(tx.attempts(id).await?)
    }

    /// Attempts that hold their task, after this one; at most `limit`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open_attempts(
        &self,
        _cx: &Context,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<Attempt>, QueueError> {
        Ok(self.store.read().await?.open_attempts(after, limit).await?)
    }

    /// The files that an attempt left, by name.
    ///
    /// # Errors
    /// [`Rejection::NoAttempt`].
    pub async fn artifacts(&self, _cx: &Context, id: AttemptId) -> Result<Vec<Artifact>, QueueError> {
        let mut tx = self.store.read().await?;
        tx.attempt(id).await?.ok_or(Rejection::NoAttempt(id.task))?;
        Ok(tx.artifacts(id).await?)
    }

    /// The record that an attempt left, whatever its kind.
    ///
    /// # Errors
    /// [`Rejection::NoAttempt`].
    pub async fn record(&self, _cx: &Context, id: AttemptId) -> Result<Option<serde_json::Value>, QueueError> {
        let mut tx = self.store.read().await?;
        tx.attempt(id).await?.ok_or(Rejection::NoAttempt(id.task))?;
        Ok(tx.record(id).await?)
    }

    /// A build.
    ///
    /// # Errors
    /// [`QueueError::NoBuild`].
    pub async fn build(&self, _cx: &Context, id: BuildId) -> Result<Build, QueueError> {
        self.store.read().await?.build(id).await?.ok_or(QueueError::NoBuild(id))
    }

    /// Builds, newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn builds(&self, _cx: &Context, query: &BuildQuery) -> Result<Page<Build>, QueueError> {
        Ok(self.store.read().await?.builds(query).await?)
    }

    /// A worker.
    ///
    /// # Errors
    /// [`QueueError::NoWorker`].
    pub async fn worker(&self, _cx: &Context, name: &WorkerName) -> Result<Worker, QueueError> {
        self.store.read().await?.worker(name).await?.ok_or_else(|| QueueError::NoWorker(name.clone()))
    }

    /// All workers, by name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn workers(&self, _cx: &Context) -> Result<Vec<Worker>, QueueError> {
        Ok(self.store.read().await?.workers().await?)
    }

    /// Where events are now: what happens later comes after this.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn now_cursor(&self, _cx: &Context) -> Result<Cursor, QueueError> {
        Ok(Cursor::at(self.store.read().await?.last_event().await?))
    }

    /// Events after a place (from the beginning without one), about one subject or all; none is an answer too.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn events(
        &self,
        _cx: &Context,
        after: Option<Cursor>,
        about: Option<&Subject>,
        limit: u32,
    ) -> Result<EventPage, QueueError> {
        let after = after.unwrap_or(Cursor::at(0));
        let events = self.store.read().await?.events(after.place(), about, limit.clamp(1, 1000)).await?;
        let next = events.last().map_or(after, |event| Cursor::at(event.place));
        Ok(EventPage { events, next })
    }

    /// The same, but waits until there is an event, at most for `wait`.
    ///
    /// # Errors
    /// Those of the store; [`QueueError::Cancelled`].
    pub async fn watch(
        &self,
        cx: &Context,
        after: Option<Cursor>,
        about: Option<&Subject>,
        wait: Duration,
    ) -> Result<EventPage, QueueError> {
        let begun = cx.clock().monotonic();
        loop {
            cx.cancel().check()?;
            let page = self.events(cx, after, about, 1000).await?;
            let left = wait.saturating_sub(cx.clock().monotonic().duration_since(begun));
            if !page.events.is_empty() || left.is_zero() {
                return Ok(page);
            }
            tokio::select! {
                () = tokio::time::sleep(POLL.min(left)) => {}
                () = cx.cancel().cancelled() => {}
            }
        }
    }

    /// Bytes of an attempt's log from `offset`, at most `limit`; while the attempt runs, what was acknowledged so far.
    ///
    /// # Errors
    /// [`Rejection::NoAttempt`]; those of the blob store once the log is complete.
    pub async fn log(&self, cx: &Context, id: AttemptId, offset: u64, limit: u32) -> Result<LogPart, QueueError> {
        let mut tx = self.store.read().await?;
        let attempt = tx.attempt(id).await?.ok_or(Rejection::NoAttempt(id.task))?;
        let Some(log) = attempt.log else {
            let bytes = tx.read_log(id, offset, limit).await?;
            let end = !attempt.state.is_open() && offset.saturating_add(bytes.len() as u64) >= attempt.log_size;
            return Ok(LogPart { attempt: id, offset, bytes, end });
        };
        drop(tx);
        let from = offset.min(log.size);
        let to = log.size.min(from.saturating_add(u64::from(limit)));
        let bytes = self.blobs.read(cx, log.id, Some(from..to)).await?.to_vec();
        Ok(LogPart { attempt: id, offset, bytes, end: to == log.size })
    }
}
