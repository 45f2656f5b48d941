//! Tasks and their logs, in process.

use async_trait::async_trait;
use debbuild_core::{context::Context, error::Class};

use super::Local;
use crate::{
    api::v1::{
        ApiError, Attempt, CancelWish, Explanation, LogPart, Reply, SCHEMA, SubmitTasks, Submitted, Task, TaskFilter,
        TaskList, Tasks,
    },
    model::{self, AttemptId, IdempotencyKey, NewTask, RequestId, SubmitRequest, TaskId, TaskState},
    store::{BuildQuery, TaskQuery},
};

impl From<model::Task> for Task {
    fn from(task: model::Task) -> Self {
        Self {
            schema: SCHEMA,
            id: task.id.get(),
            request: task.request.get(),
            by: task.by.to_string(),
            spec: task.spec,
            label: task.label,
            priority: task.priority,
            state: task.state.name().to_owned(),
            ended: task.state.is_ended(),
            submitted_at: task.submitted,
            ended_at: task.ended,
            not_before: task.not_before,
            infrastructure_failures: task.infra_failures,
            cancel: task.cancel.map(|wish| CancelWish { by: wish.by.to_string(), reason: wish.reason, at: wish.at }),
            failure: task.failure,
            after: task.after.iter().map(|id| id.get()).collect(),
            retry_of: task.retry_of.map(TaskId::get),
            retried_by: task.retried_by.map(TaskId::get),
            attempts: Vec::new(),
            builds: Vec::new(),
        }
    }
}

impl From<model::Attempt> for Attempt {
    fn from(attempt: model::Attempt) -> Self {
        Self {
            id: attempt.id.to_string(),
            worker: attempt.worker.to_string(),
            state: attempt.state.name().to_owned(),
            leased_at: attempt.leased,
            started_at: attempt.started,
            ended_at: attempt.ended,
            log_size: attempt.log.map_or(attempt.log_size, |log| log.size),
            failure: attempt.failure,
        }
    }
}

fn query(filter: &TaskFilter) -> Reply<TaskQuery> {
    let mut query = TaskQuery::new().with_part(super::part(filter.after.as_deref(), filter.limit)?);
    for name in &filter.states {
        let unknown = || ApiError::new(Class::Usage, format!("no such state of a task: {name:?}"));
        query.states.push(TaskState::from_name(name).ok_or_else(unknown)?);
    }
    query.kind.clone_from(&filter.kind);
    query.label.clone_from(&filter.label);
    query.request = filter.request.map(RequestId::new);
    Ok(query)
}

#[async_trait]
impl Tasks for Local {
    async fn submit(&self, cx: &Context, request: &SubmitTasks) -> Reply<Submitted> {
        if request.schema != SCHEMA {
            return Err(ApiError::new(Class::Usage, format!("schema {} is not known here", request.schema)));
        }
        let key = IdempotencyKey::new(request.idempotency_key.as_str())?;
        let tasks = request.tasks.iter().map(|task| {
            NewTask::new(task.spec.clone(), task.label.clone())
                .with_priority(task.priority)
                .with_after(task.after.iter().copied().map(TaskId::new).collect())
                .with_after_earlier(task.after_earlier.clone())
        });
        let request = SubmitRequest::new(key, self.user.clone(), tasks.collect());
        let done = self.queue.submit(cx, &request).await?;
        let tasks = done.tasks.iter().map(|id| id.get()).collect();
        Ok(Submitted { schema: SCHEMA, request: done.request.get(), tasks, repeated: done.repeated })
    }

    async fn task(&self, cx: &Context, id: i64) -> Reply<Task> {
        let id = TaskId::new(id);
        let mut task = Task::from(self.queue.task(cx, id).await?);
        task.attempts = self.queue.attempts(cx, id).await?.into_iter().map(Attempt::from).collect();
        let builds = self.queue.builds(cx, &BuildQuery::new().with_task(id)).await?;
        task.builds = builds.items.iter().map(|build| build.id.get()).collect();
        Ok(task)
    }

    async fn tasks(&self, cx: &Context, filter: &TaskFilter) -> Reply<TaskList> {
        let page = self.queue.tasks(cx, &query(filter)?).await?;
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(TaskList { schema: SCHEMA, tasks: page.items.into_iter().map(Task::from).collect(), next })
    }

    async fn cancel(&self, cx: &Context, id: i64, reason: &str) -> Reply<Task> {
        Ok(self.queue.cancel(cx, TaskId::new(id), &self.user, reason).await?.into())
    }

    async fn retry(&self, cx: &Context, id: i64) -> Reply<Task> {
        let fresh = self.queue.retry(cx, TaskId::new(id), &self.user).await?;
        Ok(self.queue.task(cx, fresh).await?.into())
    }

    async fn set_priority(&self, cx: &Context, id: i64, priority: i32) -> Reply<Task> {
        Ok(self.queue.set_priority(cx, TaskId::new(id), priority).await?.into())
    }

    async fn explain(&self, cx: &Context, id: i64) -> Reply<Explanation> {
        let told = self.queue.explain(cx, TaskId::new(id)).await?;
        let state = told.state.name().to_owned();
        Ok(Explanation { schema: SCHEMA, task: id, state, place: told.place, reasons: told.reasons })
    }

    async fn log(&self, cx: &Context, id: i64, attempt: Option<u32>, offset: u64, limit: u32) -> Reply<LogPart> {
        let task = self.queue.task(cx, TaskId::new(id)).await?;
        let number = attempt.unwrap_or(task.attempts);
        if number == 0 {
            return Ok(LogPart { attempt: None, offset, bytes: Vec::new(), end: task.state.is_ended() });
        }
        let part = self.queue.log(cx, AttemptId { task: task.id, number }, offset, limit).await?;
        Ok(LogPart { attempt: Some(part.attempt.to_string()), offset, bytes: part.bytes, end: part.end })
    }
}
