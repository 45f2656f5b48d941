//! What a worker needs of a queue: the lease protocol as a trait, so that the queue may be elsewhere.

use std::fmt;

use async_trait::async_trait;
use debbuild_core::{context::Context, task::Capabilities};

use crate::{
    error::QueueError,
    model::{AttemptId, Completion, LeaseToken, TaskState, WorkerInstance, WorkerName},
    queue::{Accepted, Beat, BeatReply, ClaimRequest, Lease, Queue},
    store::{Part, TaskQuery},
};

/// The lease protocol. Every call may be repeated as it was when its reply was lost.
#[async_trait]
pub trait LeaseService: fmt::Debug + Send + Sync {
    /// See [`Queue::register_worker`].
    async fn register(
        &self,
        cx: &Context,
        name: &WorkerName,
        instance: WorkerInstance,
        can: &Capabilities,
    ) -> Result<(), QueueError>;
    /// See [`Queue::claim`].
    async fn claim(&self, cx: &Context, claim: &ClaimRequest) -> Result<Option<Lease>, QueueError>;
    /// See [`Queue::accept`].
    async fn accept(&self, cx: &Context, id: AttemptId, token: &LeaseToken) -> Result<(), QueueError>;
    /// See [`Queue::beat`].
    async fn beat(&self, cx: &Context, beat: &Beat<'_>) -> Result<BeatReply, QueueError>;
    /// See [`Queue::complete`].
    async fn complete(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        completion: &Completion,
    ) -> Result<Accepted, QueueError>;
    /// See [`Queue::refuse`].
    async fn refuse(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError>;
    /// See [`Queue::abandon`].
    async fn abandon(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError>;
    /// How many tasks of these kinds have not ended that this worker could do, now or later.
    async fn outstanding(&self, cx: &Context, name: &WorkerName, kinds: &[String]) -> Result<u64, QueueError>;
}

#[async_trait]
impl LeaseService for Queue {
    async fn register(
        &self,
        cx: &Context,
        name: &WorkerName,
        instance: WorkerInstance,
        can: &Capabilities,
    ) -> Result<(), QueueError> {
        self.register_worker(cx, name, instance, can).await.map(drop)
    }

    async fn claim(&self, cx: &Context, claim: &ClaimRequest) -> Result<Option<Lease>, QueueError> {
        Self::claim(self, cx, claim).await
    }

    async fn accept(&self, cx: &Context, id: AttemptId, token: &LeaseToken) -> Result<(), QueueError> {
        Self::accept(self, cx, id, token).await
    }

    async fn beat(&self, cx: &Context, beat: &Beat<'_>) -> Result<BeatReply, QueueError> {
        Self::beat(self, cx, beat).await
    }

    async fn complete(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        completion: &Completion,
    ) -> Result<Accepted, QueueError> {
        Self::complete(self, cx, id, token, completion).await
    }

    async fn refuse(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError> {
        Self::refuse(self, cx, id, token, reason).await
    }

    async fn abandon(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError> {
        Self::abandon(self, cx, id, token, reason).await
    }

    async fn outstanding(&self, cx: &Context, name: &WorkerName, kinds: &[String]) -> Result<u64, QueueError> {
        let worker = self.worker(cx, name).await?;
        let states = vec![TaskState::Blocked, TaskState::Ready, TaskState::Leased];
        let (mut count, mut after) = (0, None);
        loop {
            let query = TaskQuery::new().with_states(states.clone()).with_part(Part::new(after, 1000));
            let page = self.tasks(cx, &query).await?;
            let suited = page.items.iter().filter(|task| kinds.contains(&task.spec.kind));
            count += suited.filter(|task| self.policy.suits(&worker, task).is_ok()).count() as u64;
            after = page.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }
}
