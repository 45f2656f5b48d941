//! What a worker does about the spools of dead ones.

use std::{fs::File, path::PathBuf, sync::Arc};

use debbuild_core::event::{Event, RecordingReporter};

use super::{
    AttemptId, AttemptState, Capabilities, ClaimRequest, Shop, TaskExecutor, TaskState, WorkerInstance, WorkerLoop,
    WorkerName, scripted,
};
use crate::worker::WorkerReport;

fn name(text: &str) -> WorkerName {
    WorkerName::new(text).unwrap()
}

impl Shop {
    /// A spool with this lease, as a process leaves it.
    fn spool_of(&self, worker: &str, lease: &str, text: &str) -> PathBuf {
        let folder = self.folder.path().join("spool").join(worker);
        std::fs::create_dir_all(&folder).unwrap();
        File::create(folder.join("lock")).unwrap();
        std::fs::write(folder.join(lease), text).unwrap();
        folder
    }

    /// Has worker `w0` begin the next task.
    async fn begun(&self) -> (AttemptId, PathBuf) {
        let (worker, instance) = (name("w0"), WorkerInstance::random());
        self.queue.register_worker(&self.cx, &worker, instance, &Capabilities::default()).await.unwrap();
        let claim = ClaimRequest::new(worker, instance, vec!["probe".to_owned()]);
        let id = self.queue.claim(&self.cx, &claim).await.unwrap().unwrap().attempt;
        self.queue.accept(&self.cx, id, &claim.token).await.unwrap();
        let lease = serde_json::json!({ "schema": 1, "attempt": id.to_string(), "token": claim.token.expose() });
        (id, self.spool_of("w0", &format!("{id}.lease"), &lease.to_string()))
    }

    /// Runs `w1` until it is idle; what it reports and the warnings it gives.
    async fn worked(&self) -> (WorkerReport, Vec<String>) {
        let said = Arc::new(RecordingReporter::default());
        let cx = self.cx.clone().with_events(Arc::<RecordingReporter>::clone(&said));
        let executor: Arc<dyn TaskExecutor> = Arc::new(scripted("probe"));
        let blobs = Arc::clone(self.queue.blobs());
        let worker = WorkerLoop::new(Arc::new(self.queue.clone()), blobs, vec![executor], self.options());
        let report = worker.run(&cx).await.unwrap();
        let warning = |event: Event| if let Event::Warning { text, .. } = event { Some(text) } else { None };
        (report, said.events().into_iter().filter_map(warning).collect())
    }
}

#[tokio::test]
async fn a_worker_takes_up_what_a_dead_one_left_and_says_so() {
    let shop = Shop::new();
    let task = shop.submit("probe").await;
    let (id, spool) = shop.begun().await;
    let (report, warnings) = shop.worked().await;
    assert_eq!((report.attempts, report.abandoned, report.replayed), (1, 1, 0));
    assert_eq!(shop.states(task).await, (TaskState::Succeeded, vec![AttemptState::Lost, AttemptState::Succeeded]));
    assert_eq!(warnings, [format!("attempt {id} is lost: the process of worker w0 died")]);
    assert!(!spool.join(format!("{id}.lease")).exists());
}

#[tokio::test]
async fn a_living_workers_spool_is_left_alone() {
    let shop = Shop::new();
    let task = shop.submit("probe").await;
    let (id, spool) = shop.begun().await;
    let lock = File::open(spool.join("lock")).unwrap();
    lock.lock().unwrap();
    let until_free = async {
        tokio::time::sleep(shop.queue.limits().heartbeat * 4).await;
        let states = shop.states(task).await;
        drop(lock);
        states
    };
    let ((report, _), before) = tokio::join!(shop.worked(), until_free);
    assert_eq!(before, (TaskState::Leased, vec![AttemptState::Running]), "while its process has the lock");
    assert_eq!((report.attempts, report.abandoned), (1, 1), "and when it had died");
    assert!(!spool.join(format!("{id}.lease")).exists());
}

#[tokio::test]
async fn a_damaged_spool_of_another_worker_is_told_once_and_kept() {
    let shop = Shop::new();
    let spool = shop.spool_of("w0", "7.1.lease", "{");
    let task = shop.submit("probe").await;
    let (report, warnings) = shop.worked().await;
    assert_eq!((report.attempts, report.abandoned), (1, 0));
    assert_eq!(shop.states(task).await.0, TaskState::Succeeded);
    let told = warnings.iter().filter(|text| text.starts_with("what worker w0 left cannot be taken up: ")).count();
    assert_eq!((told, spool.join("7.1.lease").exists()), (1, true), "{warnings:?}");
}
