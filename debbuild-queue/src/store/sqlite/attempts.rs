//! Attempts, logs that still grow, and refusals in SQLite.

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, digest::Sha256};

use super::{
    SqliteTransaction,
    row::{self, failed, get, number, signed, to_json},
    sql,
};
use crate::{
    model::{Attempt, AttemptId, IdempotencyKey, TaskId, WorkerName},
    store::{AttemptRows, StoreError, Stored},
};

impl SqliteTransaction {
    async fn log_size(&mut self, id: AttemptId) -> Stored<u64> {
        let query = sqlx::query(sql!("log_end")).bind(id.task.get()).bind(id.number);
        number(&query.fetch_one(&mut *self.inner).await.map_err(failed("read a log"))?, "size")
    }
}

#[async_trait]
impl AttemptRows for SqliteTransaction {
    async fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let query = sqlx::query(sql!("attempt_add"))
            .bind(attempt.id.task.get())
            .bind(attempt.id.number)
            .bind(attempt.worker.as_str())
            .bind(attempt.instance.to_string())
            .bind(attempt.state.name())
            .bind(attempt.token_hash.to_string())
            .bind(attempt.claim_key.as_str())
            .bind(signed(attempt.counter))
            .bind(signed(attempt.log_size))
            .bind(attempt.leased.millis());
        query.execute(&mut *self.inner).await.map_err(failed("add an attempt"))?;
        Ok(())
    }

    async fn attempt(&mut self, id: AttemptId) -> Stored<Option<Attempt>> {
        let query = sqlx::query(sql!("attempt_get")).bind(id.task.get()).bind(id.number);
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("read an attempt"))?;
        found.as_ref().map(row::attempt).transpose()
    }

    async fn attempt_of_claim(&mut self, key: &IdempotencyKey) -> Stored<Option<Attempt>> {
        let query = sqlx::query(sql!("attempt_of_claim")).bind(key.as_str());
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("look for a claim"))?;
        found.as_ref().map(row::attempt).transpose()
    }

    async fn attempts(&mut self, task: TaskId) -> Stored<Vec<Attempt>> {
        let query = sqlx::query(sql!("attempt_list")).bind(task.get());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("list attempts"))?;
        rows.iter().map(row::attempt).collect()
    }

    async fn open_attempts(&mut self, after: Option<AttemptId>, limit: u32) -> Stored<Vec<Attempt>> {
        let (task, number) = after.map_or((0, 0), |id| (id.task.get(), id.number));
        let query = sqlx::query(sql!("attempt_open")).bind(task).bind(number).bind(limit);
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("list open attempts"))?;
        rows.iter().map(row::attempt).collect()
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let query = sqlx::query(sql!("attempt_put"))
            .bind(attempt.id.task.get())
            .bind(attempt.id.number)
            .bind(attempt.revision)
            .bind(attempt.state.name())
            .bind(signed(attempt.counter))
            .bind(signed(attempt.log_size))
            .bind(attempt.log.map(|log| log.id.to_string()))
            .bind(attempt.log.map(|log| signed(log.size)))
            .bind(attempt.started.map(Timestamp::millis))
            .bind(attempt.ended.map(Timestamp::millis))
            .bind(attempt.failure.as_ref().map(to_json).transpose()?)
            .bind(attempt.completion.as_ref().map(Sha256::to_string));
        let done = query.execute(&mut *self.inner).await.map_err(failed("change an attempt"))?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale(format!("attempt {}", attempt.id))) }
    }

    async fn append_log(&mut self, id: AttemptId, offset: u64, bytes: &[u8]) -> Stored<()> {
        let size = self.log_size(id).await?;
        if size != offset {
            return Err(StoreError::LogOffset { attempt: id, size, offset });
        }
        let query = sqlx::query(sql!("log_add")).bind(id.task.get()).bind(id.number).bind(signed(offset)).bind(bytes);
        query.execute(&mut *self.inner).await.map_err(failed("continue a log"))?;
        Ok(())
    }

    async fn read_log(&mut self, id: AttemptId, offset: u64, limit: u32) -> Stored<Vec<u8>> {
        let end = offset.saturating_add(u64::from(limit));
        let query =
            sqlx::query(sql!("log_read")).bind(id.task.get()).bind(id.number).bind(signed(offset)).bind(signed(end));
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read a log"))?;
        let mut read = Vec::new();
        for row in &rows {
            let start: u64 = number(row, "start")?;
            let bytes: &[u8] = get(row, "bytes")?;
            // The first chunk may begin before the offset, or even end before it.
            let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            read.extend_from_slice(bytes.get(skip..).unwrap_or_default());
        }
        read.truncate(limit as usize);
        Ok(read)
    }

    async fn drop_log(&mut self, id: AttemptId) -> Stored<()> {
        let query = sqlx::query(sql!("log_drop")).bind(id.task.get()).bind(id.number);
        query.execute(&mut *self.inner).await.map_err(failed("forget a log"))?;
        Ok(())
    }

    async fn avoid(&mut self, task: TaskId, worker: &WorkerName, until: Timestamp) -> Stored<()> {
        let query = sqlx::query(sql!("avoid_add")).bind(worker.as_str()).bind(task.get()).bind(until.millis());
        query.execute(&mut *self.inner).await.map_err(failed("note a refusal"))?;
        Ok(())
    }

    async fn avoided(&mut self, worker: &WorkerName, now: Timestamp) -> Stored<Vec<TaskId>> {
        let query = sqlx::query(sql!("avoid_list")).bind(worker.as_str()).bind(now.millis());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("look for refusals"))?;
        rows.iter().map(|row| get(row, "task").map(TaskId::new)).collect()
    }
}
