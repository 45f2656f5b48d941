//! Several processes on one state: a worker killed in mid-task, a worker killed before its result was acknowledged, and
//! two at once. Run without the usual harness, because the program is also the worker that is killed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use debbuild_core::{
    blob::FolderStore,
    command::{Capture, CommandRunner as _, CommandSpec, Stream, SystemRunner},
    context::Context,
    path::AbsPath,
    task::{Capabilities, Refusal, TaskExecutor, TaskIo, TaskOutcome, TaskSpec},
};
use debbuild_queue::{
    Queue,
    model::{AttemptState, IdempotencyKey, Limits, NewTask, SubmitRequest, TaskId, TaskState, UserName, WorkerName},
    store::{Part, SqliteOptions, SqliteStore, TaskQuery},
    worker::{Until, WorkerLoop, WorkerOptions},
};

/// Notes in a file that it began, sleeps as long as the task says, notes that it is done.
#[derive(Debug)]
struct Sleeper(AbsPath);

#[async_trait]
impl TaskExecutor for Sleeper {
    fn kinds(&self) -> Vec<String> {
        vec!["sleep".to_owned()]
    }

    fn consider(&self, _: &TaskSpec) -> Result<(), Refusal> {
        Ok(())
    }

    async fn execute(&self, _: &Context, task: &TaskSpec, io: &mut TaskIo<'_>) -> TaskOutcome {
        let name = task.parameters["name"].as_str().unwrap_or_default();
        note(&self.0, &format!("begin {name}\n"));
        io.log.write(Stream::Stdout, format!("sleeping for {name}\n").as_bytes()).expect("the log is kept");
        let patience = self.0.as_std().with_file_name("patient").exists();
        let millis = if patience { 0 } else { task.parameters["millis"].as_u64().unwrap_or_default() };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        note(&self.0, &format!("end {name}\n"));
        TaskOutcome::succeeded(vec![])
    }
}

fn note(path: &AbsPath, line: &str) {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a note is written");
}

fn limits() -> Limits {
    let ms = Duration::from_millis;
    Limits::default()
        .with_lease(ms(100), ms(5_000), ms(10_000))
        .with_backoff(vec![ms(10); 3])
        .with_quarantine(1000, ms(0))
}

async fn queue(home: &AbsPath) -> Queue {
    let store = SqliteStore::open(&SqliteOptions::new(home.join("state.sqlite"))).await.expect("the state opens");
    let blobs = FolderStore::open(home.join("blobs")).expect("the blobs open");
    Queue::new(Arc::new(store), Arc::new(blobs)).with_limits(limits())
}

/// The worker process: works until idle.
async fn work(home: &AbsPath, name: &str) {
    let queue = queue(home).await;
    let name = WorkerName::new(name).expect("a name");
    let options = WorkerOptions::new(name, Capabilities::default(), home.join("spool"), home.join("scratch"))
        .with_pace(Duration::from_millis(20), Duration::from_millis(20))
        .with_limits(limits())
        .with_until(Until::Idle);
    let blobs = Arc::clone(queue.blobs());
    let executors: Vec<Arc<dyn TaskExecutor>> = vec![Arc::new(Sleeper(home.join("notes")))];
    WorkerLoop::new(Arc::new(queue), blobs, executors, options).run(&Context::new()).await.expect("the worker works");
}

async fn submit(queue: &Queue, name: &str, millis: u64) -> TaskId {
    let spec = TaskSpec::new("sleep", 1, serde_json::json!({ "name": name, "millis": millis }));
    let user = UserName::new("alice").expect("a name");
    let request = SubmitRequest::new(IdempotencyKey::random(), user, vec![NewTask::new(spec, name)]);
    queue.submit(&Context::new(), &request).await.expect("submits").tasks[0]
}

