//! The worker: leases tasks, does them through executors, and hands in what became of them, whatever dies in between.

mod attempt;
mod beat;
mod log;
mod reaper;
mod recover;
mod service;
mod spool;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use debbuild_core::{
    blob::{BlobError, BlobStore},
    context::Context,
    error::{Class, Classify, chain},
    path::{AbsPath, FileError, PathError},
    task::{Capabilities, TaskExecutor},
};
pub use reaper::Reaper;
pub use service::LeaseService;
use tokio::task::JoinSet;

use crate::{
    error::QueueError,
    model::{AttemptId, LeaseToken, Limits, WorkerInstance, WorkerName},
    queue::{ClaimRequest, Lease},
};

/// When a worker stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Until {
    /// Never: it runs until it is cancelled.
    #[default]
    Cancelled,
    /// When there is nothing left that it could do, now or later.
    Idle,
}

/// How a worker works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Its name; one process at a time may have it on one spool folder.
    pub name: WorkerName,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The folder in which its spool folder is made: leases and results that are not acknowledged yet.
    pub spool: AbsPath,
    /// The folder in which attempts get their scratch folders.
    pub scratch: AbsPath,
    /// How many tasks it does at once (default 1).
    pub slots: usize,
    /// How often it asks for work while there is none (default 1 s, varied by ±20 %).
    pub poll: Duration,
    /// How often a log that grew is sent on (default 1 s).
    pub flush: Duration,
    /// When it stops by itself.
    pub until: Until,
    /// The figures of the lease protocol; those of the queue.
    pub limits: Limits,
}

impl WorkerOptions {
    /// A worker with one slot that runs until it is cancelled.
    #[must_use]
    pub fn new(name: WorkerName, capabilities: Capabilities, spool: AbsPath, scratch: AbsPath) -> Self {
        Self {
            name,
            capabilities,
            spool,
            scratch,
            slots: 1,
            poll: Duration::from_secs(1),
            flush: Duration::from_secs(1),
            until: Until::Cancelled,
            limits: Limits::default(),
        }
    }

    /// With so many slots, at least one.
    #[must_use]
    pub fn with_slots(mut self, slots: usize) -> Self {
        self.slots = slots.max(1);
        self
    }

    /// That stops by itself.
    #[must_use]
    pub fn with_until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// With other pauses: between two questions for work, and between two pieces of a log.
    #[must_use]
    pub fn with_pace(mut self, poll: Duration, flush: Duration) -> Self {
        (self.poll, self.flush) = (poll, flush);
        self
    }

    /// With other figures of the lease protocol.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// Another process of this worker runs.
    #[error("worker {0} runs already")]
    Running(WorkerName),
    /// The spool or the scratch folder fails.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The queue refused the worker.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The blob store fails.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A spooled file cannot be read: it is kept, and the worker does not start over it.
    #[error("spooled file {path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: AbsPath,
        /// The reason.
        reason: String,
    },
}

impl Classify for WorkerError {
    fn class(&self) -> Class {
        match self {
            Self::Running(_) => Class::Conflict,
            Self::File(_) | Self::Blob(_) | Self::Damaged { .. } => Class::Infrastructure,
            Self::Path(error) => error.class(),
            Self::Queue(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Running(_) => Some("give the second worker another name".to_owned()),
            Self::Queue(error) => error.hint(),
            _ => None,
        }
    }
}

/// What a worker did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Results handed in that a dead process had left in its spool.
    pub replayed: u64,
    /// Attempts given up that a dead process had under way.
    pub abandoned: u64,
    /// Attempts that were worked on.
    pub attempts: u64,
}

/// What the tasks of one worker process share.
#[derive(Debug)]
struct Shared {
    service: Arc<dyn LeaseService>,
    blobs: Arc<dyn BlobStore>,
    executors: Vec<Arc<dyn TaskExecutor>>,
    options: WorkerOptions,
    spool: spool::Spool,
    instance: WorkerInstance,
}

/// A lease with the token that speaks for it.
#[derive(Debug, Clone)]
struct Held {
    attempt: AttemptId,
    token: LeaseToken,
}

/// A worker that is about to run.
#[derive(Debug)]
pub struct WorkerLoop {
    service: Arc<dyn LeaseService>,
    blobs: Arc<dyn BlobStore>,
    executors: Vec<Arc<dyn TaskExecutor>>,
    options: WorkerOptions,
}

