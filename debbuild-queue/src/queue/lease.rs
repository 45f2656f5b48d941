//! The lease protocol as workers speak it: register, claim, accept, beat, log, complete, or give back.

use std::collections::BTreeMap;

use debbuild_core::{clock::Timestamp, context::Context, digest::Sha256, task::Capabilities};

use super::{Accepted, Beat, BeatReply, ClaimRequest, Lease, LogChunk, Queue, submit::is_file_name};
use crate::{
    error::QueueError,
    model::{
        Attempt, AttemptId, AttemptState, Command, Completion, EventKind, LeaseToken, NewEvent, Rejection, Subject,
        Task, TaskState, View, Worker, WorkerInstance, WorkerMode, WorkerName, decide, lease,
    },
    store::{ReadyQuery, StoreError, Transaction},
};

impl Queue {
    /// Notes that a worker's process is there and what it can do. Its mode and its quarantine stay as they are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn register_worker(
        &self,
        cx: &Context,
        name: &WorkerName,
        instance: WorkerInstance,
        capabilities: &Capabilities,
    ) -> Result<Worker, QueueError> {
        let mut tx = self.store.write().await?;
        self.void_earlier(cx, &mut *tx, name, instance).await?;
        let fresh = Worker::new(name.clone(), instance, capabilities.clone(), cx.now());
        let worker = match tx.worker(name).await? {
            None => fresh,
            Some(known) => Worker { instance, capabilities: capabilities.clone(), seen: cx.now(), ..known },
        };
        tx.put_worker(&worker).await?;
        let known = tx.worker(name).await?;
        tx.commit().await?;
        known.ok_or_else(|| QueueError::NoWorker(name.clone()))
    }

    /// What an earlier process of the worker was given and never accepted is free at once: nobody will accept it now.
    async fn void_earlier(
        &self,
        cx: &Context,
        tx: &mut dyn Transaction,
        name: &WorkerName,
        instance: WorkerInstance,
    ) -> Result<(), QueueError> {
        let mut after = None;
        loop {
            let page = tx.open_attempts(after, 500).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for attempt in page {
                let earlier = attempt.worker == *name && attempt.instance != instance;
                if earlier && attempt.state == AttemptState::Leased {
                    let (id, command) = (attempt.id, Command::Lose(attempt.counter));
                    self.decide_in(cx, tx, id.task, Some(id.number), &command).await?;
                }
            }
        }
    }

    /// Leases the first task that the worker may have, if there is one. The same claim again gives the same lease.
    ///
    /// # Errors
    /// [`QueueError::NoWorker`], [`QueueError::Replaced`]; [`Rejection::Stale`] when the claim's lease is over.
    pub async fn claim(&self, cx: &Context, claim: &ClaimRequest) -> Result<Option<Lease>, QueueError> {
        let now = cx.now();
        if !self.worth_writing(claim, now).await? {
            return Ok(None);
        }
        let mut tx = self.store.write().await?;
        if let Some(attempt) = tx.attempt_of_claim(&claim.key).await? {
            return again(&mut *tx, claim, &attempt).await.map(Some);
        }
        let worker = present(&mut *tx, claim).await?;
        if worker.mode == WorkerMode::Draining || worker.is_quarantined(now) {
            return Ok(None);
        }
        let Some(task) = self.first_suited(&mut *tx, claim, &worker, now).await? else { return Ok(None) };
        let id = AttemptId { task: task.id, number: task.attempts + 1 };
        let (name, hash) = (claim.worker.clone(), claim.token.hash());
        let attempt = Attempt::lease(id, name, claim.instance, hash, claim.key.clone(), now);
        self.apply(cx, &mut *tx, lease(&task, attempt).changes).await?;
        tx.put_worker(&Worker { seen: now, ..worker }).await?;
        tx.commit().await?;
        Ok(Some(Lease { attempt: id, spec: task.spec, label: task.label }))
    }

    /// Whether there may be something to lease: an idle worker that asks often must not keep writers waiting.
    async fn worth_writing(&self, claim: &ClaimRequest, now: Timestamp) -> Result<bool, QueueError> {
        let mut tx = self.store.read().await?;
        present(&mut *tx, claim).await?;
        let mut want = ReadyQuery::new(now, self.limits.longest_pause()).with_kinds(claim.kinds.clone());
        want.limit = 1;
        Ok(tx.attempt_of_claim(&claim.key).await?.is_some() || !tx.ready(&want).await?.is_empty())
    }

    async fn first_suited(
        &self,
        tx: &mut dyn Transaction,
        claim: &ClaimRequest,
        worker: &Worker,
        now: Timestamp,
    ) -> Result<Option<Task>, QueueError> {
        let avoided = tx.avoided(&worker.name, now).await?;
        let mut want = ReadyQuery::new(now, self.limits.longest_pause()).with_kinds(claim.kinds.clone());
        // Mostly the first one suits.
        want.limit = 8;
        loop {
            let tasks = tx.ready(&want).await?;
            let Some(last) = tasks.last().map(|task| (task.rank, task.id)) else { return Ok(None) };
            let suits = |task: &Task| !avoided.contains(&task.id) && self.policy.suits(worker, task).is_ok();
            if let Some(task) = tasks.into_iter().find(suits) {
                return Ok(Some(task));
            }
            want = want.with_after(last);
            want.limit = 200;
        }
    }

    /// The worker has the lease on its own disk and begins.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn accept(&self, cx: &Context, id: AttemptId, token: &LeaseToken) -> Result<(), QueueError> {
        self.carry_out(cx, id.task, Some(id.number), &Command::Accept(token)).await.map(drop)
    }

    /// Takes a sign of life, with the log since the last one. A piece of log that is known already is no error, a gap is.
    ///
    /// # Errors
    /// [`Rejection`], [`StoreError::LogOffset`].
    pub async fn beat(&self, cx: &Context, beat: &Beat<'_>) -> Result<BeatReply, QueueError> {
        let id = beat.attempt;
        let mut tx = self.store.write().await?;
        let command = Command::Beat(beat.token, beat.counter);
        let (task, attempt) = self.decide_in(cx, &mut *tx, id.task, Some(id.number), &command).await?;
        let mut attempt = attempt.ok_or(Rejection::NoAttempt(id.task))?;
        if let Some(chunk) = beat.log
            && let Some(size) = continue_log(&mut *tx, &attempt, chunk).await?
        {
            attempt.log_size = size;
            tx.put_attempt(&attempt).await?;
        }
        let worker = tx.worker(&attempt.worker).await?.filter(|worker| worker.instance == attempt.instance);
        let drain = worker.as_ref().is_some_and(|worker| worker.mode == WorkerMode::Draining);
        if let Some(worker) = worker {
            tx.put_worker(&Worker { seen: cx.now(), ..worker }).await?;
        }
        tx.commit().await?;
        Ok(BeatReply { cancel: task.cancel, drain, log_size: attempt.log_size })
    }

    /// Takes the end of an attempt: files are pinned and looked for first, then everything is accepted at once, or nothing.
    /// A repeated completion gets the answer of the first one.
    ///
    /// # Errors
    /// [`Rejection`], [`QueueError::MissingBlob`], [`QueueError::Malformed`].
    pub async fn complete(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        completion: &Completion,
    ) -> Result<Accepted, QueueError> {
        check_names(completion)?;
        let command = Command::Complete(token, completion);
        // What is refused anyhow pins nothing.
        self.consider(cx, id, &command).await?;
        let root = format!("{id}-{}", completion.digest());
        self.hold_results(cx, &root, completion).await?;
        match self.carry_out(cx, id.task, Some(id.number), &command).await {
            Ok((_, attempt)) => {
                let attempt = attempt.ok_or(Rejection::NoAttempt(id.task))?;
                let at = attempt.ended.unwrap_or(attempt.leased);
                Ok(Accepted { attempt: id, state: attempt.state, at })
            }
            Err(QueueError::Rejected(rejection)) => {
                // The attempt ended in between; if not by this very completion, nobody needs its files.
                let ended = self.store.read().await?.attempt(id).await?;
                if ended.is_none_or(|attempt| attempt.completion != Some(completion.digest())) {
                    self.blobs.pin(cx, RESULTS, &root, &[]).await?;
                }
                Err(rejection.into())
            }
            // It is not known whether the store took it: the root stays.
            Err(error) => Err(error),
        }
    }

    /// Whether the command would be allowed now.
    async fn consider(&self, cx: &Context, id: AttemptId, command: &Command<'_>) -> Result<(), QueueError> {
        let mut tx = self.store.read().await?;
        let task = tx.task(id.task).await?.ok_or(QueueError::NoTask(id.task))?;
        let attempt = tx.attempt(id).await?;
        decide(View { task: &task, attempt: attempt.as_ref() }, command, &self.limits, cx.now())?;
        Ok(())
    }

    /// The worker cannot do this task: another one may.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn refuse(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.carry_out(cx, id.task, Some(id.number), &Command::Refuse(token, reason)).await.map(drop)
    }

    /// The worker gives the task back because it is asked to stop.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn release(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.carry_out(cx, id.task, Some(id.number), &Command::Release(token, reason)).await.map(drop)
    }

    /// The worker found the lease of a process of its own that died: an infrastructure failure, known at once.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn abandon(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.carry_out(cx, id.task, Some(id.number), &Command::Abandon(token, reason)).await.map(drop)
    }

    /// The attempt's counter stood still at this value for too long: its task is free again.
    ///
    /// # Errors
    /// [`Rejection::Alive`] when it has moved meanwhile.
    pub async fn lose(&self, cx: &Context, id: AttemptId, counter: u64) -> Result<(), QueueError> {
        self.carry_out(cx, id.task, Some(id.number), &Command::Lose(counter)).await.map(drop)
    }

    /// Counts failures in a row; a worker that only fails gets nothing for a while.
    pub(super) async fn blame(
        &self,
        tx: &mut dyn Transaction,
        name: &WorkerName,
        broken: bool,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let Some(mut worker) = tx.worker(name).await? else { return Ok(()) };
        if !broken && worker.failures == 0 {
            return Ok(());
        }
        worker.failures = if broken { worker.failures + 1 } else { 0 };
        worker.quarantined = None;
        if broken && worker.failures >= self.limits.quarantine_after {
            worker.quarantined = Some(now.after(self.limits.quarantine));
            let text = format!("quarantine: {} infrastructure failures in a row", worker.failures);
            tx.add_event(&NewEvent::new(now, Subject::Worker(name.clone()), EventKind::WorkerChanged, text)).await?;
        }
        Ok(tx.put_worker(&worker).await?)
    }

    /// Pins files and log under a root of this completion, then looks whether all are stored as they were promised.
    async fn hold_results(&self, cx: &Context, root: &str, completion: &Completion) -> Result<(), QueueError> {
        let files = completion.outcome.artifacts.iter().map(|file| (file.sha256, (file.name.clone(), file.size)));
        let log = completion.log.map(|log| (log.id, ("the log".to_owned(), log.size)));
        let blobs: BTreeMap<Sha256, (String, u64)> = files.chain(log).collect();
        let ids: Vec<Sha256> = blobs.keys().copied().collect();
        self.blobs.pin(cx, RESULTS, root, &ids).await?;
        for (sha256, (name, size)) in blobs {
            if self.blobs.stat(cx, sha256).await?.is_none_or(|blob| blob.size != size) {
                return Err(QueueError::MissingBlob { name, sha256, size });
            }
        }
        Ok(())
    }
}

