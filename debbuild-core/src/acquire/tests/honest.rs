//! What an honest archive gives, how often it is asked, and what is recorded for a replay.

use super::{AcquireError, PACKAGES, World, amd64, main_component};
use crate::{
    acquire::{PoolFile, Suite, fetch::Fault, pool_files},
    arch::Architecture,
    cancel::CancelToken,
    clock::FixedClock,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    event::{Event, RecordingReporter},
};

#[tokio::test]
async fn indexes_and_files_come_checked_and_are_asked_for_once() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/main/h/hello/hello_2.10-3_amd64.deb", b"a package").unwrap();
    let index = format!("Package: hello\nFilename: {}\nSize: {}\nSHA256: {}\n\n", deb.path, deb.size, deb.sha256);
    let fixture = fixture.with_index("main/binary-amd64/Packages", index.clone());
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    assert_eq!(suite.release().origin.as_deref(), Some("Test"));
    assert_eq!(suite.components(), [main_component()]);
    assert_eq!(suite.package_architectures(&amd64()), [amd64(), Architecture::all()]);
    assert_eq!(suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), index);
    let found = suite.pool_file(&world.cx, &deb.path).await.unwrap();
    assert_eq!(found.as_ref(), Some(&deb));
    assert_eq!(suite.pool_file(&world.cx, "pool/other.deb").await.unwrap(), None);
    let blob = suite.file(&world.cx, &deb).await.unwrap();
    assert_eq!(world.reader.store().read(&world.cx, blob.id, None).await.unwrap(), "a package");

    let before = world.fetch.asked().len();
    assert_eq!(before, 3, "{:?}", world.fetch.asked());
    let again = world.open(&fixture).await.unwrap();
    again.packages(&world.cx, &main_component(), &amd64()).await.unwrap();
    again.file(&world.cx, &deb).await.unwrap();
    assert_eq!(world.fetch.asked().len(), before + 1, "only whether InRelease changed");
    assert_eq!(again.access(), suite.access());
}

#[tokio::test]
async fn components_have_the_names_that_their_indexes_are_found_under() {
    let world = World::new();
    // As the Release of bookworm-security: `updates/` stands before every component, and before no index.
    let fixture = world.archive().with_field("Components", "updates/main updates/contrib deep/own");
    let fixture = ["main", "contrib", "deep/own", "own"].iter().fold(fixture, |fixture, name| {
        fixture.with_index(&format!("{name}/binary-amd64/Packages"), format!("X: {name}\n"))
    });
    world.publish(&fixture).await;
    let names = |suite: &Suite| suite.components().iter().map(ToString::to_string).collect::<Vec<_>>();
    let all = world.open(&fixture).await.unwrap();
    assert_eq!(names(&all), ["main", "contrib", "deep/own"]);
    assert_eq!(all.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), "X: main\n");
    let archive = fixture.archive(&world.cx).await.unwrap().with_components(vec![main_component()]);
    assert_eq!(names(&world.reader.open(&world.cx, &archive).await.unwrap()), ["main"]);
}

#[tokio::test]
async fn many_who_want_one_file_cause_one_transfer() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/x.deb", &[7; 300_000]).unwrap();
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    let before = world.fetch.asked().len();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let (suite, cx, deb) = (suite.clone(), world.cx.clone(), deb.clone());
        tasks.push(tokio::spawn(async move { suite.file(&cx, &deb).await.unwrap() }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().id, deb.sha256);
    }
    assert_eq!(world.fetch.asked().len(), before + 1);
}

#[tokio::test]
async fn readers_that_share_only_folders_cause_one_transfer_too() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/x.deb", &[7; 300_000]).unwrap();
    world.publish(&fixture).await;
    let archive = fixture.archive(&world.cx).await.unwrap();
    let mut suites = Vec::new();
    for _ in 0..4 {
        suites.push(world.other_reader().open(&world.cx, &archive).await.unwrap());
    }
    let before = world.fetch.asked().len();
    let wanted = suites.iter().map(|suite| suite.file(&world.cx, &deb));
    for blob in futures_util::future::join_all(wanted).await {
        assert_eq!(blob.unwrap().id, deb.sha256);
    }
    assert_eq!(world.fetch.asked().len(), before + 1);
}

#[tokio::test]
async fn waiting_for_somebody_elses_transfer_can_be_cancelled() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/x.deb", b"x").unwrap();
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    let path = world.scratch.child(&format!("lock-{}", &deb.sha256.to_string()[..2])).unwrap();
    let held = std::fs::File::create(&path).unwrap();
    held.lock().unwrap();
    let cancel = CancelToken::new();
    let cx = world.cx.clone().with_cancel(cancel.clone());
    let waiting = suite.file(&cx, &deb);
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        cancel.cancel();
    };
    let (answer, ()) = tokio::join!(waiting, stop);
    assert_eq!(answer.unwrap_err().class(), Class::Cancelled);
    held.unlock().unwrap();
    assert!(suite.file(&world.cx, &deb).await.is_ok());
}

