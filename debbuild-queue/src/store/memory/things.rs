//! Results, builds, workers, tags and events in memory.

use std::sync::Arc;

use async_trait::async_trait;
use debbuild_core::{
    build::{Artifact, BuildRecord},
    clock::Timestamp,
};

use super::{MemoryTransaction, violated};
use crate::{
    model::{AttemptId, Build, BuildId, Event, NewEvent, Subject, TagName, Worker, WorkerName},
    store::{BuildQuery, EventRows, Page, ResultRows, StoreError, Stored, TagRows, WorkerRows},
    tag::{Tag, TagBuild, TagChange, TagId},
};

#[async_trait]
impl ResultRows for MemoryTransaction {
    async fn add_result(
        &mut self,
        id: AttemptId,
        artifacts: &[Artifact],
        record: Option<&serde_json::Value>,
    ) -> Stored<()> {
        let mut artifacts = artifacts.to_vec();
        artifacts.sort();
        let twice = artifacts.windows(2).any(|pair| pair[0].name == pair[1].name);
        let before = self.change()?.results.insert(id, Arc::new((artifacts, record.cloned())));
        if twice || before.is_some() { Err(violated("keep a result")) } else { Ok(()) }
    }

    async fn artifacts(&mut self, id: AttemptId) -> Stored<Vec<Artifact>> {
        Ok(self.state.results.get(&id).map(|result| result.0.clone()).unwrap_or_default())
    }

    async fn record(&mut self, id: AttemptId) -> Stored<Option<serde_json::Value>> {
        Ok(self.state.results.get(&id).and_then(|result| result.1.clone()))
    }

    async fn add_build(&mut self, id: AttemptId, record: &BuildRecord, now: Timestamp) -> Stored<BuildId> {
        let state = self.change()?;
        if state.builds.values().any(|build| build.attempt == id) {
            return Err(violated("add a build"));
        }
        let build = BuildId::new(state.builds.keys().next_back().map_or(0, |id| id.get()) + 1);
        state.builds.insert(build, Arc::new(Build::new(build, id, now, record.clone())));
        Ok(build)
    }

    async fn build(&mut self, id: BuildId) -> Stored<Option<Build>> {
        Ok(self.state.builds.get(&id).map(|build| (**build).clone()))
    }

    async fn builds(&mut self, query: &BuildQuery) -> Stored<Page<Build>> {
        let fits = |build: &&Arc<Build>| {
            query.part.after.is_none_or(|after| build.id.get() < after.place())
                && query.source.as_ref().is_none_or(|source| *source == build.record.source)
                && query.version.as_ref().is_none_or(|version| *version == build.record.version)
                && query.task.is_none_or(|task| task == build.attempt.task)
        };
        let all = self.state.builds.values().rev().filter(fits).take(query.part.limit as usize + 1);
        Ok(Page::cut(all.map(|build| (**build).clone()).collect(), query.part.limit, |build| build.id.get()))
    }
}

#[async_trait]
impl WorkerRows for MemoryTransaction {
    async fn worker(&mut self, name: &WorkerName) -> Stored<Option<Worker>> {
        Ok(self.state.workers.get(name).map(|worker| (**worker).clone()))
    }

    async fn put_worker(&mut self, worker: &Worker) -> Stored<()> {
        let workers = &mut self.change()?.workers;
        if workers.get(&worker.name).map_or(0, |old| old.revision) != worker.revision {
            return Err(StoreError::Stale(format!("worker {}", worker.name)));
        }
        let next = Worker { revision: worker.revision + 1, ..worker.clone() };
        workers.insert(worker.name.clone(), Arc::new(next));
        Ok(())
    }

    async fn workers(&mut self) -> Stored<Vec<Worker>> {
        Ok(self.state.workers.values().map(|worker| (**worker).clone()).collect())
    }
}

