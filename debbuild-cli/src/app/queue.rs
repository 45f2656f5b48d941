//! The queue on this machine: its state in one SQLite file, submissions of source packages, workers, publications.

use std::{collections::BTreeSet, fs, sync::Arc, time::Duration};

use debbuild_chroot::sbuild::BuildTask;
use debbuild_core::{
    arch::Architecture,
    blob,
    build::{BuildOptions, BuildRequest, ChrootId},
    context::Context,
    digest::Sha256,
    error::Class,
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::Repository,
    task::{Capabilities, TaskExecutor, TaskSpec},
};
use debbuild_queue::{
    Queue,
    api::v1::{ArtifactList, Artifacts as _, Event, Events as _, Local, Task, Tasks as _},
    model::{TagName, UserName, WorkerMode, WorkerName},
    store::{SqliteOptions, SqliteStore},
    suite::{PublishOptions, Published},
    worker::{Reaper, Until, WorkerLoop, WorkerOptions, WorkerReport},
};

use super::{App, AppError, Failure};

/// A source package to submit.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildSubmission {
    /// The .dsc, with its files beside it.
    pub dsc: AbsPath,
    /// The suite that the result is for.
    pub suite: SuiteName,
    /// The architecture to build on and for.
    pub architecture: Architecture,
    /// The chroot; without one the newest for that suite and architecture when the build begins.
    pub chroot: Option<ChrootId>,
    /// How to build.
    pub options: BuildOptions,
}

impl BuildSubmission {
    /// A build in the newest chroot, as usual.
    #[must_use]
    pub fn new(dsc: AbsPath, suite: SuiteName, architecture: Architecture) -> Self {
        Self { dsc, suite, architecture, chroot: None, options: BuildOptions::default() }
    }

    /// In this chroot.
    #[must_use]
    pub fn with_chroot(mut self, chroot: Option<ChrootId>) -> Self {
        self.chroot = chroot;
        self
    }

    /// With these options.
    #[must_use]
    pub fn with_options(mut self, options: BuildOptions) -> Self {
        self.options = options;
        self
    }
}

/// A worker to run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerRun {
    /// Its name.
    pub name: WorkerName,
    /// How many tasks it does at once.
    pub slots: usize,
    /// Whether it stops when there is nothing left that it could do.
    pub until_idle: bool,
}

impl WorkerRun {
    /// A worker with one slot.
    #[must_use]
    pub const fn new(name: WorkerName, until_idle: bool) -> Self {
        Self { name, slots: 1, until_idle }
    }

    /// With so many slots.
    #[must_use]
    pub const fn with_slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }
}

impl App {
    /// The queue, whose state is in `state.sqlite` below the state folder; it is made on first use.
    ///
    /// # Errors
    /// When the state cannot be opened.
    pub async fn queue(&self) -> Result<Queue, AppError> {
        fs::create_dir_all(self.home()).at("create", self.home())?;
        let blobs = self.blobs()?;
        let store = SqliteStore::open(&SqliteOptions::new(self.home().join("state.sqlite"))).await?;
        Ok(Queue::new(Arc::new(store), blobs))
    }

    /// Version 1 of the API on behalf of this user.
    ///
    /// # Errors
    /// As [`App::queue`].
    pub async fn api(&self) -> Result<Local, AppError> {
        Ok(Local::new(self.queue().await?, self.user()?))
    }

    /// Follows tasks until all have ended, and returns them. What happened to them before is told too, so that nobody who begins
    /// late misses anything.
    ///
    /// # Errors
    /// Class `not-found`; what `on_event` gives ends it.
    pub async fn watch_tasks(
        &self,
        cx: &Context,
        tasks: &[i64],
        on_event: &mut (dyn FnMut(&Event) -> Result<(), AppError> + Send),
    ) -> Result<Vec<Task>, AppError> {
        let api = self.api().await?;
        for id in tasks {
            api.task(cx, *id).await?;
        }
        let mut left: BTreeSet<i64> = tasks.iter().copied().collect();
        let mut cursor: Option<String> = None;
        while !left.is_empty() {
            let page = api.events(cx, cursor.as_deref(), None, 10).await?;
            for event in page.events.iter().filter(|event| event.task.is_some_and(|task| tasks.contains(&task))) {
                on_event(event)?;
                if event.kind == "ended"
                    && let Some(task) = event.task
                {
                    left.remove(&task);
                }
            }
            cursor = Some(page.next);
        }
        let mut ended = Vec::new();
        for id in tasks {
            ended.push(api.task(cx, *id).await?);
        }
        Ok(ended)
    }

