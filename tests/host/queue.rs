//! The worker on the real sbuild: killed and asked to stop in the middle of a build, and started again.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use debbuild_core::digest::Sha256;
use debbuild_suite::{
    background::Background,
    bench::cache,
    debbuild::{Ran, Sandbox},
    source::TestSource,
};
use serde_json::{Value, json};

/// What the log says when the package's own build has begun, and not before: make does not repeat this command.
const INSIDE: &str = "the build is under way";

/// How often a state is looked at, and how long the slowest step may take on a busy machine.
const STEP: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(900);

/// A machine of one user, whose chroots and archives are those that the tests share.
struct Place {
    sandbox: Sandbox,
    suite: String,
}

impl Place {
    async fn new() -> Self {
        let sandbox = Sandbox::new();
        // The build user passes through it to its scratch folders.
        fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let state = sandbox.path().join("state");
        fs::create_dir(&state).unwrap();
        for name in ["bases", "blobs", "chroots", "gateway", "seen"] {
            let shared = cache().child(name).unwrap();
            fs::create_dir_all(&shared).unwrap();
            std::os::unix::fs::symlink(&shared, state.child(name).unwrap()).unwrap();
        }
        let release = fs::read_to_string("/etc/os-release").unwrap();
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
        let place = Self { sandbox, suite: codename.trim_matches('"').to_owned() };
        let ran = place.sandbox.run(["chroot", "create", "--suite", &place.suite]).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        place
    }

    /// What debbuild prints as JSON.
    async fn said<const N: usize>(&self, args: [&str; N]) -> Value {
        let ran: Ran = self.sandbox.run(["--format", "json"].into_iter().chain(args)).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.json()
    }

    /// Submits a package that builds by this command; its task.
    async fn submit(&self, name: &str, build: &str) -> String {
        let dsc = TestSource::new(name).with_build(build).make(self.sandbox.path()).await;
        let done = self.said(["task", "submit", dsc.as_str(), "--suite", &self.suite]).await;
        done["tasks"][0].as_i64().unwrap().to_string()
    }

    async fn task(&self, id: &str) -> Value {
        self.said(["task", "show", id]).await
    }

    fn worker(&self) -> Background {
        Background::start(self.sandbox.command(WORK))
    }

    /// Waits until this attempt at the task is inside the package's own build.
    async fn inside(&self, id: &str, attempt: &str, worker: &Background) {
        let log = || async {
            let ran = self.sandbox.run(["task", "log", id, "--attempt", attempt]).await;
            (!worker.runs() || ran.stdout.contains(INSIDE)).then_some(ran)
        };
        let text = soon(log).await;
        assert!(worker.runs() && text.stdout.contains(INSIDE), "{text:?}");
    }

