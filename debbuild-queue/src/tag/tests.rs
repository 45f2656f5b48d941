//! Which builds a tag offers.

use debbuild_core::{
    build::{BuildRecord, BuilderInfo},
    clock::Timestamp,
};

use super::{Layer, merge};
use crate::model::{AttemptId, Build, BuildId, TagName, TaskId};

fn build(number: i64, source: &str, version: &str, architecture: &str) -> Build {
    let nothing = String::new;
    let builder = BuilderInfo { tool: nothing(), version: nothing(), backend: nothing(), isolation: nothing() };
    let record = BuildRecord::new(source, version, architecture, "sid", builder);
    let attempt = AttemptId { task: TaskId::new(number), number: 1 };
    Build::new(BuildId::new(number), attempt, Timestamp::from_seconds(0), record)
}

fn numbers(layers: &[Layer]) -> Vec<i64> {
    merge(layers).iter().map(|content| content.build.id.get()).collect()
}

#[test]
fn versions_of_one_source_are_never_mixed() {
    let tag = TagName::new("t").unwrap();
    let both = vec![build(1, "a", "1", "amd64"), build(2, "a", "1", "arm64")];
    assert_eq!(numbers(&[Layer::new(tag.clone(), both.clone(), vec![])]), [1, 2]);
    let newer = [both, vec![build(3, "a", "2", "amd64")]].concat();
    assert_eq!(numbers(&[Layer::new(tag.clone(), newer.clone(), vec![])]), [3]);
    let all = [newer, vec![build(4, "a", "2", "arm64"), build(5, "a", "2", "amd64")]].concat();
    assert_eq!(numbers(&[Layer::new(tag, all, vec![])]), [5, 4]);
}

#[test]
fn the_nearest_layer_decides() {
    let name = |text: &str| TagName::new(text).unwrap();
    let near = Layer::new(name("near"), vec![build(1, "a", "1", "amd64")], vec!["c".to_owned()]);
    let middle = Layer::new(name("middle"), vec![build(2, "b", "1", "amd64")], vec![]);
    let far = vec![build(3, "a", "9", "arm64"), build(4, "b", "9", "amd64"), build(5, "c", "1", "amd64")];
    assert_eq!(numbers(&[near, middle, Layer::new(name("far"), far, vec![])]), [1, 2]);
}

#[cfg(all(feature = "testing", feature = "resolve"))]
mod source {
    //! A tag as packages that the resolver asks about.

    use std::sync::Arc;

    use debbuild_core::{
        blob::MemoryStore as MemoryBlobs,
        build::{Artifact, Outcome},
        deb::fixture::deb,
        error::{Class, Classify as _},
        path::AbsPath,
        relation::Relations,
        resolve::{Install, PackageSource as _, Question, conformance},
        task::{TaskInput, TaskOutcome, TaskSpec},
    };

    use crate::{
        Queue,
        model::{BuildId, Completion, NewTask, TagName},
        store::{
            BuildQuery, MemoryStore,
            conformance::{Bench, record},
        },
        tag::TagSource,
    };

    struct World {
        _folder: tempfile::TempDir,
        bench: Bench,
    }

    async fn world() -> World {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let store = Arc::new(MemoryStore::new());
        let mut bench = Bench::new(Arc::<MemoryStore>::clone(&store)).await;
        let blobs = MemoryBlobs::new(AbsPath::new(folder.path()).unwrap());
        bench.queue = Queue::new(store, Arc::new(blobs));
        World { _folder: folder, bench }
    }

    fn tag(name: &str) -> TagName {
        TagName::new(name).unwrap()
    }

