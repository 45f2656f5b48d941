//! The lease protocol: fencing, repetition, loss, refusal, cancellation, logs. Invariants 5, 6 and 8 of the house.

use std::{sync::Arc, time::Duration};

use debbuild_core::error::Class;

use super::{Bench, LONG, failure};
use crate::{
    QueueError,
    model::{AttemptState, LeaseToken, Rejection, TaskState, WorkerInstance, WorkerMode},
    queue::{Beat, LogChunk},
    store::{BuildQuery, QueueStore, StoreError},
};

/// Every case of this file; `store` makes a new empty store.
///
/// # Panics
/// When the store does not conform.
pub async fn all<F: Future<Output = Arc<dyn QueueStore>>>(store: impl Fn() -> F) {
    repeated_claim(store().await).await;
    repeated_completion(store().await).await;
    stale_completion(store().await).await;
    missing_blob(store().await).await;
    infrastructure_is_no_build_failure(store().await).await;
    wrong_configuration_is_not_tried_again(store().await).await;
    cancel_under_way(store().await).await;
    refused_and_released(store().await).await;
    void_costs_nothing(store().await).await;
    first_death_costs_no_pause(store().await).await;
    log_offsets(store().await).await;
    replaced_worker(store().await).await;
    one_claimant(store().await).await;
}

/// A claim whose reply was lost gives the same lease; another token does not.
///
/// # Panics
/// When the store does not conform.
pub async fn repeated_claim(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    bench.submit("a").await;
    bench.submit("b").await;
    let claim = bench.claim();
    let first = bench.queue.claim(&bench.cx, &claim).await.expect("claims").expect("there is work");
    let again = bench.queue.claim(&bench.cx, &claim).await.expect("claims").expect("there is work");
    assert_eq!(first, again);
    let mut thief = claim.clone();
    thief.token = LeaseToken::random();
    let error = bench.queue.claim(&bench.cx, &thief).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Token(_)))), "{error:?}");
    let other = bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").expect("there is work");
    assert_ne!(other.attempt.task, first.attempt.task);
}

/// A repeated completion gets the first answer; another one changes nothing; a task has one accepted result.
///
/// # Panics
/// When the store does not conform.
pub async fn repeated_completion(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (lease, claim) = bench.start().await;
    let done = bench.success("hello", "1").await;
    let first = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
    bench.clock.advance(LONG);
    let again = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
    assert_eq!(first, again);
    let error = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &failure(Class::Compile)).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::OtherCompletion(_)))), "{error:?}");
    let error = bench.queue.complete(&bench.cx, lease.attempt, &LeaseToken::random(), &done).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Token(_)))), "{error:?}");
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((task.state, task.attempts), (TaskState::Succeeded, 1));
    let builds = bench.queue.builds(&bench.cx, &BuildQuery::new().with_task(id)).await.expect("lists");
    assert_eq!(builds.items.len(), 1);
    let files = bench.queue.artifacts(&bench.cx, lease.attempt).await.expect("lists");
    assert_eq!(files.len(), 1);
    let root = format!("{}-{}", lease.attempt, done.digest());
    let pinned = bench.queue.blobs().pinned(&bench.cx, "queue-results", &root).await.expect("reads");
    assert!(pinned.contains(&files[0].sha256), "the root of the accepted result stays");
}

/// What a lost attempt says no longer counts, also while and after another attempt runs.
///
/// # Panics
/// When the store does not conform.
pub async fn stale_completion(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (old, old_claim) = bench.start().await;
    bench.queue.beat(&bench.cx, &Beat::new(old.attempt, &old_claim.token, 5)).await.expect("beats");
    let error = bench.queue.lose(&bench.cx, old.attempt, 4).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Alive(_)))), "{error:?}");
    bench.queue.lose(&bench.cx, old.attempt, 5).await.expect("is lost");
    bench.queue.lose(&bench.cx, old.attempt, 5).await.expect("is lost already");
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((task.state, task.infra_failures), (TaskState::Ready, 1));
    let done = bench.success("hello", "1").await;
    let stale = |error: Result<(), QueueError>| {
        assert!(matches!(error, Err(QueueError::Rejected(Rejection::Stale { .. }))), "{error:?}");
    };
    stale(bench.queue.complete(&bench.cx, old.attempt, &old_claim.token, &done).await.map(drop));
    bench.clock.advance(LONG);
    let (new, new_claim) = bench.start().await;
    assert_eq!((new.attempt.task, new.attempt.number), (id, 2));
    stale(bench.queue.complete(&bench.cx, old.attempt, &old_claim.token, &done).await.map(drop));
    let chunk = LogChunk { offset: 0, bytes: b"late" };
    let beat = Beat::new(old.attempt, &old_claim.token, 9).with_log(Some(chunk));
    stale(bench.queue.beat(&bench.cx, &beat).await.map(drop));
    bench.queue.complete(&bench.cx, new.attempt, &new_claim.token, &done).await.expect("completes");
    stale(bench.queue.complete(&bench.cx, old.attempt, &old_claim.token, &done).await.map(drop));
    let states: Vec<AttemptState> =
        bench.queue.attempts(&bench.cx, id).await.expect("lists").iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [AttemptState::Lost, AttemptState::Succeeded]);
}

