//! What every [`QueueStore`](super::QueueStore) must do, shown through [`Queue`]: each case takes an empty store.

pub mod leases;
pub mod requests;
pub mod tags;

use std::{sync::Arc, time::Duration};

use debbuild_core::{
    arch::Architecture,
    blob::{Blob, MemoryStore as MemoryBlobs},
    build::{Artifact, BuildRecord, BuilderInfo, Outcome},
    clock::{FixedClock, Timestamp},
    context::Context,
    error::Class,
    path::AbsPath,
    task::{Capabilities, TaskOutcome, TaskSpec},
};

use super::QueueStore;
use crate::{
    Queue,
    model::{
        AttemptId, Completion, IdempotencyKey, Limits, NewTask, SubmitRequest, TaskId, UserName, WorkerInstance,
        WorkerName,
    },
    queue::{ClaimRequest, Lease},
};

/// A queue on the store under test, with a clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The queue.
    pub queue: Queue,
    /// The context of every call.
    pub cx: Context,
    /// Its clock.
    pub clock: FixedClock,
    /// Who asks.
    pub user: UserName,
    /// Who works.
    pub worker: WorkerName,
    /// Its process.
    pub instance: WorkerInstance,
}

impl Bench {
    /// A queue on this store; its worker is registered and can do everything on amd64.
    pub async fn new(store: Arc<dyn QueueStore>) -> Self {
        // Nothing here asks for local files, for which the memory store would need a folder.
        let scratch = AbsPath::new("/nonexistent").expect("a path");
        let clock = FixedClock::new(Timestamp::from_seconds(1_800_000_000));
        let cx = Context::new().with_clock(Arc::new(clock.clone()));
        let queue = Queue::new(store, Arc::new(MemoryBlobs::new(scratch))).with_limits(Limits::default());
        let worker = WorkerName::new("w1").expect("a name");
        let bench = Self {
            queue,
            cx,
            clock,
            user: UserName::new("alice").expect("a name"),
            worker: worker.clone(),
            instance: WorkerInstance::random(),
        };
        let can = Capabilities::new([Architecture::new("amd64").expect("a name")], ["sbuild".to_owned()]);
        bench.queue.register_worker(&bench.cx, &worker, bench.instance, &can).await.expect("registers");
        bench
    }

    /// A request of one task of kind `build` with this label.
    #[must_use]
    pub fn request(&self, label: &str) -> SubmitRequest {
        self.request_of(vec![NewTask::new(TaskSpec::new("build", 1, serde_json::json!({"label": label})), label)])
    }

    /// A request of these tasks under a new key.
    #[must_use]
    pub fn request_of(&self, tasks: Vec<NewTask>) -> SubmitRequest {
        SubmitRequest::new(IdempotencyKey::random(), self.user.clone(), tasks)
    }

    /// Submits one task.
    pub async fn submit(&self, label: &str) -> TaskId {
        self.queue.submit(&self.cx, &self.request(label)).await.expect("submits").tasks[0]
    }

    /// A new claim of the worker.
    #[must_use]
    pub fn claim(&self) -> ClaimRequest {
        ClaimRequest::new(self.worker.clone(), self.instance, vec!["build".to_owned()])
    }

    /// Leases and accepts the next task.
    pub async fn start(&self) -> (Lease, ClaimRequest) {
        let claim = self.claim();
        let lease = self.queue.claim(&self.cx, &claim).await.expect("claims").expect("there is work");
        self.queue.accept(&self.cx, lease.attempt, &claim.token).await.expect("accepts");
        (lease, claim)
    }

    /// Stores these bytes.
    pub async fn blob(&self, bytes: &str) -> Blob {
        self.queue.blobs().put(&self.cx, bytes.to_owned().into()).await.expect("puts")
    }

    /// A success of a build of this source package, with one stored file and a stored log.
    pub async fn success(&self, source: &str, version: &str) -> Completion {
        let name = format!("{source}_{version}_amd64.deb");
        let blob = self.blob(&name).await;
        let file = Artifact { name, kind: "deb".to_owned(), size: blob.size, sha256: blob.id };
        let record = record(source, version, Outcome::Succeeded);
        let record = serde_json::to_value(record).expect("a record is JSON");
        let log = self.blob(&format!("building {source}\n")).await;
        Completion::new(TaskOutcome::succeeded(vec![file]).with_record(record), Some(log))
    }

    /// Builds this source package: submits, leases, accepts, completes.
    pub async fn build(&self, source: &str, version: &str) -> AttemptId {
        self.submit(source).await;
        let (lease, claim) = self.start().await;
        let success = self.success(source, version).await;
        self.queue.complete(&self.cx, lease.attempt, &claim.token, &success).await.expect("completes");
        lease.attempt
    }
}

/// A failure of this class.
#[must_use]
pub fn failure(class: Class) -> Completion {
    Completion::new(TaskOutcome::failed(class, format!("it is {class}")), None)
}

/// A build record that says little.
#[must_use]
pub fn record(source: &str, version: &str, outcome: Outcome) -> BuildRecord {
    let builder = BuilderInfo {
        tool: "sbuild".to_owned(),
        version: "0.85.0".to_owned(),
        backend: "unshare".to_owned(),
        isolation: "user".to_owned(),
    };
    let mut record = BuildRecord::new(source, version, "amd64", "bookworm", builder);
    record.outcome = outcome;
    record
}

/// Long enough for every pause and quarantine to be over.
pub const LONG: Duration = Duration::from_secs(3600);
