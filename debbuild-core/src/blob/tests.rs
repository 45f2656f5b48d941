//! Both stores pass the conformance suite; the folder store also survives what other processes leave behind.

use std::{fs, os::unix::fs::MetadataExt as _, time::Duration};

use bytes::Bytes;

use super::{Adopt, BlobError, BlobStore, CheckOptions, Fault, FolderStore, MemoryStore, SweepOptions, conformance};
use crate::{
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    path::AbsPath,
};

struct Fixture {
    folder: tempfile::TempDir,
    path: AbsPath,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = AbsPath::new(folder.path()).unwrap();
        Self { folder, path }
    }

    fn folder_store(&self) -> FolderStore {
        FolderStore::open(self.path.join("store")).unwrap()
    }

    fn blob_path(&self, id: Sha256) -> std::path::PathBuf {
        let name = id.to_string();
        self.folder.path().join("store/sha256").join(&name[..2]).join(name)
    }
}

async fn conforms(open: fn(&Fixture) -> Box<dyn BlobStore>) {
    let each = || {
        let fixture = Fixture::new();
        (open(&fixture), fixture)
    };
    let (store, fixture) = each();
    conformance::bytes_come_back(&*store).await;
    conformance::absent_is_not_found(&*store).await;
    conformance::files_are_adopted(&*store, &fixture.path).await;
    conformance::cancelled_stores_nothing(&*store).await;
    let (store, _fixture) = each();
    conformance::roots_keep_blobs(&*store).await;
}

