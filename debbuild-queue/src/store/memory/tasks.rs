//! Requests, tasks and attempts in memory.

use std::{ops::Bound, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, digest::Sha256};

use super::{MemoryTransaction, violated};
use crate::{
    model::{
        Attempt, AttemptId, AttemptState, IdempotencyKey, RequestId, Task, TaskId, TaskState, UserName, WorkerName,
    },
    store::{AttemptRows, Page, ReadyQuery, StoreError, Stored, TaskQuery, TaskRows},
};

#[async_trait]
impl TaskRows for MemoryTransaction {
    async fn request(&mut self, by: &UserName, key: &IdempotencyKey) -> Stored<Option<(RequestId, Sha256)>> {
        Ok(self.state.request_keys.get(&(by.clone(), key.clone())).map(|(id, digest, _)| (*id, *digest)))
    }

    async fn add_request(
        &mut self,
        by: &UserName,
        key: &IdempotencyKey,
        digest: Sha256,
        now: Timestamp,
    ) -> Stored<RequestId> {
        let state = self.change()?;
        state.requests += 1;
        let id = RequestId::new(state.requests);
        match state.request_keys.insert((by.clone(), key.clone()), (id, digest, now)) {
            None => Ok(id),
            Some(_) => Err(violated("add a request")),
        }
    }

    async fn forget_keys(&mut self, before: Timestamp) -> Stored<()> {
        self.change()?.request_keys.retain(|_, (_, _, at)| *at >= before);
        Ok(())
    }

    async fn request_tasks(&mut self, request: RequestId) -> Stored<Vec<TaskId>> {
        Ok(self.state.tasks.values().filter(|task| task.request == request).map(|task| task.id).collect())
    }

    async fn add_task(&mut self, task: &Task) -> Stored<TaskId> {
        let state = self.change()?;
        let id = TaskId::new(state.tasks.keys().next_back().map_or(0, |id| id.get()) + 1);
        if task.after.iter().any(|dependency| !state.tasks.contains_key(dependency)) {
            return Err(violated("add a task"));
        }
        let mut task = Task { id, revision: 0, ..task.clone() };
        task.after.sort_unstable();
        task.after.dedup();
        state.tasks.insert(id, Arc::new(task));
        Ok(id)
    }

    async fn task(&mut self, id: TaskId) -> Stored<Option<Task>> {
        Ok(self.state.tasks.get(&id).map(|task| (**task).clone()))
    }

    async fn put_task(&mut self, task: &Task) -> Stored<()> {
        let state = self.change()?;
        let old = state.tasks.get(&task.id).filter(|old| old.revision == task.revision);
        let Some(old) = old else { return Err(StoreError::Stale(format!("task {}", task.id))) };
        if (old.state.is_ended() && old.state != task.state) || old.after != task.after {
            return Err(violated("change a task"));
        }
        state.tasks.insert(task.id, Arc::new(Task { revision: task.revision + 1, ..task.clone() }));
        Ok(())
    }

    async fn dependants(&mut self, id: TaskId) -> Stored<Vec<TaskId>> {
        let waits = |task: &&Arc<Task>| task.state == TaskState::Blocked && task.after.contains(&id);
        Ok(self.state.tasks.values().filter(waits).map(|task| task.id).collect())
    }

    async fn ready(&mut self, want: &ReadyQuery) -> Stored<Vec<Task>> {
        let fits = |task: &&Arc<Task>| {
            task.state == TaskState::Ready
                && !want.pauses(task.not_before)
                && (want.kinds.is_empty() || want.kinds.contains(&task.spec.kind))
                && want.after.is_none_or(|after| (task.rank, task.id) > after)
        };
        let mut tasks: Vec<Task> = self.state.tasks.values().filter(fits).map(|task| (**task).clone()).collect();
        tasks.sort_by_key(|task| (task.rank, task.id));
        tasks.truncate(want.limit as usize);
        Ok(tasks)
    }

