//! One attempt from lease to acknowledgement: spool, accept, work, keep the files, spool, hand in, forget.

use std::{io, sync::Arc};

use debbuild_core::{
    blob::Adopt,
    blocking,
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _, chain},
    path::{AbsPath, IoResultExt as _},
    task::{TaskExecutor, TaskIo, TaskOutcome, TaskSpec},
};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Held, Shared, WorkerError,
    beat::{Heart, Verdict},
    log::LogFile,
    persistently,
};
use crate::{
    error::QueueError,
    model::{AttemptId, Completion},
    queue::Lease,
};

/// The owner of the roots that hold what is not acknowledged yet.
const SPOOL: &str = "worker-spool";

impl Shared {
    /// Works on a lease to its end. Only a failure of the worker's own folders or stores is an error.
    pub(super) async fn attempt(self: Arc<Self>, cx: &Context, lease: Lease, held: Held) -> Result<(), WorkerError> {
        let id = held.attempt;
        let executor = match self.executor(&lease.spec) {
            Ok(executor) => executor,
            Err(reason) => {
                let answer = persistently(cx, || self.service.refuse(cx, id, &held.token, &reason)).await;
                return or_over(answer).map(drop);
            }
        };
        self.spool.lease(&held).await?;
        if or_over(persistently(cx, || self.service.accept(cx, id, &held.token)).await)?.is_none() {
            return self.forget(cx, id).await;
        }
        let step = cx.step(format!("task {} ({})", lease.label, id), debbuild_core::event::Unit::None, None);
        // The work is cancelled with the worker, and alone; the heart beats on until the result is handed in.
        let (work, stop) = (cx.cancel().child(), CancelToken::new());
        let calm = step.context().clone().with_cancel(CancelToken::new());
        let path = self.spool.log(id)?;
        let file = LogFile::create(&path).await?;
        let (verdict, seen) = watch::channel(Verdict::Fine);
        let heart = Heart {
            shared: Arc::clone(&self),
            held: held.clone(),
            log: path.clone(),
            work: work.clone(),
            stop: stop.clone(),
            verdict,
        };
        let heart: JoinHandle<()> = tokio::spawn(heart.beat(calm.clone()));
        let inner = step.context().clone().with_cancel(work);
        let outcome = self.execute(&inner, executor, lease.spec, id, file).await;
        let verdict = seen.borrow().clone();
        let handed_in = self.conclude(&calm, cx, &held, &path, outcome, verdict).await;
        stop.cancel();
        drop(heart.await);
        match &handed_in {
            Ok(None) => step.finish(),
            Ok(Some(class)) => step.fail(*class),
            Err(error) => step.fail(error.class()),
        }
        handed_in.map(drop)
    }

    fn executor(&self, spec: &TaskSpec) -> Result<Arc<dyn TaskExecutor>, String> {
        let found = self.executors.iter().find(|executor| executor.kinds().contains(&spec.kind));
        let executor = found.ok_or_else(|| format!("no executor for tasks of kind {}", spec.kind))?;
        executor.consider(spec).map_err(|refusal| refusal.to_string())?;
        Ok(Arc::clone(executor))
    }

    /// Does the work in a task of its own, so that a panic in it ends the attempt and not the worker.
    async fn execute(
        &self,
        cx: &Context,
        executor: Arc<dyn TaskExecutor>,
        spec: TaskSpec,
        id: AttemptId,
        mut log: LogFile,
    ) -> TaskOutcome {
        let scratch = match self.scratch(id).await {
            Ok(scratch) => scratch,
            Err(error) => return TaskOutcome::failed(Class::Infrastructure, chain(&error)),
        };
        let (blobs, inner) = (Arc::clone(&self.blobs), cx.clone());
        let work = tokio::spawn(async move {
            let mut io = TaskIo { blobs, scratch, log: &mut log };
            executor.execute(&inner, &spec, &mut io).await
        });
        match work.await {
            Ok(outcome) => outcome,
            Err(error) => TaskOutcome::failed(Class::Internal, format!("the executor did not end well: {error}")),
        }
    }

