//! Publishing is killed before each durable write: readers have the old state or the new one, and the next run finishes.

use std::{
    fs,
    num::NonZeroUsize,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use debbuild_core::{
    command::CommandSpec,
    context::Context,
    fail,
    path::AbsPath,
    repo::{IndexFormat, Input, PublishTarget, Repository, S3Credentials, S3Options, S3Target, SuiteOptions},
    sign::{Keyring, MemorySigner, MemoryVerifier, Signer as _},
};

use super::{
    place::{Place, Said, main_component, place, run, stable},
    s3::storage,
};

/// What the child is to do: the one thing that a test binary started again can be told by.
const TOLD: &str = "REPO_CRASH";

/// How many fail points were passed, and the one at which the process ends.
static PASSED: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Ends the process without any clean-up, as `kill -9` does.
fn die_at_the_last(_: &'static str) {
    if PASSED.fetch_add(1, Ordering::SeqCst) == LAST.load(Ordering::SeqCst) {
        process::abort();
    }
}

fn told() -> Option<Vec<String>> {
    #[expect(clippy::disallowed_methods, reason = "this test starts itself again, without arguments of its own")]
    let told = std::env::var(TOLD).ok()?;
    let words: Vec<String> = told.split(' ').map(str::to_owned).collect();
    LAST.store(words[0].parse().unwrap(), Ordering::SeqCst);
    fail::on_point(die_at_the_last);
    Some(words[1..].to_vec())
}

/// Runs this test again, as a child that dies before its durable write of this number; whether it got so far.
async fn dies(test: &str, at: usize, words: &[&str]) -> bool {
    let spec = CommandSpec::new(std::env::current_exe().unwrap().to_str().unwrap())
        .with_args(["--exact", &format!("repo::crash::{test}")])
        .with_env(TOLD, format!("{at} {}", words.join(" ")));
    let Said { status, stdout, stderr } = run(spec).await;
    assert!(status == 0 || status == -1, "{at}: {stdout}{stderr}");
    status == -1
}

async fn open(dir: &str) -> Repository {
    Repository::open(&Context::new(), AbsPath::new(dir).unwrap()).await.unwrap()
}

async fn change(repository: &Repository, file: AbsPath) {
    let cx = Context::new();
    let input = vec![Input::by_name(file).unwrap()];
    repository.add(&cx, &stable(), &main_component(), input, Default::default()).await.unwrap();
    repository.publish(&cx, &stable(), &MemorySigner::new("archive")).await.unwrap();
}

/// A published suite with patches of its indexes, which are larger than one package.
async fn published(place: &Place) -> Repository {
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]).with_pdiffs(NonZeroUsize::new(3));
    let options = options.with_formats(vec![IndexFormat::Plain, IndexFormat::Gzip]).with_contents(false);
    let repository = Repository::init(&place.cx, place.dir(), options).await.unwrap();
    for name in ["one", "two", "three", "four", "five"] {
        place.add(&repository, vec![place.package(name, "1", "").await]).await;
    }
    change(&repository, place.package("old", "1", "").await.file).await;
    repository
}

/// What a client reads is whole; the number of the state.
async fn whole(place: &Place, repository: &Repository, at: usize) -> i64 {
    let keys = Keyring::Bytes(MemorySigner::new("archive").public_key(&place.cx).await.unwrap());
    let verifier = MemoryVerifier::new();
    let report = repository.verify(&place.cx, &stable(), Some((&verifier, &keys))).await.unwrap();
    assert!(report.is_good(), "{at}: {report:?}");
    repository.current(&place.cx, &stable()).await.unwrap().number
}

async fn copy(from: &AbsPath, to: &AbsPath) {
    let said = run(CommandSpec::new("cp").with_args(["-a", from.as_str(), to.as_str()])).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
}

/// The old state until some write, the new one from then on, and both were seen.
fn one_moment(seen: &[i64]) {
    assert!(seen.is_sorted() && seen.first() == Some(&1) && seen.last() == Some(&2), "{seen:?}");
}