    async fn tasks(&mut self, query: &TaskQuery) -> Stored<Page<Task>> {
        let fits = |task: &&Arc<Task>| {
            query.part.after.is_none_or(|after| task.id.get() < after.place())
                && (query.states.is_empty() || query.states.contains(&task.state))
                && query.kind.as_ref().is_none_or(|kind| *kind == task.spec.kind)
                && query.label.as_ref().is_none_or(|text| task.label.contains(text.as_str()))
                && query.request.is_none_or(|request| request == task.request)
        };
        let all = self.state.tasks.values().rev().filter(fits).take(query.part.limit as usize + 1);
        Ok(Page::cut(all.map(|task| (**task).clone()).collect(), query.part.limit, |task| task.id.get()))
    }
}

#[async_trait]
impl AttemptRows for MemoryTransaction {
    async fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let state = self.change()?;
        let open = |other: &Arc<Attempt>| other.id.task == attempt.id.task && other.state.is_open();
        let taken = state.attempts.contains_key(&attempt.id) || state.claims.contains_key(&attempt.claim_key);
        if taken || attempt.state != AttemptState::Leased || state.attempts.values().any(open) {
            return Err(violated("add an attempt"));
        }
        state.claims.insert(attempt.claim_key.clone(), attempt.id);
        state.attempts.insert(attempt.id, Arc::new(Attempt { revision: 0, ..attempt.clone() }));
        Ok(())
    }

    async fn attempt(&mut self, id: AttemptId) -> Stored<Option<Attempt>> {
        Ok(self.state.attempts.get(&id).map(|attempt| (**attempt).clone()))
    }

    async fn attempt_of_claim(&mut self, key: &IdempotencyKey) -> Stored<Option<Attempt>> {
        let id = self.state.claims.get(key);
        Ok(id.and_then(|id| self.state.attempts.get(id)).map(|attempt| (**attempt).clone()))
    }

    async fn attempts(&mut self, task: TaskId) -> Stored<Vec<Attempt>> {
        let all = self.state.attempts.values().filter(|attempt| attempt.id.task == task);
        Ok(all.map(|attempt| (**attempt).clone()).collect())
    }

    async fn open_attempts(&mut self, after: Option<AttemptId>, limit: u32) -> Stored<Vec<Attempt>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let open = self.state.attempts.range((from, Bound::Unbounded)).filter(|(_, attempt)| attempt.state.is_open());
        Ok(open.take(limit as usize).map(|(_, attempt)| (**attempt).clone()).collect())
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let state = self.change()?;
        let old = state.attempts.get(&attempt.id).filter(|old| old.revision == attempt.revision);
        let Some(old) = old else { return Err(StoreError::Stale(format!("attempt {}", attempt.id))) };
        if !old.state.is_open() {
            return Err(violated("change an attempt"));
        }
        state.attempts.insert(attempt.id, Arc::new(Attempt { revision: attempt.revision + 1, ..attempt.clone() }));
        Ok(())
    }

    async fn append_log(&mut self, id: AttemptId, offset: u64, bytes: &[u8]) -> Stored<()> {
        let log = self.change()?.logs.entry(id).or_default();
        if log.len() as u64 != offset {
            return Err(StoreError::LogOffset { attempt: id, size: log.len() as u64, offset });
        }
        Arc::make_mut(log).extend_from_slice(bytes);
        Ok(())
    }

    async fn read_log(&mut self, id: AttemptId, offset: u64, limit: u32) -> Stored<Vec<u8>> {
        let Some(log) = self.state.logs.get(&id) else { return Ok(Vec::new()) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(log.len());
        Ok(log[from..log.len().min(from.saturating_add(limit as usize))].to_vec())
    }

    async fn drop_log(&mut self, id: AttemptId) -> Stored<()> {
        self.change()?.logs.remove(&id);
        Ok(())
    }

    async fn avoid(&mut self, task: TaskId, worker: &WorkerName, until: Timestamp) -> Stored<()> {
        self.change()?.avoid.insert((worker.clone(), task), until);
        Ok(())
    }

    async fn avoided(&mut self, worker: &WorkerName, now: Timestamp) -> Stored<Vec<TaskId>> {
        let all = self.state.avoid.iter().filter(|((name, _), until)| name == worker && **until > now);
        Ok(all.map(|((_, task), _)| *task).collect())
    }
}
