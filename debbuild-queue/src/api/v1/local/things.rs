//! Builds, artifacts, workers and events, in process.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{build, context::Context, digest::Sha256};

use super::Local;
use crate::{
    api::v1::{
        Artifact, ArtifactList, Artifacts, Build, BuildFilter, BuildList, Builds, Event, EventList, Events, Reply,
        SCHEMA, Worker, WorkerList, Workers,
    },
    model::{self, AttemptId, BuildId, Subject, TaskId, WorkerMode, WorkerName},
    store::{BuildQuery, Cursor},
};

impl From<model::Build> for Build {
    fn from(build: model::Build) -> Self {
        Self {
            schema: SCHEMA,
            id: build.id.get(),
            attempt: build.attempt.to_string(),
            task: build.attempt.task.get(),
            accepted_at: build.accepted,
            record: build.record,
        }
    }
}

impl From<build::Artifact> for Artifact {
    fn from(artifact: build::Artifact) -> Self {
        Self { name: artifact.name, kind: artifact.kind, size: artifact.size, sha256: artifact.sha256 }
    }
}

impl From<model::Event> for Event {
    fn from(event: model::Event) -> Self {
        let cursor = Cursor::at(event.place).to_string();
        let model::NewEvent { at, subject, kind, text, .. } = event.event;
        let kind = kind.name().to_owned();
        let mut wire = Self { cursor, at, task: None, attempt: None, tag: None, worker: None, kind, text };
        match subject {
            Subject::Task(id) => wire.task = Some(id.get()),
            Subject::Attempt(id) => {
                wire.task = Some(id.task.get());
                wire.attempt = Some(id.to_string());
            }
            Subject::Tag(name) => wire.tag = Some(name.to_string()),
            Subject::Worker(name) => wire.worker = Some(name.to_string()),
        }
        wire
    }
}

#[async_trait]
impl Builds for Local {
    async fn build(&self, cx: &Context, id: i64) -> Reply<Build> {
        Ok(self.queue.build(cx, BuildId::new(id)).await?.into())
    }

    async fn builds(&self, cx: &Context, filter: &BuildFilter) -> Reply<BuildList> {
        let mut query = BuildQuery::new().with_part(super::part(filter.after.as_deref(), filter.limit)?);
        query.source.clone_from(&filter.source);
        query.version.clone_from(&filter.version);
        query.task = filter.task.map(TaskId::new);
        let page = self.queue.builds(cx, &query).await?;
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(BuildList { schema: SCHEMA, builds: page.items.into_iter().map(Build::from).collect(), next })
    }
}

#[async_trait]
impl Artifacts for Local {
    async fn artifacts(&self, cx: &Context, task: i64, attempt: Option<u32>) -> Reply<ArtifactList> {
        let task = self.queue.task(cx, TaskId::new(task)).await?;
        let id = AttemptId { task: task.id, number: attempt.unwrap_or(task.attempts) };
        let artifacts = self.queue.artifacts(cx, id).await?.into_iter().map(Artifact::from).collect();
        Ok(ArtifactList { schema: SCHEMA, attempt: id.to_string(), artifacts })
    }

    async fn artifact(&self, cx: &Context, sha256: Sha256) -> Reply<Bytes> {
        Ok(self.queue.blobs().read(cx, sha256, None).await?)
    }
}

impl Local {
    async fn told(&self, cx: &Context, worker: model::Worker) -> Reply<Worker> {
        let open = self.queue.open_attempts(cx, None, 1000).await?;
        let attempts = open.iter().filter(|attempt| attempt.worker == worker.name);
        Ok(Worker {
            schema: SCHEMA,
            name: worker.name.to_string(),
            mode: worker.mode.name().to_owned(),
            failures: worker.failures,
            quarantined_until: worker.quarantined.filter(|until| cx.now() < *until),
            seen_at: worker.seen,
            attempts: attempts.map(|attempt| attempt.id.to_string()).collect(),
            capabilities: worker.capabilities,
        })
    }

    async fn set_mode(&self, cx: &Context, name: &str, mode: WorkerMode) -> Reply<Worker> {
        let worker = self.queue.set_worker_mode(cx, &WorkerName::new(name)?, mode).await?;
        self.told(cx, worker).await
    }
}

#[async_trait]
impl Workers for Local {
    async fn workers(&self, cx: &Context) -> Reply<WorkerList> {
        let mut workers = Vec::new();
        for worker in self.queue.workers(cx).await? {
            workers.push(self.told(cx, worker).await?);
        }
        Ok(WorkerList { schema: SCHEMA, workers })
    }

    async fn worker(&self, cx: &Context, name: &str) -> Reply<Worker> {
        let worker = self.queue.worker(cx, &WorkerName::new(name)?).await?;
        self.told(cx, worker).await
    }

    async fn drain(&self, cx: &Context, name: &str) -> Reply<Worker> {
        self.set_mode(cx, name, WorkerMode::Draining).await
    }

    async fn enable(&self, cx: &Context, name: &str) -> Reply<Worker> {
        self.set_mode(cx, name, WorkerMode::Enabled).await
    }
}

#[async_trait]
impl Events for Local {
    async fn events(
        &self,
        cx: &Context,
        after: Option<&str>,
        task: Option<i64>,
        wait_seconds: u64,
    ) -> Reply<EventList> {
        let after: Option<Cursor> = after.map(str::parse).transpose()?;
        let about = task.map(|task| Subject::Task(TaskId::new(task)));
        let page = self.queue.watch(cx, after, about.as_ref(), Duration::from_secs(wait_seconds)).await?;
        let events = page.events.into_iter().map(Event::from).collect();
        Ok(EventList { schema: SCHEMA, events, next: page.next.to_string() })
    }

    async fn now(&self, cx: &Context) -> Reply<String> {
        Ok(self.queue.now_cursor(cx).await?.to_string())
    }
}
