//! Workers in SQLite.

use async_trait::async_trait;
use debbuild_core::clock::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::{
    SqliteTransaction,
    row::{failed, get, json, named, number, parsed, time, time_option, to_json},
    sql,
};
use crate::{
    model::{Worker, WorkerMode, WorkerName},
    store::{StoreError, Stored, WorkerRows},
};

fn worker(row: &SqliteRow) -> Stored<Worker> {
    Ok(Worker {
        name: parsed(row, "name")?,
        instance: parsed(row, "instance")?,
        capabilities: json(row, "capabilities")?,
        mode: named(row, "mode", WorkerMode::from_name)?,
        failures: number(row, "failures")?,
        quarantined: time_option(row, "quarantined")?,
        seen: time(row, "seen")?,
        revision: get(row, "revision")?,
    })
}

#[async_trait]
impl WorkerRows for SqliteTransaction {
    async fn worker(&mut self, name: &WorkerName) -> Stored<Option<Worker>> {
        let query = sqlx::query(sql!("worker_get")).bind(name.as_str());
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("read a worker"))?;
        found.as_ref().map(worker).transpose()
    }

    async fn put_worker(&mut self, worker: &Worker) -> Stored<()> {
        let new = worker.revision == 0;
        let mut query = sqlx::query(if new { sql!("worker_add") } else { sql!("worker_put") });
        query = query.bind(worker.name.as_str());
        if !new {
            query = query.bind(worker.revision);
        }
        query = query
            .bind(worker.instance.to_string())
            .bind(to_json(&worker.capabilities)?)
            .bind(worker.mode.name())
            .bind(worker.failures)
            .bind(worker.quarantined.map(Timestamp::millis))
            .bind(worker.seen.millis());
        let done = query.execute(&mut *self.inner).await.map_err(failed("change a worker"))?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale(format!("worker {}", worker.name))) }
    }

    async fn workers(&mut self) -> Stored<Vec<Worker>> {
        let query = sqlx::query(sql!("worker_list"));
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("list workers"))?;
        rows.iter().map(worker).collect()
    }
}
