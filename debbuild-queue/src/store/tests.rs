//! The stores against each other: random histories must have the same answers on SQLite and on the model in memory, and
//! every state that is passed through must hold the invariants.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use debbuild_core::{
    error::{Class, Classify as _},
    path::AbsPath,
};
use proptest::prelude::*;

use super::{
    MemoryStore, Part, QueueStore, SqliteOptions, SqliteStore, TaskQuery,
    conformance::{Bench, failure},
};
use crate::{
    QueueError,
    model::{AttemptId, AttemptState, Completion, TaskId, TaskState},
    queue::{Beat, ClaimRequest},
};

/// One step of a history. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Submit { after: Option<usize>, priority: i32 },
    Claim,
    ClaimAgain(usize),
    Accept(usize),
    Beat(usize, u64),
    Complete(usize, usize),
    Abandon(usize),
    Release(usize),
    Refuse(usize),
    Lose(usize, u64),
    Cancel(usize),
    Retry(usize),
    Prioritise(usize, i32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..12_usize;
    prop_oneof![
        3 => (proptest::option::of(any.clone()), -2..3_i32).prop_map(|(after, priority)| Step::Submit { after, priority }),
        4 => Just(Step::Claim),
        1 => any.clone().prop_map(Step::ClaimAgain),
        4 => any.clone().prop_map(Step::Accept),
        2 => (any.clone(), 0..5_u64).prop_map(|(lease, counter)| Step::Beat(lease, counter)),
        5 => (any.clone(), 0..5_usize).prop_map(|(lease, outcome)| Step::Complete(lease, outcome)),
        1 => any.clone().prop_map(Step::Abandon),
        1 => any.clone().prop_map(Step::Release),
        1 => any.clone().prop_map(Step::Refuse),
        2 => (any.clone(), 0..3_u64).prop_map(|(lease, counter)| Step::Lose(lease, counter)),
        2 => any.clone().prop_map(Step::Cancel),
        1 => any.clone().prop_map(Step::Retry),
        1 => (any, -5..5_i32).prop_map(|(task, priority)| Step::Prioritise(task, priority)),
        2 => (1..2000_u64).prop_map(Step::Wait),
    ]
}

/// One store with the history's tasks and leases.
struct Run {
    bench: Bench,
    tasks: Vec<TaskId>,
    leases: Vec<(AttemptId, ClaimRequest)>,
    ended: BTreeMap<TaskId, TaskState>,
}

impl Run {
    async fn new(store: Arc<dyn QueueStore>) -> Self {
        Self { bench: Bench::new(store).await, tasks: Vec::new(), leases: Vec::new(), ended: BTreeMap::new() }
    }

    fn lease(&self, at: usize) -> Option<&(AttemptId, ClaimRequest)> {
        self.leases.get(at % self.leases.len().max(1))
    }

    async fn completion(&self, outcome: usize) -> Completion {
        match outcome {
            0 | 1 => self.bench.success("hello", &outcome.to_string()).await,
            2 => failure(Class::Compile),
            3 => failure(Class::Infrastructure),
            _ => failure(Class::Cancelled),
        }
    }

    /// Takes the step and tells what was answered, so that two runs can be compared.
    async fn take(&mut self, step: &Step) -> String {
        let (queue, cx, user) = (self.bench.queue.clone(), self.bench.cx.clone(), self.bench.user.clone());
        let task = |at: usize| self.tasks.get(at % self.tasks.len().max(1)).copied();
        match step {
            Step::Submit { after, priority } => {
                let mut request = self.bench.request("hello");
                request.tasks[0].priority = *priority;
                request.tasks[0].after = after.and_then(task).into_iter().collect();
                let done = queue.submit(&cx, &request).await;
                if let Ok(done) = &done {
                    self.tasks.extend(&done.tasks);
                }
                told(done.map(|done| done.tasks))
            }
            Step::Claim => {
                let claim = self.bench.claim();
                let lease = queue.claim(&cx, &claim).await;
                if let Ok(Some(lease)) = &lease {
                    self.leases.push((lease.attempt, claim));
                }
                told(lease.map(|lease| lease.map(|lease| lease.attempt)))
            }
            Step::Wait(seconds) => {
                self.bench.clock.advance(Duration::from_secs(*seconds));
                String::new()
            }
            Step::Cancel(at) => match task(*at) {
                Some(id) => told(queue.cancel(&cx, id, &user, "why not").await.map(|task| task.state)),
                None => String::new(),
            },
            Step::Retry(at) => match task(*at) {
                Some(id) => {
                    let fresh = queue.retry(&cx, id, &user).await;
                    self.tasks.extend(fresh.iter().filter(|id| !self.tasks.contains(id)).collect::<Vec<_>>());
                    told(fresh)
                }
                None => String::new(),
            },
            Step::Prioritise(at, priority) => match task(*at) {
                Some(id) => told(queue.set_priority(&cx, id, *priority).await.map(|task| task.rank)),
                None => String::new(),
            },
            step => self.speak(step).await,
        }
    }

