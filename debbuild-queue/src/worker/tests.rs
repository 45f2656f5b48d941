//! The worker on queues that lose replies, disappear, or want something else.

mod dead;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    blob::MemoryStore as MemoryBlobs,
    cancel::CancelToken,
    command::Stream,
    context::Context,
    error::Class,
    path::AbsPath,
    task::{Capabilities, Refusal, ScriptedExecutor, TaskExecutor, TaskIo, TaskOutcome, TaskSpec},
};
use tempfile::TempDir;

use super::{LeaseService, Reaper, Until, WorkerError, WorkerLoop, WorkerOptions};
use crate::{
    Accepted, Beat, BeatReply, ClaimRequest, Lease, Queue, QueueError,
    model::{
        AttemptId, AttemptState, Completion, IdempotencyKey, LeaseToken, Limits, NewTask, SubmitRequest, TaskId,
        TaskState, UserName, WorkerInstance, WorkerName,
    },
    store::{MemoryStore, StoreError},
};

const MS: Duration = Duration::from_millis(1);

struct Shop {
    queue: Queue,
    cx: Context,
    folder: TempDir,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let blobs = MemoryBlobs::new(AbsPath::new(folder.path()).unwrap());
        let limits = Limits::default().with_lease(50 * MS, 300 * MS, 600 * MS).with_backoff(vec![MS; 3]);
        let queue = Queue::new(Arc::new(MemoryStore::new()), Arc::new(blobs)).with_limits(limits);
        Self { queue, cx: Context::new(), folder }
    }

    async fn submit(&self, kind: &str) -> TaskId {
        let task = NewTask::new(TaskSpec::new(kind, 1, serde_json::Value::Null), "a task");
        let user = UserName::new("alice").unwrap();
        let request = SubmitRequest::new(IdempotencyKey::random(), user, vec![task]);
        self.queue.submit(&self.cx, &request).await.unwrap().tasks[0]
    }

    fn options(&self) -> WorkerOptions {
        let path = |name: &str| AbsPath::new(self.folder.path()).unwrap().child(name).unwrap();
        let can = Capabilities::new([Architecture::new("amd64").unwrap()], []);
        WorkerOptions::new(WorkerName::new("w1").unwrap(), can, path("spool"), path("scratch"))
            .with_pace(10 * MS, 10 * MS)
            .with_limits(self.queue.limits().clone())
            .with_until(Until::Idle)
    }

    fn worker(&self, service: impl LeaseService + 'static, executor: impl TaskExecutor + 'static) -> WorkerLoop {
        let blobs = Arc::clone(self.queue.blobs());
        WorkerLoop::new(Arc::new(service), blobs, vec![Arc::new(executor)], self.options())
    }

    async fn states(&self, id: TaskId) -> (TaskState, Vec<AttemptState>) {
        let attempts = self.queue.attempts(&self.cx, id).await.unwrap();
        let task = self.queue.task(&self.cx, id).await.unwrap();
        (task.state, attempts.iter().map(|attempt| attempt.state).collect())
    }

    fn spooled(&self) -> Vec<String> {
        let folder = self.folder.path().join("spool/w1");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

fn scripted(kind: &str) -> ScriptedExecutor {
    ScriptedExecutor::new(kind, TaskOutcome::succeeded(vec![]))
}

/// A queue that does what it is asked, and whose reply is lost for the first so many calls of each kind; or that is gone.
#[derive(Debug)]
struct Lossy {
    queue: Queue,
    left: [AtomicU32; 4],
    gone: Arc<AtomicBool>,
}

impl Lossy {
    fn new(queue: &Queue, losses: u32) -> Self {
        let left = [losses; 4].map(AtomicU32::new);
        Self { queue: queue.clone(), left, gone: Arc::default() }
    }

    fn reply<T>(&self, kind: usize, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        let lost = self.left[kind].fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if lost { Err(StoreError::Busy.into()) } else { answer }
    }
}

#[async_trait]
impl LeaseService for Lossy {
    async fn register(
        &self,
        cx: &Context,
        name: &WorkerName,
        instance: WorkerInstance,
        can: &Capabilities,
    ) -> Result<(), QueueError> {
        self.queue.register(cx, name, instance, can).await
    }
    async fn claim(&self, cx: &Context, claim: &ClaimRequest) -> Result<Option<Lease>, QueueError> {
        let answer = self.queue.claim(cx, claim).await;
        self.reply(0, answer)
    }
    async fn accept(&self, cx: &Context, id: AttemptId, token: &LeaseToken) -> Result<(), QueueError> {
        let answer = self.queue.accept(cx, id, token).await;
        self.reply(1, answer)
    }
    async fn beat(&self, cx: &Context, beat: &Beat<'_>) -> Result<BeatReply, QueueError> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(StoreError::Busy.into());
        }
        let answer = self.queue.beat(cx, beat).await;
        self.reply(2, answer)
    }
    async fn complete(
        &self,
        cx: &Context,
        id: AttemptId,
        token: &LeaseToken,
        completion: &Completion,
    ) -> Result<Accepted, QueueError> {
        let answer = self.queue.complete(cx, id, token, completion).await;
        self.reply(3, answer)
    }
    async fn refuse(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError> {
        self.queue.refuse(cx, id, token, reason).await
    }
    async fn abandon(&self, cx: &Context, id: AttemptId, token: &LeaseToken, reason: &str) -> Result<(), QueueError> {
        self.queue.abandon(cx, id, token, reason).await
    }
    async fn outstanding(&self, cx: &Context, name: &WorkerName, kinds: &[String]) -> Result<u64, QueueError> {
        self.queue.outstanding(cx, name, kinds).await
    }
}

#[tokio::test]
async fn every_task_is_done_once_though_replies_are_lost() {
    let shop = Shop::new();
    let (first, second) = (shop.submit("probe").await, shop.submit("probe").await);
    let executor = Arc::new(scripted("probe"));
    let worker = WorkerLoop::new(
        Arc::new(Lossy::new(&shop.queue, 1)),
        Arc::clone(shop.queue.blobs()),
        vec![Arc::clone(&executor) as Arc<dyn TaskExecutor>],
        shop.options(),
    );
    let report = worker.run(&shop.cx).await.unwrap();
    assert_eq!((report.attempts, executor.seen().len()), (2, 2));
    for id in [first, second] {
        assert_eq!(shop.states(id).await, (TaskState::Succeeded, vec![AttemptState::Succeeded]));
        let attempt = AttemptId { task: id, number: 1 };
        let log = shop.queue.log(&shop.cx, attempt, 0, 100).await.unwrap();
        assert_eq!((log.bytes.as_slice(), log.end), (&b"doing probe\n"[..], true));
    }
    assert_eq!(shop.spooled(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(shop.folder.path().join("scratch")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_wish_to_cancel_comes_with_the_heartbeat() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let worker = shop.worker(shop.queue.clone(), scripted("probe").with_pause(Duration::from_secs(60)));
    let cx = shop.cx.clone();
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    shop.queue.cancel(&shop.cx, id, &UserName::new("bob").unwrap(), "not wanted").await.unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(shop.states(id).await, (TaskState::Cancelled, vec![AttemptState::Cancelled]));
}

#[tokio::test]
async fn a_worker_that_is_stopped_gives_its_task_back() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let worker = shop.worker(shop.queue.clone(), scripted("probe").with_pause(Duration::from_secs(60)));
    let stop = CancelToken::new();
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(shop.states(id).await, (TaskState::Ready, vec![AttemptState::Released]));
    assert_eq!(shop.queue.task(&shop.cx, id).await.unwrap().infra_failures, 0);
}

/// Fails as a compiler does when somebody stops it together with the worker.
#[derive(Debug)]
struct Stopped;

#[async_trait]
impl TaskExecutor for Stopped {
    fn kinds(&self) -> Vec<String> {
        vec!["probe".to_owned()]
    }
    fn consider(&self, _: &TaskSpec) -> Result<(), Refusal> {
        Ok(())
    }
    async fn execute(&self, cx: &Context, _: &TaskSpec, _: &mut TaskIo<'_>) -> TaskOutcome {
        cx.cancel().cancelled().await;
        TaskOutcome::failed(Class::Compile, "terminated")
    }
}

#[tokio::test]
async fn a_failure_after_the_wish_to_stop_is_not_the_sources() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let stop = CancelToken::new();
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let worker = shop.worker(shop.queue.clone(), Stopped);
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(shop.states(id).await, (TaskState::Ready, vec![AttemptState::Released]));
}

#[tokio::test]
async fn a_worker_that_is_not_heard_ends_its_own_work() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let service = Lossy::new(&shop.queue, 0);
    let gone = Arc::clone(&service.gone);
    let worker = shop.worker(service, scripted("probe").with_pause(Duration::from_secs(60)));
    let (stop, begun) = (CancelToken::new(), std::time::Instant::now());
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    gone.store(true, Ordering::SeqCst);
    wait_for(&shop, id, AttemptState::Aborted).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(shop.queue.attempts(&shop.cx, id).await.unwrap()[0].state, AttemptState::Aborted);
}

#[tokio::test]
async fn the_reaper_frees_what_stands_still_and_the_old_worker_gives_up() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let service = Lossy::new(&shop.queue, 0);
    let gone = Arc::clone(&service.gone);
    let mut limits = shop.queue.limits().clone();
    limits.self_kill = Duration::from_secs(60);
    let options = shop.options().with_limits(limits);
    let executor = Arc::new(scripted("probe").with_pause(Duration::from_secs(60)));
    let worker = WorkerLoop::new(Arc::new(service), Arc::clone(shop.queue.blobs()), vec![executor], options);
    let stop = CancelToken::new();
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    let mut reaper = Reaper::new();
    for _ in 0..20 {
        assert!(reaper.sweep(&shop.cx, &shop.queue).await.unwrap().is_empty(), "it beats");
        tokio::time::sleep(50 * MS).await;
    }
    gone.store(true, Ordering::SeqCst);
    let mut freed = Vec::new();
    while freed.is_empty() {
        freed = reaper.sweep(&shop.cx, &shop.queue).await.unwrap();
        tokio::time::sleep(20 * MS).await;
    }
    assert_eq!(freed, [AttemptId { task: id, number: 1 }]);
    gone.store(false, Ordering::SeqCst);
    // The first attempt hears that it is over, and the worker goes on with a second one.
    loop {
        let (_, states) = shop.states(id).await;
        if states.get(1) == Some(&AttemptState::Running) {
            assert_eq!(states[0], AttemptState::Lost);
            break;
        }
        tokio::time::sleep(20 * MS).await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(shop.spooled(), Vec::<String>::new());
}

/// Takes tasks and panics, or refuses them.
#[derive(Debug)]
struct Bad(bool);

#[async_trait]
impl TaskExecutor for Bad {
    fn kinds(&self) -> Vec<String> {
        vec!["probe".to_owned()]
    }
    fn consider(&self, task: &TaskSpec) -> Result<(), Refusal> {
        if self.0 { Ok(()) } else { Err(Refusal::new(&task.kind, "no room")) }
    }
    async fn execute(&self, _: &Context, _: &TaskSpec, io: &mut TaskIo<'_>) -> TaskOutcome {
        io.log.write(Stream::Stdout, b"about to panic\n").unwrap();
        panic!("a bug of the executor");
    }
}

#[tokio::test]
async fn a_panic_ends_the_attempt_and_not_the_worker() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let report = shop.worker(shop.queue.clone(), Bad(true)).run(&shop.cx);
    let report = tokio::time::timeout(Duration::from_secs(20), report);
    // Three failures in a row put the worker into quarantine; that is enough to see.
    let _ = tokio::select! {
        report = report => report.map(drop).map_err(drop),
        () = wait_for_attempts(&shop, id, 3) => Ok(()),
    };
    let attempts = shop.queue.attempts(&shop.cx, id).await.unwrap();
    assert!(attempts.iter().take(2).all(|attempt| attempt.state == AttemptState::Aborted));
    assert_eq!(attempts[0].failure.as_ref().map(|failure| failure.class.as_str()), Some(Class::Internal.name()));
}