/// A result whose files are not stored as promised is not accepted; once they are, it is.
///
/// # Panics
/// When the store does not conform.
pub async fn missing_blob(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (lease, claim) = bench.start().await;
    let mut done = bench.success("hello", "1").await;
    done.outcome.artifacts[0].size += 1;
    let error = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await;
    assert!(matches!(error, Err(QueueError::MissingBlob { .. })), "{error:?}");
    done.outcome.artifacts[0].size -= 1;
    done.outcome.artifacts[0].name = "../x.deb".to_owned();
    let error = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await;
    assert!(matches!(error, Err(QueueError::Malformed(_))), "{error:?}");
    assert_eq!(bench.queue.task(&bench.cx, id).await.expect("is there").state, TaskState::Leased);
    let done = bench.success("hello", "1").await;
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
}

/// Infrastructure failures are tried again three times, with pauses, and then abort the task: it never counts as failed.
///
/// # Panics
/// When the store does not conform.
pub async fn infrastructure_is_no_build_failure(store: Arc<dyn QueueStore>) {
    let mut bench = Bench::new(store).await;
    bench.queue = bench.queue.clone().with_limits(bench.queue.limits().clone().with_quarantine(9, Duration::ZERO));
    let id = bench.submit("hello").await;
    for number in 1..=4 {
        let (lease, claim) = bench.start().await;
        assert_eq!(lease.attempt.number, number);
        // Whatever the worker calls it: the class decides.
        let mut done = failure(Class::Infrastructure);
        done.outcome.outcome = debbuild_core::build::Outcome::Failed;
        let answer = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
        assert_eq!(answer.state, AttemptState::Aborted);
        assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none(), "it pauses");
        bench.clock.advance(Duration::from_secs(751));
    }
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((task.state, task.infra_failures), (TaskState::Aborted, 4));
    assert!(bench.queue.builds(&bench.cx, &BuildQuery::new()).await.expect("lists").items.is_empty());
    assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none());
}

/// A wrong configuration is wrong the next time too: it aborts the task at once.
///
/// # Panics
/// When the store does not conform.
pub async fn wrong_configuration_is_not_tried_again(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (lease, claim) = bench.start().await;
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &failure(Class::Config)).await.expect("completes");
    assert_eq!(bench.queue.task(&bench.cx, id).await.expect("is there").state, TaskState::Aborted);
}

/// The wish to cancel reaches the worker with its heartbeat's reply; success and cancellation never both win.
///
/// # Panics
/// When the store does not conform.
pub async fn cancel_under_way(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let (first, second, third) = (bench.submit("a").await, bench.submit("b").await, bench.submit("c").await);
    let ((a, a_claim), (b, b_claim), (c, c_claim)) = (bench.start().await, bench.start().await, bench.start().await);
    for id in [first, second, third] {
        let task = bench.queue.cancel(&bench.cx, id, &bench.user, "wrong version").await.expect("cancels");
        assert_eq!(task.state, TaskState::Leased, "a wish, not an end");
    }
    let reply = bench.queue.beat(&bench.cx, &Beat::new(a.attempt, &a_claim.token, 2)).await.expect("beats");
    assert_eq!(reply.cancel.expect("a wish").reason, "wrong version");
    let done = failure(Class::Cancelled);
    bench.queue.complete(&bench.cx, a.attempt, &a_claim.token, &done).await.expect("completes");
    let done = bench.success("b", "1").await;
    bench.queue.complete(&bench.cx, b.attempt, &b_claim.token, &done).await.expect("completes");
    drop(c_claim);
    bench.queue.lose(&bench.cx, c.attempt, 1).await.expect("is lost");
    let mut states = Vec::new();
    for id in [first, second, third] {
        states.push(bench.queue.task(&bench.cx, id).await.expect("is there").state);
    }
    assert_eq!(states, [TaskState::Cancelled, TaskState::Succeeded, TaskState::Cancelled]);
}

/// A refused task is not offered to that worker again for a while; a released one is free at once; neither costs a retry.
///
/// # Panics
/// When the store does not conform.
pub async fn refused_and_released(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (lease, claim) = bench.start().await;
    bench.queue.refuse(&bench.cx, lease.attempt, &claim.token, "no disk").await.expect("refuses");
    assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none());
    bench.clock.advance(LONG);
    let (lease, claim) = bench.start().await;
    bench.queue.release(&bench.cx, lease.attempt, &claim.token, "shutdown").await.expect("releases");
    let (lease, _) = bench.start().await;
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((lease.attempt.number, task.infra_failures), (3, 0));
    bench.queue.set_worker_mode(&bench.cx, &bench.worker, WorkerMode::Draining).await.expect("drains");
    bench.submit("other").await;
    assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none());
}

