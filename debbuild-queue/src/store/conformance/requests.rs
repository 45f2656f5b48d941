//! Submitting, listing, dependencies, retries, events: what users do.

use std::sync::Arc;

use debbuild_core::{
    digest::Sha256,
    error::Class,
    task::{TaskInput, TaskSpec},
};

use super::{Bench, LONG, failure};
use crate::{
    QueueError,
    model::{EventKind, NewTask, Rejection, Subject, TaskState},
    store::{Part, QueueStore, TaskQuery},
};

/// Every case of this file; `store` makes a new empty store.
///
/// # Panics
/// When the store does not conform.
pub async fn all<F: Future<Output = Arc<dyn QueueStore>>>(store: impl Fn() -> F) {
    repeated_submit(store().await).await;
    missing_input(store().await).await;
    pages(store().await).await;
    dependencies(store().await).await;
    cancel_and_retry(store().await).await;
    order_of_work(store().await).await;
    events_in_order(store().await).await;
    reading_does_not_write(store().await).await;
}

/// The same request under its key is submitted once; another request under that key is a conflict.
///
/// # Panics
/// When the store does not conform.
pub async fn repeated_submit(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let request = bench.request("hello");
    let first = bench.queue.submit(&bench.cx, &request).await.expect("submits");
    let again = bench.queue.submit(&bench.cx, &request).await.expect("submits again");
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!(first.tasks, again.tasks);
    let mut other = bench.request("other");
    other.key = request.key.clone();
    let error = bench.queue.submit(&bench.cx, &other).await;
    assert!(matches!(error, Err(QueueError::KeyReused(_))), "{error:?}");
    let all = bench.queue.tasks(&bench.cx, &TaskQuery::new()).await.expect("lists");
    assert_eq!(all.items.len(), 1);
}

/// A request that names an input which is not stored changes nothing.
///
/// # Panics
/// When the store does not conform.
pub async fn missing_input(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let input = TaskInput { name: "a.dsc".to_owned(), size: 1, sha256: Sha256::of(b"x") };
    let spec = TaskSpec::new("build", 1, serde_json::Value::Null).with_inputs(vec![input]);
    let request = bench.request_of(vec![NewTask::new(spec, "a")]);
    let error = bench.queue.submit(&bench.cx, &request).await;
    assert!(matches!(error, Err(QueueError::MissingBlob { .. })), "{error:?}");
    bench.blob("x").await;
    assert_eq!(bench.queue.submit(&bench.cx, &request).await.expect("submits").tasks.len(), 1);
}

/// Lists come in pages, newest first, without gaps or repetitions, and can be filtered.
///
/// # Panics
/// When the store does not conform.
pub async fn pages(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(bench.submit(&format!("package {number}")).await);
    }
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = TaskQuery::new().with_part(Part::new(after, 3));
        let page = bench.queue.tasks(&bench.cx, &query).await.expect("lists");
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|task| task.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let query = TaskQuery::new().with_label("age 3").with_kind("build").with_states(vec![TaskState::Ready]);
    assert_eq!(bench.queue.tasks(&bench.cx, &query).await.expect("lists").items.len(), 1);
    let query = TaskQuery::new().with_states(vec![TaskState::Failed]);
    assert_eq!(bench.queue.tasks(&bench.cx, &query).await.expect("lists").items.len(), 0);
}

/// A task starts when all that it waits for have succeeded, and is cancelled, with those that wait for it, when one has not.
///
/// # Panics
/// When the store does not conform.
pub async fn dependencies(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let task = |label: &str, earlier: Vec<usize>| {
        NewTask::new(TaskSpec::new("build", 1, serde_json::Value::Null), label).with_after_earlier(earlier)
    };
    let tasks = vec![task("a", vec![]), task("b", vec![]), task("c", vec![0, 1]), task("d", vec![2])];
    let ids = bench.queue.submit(&bench.cx, &bench.request_of(tasks)).await.expect("submits").tasks;
    let state = async |place: usize| bench.queue.task(&bench.cx, ids[place]).await.expect("is there").state;
    assert_eq!((state(2).await, state(3).await), (TaskState::Blocked, TaskState::Blocked));
    let (first, claim) = bench.start().await;
    let done = bench.success("a", "1").await;
    bench.queue.complete(&bench.cx, first.attempt, &claim.token, &done).await.expect("completes");
    assert_eq!(state(2).await, TaskState::Blocked);
    let (second, claim) = bench.start().await;
    assert_eq!(second.attempt.task, ids[1]);
    let done = bench.success("b", "1").await;
    bench.queue.complete(&bench.cx, second.attempt, &claim.token, &done).await.expect("completes");
    assert_eq!((state(2).await, state(3).await), (TaskState::Ready, TaskState::Blocked));
    let (third, claim) = bench.start().await;
    bench.queue.complete(&bench.cx, third.attempt, &claim.token, &failure(Class::Compile)).await.expect("completes");
    assert_eq!((state(2).await, state(3).await), (TaskState::Failed, TaskState::Cancelled));
    let late = NewTask::new(TaskSpec::new("build", 1, serde_json::Value::Null), "e").with_after(vec![ids[2]]);
    let error = bench.queue.submit(&bench.cx, &bench.request_of(vec![late])).await;
    assert!(matches!(error, Err(QueueError::DeadDependency { .. })), "{error:?}");
    // Done again in order, the second one waits for the first one's new task.
    let error = bench.queue.retry(&bench.cx, ids[3], &bench.user).await;
    assert!(matches!(error, Err(QueueError::DeadDependency { .. })), "{error:?}");
    let third = bench.queue.retry(&bench.cx, ids[2], &bench.user).await.expect("retries");
    let fourth = bench.queue.retry(&bench.cx, ids[3], &bench.user).await.expect("retries");
    let fourth = bench.queue.task(&bench.cx, fourth).await.expect("is there");
    assert_eq!((fourth.after, fourth.state), (vec![third], TaskState::Blocked));
}