impl WorkerLoop {
    /// A worker that does what these executors can.
    #[must_use]
    pub fn new(
        service: Arc<dyn LeaseService>,
        blobs: Arc<dyn BlobStore>,
        executors: Vec<Arc<dyn TaskExecutor>>,
        options: WorkerOptions,
    ) -> Self {
        Self { service, blobs, executors, options }
    }

    /// Works until the context is cancelled, or until there is nothing left if so asked. First it takes up what an earlier
    /// process of this worker left behind, and, then and now and again, what dead workers with a spool beside its own did.
    /// When it is cancelled it ends what it has under way and gives it back.
    ///
    /// # Errors
    /// [`WorkerError`]. A failing task is no error, an unreachable queue is waited for.
    pub async fn run(self, cx: &Context) -> Result<WorkerReport, WorkerError> {
        let spool = spool::Spool::open(&self.options.spool, &self.options.name).await?;
        let instance = WorkerInstance::random();
        let shared = Arc::new(Shared {
            service: self.service,
            blobs: self.blobs,
            executors: self.executors,
            options: self.options,
            spool,
            instance,
        });
        let mut report = shared.take_up(cx).await?;
        let mut heirs = recover::Heirs::new();
        let (name, can) = (&shared.options.name, &shared.options.capabilities);
        persistently(cx, || shared.service.register(cx, name, instance, can)).await?;
        let mut running = JoinSet::new();
        loop {
            while let Some(done) = running.try_join_next() {
                settle(done)?;
            }
            if cx.cancel().is_cancelled() {
                break;
            }
            heirs.look(&shared, cx, &mut report).await?;
            let claimed = if running.len() < shared.options.slots { shared.claim(cx).await? } else { None };
            if let Some((lease, held)) = claimed {
                report.attempts += 1;
                let (shared, cx) = (Arc::clone(&shared), cx.clone());
                running.spawn(async move { shared.attempt(&cx, lease, held).await });
                continue;
            }
            if running.is_empty() && shared.options.until == Until::Idle && shared.is_idle(cx).await? {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(varied(shared.options.poll)) => {}
                () = cx.cancel().cancelled() => {}
                Some(done) = running.join_next() => settle(done)?,
            }
        }
        while let Some(done) = running.join_next().await {
            settle(done)?;
        }
        Ok(report)
    }
}

impl Shared {
    fn kinds(&self) -> Vec<String> {
        let kinds: BTreeSet<String> = self.executors.iter().flat_map(|executor| executor.kinds()).collect();
        kinds.into_iter().collect()
    }

    /// The next lease. A claim whose reply was lost is repeated as it was, so that its lease is not.
    async fn claim(&self, cx: &Context) -> Result<Option<(Lease, Held)>, WorkerError> {
        let claim = ClaimRequest::new(self.options.name.clone(), self.instance, self.kinds());
        let lease = match persistently(cx, || self.service.claim(cx, &claim)).await {
            // It took so long to hear the answer that the lease is void.
            Err(QueueError::Rejected(_)) => return Ok(None),
            Err(QueueError::Cancelled(_)) => return Ok(None),
            other => other?,
        };
        Ok(lease.map(|lease| {
            let held = Held { attempt: lease.attempt, token: claim.token };
            (lease, held)
        }))
    }

    async fn is_idle(&self, cx: &Context) -> Result<bool, WorkerError> {
        Ok(self.service.outstanding(cx, &self.options.name, &self.kinds()).await? == 0)
    }
}

/// Repeats a call while only the infrastructure fails, with growing pauses, until the context is cancelled.
async fn persistently<T, F: Future<Output = Result<T, QueueError>>>(
    cx: &Context,
    call: impl Fn() -> F,
) -> Result<T, QueueError> {
    let mut pause = Duration::from_millis(500);
    loop {
        match call().await {
            Err(error) if error.class() == Class::Infrastructure => {
                cx.warn(format!("{}; trying again in {} s", chain(&error), pause.as_secs_f32()));
            }
            other => return other,
        }
        tokio::select! {
            () = tokio::time::sleep(varied(pause)) => {}
            () = cx.cancel().cancelled() => return Err(debbuild_core::cancel::Cancelled.into()),
        }
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// A pause varied by ±20 %, so that workers that were started together do not ask together.
fn varied(pause: Duration) -> Duration {
    let random = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    pause * (80 + random * 40 / 255) / 100
}

/// What an attempt's own task ended with; a panic in it is ours.
fn settle(done: Result<Result<(), WorkerError>, tokio::task::JoinError>) -> Result<(), WorkerError> {
    match done {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(()),
        },
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