/// This program as a worker process; dropping the future kills it with SIGKILL.
async fn worker(home: &AbsPath, name: &str) {
    let program = std::env::current_exe().expect("this program");
    let spec = CommandSpec::new(program.to_str().expect("a path")).with_args(["--worker", home.as_str(), name]);
    let mut out = Capture::default();
    let exit = SystemRunner.run(&Context::new(), &spec, &mut out).await.expect("the worker runs");
    assert!(exit.success(), "{exit}: {}", String::from_utf8_lossy(&out.stderr));
}

async fn noted(home: &AbsPath, line: &str) {
    noted_times(home, line, 1).await;
}

async fn noted_times(home: &AbsPath, line: &str, times: usize) {
    loop {
        let notes = std::fs::read_to_string(home.join("notes")).unwrap_or_default();
        if notes.lines().filter(|noted| *noted == line).count() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// kill -9 in mid-task: started again, the worker knows at once that the attempt died, and nothing is done twice that
/// was done.
async fn killed_worker_starts_again(home: &AbsPath) {
    let (queue, cx) = (queue(home).await, Context::new());
    let quick = submit(&queue, "quick", 0).await;
    let slow = submit(&queue, "slow", 600_000).await;
    tokio::select! {
        () = worker(home, "w1") => panic!("the worker ended before its task"),
        () = noted(home, "begin slow") => {}
    }
    std::fs::write(home.join("patient"), "").expect("a file");
    let begun = std::time::Instant::now();
    worker(home, "w1").await;
    assert!(begun.elapsed() < limits().lease, "it did not wait for the lease to run out");
    for (id, expected) in
        [(quick, vec![AttemptState::Succeeded]), (slow, vec![AttemptState::Lost, AttemptState::Succeeded])]
    {
        let attempts = queue.attempts(&cx, id).await.expect("reads");
        assert_eq!(attempts.iter().map(|attempt| attempt.state).collect::<Vec<_>>(), expected);
        assert_eq!(queue.task(&cx, id).await.expect("reads").state, TaskState::Succeeded);
    }
    let notes = std::fs::read_to_string(home.join("notes")).expect("notes");
    assert_eq!(notes, "begin quick\nend quick\nbegin slow\nbegin slow\nend slow\n");
}

/// kill -9, and nobody starts that worker again: one of another name takes its task up, whether it is started afterwards
/// or waits already; a living worker's task is left to it.
async fn another_worker_takes_up(home: &AbsPath) {
    let (queue, cx) = (queue(home).await, Context::new());
    let slow = submit(&queue, "slow", 600_000).await;
    let begun = std::time::Instant::now();
    tokio::select! {
        () = worker(home, "w1") => panic!("the worker ended before its task"),
        () = noted(home, "begin slow") => {}
    }
    // It finds the dead one's lease when it starts, and is killed over it in turn, while a third one waits for the task.
    let seen = async {
        noted_times(home, "begin slow", 2).await;
        while queue.workers(&cx).await.expect("lists").len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(limits().heartbeat * 5).await;
        let attempts = queue.attempts(&cx, slow).await.expect("reads");
        let states: Vec<_> = attempts.iter().map(|attempt| attempt.state).collect();
        assert_eq!(states, [AttemptState::Lost, AttemptState::Running], "a living worker is left alone");
        std::fs::write(home.join("patient"), "").expect("a file");
    };
    let second = async {
        tokio::select! {
            () = worker(home, "w2") => panic!("the worker ended before its task"),
            () = seen => {}
        }
    };
    let third = async {
        noted_times(home, "begin slow", 2).await;
        worker(home, "w3").await;
    };
    tokio::join!(second, third);
    assert!(begun.elapsed() < limits().lease, "nobody waited for a lease to run out");
    let attempts = queue.attempts(&cx, slow).await.expect("reads");
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.worker.as_str(), attempt.state)).collect();
    let (lost, done) = (AttemptState::Lost, AttemptState::Succeeded);
    assert_eq!(told, [("w1", lost), ("w2", lost), ("w3", done)]);
}