/// A waiting task is cancelled at once, an ended one never; a retry is another task, and asked for twice it is one.
///
/// # Panics
/// When the store does not conform.
pub async fn cancel_and_retry(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let id = bench.submit("hello").await;
    let error = bench.queue.retry(&bench.cx, id, &bench.user).await;
    assert!(matches!(error, Err(QueueError::Malformed(_))), "{error:?}");
    let task = bench.queue.cancel(&bench.cx, id, &bench.user, "no need").await.expect("cancels");
    assert_eq!(task.state, TaskState::Cancelled);
    bench.queue.cancel(&bench.cx, id, &bench.user, "again").await.expect("is cancelled already");
    assert!(bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").is_none());
    let retry = bench.queue.retry(&bench.cx, id, &bench.user).await.expect("retries");
    assert_eq!(bench.queue.retry(&bench.cx, id, &bench.user).await.expect("retries again"), retry);
    let old = bench.queue.task(&bench.cx, id).await.expect("is there");
    assert_eq!((old.state, old.retried_by), (TaskState::Cancelled, Some(retry)));
    let (lease, claim) = bench.start().await;
    assert_eq!(lease.attempt.task, retry);
    let done = bench.success("hello", "1").await;
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
    let error = bench.queue.cancel(&bench.cx, retry, &bench.user, "late").await;
    assert!(matches!(error, Err(QueueError::Rejected(Rejection::Ended { .. }))), "{error:?}");
    let error = bench.queue.retry(&bench.cx, retry, &bench.user).await;
    assert!(matches!(error, Err(QueueError::NothingToRetry(_))), "{error:?}");
}

/// Higher priority first, older first within a priority; waiting makes up for priority.
///
/// # Panics
/// When the store does not conform.
pub async fn order_of_work(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let old = bench.submit("old").await;
    let second = bench.submit("second").await;
    bench.clock.advance(LONG / 60);
    let urgent = bench.submit("urgent").await;
    bench.queue.set_priority(&bench.cx, urgent, 10).await.expect("sets");
    bench.clock.advance(LONG * 10);
    let late = bench.submit("late").await;
    bench.queue.set_priority(&bench.cx, late, 10).await.expect("sets");
    let place = bench.queue.explain(&bench.cx, late).await.expect("explains").place;
    assert_eq!(place, Some(4), "ten steps of priority do not make up for ten hours");
    for expected in [urgent, old, second, late] {
        let lease = bench.queue.claim(&bench.cx, &bench.claim()).await.expect("claims").expect("there is work");
        assert_eq!(lease.attempt.task, expected);
    }
}

/// Events come in the order of commits, go on from any cursor, and can be about one task.
///
/// # Panics
/// When the store does not conform.
pub async fn events_in_order(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let start = bench.queue.now_cursor(&bench.cx).await.expect("reads");
    let attempt = bench.build("hello", "1").await;
    bench.submit("other").await;
    let about = Subject::Task(attempt.task);
    let page = bench.queue.events(&bench.cx, Some(start), Some(&about), 100).await.expect("reads");
    let kinds: Vec<EventKind> = page.events.iter().map(|event| event.event.kind).collect();
    let expected =
        [EventKind::Submitted, EventKind::Leased, EventKind::Started, EventKind::AttemptEnded, EventKind::Ended];
    assert_eq!(kinds, expected);
    let page = bench.queue.events(&bench.cx, Some(start), None, 2).await.expect("reads");
    let rest = bench.queue.events(&bench.cx, Some(page.next), None, 100).await.expect("reads");
    assert_eq!((page.events.len(), rest.events.len()), (2, 4));
    let none = bench.queue.events(&bench.cx, Some(rest.next), None, 100).await.expect("reads");
    assert_eq!((none.events.len(), none.next), (0, rest.next));
    let text = rest.next.to_string();
    assert_eq!(text.parse(), Ok(rest.next));
}

/// A transaction for reading refuses to write, and what is not committed never happened.
///
/// # Panics
/// When the store does not conform.
pub async fn reading_does_not_write(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(Arc::clone(&store)).await;
    let id = bench.submit("hello").await;
    let mut tx = store.read().await.expect("reads");
    let mut task = tx.task(id).await.expect("reads").expect("is there");
    task.priority = 7;
    assert!(tx.put_task(&task).await.is_err());
    drop(tx);
    let mut tx = store.write().await.expect("writes");
    tx.put_task(&task).await.expect("writes");
    assert!(tx.put_task(&task).await.is_err(), "the revision has moved on");
    drop(tx);
    assert_eq!(bench.queue.task(&bench.cx, id).await.expect("is there").priority, 0);
}
