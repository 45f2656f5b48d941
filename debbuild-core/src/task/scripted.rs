//! The strict test twin of an executor: says its lines, then ends as it was told.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Refusal, TaskExecutor, TaskIo, TaskOutcome, TaskSpec};
use crate::{command::Stream, context::Context, error::Class};

/// Takes tasks of one kind; each ends with the outcome it was made with, after a pause.
#[derive(Debug)]
pub struct ScriptedExecutor {
    kind: String,
    pause: Duration,
    outcome: TaskOutcome,
    seen: Mutex<Vec<TaskSpec>>,
}

impl ScriptedExecutor {
    /// An executor of this kind with this outcome.
    #[must_use]
    pub fn new(kind: impl Into<String>, outcome: TaskOutcome) -> Self {
        Self { kind: kind.into(), pause: Duration::ZERO, outcome, seen: Mutex::default() }
    }

    /// With a pause before the end.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The tasks that it did, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<TaskSpec> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl TaskExecutor for ScriptedExecutor {
    fn kinds(&self) -> Vec<String> {
        vec![self.kind.clone()]
    }

    fn consider(&self, task: &TaskSpec) -> Result<(), Refusal> {
        if task.kind == self.kind { Ok(()) } else { Err(Refusal::new(&task.kind, "unknown kind")) }
    }

    async fn execute(&self, cx: &Context, task: &TaskSpec, io: &mut TaskIo<'_>) -> TaskOutcome {
        if let Err(refusal) = self.consider(task) {
            return TaskOutcome::failed(Class::NotAllowed, refusal.to_string());
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(task.clone());
        let line = format!("doing {}\n", task.kind);
        if let Err(error) = io.log.write(Stream::Stdout, line.as_bytes()) {
            return TaskOutcome::failed(Class::Infrastructure, format!("cannot keep the log: {error}"));
        }
        tokio::select! {
            biased;
            () = cx.cancel().cancelled() => TaskOutcome::failed(Class::Cancelled, "cancelled"),
            () = tokio::time::sleep(self.pause) => self.outcome.clone(),
        }
    }
}