    /// What is in a folder of the state.
    fn left(&self, folder: &str) -> Vec<String> {
        let folder = self.sandbox.path().join("state").descend(folder).unwrap();
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Waits until no process of a build is left: one that names this state folder, or sleeps as the package does.
    async fn quiet(&self, sleep: &str) {
        let of_build = |line: &str| line.contains(self.sandbox.path().as_str()) || line.contains(sleep);
        soon(|| async { processes().iter().all(|line| !of_build(line)).then_some(()) }).await;
    }

    /// The files of the newest attempt at a task, each fetched and hashed.
    async fn files(&self, id: &str) -> Value {
        let out = self.sandbox.path().join("fetched").child(id).unwrap();
        let list = self.said(["task", "fetch", id, "-o", out.as_str()]).await;
        for file in list["artifacts"].as_array().unwrap() {
            let bytes = fs::read(out.child(file["name"].as_str().unwrap()).unwrap()).unwrap();
            let found = (json!(Sha256::of(&bytes).to_string()), json!(bytes.len()));
            assert_eq!(found, (file["sha256"].clone(), file["size"].clone()), "{file}");
        }
        list
    }

    /// The end of every history here: the task has one build with whole files, and nothing else is left of its attempts.
    async fn check_done(&self, id: &str, states: &[&str], sleep: &str) {
        let task = self.task(id).await;
        assert_eq!((&task["state"], &task["failure"]), (&json!("succeeded"), &Value::Null), "{task}");
        assert_eq!(attempts(&task), states, "{task}");
        assert_eq!(task["builds"].as_array().unwrap().len(), 1, "{task}");
        let files = self.files(id).await;
        assert_eq!(files["attempt"], format!("{id}.{}", states.len()));
        let kinds = files["artifacts"].as_array().unwrap().iter().map(|file| &file["kind"]);
        assert_eq!(kinds.filter(|kind| **kind == "deb").count(), 1, "{files}");
        self.quiet(sleep).await;
        assert_eq!(self.left("scratch"), [""; 0]);
        assert_eq!(self.left("spool/local"), ["lock"]);
    }
}

const WORK: [&str; 5] = ["--format", "json", "worker", "run", "--until-idle"];

/// Looks again and again, until there is an answer.
async fn soon<T: Send, F: Future<Output = Option<T>> + Send>(look: impl Fn() -> F + Send + Sync) -> T {
    let looking = async {
        loop {
            match look().await {
                Some(found) => return found,
                None => tokio::time::sleep(STEP).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it happens in time")
}

/// The command lines of the processes of this machine.
fn processes() -> Vec<String> {
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|found| fs::read(found.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

/// The states of a task's attempts.
fn attempts(task: &Value) -> Vec<&str> {
    task["attempts"].as_array().unwrap().iter().map(|attempt| attempt["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn host_a_worker_killed_in_mid_build_goes_on_and_does_nothing_twice() {
    let place = Place::new().await;
    let quick = place.submit("quick", "true").await;
    let sleep = "sleep 20.0731";
    let slow = place.submit("slow", &format!("@echo {INSIDE} && {sleep}")).await;
    let worker = place.worker();
    place.inside(&slow, "1", &worker).await;
    let (before, files) = (place.task(&quick).await, place.files(&quick).await);
    assert_eq!((&before["state"], attempts(&before)), (&json!("succeeded"), vec!["succeeded"]));
    assert!(processes().iter().any(|line| line.contains(sleep)), "the build sleeps");

    worker.signal("KILL").await;
    assert_eq!(worker.ended().await.status, -1);
    place.quiet(sleep).await;
    let task = place.task(&slow).await;
    assert_eq!((attempts(&task), &task["builds"]), (vec!["running"], &Value::Null), "nothing half-made is visible");

    let again = place.worker().ended().await;
    assert_eq!(again.status, 0, "{again:?}");
    let report = again.json();
    let counts = ["attempts", "abandoned", "replayed"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(0)], "{report}");
    let told = format!("attempt {slow}.1 is lost: the process of worker local died");
    assert!(again.stderr.contains(&told), "{again:?}");
    assert_eq!((place.task(&quick).await, place.files(&quick).await), (before, files), "done once");
    place.check_done(&slow, &["lost", "succeeded"], sleep).await;
    let list = place.said(["task", "list"]).await;
    let told = list["tasks"].as_array().unwrap().iter().map(|task| (&task["state"], &task["infrastructure_failures"]));
    let succeeded = json!("succeeded");
    assert_eq!(told.collect::<Vec<_>>(), [(&succeeded, &json!(1)), (&succeeded, &json!(0))], "newest first: {list}");
}

#[tokio::test]
async fn host_a_worker_that_is_asked_to_stop_gives_its_build_back() {
    let place = Place::new().await;
    let sleep = "sleep 15.0419";
    let slow = place.submit("slow", &format!("@echo {INSIDE} && {sleep}")).await;

    // timeout(1) passes SIGTERM on twice: to its command, and to the group in which both are.
    let spec = place.sandbox.command(WORK);
    let mut through = spec.clone();
    through.program = "timeout".to_owned();
    through.args = vec!["3600".into(), spec.program.into()];
    let worker = Background::start(through.with_args(spec.args));
    place.inside(&slow, "1", &worker).await;
    worker.signal("TERM").await;
    let ended = worker.ended().await;
    assert!(ended.stderr.contains(&format!("attempt {slow}.1 is given back: the worker stops")), "{ended:?}");
    let task = place.task(&slow).await;
    assert_eq!((&task["state"], attempts(&task)), (&json!("ready"), vec!["released"]), "{task}");
    assert_eq!(place.left("spool/local"), ["lock"]);
    place.quiet(sleep).await;

    // Asked again in earnest it ends at once, wherever it is: the next one finds out how far it came.
    let worker = place.worker();
    place.inside(&slow, "2", &worker).await;
    worker.signal("TERM").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let hasty = worker.runs();
    if hasty {
        worker.signal("TERM").await;
    }
    let ended = worker.ended().await;
    place.quiet(sleep).await;
    let again = place.worker().ended().await;
    assert_eq!(again.status, 0, "{again:?}");
    let task = place.task(&slow).await;
    let second = attempts(&task)[1].to_owned();
    assert!(["released", "lost"].contains(&second.as_str()), "{task}");
    assert!(ended.status == 130 || second == "released", "asked twice: {hasty}: {ended:?}");
    place.check_done(&slow, &["released", &second, "succeeded"], sleep).await;
}