/// A lease that was never accepted is void and costs no retry.
///
/// # Panics
/// When the store does not conform.
pub async fn void_costs_nothing(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let claim = bench.claim();
    let lease = bench.queue.claim(&bench.cx, &claim).await.expect("claims").expect("there is work");
    let error = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &failure(Class::Compile)).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::NotAccepted(_)))), "{error:?}");
    bench.queue.lose(&bench.cx, lease.attempt, 0).await.expect("is void");
    let error = bench.queue.accept(&bench.cx, lease.attempt, &claim.token).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Stale { .. }))), "{error:?}");
    let error = bench.queue.claim(&bench.cx, &claim).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Stale { .. }))), "{error:?}");
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((task.state, task.infra_failures, task.not_before), (TaskState::Ready, 0, None));
}

/// A worker that died over a task and was started again goes on with it at once; only the second death makes the task
/// wait. What the dead process says later changes nothing.
///
/// # Panics
/// When the store does not conform.
pub async fn first_death_costs_no_pause(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let (first, old) = bench.start().await;
    bench.queue.abandon(&bench.cx, first.attempt, &old.token, "died").await.expect("abandons");
    let (second, claim) = bench.start().await;
    assert_eq!(second.attempt.number, 2, "nothing was waited for");
    let done = bench.success("hello", "1").await;
    let error = bench.queue.complete(&bench.cx, first.attempt, &old.token, &done).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Stale { .. }))), "{error:?}");
    bench.queue.abandon(&bench.cx, second.attempt, &claim.token, "died again").await.expect("abandons");
    assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none(), "it pauses");
    let task = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((task.state, task.infra_failures), (TaskState::Ready, 2));
    let states = bench.queue.attempts(&bench.cx, id).await.expect("lists");
    assert!(states.iter().all(|attempt| attempt.state == AttemptState::Lost), "{states:?}");
    bench.clock.advance(LONG);
    assert_eq!(bench.start().await.0.attempt.number, 3);
}

/// Acknowledged bytes of a log are a prefix of the final one: repetitions are harmless, gaps and changes are refused.
///
/// # Panics
/// When the store does not conform.
pub async fn log_offsets(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    bench.submit("hello").await;
    let (lease, claim) = bench.start().await;
    let beat = async |counter: u64, offset: u64, bytes: &[u8]| {
        let chunk = LogChunk { offset, bytes };
        let beat = Beat::new(lease.attempt, &claim.token, counter).with_log(Some(chunk));
        bench.queue.beat(&bench.cx, &beat).await.map(|reply| reply.log_size)
    };
    assert_eq!(beat(2, 0, b"one\n").await.expect("takes"), 4);
    assert_eq!(beat(2, 0, b"one\n").await.expect("takes again"), 4);
    assert_eq!(beat(3, 0, b"one\ntwo\n").await.expect("takes the rest"), 8);
    for (offset, bytes) in [(9, &b"gap"[..]), (0, b"ONE\n"), (4, b"twice")] {
        let error = beat(4, offset, bytes).await;
        assert!(matches!(error, Err(QueueError::Store(StoreError::LogOffset { .. }))), "{error:?}");
    }
    let part = bench.queue.log(&bench.cx, lease.attempt, 2, 100).await.expect("reads");
    assert_eq!((part.bytes.as_slice(), part.end), (&b"e\ntwo\n"[..], false));
    assert_eq!(bench.queue.log(&bench.cx, lease.attempt, 5, 2).await.expect("reads").bytes, b"wo");
    let mut done = bench.success("hello", "1").await;
    done.log = Some(bench.blob("one").await);
    let error = bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::ShortLog { .. }))), "{error:?}");
    done.log = Some(bench.blob("one\ntwo\nthree\n").await);
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
    let part = bench.queue.log(&bench.cx, lease.attempt, 8, 100).await.expect("reads");
    assert_eq!((part.bytes.as_slice(), part.end), (&b"three\n"[..], true));
}

/// A worker that was started again under its name is another one: the old process gets nothing new.
///
/// # Panics
/// When the store does not conform.
pub async fn replaced_worker(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").expect("there is work");
    let known = bench.queue.worker(&bench.cx, &bench.worker).await.expect("is there");
    let again = WorkerInstance::random();
    bench.queue.register_worker(&bench.cx, &bench.worker, again, &known.capabilities).await.expect("registers");
    let error = bench.queue.claim(&bench.cx, &bench.claim()).await;
    assert!(matches!(error, Err(QueueError::Replaced(_))), "{error:?}");
    let mut claim = bench.claim();
    claim.instance = again;
    let lease = bench.queue.claim(&bench.cx, &claim).await.expect("claims").expect("it is free again at once");
    assert_eq!((lease.attempt.task, lease.attempt.number), (id, 2), "what the old one never accepted is void");
}

/// Many claims at once: every task is leased once.
///
/// # Panics
/// When the store does not conform.
pub async fn one_claimant(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    for number in 0..8 {
        bench.submit(&number.to_string()).await;
    }
    let mut claims = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let bench = bench.clone();
        claims.spawn(async move { bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims") });
    }
    let mut leased: Vec<_> = claims.join_all().await.into_iter().flatten().map(|lease| lease.attempt.task).collect();
    leased.sort_unstable();
    let count = leased.len();
    leased.dedup();
    assert_eq!((count, leased.len()), (8, 8));
}