/// The owner of the roots that hold what attempts left.
const RESULTS: &str = "queue-results";

/// The lease that this claim got before.
async fn again(tx: &mut dyn Transaction, claim: &ClaimRequest, attempt: &Attempt) -> Result<Lease, QueueError> {
    if attempt.token_hash != claim.token.hash() {
        return Err(Rejection::Token(attempt.id).into());
    }
    if !attempt.state.is_open() {
        return Err(Rejection::Stale { attempt: attempt.id, state: attempt.state }.into());
    }
    let task = tx.task(attempt.id.task).await?.ok_or(QueueError::NoTask(attempt.id.task))?;
    debug_assert_eq!(task.state, TaskState::Leased);
    Ok(Lease { attempt: attempt.id, spec: task.spec, label: task.label })
}

/// The worker that claims, if no newer process has its name.
async fn present(tx: &mut dyn Transaction, claim: &ClaimRequest) -> Result<Worker, QueueError> {
    let worker = tx.worker(&claim.worker).await?.ok_or_else(|| QueueError::NoWorker(claim.worker.clone()))?;
    if worker.instance == claim.instance { Ok(worker) } else { Err(QueueError::Replaced(claim.worker.clone())) }
}

/// Continues the log; what is known already must be the same. Returns the new size if it grew.
async fn continue_log(
    tx: &mut dyn Transaction,
    attempt: &Attempt,
    chunk: LogChunk<'_>,
) -> Result<Option<u64>, QueueError> {
    let (id, size, offset) = (attempt.id, attempt.log_size, chunk.offset);
    let known = size.checked_sub(offset).ok_or(StoreError::LogOffset { attempt: id, size, offset })?;
    let known = usize::try_from(known).unwrap_or(usize::MAX).min(chunk.bytes.len());
    let (old, new) = chunk.bytes.split_at(known);
    if !old.is_empty() && tx.read_log(id, offset, u32::try_from(old.len()).unwrap_or(u32::MAX)).await? != old {
        return Err(StoreError::LogOffset { attempt: id, size, offset }.into());
    }
    if new.is_empty() {
        return Ok(None);
    }
    tx.append_log(id, size, new).await?;
    Ok(Some(size + new.len() as u64))
}

fn check_names(completion: &Completion) -> Result<(), QueueError> {
    let mut names: Vec<&str> = completion.outcome.artifacts.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(QueueError::Malformed(format!("two files are named {}", pair[0])));
    }
    match names.iter().find(|name| !is_file_name(name)) {
        Some(name) => Err(QueueError::Malformed(format!("not a plain file name: {name:?}"))),
        None => Ok(()),
    }
}