#[tokio::test]
async fn killed_before_any_durable_write_the_old_state_or_the_new_one_is_whole() {
    if let Some(words) = told() {
        return change(&open(&words[0]).await, AbsPath::new(&words[1]).unwrap()).await;
    }
    let place = place().await;
    let new = place.package("new", "1", "").await;
    published(&place).await;
    let base = place.base.join("base");
    fs::rename(place.dir(), &base).unwrap();
    let mut seen = Vec::new();
    for at in 0.. {
        copy(&base, &place.dir()).await;
        let test = "killed_before_any_durable_write_the_old_state_or_the_new_one_is_whole";
        let died = dies(test, at, &[place.dir().as_str(), new.file.as_str()]).await;
        let repository = open(place.dir().as_str()).await;
        seen.push(whole(&place, &repository, at).await);
        let states = repository.states(&place.cx, &stable()).await.unwrap();
        assert_eq!(states.last().map(|state| state.number), seen.last().copied());
        if died {
            change(&repository, new.file.clone()).await;
            whole(&place, &repository, at).await;
        }
        assert_eq!(repository.list(&place.cx, &stable(), None).await.unwrap().len(), 7, "{at}");
        let list = format!("dists/stable/main/binary-{}/Packages.diff/Index", place.architecture);
        assert!(place.dir().descend(&list).unwrap().as_std().exists(), "{at}: no patches");
        assert!(repository.check(&place.cx, &stable()).await.unwrap().is_good());
        fs::remove_dir_all(place.dir()).unwrap();
        if !died {
            break;
        }
    }
    assert!(seen.len() > 20, "only {} writes", seen.len());
    one_moment(&seen);
}

fn bucket(endpoint: &str, prefix: &str) -> S3Target {
    let location = format!("s3://archive/{prefix}").parse().unwrap();
    let options = S3Options::new(location, S3Credentials::new("key", "secret"));
    S3Target::new(&options.with_endpoint(Some(endpoint.to_owned()))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_write_to_a_bucket_the_old_state_or_the_new_one_is_whole() {
    if let Some(words) = told() {
        let target = bucket(&words[1], &words[2]);
        open(&words[0]).await.publish_to(&Context::new(), &stable(), &target, "there").await.unwrap();
        return;
    }
    let (place, storage) = (place().await, storage().await);
    let new = place.package("new", "1", "").await;
    let repository = published(&place).await;
    let before = place.base.join("before");
    copy(&place.dir(), &before).await;
    change(&repository, new.file).await;
    let before = open(before.as_str()).await;
    let mut seen = Vec::new();
    for at in 0.. {
        let prefix = format!("crash-{at}");
        let target = Arc::new(bucket(&storage.endpoint, &prefix));
        before.publish_to(&place.cx, &stable(), &*target, "there").await.unwrap();
        let test = "killed_before_any_write_to_a_bucket_the_old_state_or_the_new_one_is_whole";
        let died = dies(test, at, &[place.dir().as_str(), &storage.endpoint, &prefix]).await;
        let there = repository.clone().with_target(Arc::clone(&target) as Arc<dyn PublishTarget>);
        // The switch is the moment for readers by hash: what InRelease lists is there by hash before it.
        seen.push(by_hash(&place, &there, at).await);
        repository.publish_to(&place.cx, &stable(), &*target, "there").await.unwrap();
        assert_eq!(whole(&place, &there, at).await, 2);
        if !died {
            break;
        }
    }
    assert!(seen.len() > 10, "only {} writes", seen.len());
    one_moment(&seen);
}

/// What a client that takes InRelease and indexes by hash reads is whole; the number of the state.
async fn by_hash(place: &Place, there: &Repository, at: usize) -> i64 {
    let report = there.verify(&place.cx, &stable(), None).await.unwrap();
    // Patches have one content for ever, and are there before the list that names them.
    let is_fixed = |path: &str| path.contains("/by-hash/") || (path.contains(".diff/") && path.ends_with(".gz"));
    let by_name = |path: &str| !is_fixed(path) && !path.ends_with("InRelease") && path.starts_with("dists/");
    let bad: Vec<_> = report.findings.iter().filter(|finding| !by_name(&finding.path)).collect();
    assert!(bad.is_empty(), "{at}: {bad:?}");
    there.current(&place.cx, &stable()).await.unwrap().number
}