#[tokio::test]
async fn folder_conforms() {
    conforms(|fixture| Box::new(fixture.folder_store())).await;
    let fixture = Fixture::new();
    conformance::damage_is_seen(&fixture.folder_store(), &|id| {
        fs::remove_file(fixture.blob_path(id)).unwrap();
        fs::write(fixture.blob_path(id), "precioux").unwrap();
    })
    .await;
    let fixture = Fixture::new();
    conformance::a_check_names_each_fault(&fixture.folder_store(), &|id| {
        fs::remove_file(fixture.blob_path(id)).unwrap();
        fs::write(fixture.blob_path(id), "precioux toux").unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_check_names_leavings_strangers_and_damaged_roots() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let store = fixture.folder_store();
    let blob = store.put(&cx, Bytes::from_static(b"good")).await.unwrap();
    store.pin(&cx, "tests", "one", &[blob.id]).await.unwrap();
    let at = |below: &str| AbsPath::new(fixture.folder.path().join("store").join(below)).unwrap();
    for (below, text) in [("tmp/0123", "half a bl"), ("sha256/stray", "x"), ("roots/tests/two", "not an id\n")] {
        fs::write(at(below), text).unwrap();
    }
    // A blob in the folder of another is found by nobody.
    let astray = fixture.blob_path(blob.id).with_file_name(Sha256::of(b"other").to_string());
    fs::copy(fixture.blob_path(blob.id), &astray).unwrap();
    let expected = vec![
        Fault::DamagedRoot { root: "tests/two".to_owned() },
        Fault::Foreign { path: AbsPath::new(&astray).unwrap() },
        Fault::Foreign { path: at("sha256/stray") },
        Fault::Leaving { path: at("tmp/0123"), size: 9 },
    ];
    let sorted = |mut faults: Vec<Fault>| {
        faults.sort_unstable();
        faults
    };
    let checked = store.check(&cx, CheckOptions::new()).await.unwrap();
    assert_eq!((checked.faults, checked.blobs), (sorted(expected.clone()), 1));
    // While somebody writes, what is not finished is no leaving.
    let held = fs::File::open(at("lock")).unwrap();
    held.lock_shared().unwrap();
    assert_eq!(store.check(&cx, CheckOptions::new()).await.unwrap().faults.len(), 3);
    drop(held);
    store.check(&cx, CheckOptions::new().with_repair(true)).await.unwrap();
    assert!(!at("tmp/0123").as_std().exists());
    assert!(at("sha256/stray").as_std().exists(), "what is not ours is not touched");
}

#[tokio::test]
async fn memory_conforms() {
    conforms(|fixture| Box::new(MemoryStore::new(fixture.path.clone()))).await;
    let fixture = Fixture::new();
    let store = MemoryStore::new(fixture.path.clone());
    conformance::damage_is_seen(&store, &|id| store.damage(id, "precioux")).await;
    let store = MemoryStore::new(fixture.path.clone());
    conformance::a_check_names_each_fault(&store, &|id| store.damage(id, "precioux toux")).await;
}

#[tokio::test]
async fn layout_is_fixed_and_read_only() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let blob = fixture.folder_store().put(&cx, Bytes::from_static(b"laid out")).await.unwrap();
    let found = fs::metadata(fixture.blob_path(blob.id)).unwrap();
    assert_eq!(found.mode() & 0o7777, 0o444);
    fixture.folder_store().pin(&cx, "tests", "one", &[blob.id]).await.unwrap();
    let root = fs::read_to_string(fixture.folder.path().join("store/roots/tests/one")).unwrap();
    assert_eq!(root, format!("{}\n", blob.id));
    assert_eq!(fs::read_dir(fixture.folder.path().join("store/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn linking_shares_the_file() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let file = fixture.path.join("linked");
    fs::write(&file, "shared bytes").unwrap();
    let blob = fixture.folder_store().adopt(&cx, &file, Adopt::Link, None).await.unwrap();
    let stored = fs::metadata(fixture.blob_path(blob.id)).unwrap();
    assert_eq!(stored.ino(), fs::metadata(&file).unwrap().ino());
    let link = fixture.path.join("symbolic");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(fixture.folder_store().adopt(&cx, &link, Adopt::Link, None).await.unwrap(), blob);
}

#[tokio::test]
async fn a_blob_that_is_put_again_is_young_again() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let store = fixture.folder_store();
    let blob = store.put(&cx, Bytes::from_static(b"again")).await.unwrap();
    let modified = fs::metadata(fixture.blob_path(blob.id)).unwrap().modified().unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    store.put(&cx, Bytes::from_static(b"again")).await.unwrap();
    let options = SweepOptions::new(Duration::from_secs(1));
    assert_eq!(store.sweep(&cx, options).await.unwrap().blobs, []);
    assert_eq!(fs::metadata(fixture.blob_path(blob.id)).unwrap().modified().unwrap(), modified);
}

#[tokio::test]
async fn a_damaged_root_stops_the_sweep() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let store = fixture.folder_store();
    let blob = store.put(&cx, Bytes::from_static(b"held by a damaged root")).await.unwrap();
    store.pin(&cx, "tests", "one", &[blob.id]).await.unwrap();
    let root = fixture.folder.path().join("store/roots/tests/one");
    fs::remove_file(&root).unwrap();
    fs::write(&root, "not an id\n").unwrap();
    let error = store.sweep(&cx, SweepOptions::new(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(error, BlobError::DamagedRoot(_)), "{error}");
    assert_eq!(error.class(), Class::Infrastructure);
    assert_eq!(store.stat(&cx, blob.id).await.unwrap(), Some(blob));
}

#[tokio::test]
async fn what_a_killed_writer_left_is_swept_and_never_visible() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let store = fixture.folder_store();
    let left = fixture.folder.path().join("store/tmp/0123");
    fs::write(&left, "half a bl").unwrap();
    assert_eq!(store.stat(&cx, Sha256::of(b"half a bl")).await.unwrap(), None);
    store.sweep(&cx, SweepOptions::new(Duration::from_secs(3600))).await.unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn several_stores_on_one_folder_agree() {
    let (fixture, cx) = (Fixture::new(), Context::new());
    let mut tasks = Vec::new();
    for worker in 0..8_u8 {
        let (store, cx) = (fixture.folder_store(), cx.clone());
        tasks.push(tokio::spawn(async move {
            for item in 0..16_u8 {
                let bytes = Bytes::from(vec![item; 70_000]);
                let blob = store.put(&cx, bytes.clone()).await.unwrap();
                store.pin(&cx, "worker", &format!("{worker}-{item}"), &[blob.id]).await.unwrap();
                if item % 5 == 0 {
                    store.sweep(&cx, SweepOptions::new(Duration::from_secs(60))).await.unwrap();
                }
                assert_eq!(store.read(&cx, blob.id, None).await.unwrap(), bytes);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.folder_store().sweep(&cx, SweepOptions::new(Duration::ZERO)).await.unwrap().blobs, []);
}