    /// Writes the files that an attempt at a task left (without a number: the newest) into a folder, which is made if it is missing.
    ///
    /// # Errors
    /// Class `not-found` for an unknown task or attempt, and for one that left nothing; `verification` for damaged bytes.
    pub async fn fetch_artifacts(
        &self,
        cx: &Context,
        task: i64,
        attempt: Option<u32>,
        folder: &AbsPath,
    ) -> Result<ArtifactList, AppError> {
        let queue = self.queue().await?;
        let blobs = Arc::clone(queue.blobs());
        let left = Local::new(queue, self.user()?).artifacts(cx, task, attempt).await?;
        if left.artifacts.is_empty() {
            let failure = Failure::new(Class::NotFound, format!("attempt {} left no files", left.attempt));
            return Err(failure.with_hint(format!("debbuild task show {task}")).into());
        }
        let files: Vec<_> = left.artifacts.iter().map(|artifact| (artifact.name.as_str(), artifact.sha256)).collect();
        blob::deliver(cx, &*blobs, folder, &files).await?;
        Ok(left)
    }

    /// The name under which this user's wishes are written down.
    ///
    /// # Errors
    /// None: a user id can always be written down.
    pub fn user(&self) -> Result<UserName, AppError> {
        let variables = &self.machine().variables;
        let named = ["LOGNAME", "USER"].iter().find_map(|name| UserName::new(variables.get(*name)?.as_str()).ok());
        match named {
            Some(name) => Ok(name),
            None => Ok(UserName::new(format!("uid-{}", self.machine().uid))?),
        }
    }

    /// The task that builds a source package, with its files brought into the blob store.
    ///
    /// # Errors
    /// Class `not-found` without the .dsc, `source` or `verification` when its files are not what it says.
    pub async fn build_task(&self, cx: &Context, wanted: &BuildSubmission) -> Result<TaskSpec, AppError> {
        let bytes = fs::read(&wanted.dsc).at("read", &wanted.dsc)?;
        let digest = Sha256::of(&bytes);
        let chroot = wanted.chroot.unwrap_or(ChrootId::new(digest));
        let (suite, architecture) = (wanted.suite.clone(), wanted.architecture.clone());
        let request = BuildRequest::new(wanted.dsc.clone(), digest, suite, architecture, chroot)
            .with_options(wanted.options.clone());
        let blobs = self.blobs()?;
        Ok(BuildTask::submit(cx, &*blobs, &request, wanted.chroot.is_some()).await?)
    }

    /// What a worker of this machine can do: build source packages with sbuild.
    ///
    /// # Errors
    /// Class `infrastructure` when the machine is not prepared.
    pub async fn executors(&self, cx: &Context) -> Result<Vec<Arc<dyn TaskExecutor>>, AppError> {
        Ok(vec![Arc::new(self.build_executor(cx).await?)])
    }

    /// Runs a worker on this machine, with these executors, until it is cancelled, or idle. Beside it runs the reaper, which
    /// frees what workers that died had begun.
    ///
    /// # Errors
    /// Those of the worker's own folders and stores; a task that fails is none.
    pub async fn run_worker(
        &self,
        cx: &Context,
        run: &WorkerRun,
        executors: Vec<Arc<dyn TaskExecutor>>,
    ) -> Result<WorkerReport, AppError> {
        let can = Capabilities::new([self.architecture(cx).await?], ["sbuild".to_owned()]);
        let queue = self.queue().await?;
        if let Ok(known) = queue.worker(cx, &run.name).await
            && (known.mode != WorkerMode::Enabled || known.is_quarantined(cx.now()))
        {
            let why = if known.mode == WorkerMode::Draining { "drained" } else { "in quarantine" };
            cx.warn(format!("worker {name} is {why} and gets nothing: debbuild worker enable {name}", name = run.name));
        }
        let until = if run.until_idle { Until::Idle } else { Until::Cancelled };
        let options = WorkerOptions::new(run.name.clone(), can, self.home().join("spool"), self.home().join("scratch"))
            .with_slots(run.slots)
            .with_until(until)
            .with_pace(Duration::from_millis(500), Duration::from_secs(1));
        let reaping = cx.cancel().child();
        let reaper = {
            let (cx, queue) = (cx.clone().with_cancel(reaping.clone()), queue.clone());
            tokio::spawn(async move { Reaper::new().run(&cx, &queue).await })
        };
        let blobs = Arc::clone(queue.blobs());
        let report = WorkerLoop::new(Arc::new(queue), blobs, executors, options).run(cx).await;
        reaping.cancel();
        drop(reaper.await);
        Ok(report?)
    }

    /// Publishes a tag as a suite of the repository in this folder.
    ///
    /// # Errors
    /// Those of the queue and of the repository.
    pub async fn publish_tag(
        &self,
        cx: &Context,
        tag: TagName,
        repository: AbsPath,
        suite: SuiteName,
        component: ComponentName,
    ) -> Result<Published, AppError> {
        let repository = Repository::open(cx, repository).await?;
        let options = PublishOptions::new(tag, repository, suite, component, self.user()?);
        Ok(self.queue().await?.publish_tag(cx, &options, &*self.signer()?).await?)
    }
}
