//! The API in process: what goes in and out is JSON, and bad input is a usage error.

use std::sync::Arc;

use debbuild_core::{error::Class, task::TaskSpec};

use super::{Api, Local, SCHEMA, SubmitTask, SubmitTasks, TaskFilter, Tasks as _};
use crate::store::{MemoryStore, conformance::Bench};

fn request(key: &str) -> SubmitTasks {
    let spec = TaskSpec::new("build", 1, serde_json::json!({"suite": "sid"}));
    let task = SubmitTask { spec, label: "hello".to_owned(), priority: 3, after: vec![], after_earlier: vec![] };
    SubmitTasks { schema: SCHEMA, idempotency_key: key.to_owned(), tasks: vec![task] }
}

#[tokio::test]
async fn documents_survive_json() {
    let bench = Bench::new(Arc::new(MemoryStore::new())).await;
    let local = Local::new(bench.queue.clone(), bench.user.clone());
    let api: &dyn Api = &local;
    let text = serde_json::to_string(&request("k1")).unwrap();
    let submitted = api.submit(&bench.cx, &serde_json::from_str(&text).unwrap()).await.unwrap();
    let attempt = bench.build("other", "1").await;
    let (lease, claim) = bench.start().await;
    let done = bench.success("hello", "2.10-3").await;
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.unwrap();
    for id in [submitted.tasks[0], attempt.task.get()] {
        let task = api.task(&bench.cx, id).await.unwrap();
        assert_eq!((task.state.as_str(), task.builds.len(), task.attempts.len()), ("succeeded", 1, 1));
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<super::Task>(&text).unwrap(), task);
        let build = api.build(&bench.cx, task.builds[0]).await.unwrap();
        assert_eq!((build.schema, build.task), (SCHEMA, id));
        let files = api.artifacts(&bench.cx, id, None).await.unwrap().artifacts;
        let bytes = api.artifact(&bench.cx, files[0].sha256).await.unwrap();
        assert_eq!(bytes.len() as u64, files[0].size);
        assert!(api.log(&bench.cx, id, None, 0, 10).await.unwrap().bytes.starts_with(b"building "));
    }
    let page = api.tasks(&bench.cx, &TaskFilter { limit: Some(1), ..TaskFilter::default() }).await.unwrap();
    let next = TaskFilter { after: page.next, ..TaskFilter::default() };
    assert_eq!(api.tasks(&bench.cx, &next).await.unwrap().tasks.len(), 1);
    let told = api.events(&bench.cx, None, Some(submitted.tasks[0]), 0).await.unwrap();
    assert_eq!(told.events.last().map(|event| event.kind.as_str()), Some("ended"));
}

#[tokio::test]
async fn bad_input_is_a_usage_error_and_changes_nothing() {
    let bench = Bench::new(Arc::new(MemoryStore::new())).await;
    let api = Local::new(bench.queue.clone(), bench.user.clone());
    let usage = |error: super::ApiError| assert_eq!(error.class, Class::Usage, "{error}");
    usage(api.submit(&bench.cx, &request("not a key")).await.unwrap_err());
    usage(api.submit(&bench.cx, &SubmitTasks { schema: 9, ..request("k") }).await.unwrap_err());
    usage(api.submit(&bench.cx, &SubmitTasks { tasks: vec![], ..request("k") }).await.unwrap_err());
    let filter = TaskFilter { states: vec!["asleep".to_owned()], ..TaskFilter::default() };
    usage(api.tasks(&bench.cx, &filter).await.unwrap_err());
    usage(
        api.tasks(&bench.cx, &TaskFilter { after: Some("7".to_owned()), ..TaskFilter::default() }).await.unwrap_err(),
    );
    assert_eq!(api.task(&bench.cx, 1).await.unwrap_err().class, Class::NotFound);
    assert!(api.tasks(&bench.cx, &TaskFilter::default()).await.unwrap().tasks.is_empty());
}
