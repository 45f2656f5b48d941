//! Tags and their histories in SQLite.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::{
    SqliteTransaction,
    row::{failed, get, json, named, number, parsed, signed, time, to_json},
    sql,
};
use crate::{
    model::{BuildId, TagName},
    store::{StoreError, Stored, TagRows},
    tag::{Tag, TagAction, TagBuild, TagChange, TagId},
};

fn tag(row: &SqliteRow) -> Stored<Tag> {
    let parents: Vec<String> = json(row, "parents")?;
    let parents = parents.into_iter().map(TagName::new).collect::<Result<_, _>>();
    Ok(Tag {
        id: TagId::new(get(row, "id")?),
        name: parsed(row, "name")?,
        version: number(row, "version")?,
        parents: parents.map_err(|error| StoreError::Damaged(error.to_string()))?,
        blocked: json(row, "blocked")?,
    })
}

fn parents(tag: &Tag) -> Stored<String> {
    to_json(&tag.parents.iter().map(TagName::as_str).collect::<Vec<_>>())
}

fn change(row: &SqliteRow) -> Stored<TagChange> {
    Ok(TagChange {
        version: number(row, "version")?,
        at: time(row, "at")?,
        by: parsed(row, "made_by")?,
        action: named(row, "action", TagAction::from_name)?,
        build: get::<Option<i64>>(row, "build")?.map(BuildId::new),
        text: get(row, "text")?,
    })
}

#[async_trait]
impl TagRows for SqliteTransaction {
    async fn add_tag(&mut self, tag: &Tag) -> Stored<()> {
        let query = sqlx::query(sql!("tag_add"))
            .bind(tag.name.as_str())
            .bind(signed(tag.version))
            .bind(parents(tag)?)
            .bind(to_json(&tag.blocked)?);
        query.execute(&mut *self.inner).await.map_err(failed("add a tag"))?;
        Ok(())
    }

    async fn tag(&mut self, name: &TagName) -> Stored<Option<Tag>> {
        let query = sqlx::query(sql!("tag_get")).bind(name.as_str());
        let found = query.fetch_optional(&mut *self.inner).await.map_err(failed("read a tag"))?;
        found.as_ref().map(tag).transpose()
    }

    async fn tags(&mut self) -> Stored<Vec<Tag>> {
        let query = sqlx::query(sql!("tag_list"));
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("list tags"))?;
        rows.iter().map(tag).collect()
    }

    async fn put_tag(&mut self, tag: &Tag) -> Stored<()> {
        let query = sqlx::query(sql!("tag_put"))
            .bind(tag.name.as_str())
            .bind(signed(tag.version))
            .bind(parents(tag)?)
            .bind(to_json(&tag.blocked)?);
        let done = query.execute(&mut *self.inner).await.map_err(failed("change a tag"))?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale(format!("tag {}", tag.name))) }
    }

    async fn tag_builds(&mut self, name: &TagName) -> Stored<Vec<TagBuild>> {
        let query = sqlx::query(sql!("tag_build_list")).bind(name.as_str());
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read a tag"))?;
        rows.iter().map(|row| Ok(TagBuild::new(BuildId::new(get(row, "build")?), number(row, "since")?))).collect()
    }

    async fn add_tag_build(&mut self, name: &TagName, entry: TagBuild) -> Stored<()> {
        let query =
            sqlx::query(sql!("tag_build_add")).bind(name.as_str()).bind(entry.build.get()).bind(signed(entry.since));
        query.execute(&mut *self.inner).await.map_err(failed("add a build to a tag"))?;
        Ok(())
    }

    async fn remove_tag_build(&mut self, name: &TagName, build: BuildId) -> Stored<()> {
        let query = sqlx::query(sql!("tag_build_remove")).bind(name.as_str()).bind(build.get());
        query.execute(&mut *self.inner).await.map_err(failed("take a build out of a tag"))?;
        Ok(())
    }

    async fn add_tag_change(&mut self, name: &TagName, change: &TagChange) -> Stored<()> {
        let query = sqlx::query(sql!("tag_history_add"))
            .bind(name.as_str())
            .bind(signed(change.version))
            .bind(change.at.millis())
            .bind(change.by.as_str())
            .bind(change.action.name())
            .bind(change.build.map(BuildId::get))
            .bind(&change.text);
        query.execute(&mut *self.inner).await.map_err(failed("continue a tag's history"))?;
        Ok(())
    }

    async fn tag_history(&mut self, name: &TagName, after: u64, limit: u32) -> Stored<Vec<TagChange>> {
        let query = sqlx::query(sql!("tag_history_list")).bind(name.as_str()).bind(signed(after)).bind(limit);
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read a tag's history"))?;
        rows.iter().map(change).collect()
    }
}
