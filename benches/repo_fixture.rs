//! What `benches/repo.sh` measures with: real packages in a folder, and a suite as large as the archive of this machine.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{
    arch::Architecture,
    context::Context,
    control::{BinaryPackage, paragraphs},
    digest::Sha256,
    name::{ComponentName, PoolPath, SuiteName},
    path::AbsPath,
    repo::{
        FolderTarget, Input, InputKind, Placement, Placing, PublishTarget, RepoError, Repository, StateId,
        SuiteOptions, TreeFile,
    },
};
use debbuild_suite::pool::RealArchive;

/// A folder whose pool takes packages that are not there: only their indexes matter.
#[derive(Debug)]
struct NoPool(FolderTarget);

#[async_trait]
impl PublishTarget for NoPool {
    async fn place(&self, _: &Context, _: &[Placement]) -> Result<(), RepoError> {
        Ok(())
    }

    async fn stage(&self, cx: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        self.0.stage(cx, suite, state, tree).await
    }

    async fn switch(&self, cx: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        self.0.switch(cx, suite, state).await
    }

    async fn current(&self, cx: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        self.0.current(cx, suite).await
    }

    async fn trees(&self, cx: &Context, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        self.0.trees(cx, suite).await
    }

    async fn pool(&self, cx: &Context) -> Result<Vec<(PoolPath, u64)>, RepoError> {
        self.0.pool(cx).await
    }

    async fn remove(&self, cx: &Context, files: &[PoolPath]) -> Result<(), RepoError> {
        self.0.remove(cx, files).await
    }

    fn timed(&self, suite: &SuiteName, time: &str) -> Result<PoolPath, RepoError> {
        self.0.timed(suite, time)
    }

    async fn expose(&self, cx: &Context, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError> {
        self.0.expose(cx, suite, state, time).await
    }

    async fn prune(&self, cx: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        self.0.prune(cx, suite, keep).await
    }

    async fn read(&self, cx: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        self.0.read(cx, path).await
    }

    async fn stat(&self, cx: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError> {
        self.0.stat(cx, path).await
    }
}

/// `debs COUNT LARGEST DIR` copies real packages of at most so many bytes into a folder; `suite DIR` stages the archive's whole Packages in a repository.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["debs", count, largest, dir] => debs(count.parse()?, largest.parse()?, &AbsPath::new(dir)?).await,
        ["suite", dir] => suite(&AbsPath::new(dir)?).await,
        _ => Err("usage: repo_fixture debs COUNT LARGEST DIR | suite DIR".into()),
    }
}

async fn debs(count: usize, largest: u64, dir: &AbsPath) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(dir)?;
    for deb in RealArchive::open().await.debs_up_to(count, largest).await {
        fs::copy(&deb, dir.child(deb.name())?)?;
    }
    Ok(())
}

async fn suite(dir: &AbsPath) -> Result<(), Box<dyn std::error::Error>> {
    let text = RealArchive::open().await.packages().await;
    let (cx, name, component) = (Context::new(), SuiteName::new("stable")?, ComponentName::new("main")?);
    let mut inputs = Vec::new();
    let mut architecture = None;
    for (number, paragraph) in paragraphs(&text).enumerate() {
        let paragraph = paragraph?;
        let package = BinaryPackage::from_stanza(&paragraph)?;
        let location = package.location.ok_or("a stanza without a file")?;
        let file = dir.parent().child(&format!("{}.file-{number}", dir.name()))?;
        // As long as the package, and empty.
        fs::File::create(&file)?.set_len(location.size)?;
        let control: String = paragraph.fields().map(|(name, value)| format!("{name}: {value}\n")).collect();
        inputs.push(Input::new(InputKind::Binary, file).with_sha256(location.sha256).with_control(control));
        if !package.architecture.is_all() {
            architecture = Some(package.architecture);
        }
    }
    let architecture: Architecture = architecture.ok_or("an empty archive")?;
    let options = SuiteOptions::new(name.clone(), vec![architecture]);
    let repository = Repository::init(&cx, dir.clone(), options).await?;
    let repository = repository.with_target(Arc::new(NoPool(FolderTarget::new(dir.clone()))));
    let files: Vec<AbsPath> = inputs.iter().map(|input| input.file.clone()).collect();
    let entries = repository.add(&cx, &name, &component, inputs, Placing::Link).await?;
    for file in files {
        fs::remove_file(file)?;
    }
    #[expect(clippy::print_stdout, reason = "a program of its own")]
    {
        println!("{} packages", entries.len());
    }
    Ok(())
}
