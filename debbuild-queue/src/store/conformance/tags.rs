//! Tags: versions, histories, inheritance.

use std::sync::Arc;

use debbuild_core::error::Class;

use super::{Bench, failure};
use crate::{
    QueueError,
    model::{BuildId, TagName},
    store::{BuildQuery, QueueStore},
    tag::TagAction,
};

/// Every case of this file; `store` makes a new empty store.
///
/// # Panics
/// When the store does not conform.
pub async fn all<F: Future<Output = Arc<dyn QueueStore>>>(store: impl Fn() -> F) {
    versions_and_history(store().await).await;
    inheritance(store().await).await;
    only_successes(store().await).await;
}

fn name(text: &str) -> TagName {
    TagName::new(text).expect("a name")
}

async fn built(bench: &Bench, source: &str, version: &str) -> BuildId {
    let attempt = bench.build(source, version).await;
    let query = BuildQuery::new().with_task(attempt.task);
    bench.queue.builds(&bench.cx, &query).await.expect("lists").items[0].id
}

async fn offered(bench: &Bench, tag: &str) -> Vec<String> {
    let (_, content) = bench.queue.tag_content(&bench.cx, &name(tag)).await.expect("reads");
    content.iter().map(|one| format!("{}={}@{}", one.build.record.source, one.build.record.version, one.from)).collect()
}

/// Every change counts the version up and leaves one line of history; what is taken out stays in the history.
///
/// # Panics
/// When the store does not conform.
pub async fn versions_and_history(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let tag = name("stable");
    bench.queue.create_tag(&bench.cx, &tag, &[], &bench.user).await.expect("creates");
    let error = bench.queue.create_tag(&bench.cx, &tag, &[], &bench.user).await;
    assert!(matches!(error, Err(QueueError::TagExists(_))), "{error:?}");
    let (first, second) = (built(&bench, "hello", "1").await, built(&bench, "hello", "2").await);
    bench.queue.tag_add(&bench.cx, &tag, first, &bench.user, "").await.expect("adds");
    bench.queue.tag_add(&bench.cx, &tag, second, &bench.user, "newer").await.expect("adds");
    let error = bench.queue.tag_add(&bench.cx, &tag, second, &bench.user, "").await;
    assert!(matches!(error, Err(QueueError::Tagged { .. })), "{error:?}");
    assert_eq!(offered(&bench, "stable").await, ["hello=2@stable"]);
    let after = bench.queue.tag_remove(&bench.cx, &tag, second, &bench.user, "broken").await.expect("removes");
    assert_eq!(after.version, 4);
    assert_eq!(offered(&bench, "stable").await, ["hello=1@stable"]);
    let error = bench.queue.tag_remove(&bench.cx, &tag, second, &bench.user, "").await;
    assert!(matches!(error, Err(QueueError::NotTagged { .. })), "{error:?}");
    let history = bench.queue.tag_history(&bench.cx, &tag, 0, 100).await.expect("reads");
    let actions: Vec<_> = history.iter().map(|change| (change.version, change.action, change.build)).collect();
    let expected = [
        (1, TagAction::Create, None),
        (2, TagAction::Add, Some(first)),
        (3, TagAction::Add, Some(second)),
        (4, TagAction::Remove, Some(second)),
    ];
    assert_eq!(actions, expected);
    assert_eq!(bench.queue.tag_history(&bench.cx, &tag, 3, 100).await.expect("reads"), history[3..]);
}

/// The nearest tag that has a source package decides about it; blocked packages are not inherited; circles are refused.
///
/// # Panics
/// When the store does not conform.
pub async fn inheritance(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let (base, child) = (name("base"), name("child"));
    bench.queue.create_tag(&bench.cx, &base, &[], &bench.user).await.expect("creates");
    bench.queue.create_tag(&bench.cx, &child, std::slice::from_ref(&base), &bench.user).await.expect("creates");
    for (tag, source, version) in
        [(&base, "hello", "9"), (&base, "dash", "1"), (&base, "sed", "1"), (&child, "hello", "2")]
    {
        let build = built(&bench, source, version).await;
        bench.queue.tag_add(&bench.cx, tag, build, &bench.user, "").await.expect("adds");
    }
    assert_eq!(offered(&bench, "child").await, ["dash=1@base", "hello=2@child", "sed=1@base"]);
    bench.queue.tag_block(&bench.cx, &child, "sed", &bench.user).await.expect("blocks");
    assert_eq!(offered(&bench, "child").await, ["dash=1@base", "hello=2@child"]);
    assert_eq!(offered(&bench, "base").await, ["dash=1@base", "hello=9@base", "sed=1@base"]);
    let error = bench.queue.tag_inherit(&bench.cx, &base, std::slice::from_ref(&child), &bench.user).await;
    assert!(matches!(error, Err(QueueError::Cycle(_))), "{error:?}");
    bench.queue.tag_inherit(&bench.cx, &child, &[], &bench.user).await.expect("inherits nothing");
    assert_eq!(offered(&bench, "child").await, ["hello=2@child"]);
}

/// Only builds that succeeded can be tagged, and only those that exist.
///
/// # Panics
/// When the store does not conform.
pub async fn only_successes(store: Arc<dyn QueueStore>) {
    let bench = Bench::new(store).await;
    let tag = name("stable");
    bench.queue.create_tag(&bench.cx, &tag, &[], &bench.user).await.expect("creates");
    bench.submit("bad").await;
    let (lease, claim) = bench.start().await;
    let mut done = failure(Class::Compile);
    let record = super::record("bad", "1", debbuild_core::build::Outcome::Failed);
    done.outcome.record = Some(serde_json::to_value(record).expect("a record is JSON"));
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.expect("completes");
    let bad = bench.queue.builds(&bench.cx, &BuildQuery::new()).await.expect("lists").items[0].id;
    let error = bench.queue.tag_add(&bench.cx, &tag, bad, &bench.user, "").await;
    assert!(matches!(error, Err(QueueError::Unsuccessful(_))), "{error:?}");
    let error = bench.queue.tag_add(&bench.cx, &tag, BuildId::new(99), &bench.user, "").await;
    assert!(matches!(error, Err(QueueError::NoBuild(_))), "{error:?}");
    assert_eq!(bench.queue.tag(&bench.cx, &tag).await.expect("is there").version, 1);
}