    /// A step of a worker that holds, or held, a lease.
    async fn speak(&self, step: &Step) -> String {
        let (queue, cx) = (&self.bench.queue, &self.bench.cx);
        let (Step::ClaimAgain(at)
        | Step::Accept(at)
        | Step::Beat(at, _)
        | Step::Complete(at, _)
        | Step::Abandon(at)
        | Step::Release(at)
        | Step::Refuse(at)
        | Step::Lose(at, _)) = step
        else {
            return String::new();
        };
        let Some((id, claim)) = self.lease(*at) else { return String::new() };
        let token = &claim.token;
        match step {
            Step::ClaimAgain(_) => told(queue.claim(cx, claim).await.map(|lease| lease.map(|lease| lease.attempt))),
            Step::Accept(_) => told(queue.accept(cx, *id, token).await),
            Step::Beat(_, counter) => {
                let reply = queue.beat(cx, &Beat::new(*id, token, *counter)).await;
                told(reply.map(|reply| reply.cancel.is_some()))
            }
            Step::Complete(_, outcome) => {
                let completion = self.completion(*outcome).await;
                told(queue.complete(cx, *id, token, &completion).await)
            }
            Step::Abandon(_) => told(queue.abandon(cx, *id, token, "died").await),
            Step::Release(_) => told(queue.release(cx, *id, token, "stopped").await),
            Step::Refuse(_) => told(queue.refuse(cx, *id, token, "no").await),
            Step::Lose(_, counter) => told(queue.lose(cx, *id, *counter).await),
            _ => String::new(),
        }
    }

    /// Everything that can be seen, and the invariants that it must hold.
    async fn look(&mut self) -> String {
        let (queue, cx) = (&self.bench.queue, &self.bench.cx);
        let mut seen = String::new();
        let tasks = queue.tasks(cx, &TaskQuery::new().with_part(Part::new(None, 1000))).await.unwrap().items;
        assert_eq!(tasks.len(), self.tasks.len(), "every acknowledged task exists, once");
        for task in tasks {
            let attempts = queue.attempts(cx, task.id).await.unwrap();
            let open = attempts.iter().filter(|attempt| attempt.state.is_open()).count();
            assert_eq!(open, usize::from(task.state == TaskState::Leased), "leased means one open attempt: {task:?}");
            let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.id.number).collect();
            assert_eq!(numbers, (1..=task.attempts).collect::<Vec<_>>(), "attempts have no gaps");
            let accepted = attempts.iter().filter(|attempt| attempt.state == AttemptState::Succeeded).count();
            assert_eq!(accepted, usize::from(task.state == TaskState::Succeeded), "one accepted result");
            let broken =
                |attempt: &&crate::model::Attempt| matches!(attempt.state, AttemptState::Aborted | AttemptState::Lost);
            assert_eq!(attempts.iter().filter(broken).count(), task.infra_failures as usize);
            if task.state == TaskState::Failed {
                assert_eq!(attempts.last().map(|last| last.state), Some(AttemptState::Failed), "only a build fails");
            }
            if task.state == TaskState::Blocked {
                let mut waits = false;
                for id in &task.after {
                    waits |= !queue.task(cx, *id).await.unwrap().state.is_ended();
                }
                assert!(waits, "blocked means that something has not ended: {task:?}");
            }
            if let Some(state) = self.ended.get(&task.id) {
                assert_eq!(*state, task.state, "an ended task never changes");
            }
            if task.state.is_ended() {
                self.ended.insert(task.id, task.state);
            }
            let states: Vec<_> = attempts.iter().map(|attempt| (attempt.state, attempt.counter)).collect();
            seen.push_str(&format!("{} {:?} {:?} {:?}\n", task.id, task.state, task.not_before, states));
        }
        let events = queue.events(cx, None, None, 1000).await.unwrap().events;
        seen.push_str(&format!("{} events", events.len()));
        seen
    }
}

fn told<T: std::fmt::Debug>(answer: Result<T, QueueError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{} {error}", error.class()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_does_what_the_model_does_invariants_5_and_8(steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir_in("/tmp").unwrap();
            let file = AbsPath::new(folder.path().join("state.sqlite")).unwrap();
            let sqlite = SqliteStore::open(&SqliteOptions::new(file)).await.unwrap();
            let mut real = Run::new(Arc::new(sqlite.clone())).await;
            let mut model = Run::new(Arc::new(MemoryStore::new())).await;
            for step in &steps {
                assert_eq!(real.take(step).await, model.take(step).await, "{step:?}");
                assert_eq!(real.look().await, model.look().await, "after {step:?}");
            }
            sqlite.close().await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_pools_on_one_file_lease_every_task_once_and_nobody_is_told_busy() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = AbsPath::new(folder.path().join("state.sqlite")).unwrap();
    let options = SqliteOptions::new(file);
    // Both open, and so migrate, at the same time.
    let (first, second) = tokio::join!(SqliteStore::open(&options), SqliteStore::open(&options));
    let first = Bench::new(Arc::new(first.unwrap())).await;
    let mut second = Bench::new(Arc::new(second.unwrap())).await;
    second.instance = first.instance;
    let known = first.queue.worker(&first.cx, &first.worker).await.unwrap();
    first.queue.register_worker(&first.cx, &first.worker, first.instance, &known.capabilities).await.unwrap();
    let mut work = tokio::task::JoinSet::new();
    for number in 0..40_usize {
        let bench = if number % 2 == 0 { first.clone() } else { second.clone() };
        work.spawn(async move {
            bench.submit(&number.to_string()).await;
            bench.queue.claim(&bench.cx, &bench.claim()).await.unwrap().map(|lease| lease.attempt.task)
        });
    }
    let mut leased: Vec<TaskId> = work.join_all().await.into_iter().flatten().collect();
    while let Some(lease) = second.queue.claim(&second.cx, &second.claim()).await.unwrap() {
        leased.push(lease.attempt.task);
    }
    let count = leased.len();
    leased.sort_unstable();
    leased.dedup();
    assert_eq!((count, leased.len()), (40, 40));
}