    impl World {
        /// A build of a source package that gives a .deb of the same name, added to a tag.
        async fn build(&self, into: &str, name: &str, version: &str, fields: &str) -> BuildId {
            let Self { bench, .. } = self;
            let put = async |bytes: Vec<u8>| bench.queue.blobs().put(&bench.cx, bytes.into()).await.unwrap();
            let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            let dsc = format!(
                "Format: 1.0\nSource: {name}\nVersion: {version}\nArchitecture: any\nChecksums-Sha256:\n {empty} 0 a.tar.gz\n"
            );
            let blob = put(dsc.into_bytes()).await;
            let input = TaskInput { name: format!("{name}_{version}.dsc"), size: blob.size, sha256: blob.id };
            let spec = TaskSpec::new("build", 1, serde_json::json!({})).with_inputs(vec![input]);
            let request = bench.request_of(vec![NewTask::new(spec, name)]);
            let task = bench.queue.submit(&bench.cx, &request).await.unwrap().tasks[0];
            let (lease, claim) = bench.start().await;
            let control = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{fields}");
            let blob = put(deb(&control)).await;
            let file = |kind: &str, ending: &str| Artifact {
                name: format!("{name}_{version}_amd64.{ending}"),
                kind: kind.to_owned(),
                size: blob.size,
                sha256: blob.id,
            };
            let files = vec![file("deb", "deb"), file("udeb", "udeb"), file("other", "txt")];
            let built = serde_json::to_value(record(name, version, Outcome::Succeeded)).unwrap();
            let log = put(b"log".to_vec()).await;
            let done = Completion::new(TaskOutcome::succeeded(files).with_record(built), Some(log));
            bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.unwrap();
            let query = BuildQuery::new().with_task(task);
            let build = bench.queue.builds(&bench.cx, &query).await.unwrap().items[0].id;
            bench.queue.tag_add(&bench.cx, &tag(into), build, &bench.user, "").await.unwrap();
            build
        }

        async fn create(&self, name: &str, parents: &[&str]) {
            let Self { bench, .. } = self;
            let parents: Vec<TagName> = parents.iter().map(|parent| tag(parent)).collect();
            bench.queue.create_tag(&bench.cx, &tag(name), &parents, &bench.user).await.unwrap();
        }

        fn source(&self, name: &str) -> TagSource {
            TagSource::new(self.bench.queue.clone(), tag(name))
        }

        /// The packages and source packages that a tag has.
        async fn has(&self, name: &str) -> (Vec<String>, Vec<String>) {
            let source = self.source(name);
            let any = Question::Install(Install::new(Relations::default()));
            let index = source.load(&self.bench.cx, &any).await.unwrap();
            assert!(index.problems().is_empty(), "{:?}", index.problems());
            let packages =
                index.packages().map(|one| one.map(|one| format!("{} {}", one.package, one.version)).unwrap());
            let sources = source.source_packages(&self.bench.cx).await.unwrap();
            assert!(sources.problems.is_empty(), "{:?}", sources.problems);
            let sources = sources.packages.iter().map(|one| format!("{} {}", one.source, one.version));
            (packages.collect(), sources.collect())
        }
    }

    #[tokio::test]
    async fn a_tag_conforms() {
        let world = world().await;
        world.create("base", &[]).await;
        world.build("base", "app", "1", "Depends: lib (>= 1)\n").await;
        world.build("base", "lib", "1", "").await;
        conformance::source(&world.source("base")).await;
        world.create("child", &["base"]).await;
        conformance::source(&world.source("child")).await;
    }

    #[tokio::test]
    async fn a_tag_has_what_it_offers_and_nothing_that_it_blocks() {
        let world = world().await;
        world.create("base", &[]).await;
        let old = world.build("base", "app", "1", "").await;
        world.build("base", "lib", "1", "").await;
        world.create("child", &["base"]).await;
        world.build("child", "app", "2", "").await;
        let both = |app: &str| vec![format!("app {app}"), "lib 1".to_owned()];
        assert_eq!(world.has("base").await, (both("1"), both("1")));
        assert_eq!(world.has("child").await, (both("2"), both("2")));
        let World { bench, .. } = &world;
        bench.queue.tag_block(&bench.cx, &tag("child"), "lib", &bench.user).await.unwrap();
        let only = vec!["app 2".to_owned()];
        assert_eq!(world.has("child").await, (only.clone(), only));
        bench.queue.tag_remove(&bench.cx, &tag("base"), old, &bench.user, "").await.unwrap();
        assert_eq!(world.has("base").await.0, ["lib 1"]);
    }

    #[tokio::test]
    async fn a_tag_that_is_not_there_is_not_found() {
        let world = world().await;
        let any = Question::Install(Install::new(Relations::default()));
        let missing = world.source("base").load(&world.bench.cx, &any).await.unwrap_err();
        assert_eq!(missing.class(), Class::NotFound);
        assert!(missing.to_string().contains("tag base"), "{missing}");
    }
}
