//! Requests and tasks in SQLite.

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, digest::Sha256};
use sqlx::sqlite::SqliteRow;

use super::{
    SqliteTransaction,
    row::{self, failed, get, parsed, to_json},
    sql,
};
use crate::{
    model::{IdempotencyKey, RequestId, Task, TaskId, UserName},
    store::{Page, ReadyQuery, StoreError, Stored, TaskQuery, TaskRows},
};

impl SqliteTransaction {
    /// The task with what it depends on.
    async fn whole(&mut self, row: &SqliteRow) -> Stored<Task> {
        let mut task = row::task(row)?;
        let query = sqlx::query(sql!("task_after")).bind(task.id.get());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read a task"))?;
        task.after = rows.iter().map(|row| get(row, "dependency").map(TaskId::new)).collect::<Stored<_>>()?;
        Ok(task)
    }

    async fn wholes(&mut self, rows: &[SqliteRow]) -> Stored<Vec<Task>> {
        let mut tasks = Vec::with_capacity(rows.len());
        for row in rows {
            tasks.push(self.whole(row).await?);
        }
        Ok(tasks)
    }
}

#[async_trait]
impl TaskRows for SqliteTransaction {
    async fn request(&mut self, by: &UserName, key: &IdempotencyKey) -> Stored<Option<(RequestId, Sha256)>> {
        let query = sqlx::query(sql!("request_find")).bind(by.as_str()).bind(key.as_str());
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("look for a request"))?;
        found.map(|row| Ok((RequestId::new(get(&row, "id")?), parsed(&row, "digest")?))).transpose()
    }

    async fn add_request(
        &mut self,
        by: &UserName,
        key: &IdempotencyKey,
        digest: Sha256,
        now: Timestamp,
    ) -> Stored<RequestId> {
        let query = sqlx::query(sql!("request_add"))
            .bind(by.as_str())
            .bind(key.as_str())
            .bind(digest.to_string())
            .bind(now.millis());
        let done = query.execute(&mut *self.inner).await.map_err(failed("add a request"))?;
        Ok(RequestId::new(done.last_insert_rowid()))
    }

    async fn forget_keys(&mut self, before: Timestamp) -> Stored<()> {
        let query = sqlx::query(sql!("request_forget")).bind(before.millis());
        query.execute(&mut *self.inner).await.map_err(failed("forget old request keys"))?;
        Ok(())
    }

    async fn request_tasks(&mut self, request: RequestId) -> Stored<Vec<TaskId>> {
        let query = sqlx::query(sql!("request_tasks")).bind(request.get());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read a request"))?;
        rows.iter().map(|row| get(row, "id").map(TaskId::new)).collect()
    }

    async fn add_task(&mut self, task: &Task) -> Stored<TaskId> {
        let query = sqlx::query(sql!("task_add"))
            .bind(task.request.get())
            .bind(task.by.as_str())
            .bind(&task.spec.kind)
            .bind(to_json(&task.spec)?)
            .bind(&task.label)
            .bind(task.priority)
            .bind(task.rank)
            .bind(task.state.name())
            .bind(task.submitted.millis())
            .bind(task.not_before.map(Timestamp::millis))
            .bind(task.attempts)
            .bind(task.infra_failures)
            .bind(task.ended.map(Timestamp::millis))
            .bind(task.failure.as_ref().map(to_json).transpose()?)
            .bind(task.retry_of.map(TaskId::get));
        let done = query.execute(&mut *self.inner).await.map_err(failed("add a task"))?;
        let id = TaskId::new(done.last_insert_rowid());
        for dependency in &task.after {
            let query = sqlx::query(sql!("task_after_add")).bind(id.get()).bind(dependency.get());
            query.execute(&mut *self.inner).await.map_err(failed("add a task"))?;
        }
        Ok(id)
    }

    async fn task(&mut self, id: TaskId) -> Stored<Option<Task>> {
        let query = sqlx::query(sql!("task_get")).bind(id.get());
        match query.fetch_optional(&mut *self.inner).await.map_err(failed("read a task"))? {
            None => Ok(None),
            Some(row) => self.whole(&row).await.map(Some),
        }
    }

    async fn put_task(&mut self, task: &Task) -> Stored<()> {
        let query = sqlx::query(sql!("task_put"))
            .bind(task.id.get())
            .bind(task.revision)
            .bind(task.priority)
            .bind(task.rank)
            .bind(task.state.name())
            .bind(task.not_before.map(Timestamp::millis))
            .bind(task.attempts)
            .bind(task.infra_failures)
            .bind(task.cancel.as_ref().map(|wish| wish.by.as_str()))
            .bind(task.cancel.as_ref().map(|wish| wish.reason.as_str()))
            .bind(task.cancel.as_ref().map(|wish| wish.at.millis()))
            .bind(task.ended.map(Timestamp::millis))
            .bind(task.failure.as_ref().map(to_json).transpose()?)
            .bind(task.retried_by.map(TaskId::get));
        let done = query.execute(&mut *self.inner).await.map_err(failed("change a task"))?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale(format!("task {}", task.id))) }
    }

    async fn dependants(&mut self, id: TaskId) -> Stored<Vec<TaskId>> {
        let query = sqlx::query(sql!("task_dependants")).bind(id.get());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("look for waiting tasks"))?;
        rows.iter().map(|row| get(row, "id").map(TaskId::new)).collect()
    }

    async fn ready(&mut self, want: &ReadyQuery) -> Stored<Vec<Task>> {
        let (rank, id) = want.after.unwrap_or((i64::MIN, TaskId::new(0)));
        let query = sqlx::query(sql!("task_ready"))
            .bind(rank)
            .bind(id.get())
            .bind(want.now.millis())
            .bind(want.now.after(want.longest_pause).millis())
            .bind(to_json(&want.kinds)?)
            .bind(want.limit);
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("look for work"))?;
        self.wholes(&rows).await
    }

    async fn tasks(&mut self, query: &TaskQuery) -> Stored<Page<Task>> {
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        let statement = sqlx::query(sql!("task_list"))
            .bind(query.part.after.map_or(i64::MAX, |cursor| cursor.place()))
            .bind(to_json(&states)?)
            .bind(query.kind.as_deref())
            .bind(query.label.as_deref())
            .bind(query.request.map(RequestId::get))
            .bind(i64::from(query.part.limit) + 1);
        let rows = statement.fetch_all(&mut *self.inner).await.map_err(failed("list tasks"))?;
        Ok(Page::cut(self.wholes(&rows).await?, query.part.limit, |task| task.id.get()))
    }
}