#[tokio::test]
async fn a_refused_task_stays_ready() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let stop = CancelToken::new();
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let worker = shop.worker(shop.queue.clone(), Bad(false));
    let running = tokio::spawn(async move { worker.run(&cx).await });
    wait_for(&shop, id, AttemptState::Refused).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(shop.states(id).await, (TaskState::Ready, vec![AttemptState::Refused]));
    let reasons = shop.queue.explain(&shop.cx, id).await.unwrap().reasons;
    assert!(reasons.iter().any(|reason| reason.contains("refused")), "{reasons:?}");
}

#[tokio::test]
async fn one_process_at_a_time_has_a_workers_name() {
    let shop = Shop::new();
    let id = shop.submit("probe").await;
    let first = shop.worker(shop.queue.clone(), scripted("probe").with_pause(Duration::from_secs(60)));
    let stop = CancelToken::new();
    let cx = shop.cx.clone().with_cancel(stop.clone());
    let running = tokio::spawn(async move { first.run(&cx).await });
    wait_for(&shop, id, AttemptState::Running).await;
    let second = shop.worker(shop.queue.clone(), scripted("probe")).run(&shop.cx).await;
    assert!(matches!(second, Err(WorkerError::Running(_))), "{second:?}");
    stop.cancel();
    running.await.unwrap().unwrap();
}

async fn wait_for(shop: &Shop, id: TaskId, state: AttemptState) {
    while shop.states(id).await.1.first() != Some(&state) {
        tokio::time::sleep(5 * MS).await;
    }
}

async fn wait_for_attempts(shop: &Shop, id: TaskId, count: usize) {
    while shop.states(id).await.1.len() < count {
        tokio::time::sleep(5 * MS).await;
    }
}
