//! Publishing is killed between its steps: readers have the old state or the new one, and the next run finishes.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{
    command::CommandSpec,
    context::Context,
    digest::Sha256,
    name::{PoolPath, SuiteName},
    path::AbsPath,
    repo::{FolderTarget, Input, Placement, PublishTarget, RepoError, Repository, StateId, TreeFile},
    sign::{Keyring, MemorySigner, MemoryVerifier, Signer as _},
};

use super::place::{main_component, place, run, stable};

/// Which step the child dies at, and where: the one thing that a test binary started again can be told by.
const WHERE: &str = "REPO_CRASH";
/// Before and after each of place, stage, switch and prune.
const STEPS: usize = 8;

/// Dies without any clean-up at one of its steps.
#[derive(Debug)]
struct Dying {
    inner: FolderTarget,
    step: AtomicUsize,
    at: usize,
}

impl Dying {
    fn step(&self) {
        if self.step.fetch_add(1, Ordering::SeqCst) == self.at {
            process::abort();
        }
    }
}

#[async_trait]
impl PublishTarget for Dying {
    async fn place(&self, cx: &Context, files: &[Placement]) -> Result<(), RepoError> {
        self.step();
        self.inner.place(cx, files).await?;
        self.step();
        Ok(())
    }

    async fn stage(&self, cx: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        self.step();
        self.inner.stage(cx, suite, state, tree).await?;
        self.step();
        Ok(())
    }

    async fn switch(&self, cx: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        self.step();
        self.inner.switch(cx, suite, state).await?;
        self.step();
        Ok(())
    }

    async fn current(&self, cx: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        self.inner.current(cx, suite).await
    }

    async fn prune(&self, cx: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        self.step();
        self.inner.prune(cx, suite, keep).await?;
        self.step();
        Ok(())
    }

    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        self.inner.read(cx, path).await
    }

    async fn stat(&self, cx: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError> {
        self.inner.stat(cx, path).await
    }
}

async fn change(repository: &Repository, file: AbsPath) {
    let cx = Context::new();
    let input = vec![Input::by_name(file).unwrap()];
    repository.add(&cx, &stable(), &main_component(), input, Default::default()).await.unwrap();
    repository.publish(&cx, &stable(), &MemorySigner::new("archive")).await.unwrap();
}

/// The child: adds a package and publishes, and dies at the step that it was told.
async fn child(told: &str) {
    let (at, rest) = told.split_once(' ').unwrap();
    let (dir, file) = rest.split_once(' ').unwrap();
    let dir = AbsPath::new(dir).unwrap();
    let dying = Dying { inner: FolderTarget::new(dir.clone()), step: AtomicUsize::new(0), at: at.parse().unwrap() };
    let repository = Repository::open(&Context::new(), dir).await.unwrap().with_target(Arc::new(dying));
    change(&repository, AbsPath::new(file).unwrap()).await;
}

#[tokio::test]
async fn killed_at_any_step_the_old_state_or_the_new_one_is_whole() {
    #[expect(clippy::disallowed_methods, reason = "this test starts itself again, without arguments of its own")]
    if let Ok(told) = std::env::var(WHERE) {
        return child(&told).await;
    }
    let place = place().await;
    let (old, new) = (place.package("old", "1", "").await, place.package("new", "1", "").await);
    let keys = Keyring::Bytes(MemorySigner::new("archive").public_key(&place.cx).await.unwrap());
    let verifier = MemoryVerifier::new();
    let binary = std::env::current_exe().unwrap();
    let mut seen = Vec::new();
    for step in 0..STEPS {
        let repository = place.repository().await;
        change(&repository, old.file.clone()).await;
        let told = format!("{step} {} {}", place.dir(), new.file);
        let spec = CommandSpec::new(binary.to_str().unwrap())
            .with_args(["--exact", "repo::crash::killed_at_any_step_the_old_state_or_the_new_one_is_whole"])
            .with_env(WHERE, told);
        let said = run(spec).await;
        assert_eq!(said.status, -1, "step {step} was not reached: {}{}", said.stdout, said.stderr);

        let whole = async |repository: &Repository| {
            let report = repository.verify(&place.cx, &stable(), Some((&verifier, &keys))).await.unwrap();
            assert!(report.is_good(), "step {step}: {report:?}");
            repository.current(&place.cx, &stable()).await.unwrap()
        };
        let state = whole(&repository).await;
        assert_eq!(repository.states(&place.cx, &stable()).await.unwrap().last(), Some(&state));
        seen.push(state.number);
        change(&repository, new.file.clone()).await;
        let state = whole(&repository).await;
        assert_eq!(state.content.packages, 2, "step {step}");
        assert!(repository.check(&place.cx, &stable()).await.unwrap().is_good());
        std::fs::remove_dir_all(place.dir()).unwrap();
    }
    assert_eq!(seen, [1, 1, 1, 1, 1, 2, 2, 2], "the switch is the moment");
}