#[async_trait]
impl TagRows for MemoryTransaction {
    async fn add_tag(&mut self, tag: &Tag) -> Stored<()> {
        let tags = &mut self.change()?.tags;
        let id = tags.values().map(|tag| tag.id.get()).max().unwrap_or(0) + 1;
        let tag = Tag { id: TagId::new(id), ..tag.clone() };
        match tags.insert(tag.name.clone(), Arc::new(tag)) {
            None => Ok(()),
            Some(_) => Err(violated("add a tag")),
        }
    }

    async fn tag(&mut self, name: &TagName) -> Stored<Option<Tag>> {
        Ok(self.state.tags.get(name).map(|tag| (**tag).clone()))
    }

    async fn tags(&mut self) -> Stored<Vec<Tag>> {
        Ok(self.state.tags.values().map(|tag| (**tag).clone()).collect())
    }

    async fn put_tag(&mut self, tag: &Tag) -> Stored<()> {
        let tags = &mut self.change()?.tags;
        if tags.get(&tag.name).is_none_or(|old| old.version + 1 != tag.version) {
            return Err(StoreError::Stale(format!("tag {}", tag.name)));
        }
        tags.insert(tag.name.clone(), Arc::new(tag.clone()));
        Ok(())
    }

    async fn tag_builds(&mut self, name: &TagName) -> Stored<Vec<TagBuild>> {
        let entries = self.state.tag_builds.get(name).into_iter().flatten();
        Ok(entries.map(|(since, build)| TagBuild::new(*build, *since)).collect())
    }

    async fn add_tag_build(&mut self, name: &TagName, entry: TagBuild) -> Stored<()> {
        let state = self.change()?;
        let entries = state.tag_builds.entry(name.clone()).or_default();
        let known = state.builds.contains_key(&entry.build) && state.tags.contains_key(name);
        if !known || entries.iter().any(|(_, build)| *build == entry.build) {
            return Err(violated("add a build to a tag"));
        }
        entries.insert((entry.since, entry.build));
        Ok(())
    }

    async fn remove_tag_build(&mut self, name: &TagName, build: BuildId) -> Stored<()> {
        if let Some(entries) = self.change()?.tag_builds.get_mut(name) {
            entries.retain(|(_, entry)| *entry != build);
        }
        Ok(())
    }

    async fn add_tag_change(&mut self, name: &TagName, change: &TagChange) -> Stored<()> {
        let key = (name.clone(), change.version);
        match self.change()?.tag_history.insert(key, Arc::new(change.clone())) {
            None => Ok(()),
            Some(_) => Err(violated("continue a tag's history")),
        }
    }

    async fn tag_history(&mut self, name: &TagName, after: u64, limit: u32) -> Stored<Vec<TagChange>> {
        let from = (name.clone(), after.saturating_add(1));
        let lines = self.state.tag_history.range(from..).take_while(|((tag, _), _)| tag == name);
        Ok(lines.take(limit as usize).map(|(_, change)| (**change).clone()).collect())
    }
}

#[async_trait]
impl EventRows for MemoryTransaction {
    async fn add_event(&mut self, event: &NewEvent) -> Stored<()> {
        let events = &mut self.change()?.events;
        let place = i64::try_from(events.len()).unwrap_or(i64::MAX) + 1;
        events.push(Arc::new(Event::new(place, event.clone())));
        Ok(())
    }

    async fn events(&mut self, after: i64, about: Option<&Subject>, limit: u32) -> Stored<Vec<Event>> {
        let fits = |event: &&Arc<Event>| {
            event.place > after
                && match (about, &event.event.subject) {
                    (None, _) => true,
                    (Some(Subject::Task(task)), Subject::Attempt(attempt)) => attempt.task == *task,
                    (Some(about), subject) => about == subject,
                }
        };
        Ok(self.state.events.iter().filter(fits).take(limit as usize).map(|event| (**event).clone()).collect())
    }

    async fn last_event(&mut self) -> Stored<i64> {
        Ok(self.state.events.last().map_or(0, |event| event.place))
    }
}