#[tokio::test]
async fn many_files_keep_their_order_and_the_first_failure_ends_them() {
    let world = World::new();
    let fixture = world.archive();
    let put = |n: u8| fixture.put_file(&format!("pool/{n}.deb"), &vec![n; 1000 - usize::from(n)]).unwrap();
    let files: Vec<PoolFile> = (0..40).map(put).collect();
    world.publish(&fixture).await;
    let events = std::sync::Arc::new(RecordingReporter::default());
    let cx = world.cx.clone().with_events(std::sync::Arc::<RecordingReporter>::clone(&events));
    let suite = world.open(&fixture).await.unwrap();
    world.fetch.fail_next(suite.archive().uris[0].join("pool/30.deb").unwrap(), Fault::Unreachable);
    assert_eq!(suite.files(&cx, &files).await.unwrap_err().class(), Class::Infrastructure);
    let blobs = suite.files(&cx, &files).await.unwrap();
    assert!(blobs.iter().zip(&files).all(|(blob, file)| blob.id == file.sha256));
    let total: u64 = files.iter().map(|file| file.size).sum();
    let last = events.events().into_iter().rev().find_map(|event| match event {
        Event::Progress { done, .. } => Some(done),
        _ => None,
    });
    assert_eq!(last, Some(total));
}

#[tokio::test]
async fn leavings_of_killed_transfers_are_swept_and_nothing_else() {
    let world = World::new();
    let digest = Sha256::of(b"x");
    let left = [format!("{digest}.partial"), digest.to_string(), "0123456789abcdef0123456789abcdef".to_owned()];
    let kept = ["lock-00".to_owned(), "somebody-elses".to_owned(), "verify-1".to_owned()];
    for name in left.iter().chain(&kept) {
        std::fs::write(world.scratch.child(name).unwrap(), "1234").unwrap();
    }
    let hour = std::time::Duration::from_secs(3600);
    let real = Context::new();
    assert_eq!(world.reader.sweep(&real, hour).await.unwrap(), 0);
    let later = FixedClock::new(real.now().after(2 * hour));
    assert_eq!(world.reader.sweep(&real.with_clock(std::sync::Arc::new(later)), hour).await.unwrap(), 12);
    for name in &kept {
        assert!(world.scratch.child(name).unwrap().as_std().exists(), "{name}");
    }
}

#[tokio::test]
async fn by_hash_serves_while_a_mirror_is_being_updated() {
    let world = World::new();
    let fixture = world.archive().with_by_hash_only();
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    assert_eq!(suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), PACKAGES);
    let index = suite.access().indexes[0].clone();
    assert_eq!(index.path, "dists/bookworm/main/binary-amd64/Packages.xz");
    let asked = format!("main/binary-amd64/by-hash/SHA256/{}", index.sha256);
    assert_eq!(suite.dists_file(&world.cx, &asked).await.unwrap().id, index.sha256);
    let other = format!("main/binary-arm64/by-hash/SHA256/{}", index.sha256);
    assert!(matches!(suite.dists_file(&world.cx, &other).await, Err(AcquireError::NoIndex { .. })));
    assert_eq!(suite.dists_file(&world.cx, "InRelease").await.unwrap().id, suite.access().release.sha256);
}

#[tokio::test]
async fn a_detached_signature_serves_where_there_is_no_inrelease() {
    let world = World::new();
    let fixture = world.archive().with_detached_signature();
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    assert_eq!(suite.access().release.path, "dists/bookworm/Release");
    assert_eq!(suite.access().release_signature.unwrap().path, "dists/bookworm/Release.gpg");
    assert_eq!(suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), PACKAGES);
    world.open(&fixture).await.unwrap();

    // Trouble with InRelease is no reason to look for another form.
    world.fetch.fail_next(fixture.uri("InRelease").unwrap(), Fault::Unreachable);
    let error = world.open(&fixture).await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");
}

#[tokio::test]
async fn a_replay_gives_the_same_and_never_fetches() {
    let world = World::new();
    let fixture = world.archive().with_index("main/source/Sources", "Package: hello\n\n");
    let deb = fixture.put_file("pool/x.deb", b"x").unwrap();
    world.publish(&fixture).await;
    let suite = world.open(&fixture).await.unwrap();
    suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap();
    suite.file(&world.cx, &deb).await.unwrap();
    let (access, at, asked) = (suite.access(), world.now(), world.fetch.asked().len());

    world.clock.advance(std::time::Duration::from_secs(400 * 86400));
    assert!(matches!(world.open(&fixture).await, Err(AcquireError::Expired { .. })));
    let asked = asked + (world.fetch.asked().len() - asked);
    let replay = world.reader.replay(&world.cx, &access, at).await.unwrap();
    assert_eq!(replay.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), PACKAGES);
    assert_eq!(replay.file(&world.cx, &deb).await.unwrap().id, deb.sha256);
    assert_eq!(replay.access(), access);
    let missing = PoolFile::new("pool/y.deb", 1, Sha256::of(b"y"));
    assert!(matches!(replay.file(&world.cx, &missing).await, Err(AcquireError::NotStored { .. })));
    assert!(replay.sources(&world.cx, &main_component()).await.is_err(), "not read before, so not in the lock");
    assert_eq!(world.fetch.asked().len(), asked);
}

#[test]
fn pool_files_of_both_kinds_of_index() {
    let sum = Sha256::of(b"x");
    let text = format!(
        "Package: a\nFilename: pool/a.deb\nSize: 1\nSHA256: {sum}\n\nPackage: b\nFilename: pool/b.deb\nSize: 1\n\n\
         Package: c\nDirectory: pool/c\nFiles:\n 0 1 c.dsc\nChecksums-Sha256:\n {sum} 1 c.dsc\n {sum} 2 c.tar.xz\n"
    );
    let found: Vec<(String, u64)> =
        pool_files(text.as_bytes()).unwrap().into_iter().map(|file| (file.path, file.size)).collect();
    let expected = [("pool/a.deb", 1), ("pool/c/c.dsc", 1), ("pool/c/c.tar.xz", 2)];
    assert_eq!(found, expected.map(|(path, size)| (path.to_owned(), size)));
}
