//! Artifacts, records and builds in SQLite.

use async_trait::async_trait;
use debbuild_core::{
    build::{Artifact, BuildRecord},
    clock::Timestamp,
};

use super::{
    SqliteTransaction,
    row::{self, failed, json_option, signed, to_json},
    sql,
};
use crate::{
    model::{AttemptId, Build, BuildId, TaskId},
    store::{BuildQuery, Page, ResultRows, Stored},
};

#[async_trait]
impl ResultRows for SqliteTransaction {
    async fn add_result(
        &mut self,
        id: AttemptId,
        artifacts: &[Artifact],
        record: Option<&serde_json::Value>,
    ) -> Stored<()> {
        let record = record.map(to_json).transpose()?;
        let query = sqlx::query(sql!("result_add")).bind(id.task.get()).bind(id.number).bind(record);
        query.execute(&mut *self.inner).await.map_err(failed("keep a result"))?;
        for artifact in artifacts {
            let query = sqlx::query(sql!("artifact_add"))
                .bind(id.task.get())
                .bind(id.number)
                .bind(&artifact.name)
                .bind(&artifact.kind)
                .bind(signed(artifact.size))
                .bind(artifact.sha256.to_string());
            query.execute(&mut *self.inner).await.map_err(failed("keep an artifact"))?;
        }
        Ok(())
    }

    async fn artifacts(&mut self, id: AttemptId) -> Stored<Vec<Artifact>> {
        let query = sqlx::query(sql!("artifact_list")).bind(id.task.get()).bind(id.number);
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("list artifacts"))?;
        rows.iter().map(row::artifact).collect()
    }

    async fn record(&mut self, id: AttemptId) -> Stored<Option<serde_json::Value>> {
        let query = sqlx::query(sql!("result_get")).bind(id.task.get()).bind(id.number);
        match query.fetch_optional(&mut *self.inner).await.map_err(failed("read a record"))? {
            None => Ok(None),
            Some(row) => json_option(&row, "record"),
        }
    }

    async fn add_build(&mut self, id: AttemptId, record: &BuildRecord, now: Timestamp) -> Stored<BuildId> {
        let query = sqlx::query(sql!("build_add"))
            .bind(id.task.get())
            .bind(id.number)
            .bind(now.millis())
            .bind(&record.source)
            .bind(&record.version)
            .bind(to_json(record)?);
        let done = query.execute(&mut *self.inner).await.map_err(failed("add a build"))?;
        Ok(BuildId::new(done.last_insert_rowid()))
    }

    async fn build(&mut self, id: BuildId) -> Stored<Option<Build>> {
        let query = sqlx::query(sql!("build_get")).bind(id.get());
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("read a build"))?;
        found.as_ref().map(row::build).transpose()
    }

    async fn builds(&mut self, query: &BuildQuery) -> Stored<Page<Build>> {
        let statement = sqlx::query(sql!("build_list"))
            .bind(query.part.after.map_or(i64::MAX, |cursor| cursor.place()))
            .bind(query.source.as_deref())
            .bind(query.version.as_deref())
            .bind(query.task.map(TaskId::get))
            .bind(i64::from(query.part.limit) + 1);
        let rows = statement.fetch_all(&mut *self.inner).await.map_err(failed("list builds"))?;
        let builds = rows.iter().map(row::build).collect::<Stored<Vec<_>>>()?;
        Ok(Page::cut(builds, query.part.limit, |build| build.id.get()))
    }
}
