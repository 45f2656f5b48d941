//! `debbuild fsck`: each fault is named, and what came from an archive is fetched again.

use std::{fs, sync::Arc};

use debbuild_core::{
    blob::{BlobStore, FolderStore},
    context::Context,
    digest::Sha256,
    path::AbsPath,
};
use debbuild_queue::{
    Queue,
    store::{QueueStore, SqliteOptions, SqliteStore, conformance::Bench},
};
use debbuild_suite::debbuild::Sandbox;
use serde_json::json;

fn overwrite(path: &AbsPath, text: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn faults_are_named_and_what_an_archive_has_is_fetched_again() {
    let (user, cx) = (Sandbox::new(), Context::new());
    let fsck = async |args: &[&str]| user.run([&["fsck", "--format", "json"], args].concat()).await;
    let nothing = fsck(&[]).await;
    assert_eq!((nothing.status, nothing.json()["good"].as_bool()), (0, Some(true)), "{nothing:?}");
    assert!(!user.path().join("state").as_std().exists(), "looking makes nothing");

    let store = FolderStore::open(user.path().join("state/blobs")).unwrap();
    let fetched = store.put(&cx, "a package".into()).await.unwrap();
    let own = store.put(&cx, "made here".into()).await.unwrap();
    store.pin(&cx, "gateway", "note", &[fetched.id]).await.unwrap();
    store.pin(&cx, "results", "1", &[own.id]).await.unwrap();
    let good = fsck(&[]).await;
    assert_eq!((good.status, good.json()["blobs"].as_u64()), (0, Some(2)), "{good:?}");

    // The archive that the gateway had it from.
    user.write("archive/pool/x.deb", "a package");
    let url = format!("file://{}/archive/pool/x.deb", user.path());
    let note = json!({ "schema": 1, "url": url, "sha256": fetched.id.to_string(), "size": fetched.size });
    user.write("state/gateway/notes/ab/cd.json", &note.to_string());
    let [fetched_file, own_file] =
        [store.local(&cx, fetched.id).await.unwrap(), store.local(&cx, own.id).await.unwrap()];
    overwrite(&fetched_file, "a packagf");
    overwrite(&own_file, "made herf");
    let left = user.path().join("state/blobs/tmp/left");
    fs::write(&left, "half").unwrap();

    let bad = fsck(&[]).await;
    let report = bad.json();
    assert_eq!((bad.status, report["good"].as_bool()), (1, Some(false)), "{bad:?}");
    let kinds: Vec<&str> =
        report["faults"].as_array().unwrap().iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["damaged", "damaged", "leaving"], "{report}");
    assert!(left.as_std().exists() && fetched_file.as_std().exists(), "only looked");

    let mended = fsck(&["--repair"]).await;
    let report = mended.json();
    assert_eq!(mended.status, 1, "what was made here cannot be had again: {mended:?}");
    for fault in report["faults"].as_array().unwrap() {
        let ours = fault["blob"] == json!(own.id.to_string());
        assert_eq!(fault["repaired"].as_bool(), Some(!ours), "{fault}");
    }
    assert_eq!(fs::read(&fetched_file).unwrap(), b"a package");
    assert!(!left.as_std().exists() && !own_file.as_std().exists());
    let aside = user.path().join("state/blobs/damaged").child(&own.id.to_string()).unwrap();
    assert_eq!(fs::read(&aside).unwrap(), b"made herf", "damaged bytes are set aside, not thrown away");

    let text = user.run(["fsck"]).await;
    assert_eq!(text.status, 1);
    assert!(text.stdout.contains(&format!("blob {} is missing, and root results/1 needs it\n", own.id)), "{text:?}");
    store.put(&cx, "made here".into()).await.unwrap();
    assert_eq!(fsck(&["--repair"]).await.status, 0);
    assert_eq!(Sha256::of(&fs::read(&own_file).unwrap()), own.id);
}

#[tokio::test]
async fn artifacts_that_are_gone_and_a_queue_that_cannot_be_read_are_named() {
    let (user, cx) = (Sandbox::new(), Context::new());
    let fsck = async |args: &[&str]| user.run([&["fsck", "--format", "json"], args].concat()).await;
    let home = user.path().join("state");
    let blobs = Arc::new(FolderStore::open(home.join("blobs")).unwrap());
    let file = home.join("state.sqlite");
    let store: Arc<dyn QueueStore> = Arc::new(SqliteStore::open(&SqliteOptions::new(file.clone())).await.unwrap());
    let bench = Bench::new(Arc::clone(&store)).await;
    let bench = Bench { queue: Queue::new(store, Arc::clone(&blobs) as Arc<dyn BlobStore>), ..bench };
    bench.build("hello", "1.0").await;
    let good = fsck(&[]).await;
    assert_eq!((good.status, good.json()["artifacts"].as_u64()), (0, Some(1)), "{good:?}");

    // The rows of the queue, and the root of the results, name a blob that is not there.
    let deb = Sha256::of(b"hello_1.0_amd64.deb");
    fs::remove_file(blobs.local(&cx, deb).await.unwrap()).unwrap();
    for args in [&[][..], &["--repair"]] {
        let bad = fsck(args).await;
        let faults = bad.json()["faults"].as_array().unwrap().clone();
        let kinds: Vec<&str> = faults.iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
        assert_eq!((bad.status, &kinds[..]), (1, &["missing", "artifact"][..]), "{bad:?}");
        assert_eq!(faults[1]["problem"], "artifact hello_1.0_amd64.deb of build 1 is missing");
        let lost = |fault: &serde_json::Value| fault["blob"] == json!(deb.to_string()) && fault["repaired"] == false;
        assert!(faults.iter().all(lost), "what was made here cannot be had again: {faults:?}");
    }
    blobs.put(&cx, "hello_1.0_amd64.deb".into()).await.unwrap();
    assert_eq!(fsck(&[]).await.status, 0);

    drop(bench);
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{file}{ending}")).ok();
    }
    fs::write(&file, "this is no database, and longer than the head of one would be: ".repeat(20)).unwrap();
    let bad = fsck(&["--repair"]).await;
    let report = bad.json();
    assert_eq!((bad.status, report["faults"].as_array().map(Vec::len)), (1, Some(1)), "{bad:?}");
    assert_eq!((&report["faults"][0]["kind"], &report["blobs"]), (&json!("queue"), &json!(2)), "{report}");
    assert!(report["faults"][0]["problem"].as_str().unwrap().contains("state.sqlite"), "{report}");
}