/// Killed again and again at any moment: every task ends once, and no attempt has two results.
async fn kills_at_any_moment(home: &AbsPath) {
    let (queue, cx) = (queue(home).await, Context::new());
    let mut kills = 0;
    for round in 0..40_u64 {
        for number in 0..2 {
            submit(&queue, &format!("{round}-{number}"), 30).await;
        }
        // From just after the start to well into the work.
        let pause = Duration::from_millis(10 + round * 37 % 110);
        tokio::select! {
            () = worker(home, "w1") => {}
            () = tokio::time::sleep(pause) => kills += 1,
        }
    }
    assert!(kills >= 20, "only {kills} workers were killed");
    worker(home, "w1").await;
    for task in queue.tasks(&cx, &TaskQuery::new().with_part(Part::new(None, 1000))).await.expect("lists").items {
        let attempts = queue.attempts(&cx, task.id).await.expect("reads");
        let won = attempts.iter().filter(|attempt| attempt.state == AttemptState::Succeeded).count();
        let ended = if won == 1 { TaskState::Succeeded } else { TaskState::Aborted };
        assert_eq!((won <= 1, task.state), (true, ended), "{attempts:?}");
        assert!(won == 1 || task.infra_failures == 4, "only too many deaths abort a task: {task:?}");
        assert!(attempts.iter().all(|attempt| !attempt.state.is_open()));
        for attempt in attempts.iter().filter(|attempt| attempt.state == AttemptState::Succeeded) {
            let log = queue.log(&cx, attempt.id, 0, 1000).await.expect("the log of a result is stored");
            assert!(log.end && log.bytes.starts_with(b"sleeping for "));
        }
    }
    let spooled = std::fs::read_dir(home.join("spool").child("w1").expect("a name")).expect("lists");
    let left: Vec<_> =
        spooled.map(|entry| entry.expect("an entry").file_name()).filter(|name| name != "lock").collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".lease")), "{left:?}");
}

/// Two worker processes share the work of one state.
async fn two_workers_share_the_work(home: &AbsPath) {
    let (queue, cx) = (queue(home).await, Context::new());
    for number in 0..20 {
        submit(&queue, &number.to_string(), 10).await;
    }
    tokio::join!(worker(home, "w1"), worker(home, "w2"));
    let tasks = queue.tasks(&cx, &TaskQuery::new()).await.expect("lists").items;
    assert!(tasks.iter().all(|task| task.state == TaskState::Succeeded && task.attempts == 1));
    let notes = std::fs::read_to_string(home.join("notes")).expect("notes");
    assert_eq!(notes.lines().count(), 40, "nothing was done twice");
}

const TESTS: [&str; 4] =
    ["killed_worker_starts_again", "another_worker_takes_up", "kills_at_any_moment", "two_workers_share_the_work"];

async fn test(name: &str) {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    let home = AbsPath::new(folder.path()).expect("a path");
    let run = async {
        match name {
            "killed_worker_starts_again" => killed_worker_starts_again(&home).await,
            "another_worker_takes_up" => another_worker_takes_up(&home).await,
            "kills_at_any_moment" => kills_at_any_moment(&home).await,
            "two_workers_share_the_work" => two_workers_share_the_work(&home).await,
            other => panic!("no such test: {other}"),
        }
    };
    tokio::time::timeout(Duration::from_secs(50), run).await.expect("the test ends in time");
}

#[expect(clippy::print_stdout, reason = "the test runner reads the names of the tests")]
fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    match words.as_slice() {
        ["--worker", home, name] => runtime.block_on(work(&AbsPath::new(home).expect("a path"), name)),
        words if words.contains(&"--list") => {
            let ignored = words.contains(&"--ignored");
            TESTS.iter().filter(|_| !ignored).for_each(|name| println!("{name}: test"));
        }
        words => {
            let named: Vec<&str> = TESTS.into_iter().filter(|name| words.contains(name)).collect();
            let chosen = if named.is_empty() { TESTS.to_vec() } else { named };
            for name in chosen {
                runtime.block_on(test(name));
                println!("test {name} ... ok");
            }
        }
    }
}