    /// Keeps log and files, notes the result, hands it in. Returns the class of the failure, if it failed.
    async fn conclude(
        &self,
        calm: &Context,
        cx: &Context,
        held: &Held,
        log: &AbsPath,
        outcome: TaskOutcome,
        verdict: Verdict,
    ) -> Result<Option<Class>, WorkerError> {
        let outcome = match verdict {
            Verdict::Over(reason) => {
                cx.warn(format!("attempt {}: {reason}", held.attempt));
                self.forget(calm, held.attempt).await?;
                return Ok(Some(Class::Conflict));
            }
            Verdict::Unheard if outcome.class() == Some(Class::Cancelled) => {
                let text = "the queue did not answer the heartbeats for too long";
                TaskOutcome::failed(Class::Infrastructure, text)
            }
            Verdict::Cancel(reason) if outcome.class() == Some(Class::Cancelled) => {
                TaskOutcome::failed(Class::Cancelled, reason)
            }
            // Whoever stops the worker may have stopped its tools too: a failure says nothing about the source now.
            Verdict::Fine if cx.cancel().is_cancelled() && outcome.class().is_some() => {
                cx.note(format!("attempt {} is given back: the worker stops", held.attempt));
                TaskOutcome::failed(Class::Cancelled, "the worker was stopped")
            }
            _ => outcome,
        };
        let class = outcome.class();
        let log = self.blobs.adopt(calm, log, Adopt::Copy, None).await?;
        let files = outcome.artifacts.iter().map(|file| file.sha256);
        let ids: Vec<Sha256> = files.chain([log.id]).collect();
        self.blobs.pin(calm, SPOOL, &held.attempt.to_string(), &ids).await?;
        self.spool.done(held.attempt, &Completion::new(outcome, Some(log))).await?;
        self.hand_in(cx, held).await?;
        Ok(class)
    }

    /// Hands in a noted result until it is acknowledged or refused for good; when the worker is cancelled while the queue
    /// cannot be reached, the result stays in the spool for the next start.
    pub(super) async fn hand_in(&self, cx: &Context, held: &Held) -> Result<(), WorkerError> {
        let id = held.attempt;
        let Some(completion) = self.spool.completion(id).await? else { return Ok(()) };
        let mut completion = completion;
        loop {
            let answer = persistently(cx, || self.service.complete(cx, id, &held.token, &completion)).await;
            match answer {
                Ok(_) | Err(QueueError::Rejected(_) | QueueError::NoTask(_)) => return self.forget(cx, id).await,
                Err(QueueError::Cancelled(_)) => return Ok(()),
                // A result that can never be taken says nothing about the source.
                Err(error @ (QueueError::MissingBlob { .. } | QueueError::Malformed(_))) => {
                    let outcome = TaskOutcome::failed(Class::Infrastructure, chain(&error));
                    let log = completion.log.filter(|_| completion.outcome.outcome != outcome.outcome);
                    completion = Completion::new(outcome, log);
                    self.spool.done(id, &completion).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Forgets an attempt that is over: its roots, its spooled files, its scratch folder.
    pub(super) async fn forget(&self, cx: &Context, id: AttemptId) -> Result<(), WorkerError> {
        self.blobs.pin(cx, SPOOL, &id.to_string(), &[]).await?;
        let folder = self.options.scratch.child(&id.to_string())?;
        let removed = blocking::run(move || match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &folder),
            _ => Ok(()),
        });
        // Folders with mapped owners are left for the executor's own clearing up.
        if let Err(error) = removed.await {
            cx.warn(chain(&error));
        }
        self.spool.forget(id).await
    }

    /// A fresh folder for the attempt.
    async fn scratch(&self, id: AttemptId) -> Result<AbsPath, WorkerError> {
        let (above, folder) = (self.options.scratch.clone(), self.options.scratch.child(&id.to_string())?);
        blocking::run(move || {
            std::fs::create_dir_all(&above).at("create", &above)?;
            std::fs::create_dir(&folder).at("create", &folder)?;
            Ok(folder)
        })
        .await
    }
}

/// `None` when the queue says that the attempt is over, which is no failure of the worker.
fn or_over<T>(answer: Result<T, QueueError>) -> Result<Option<T>, WorkerError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(QueueError::Rejected(_) | QueueError::NoTask(_) | QueueError::Cancelled(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
