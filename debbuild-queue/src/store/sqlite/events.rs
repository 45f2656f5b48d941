//! The outbox in SQLite. Only one transaction writes at a time, so the order of places is the order of commits.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::{
    SqliteTransaction,
    row::{attempt_id, failed, get, named, parsed, time},
    sql,
};
use crate::{
    model::{Event, EventKind, NewEvent, Subject, TaskId},
    store::{EventRows, StoreError, Stored},
};

fn event(row: &SqliteRow) -> Stored<Event> {
    let subject = if get::<Option<i64>>(row, "number")?.is_some() {
        Subject::Attempt(attempt_id(row)?)
    } else if let Some(task) = get::<Option<i64>>(row, "task")? {
        Subject::Task(TaskId::new(task))
    } else if get::<Option<&str>>(row, "tag")?.is_some() {
        Subject::Tag(parsed(row, "tag")?)
    } else if get::<Option<&str>>(row, "worker")?.is_some() {
        Subject::Worker(parsed(row, "worker")?)
    } else {
        return Err(StoreError::Damaged("an event is about nothing".to_owned()));
    };
    let kind = named(row, "kind", EventKind::from_name)?;
    let text: String = get(row, "text")?;
    Ok(Event::new(get(row, "place")?, NewEvent::new(time(row, "at")?, subject, kind, text)))
}

#[async_trait]
impl EventRows for SqliteTransaction {
    async fn add_event(&mut self, event: &NewEvent) -> Stored<()> {
        let (task, number) = match &event.subject {
            Subject::Task(id) => (Some(id.get()), None),
            Subject::Attempt(id) => (Some(id.task.get()), Some(id.number)),
            _ => (None, None),
        };
        let (tag, worker) = match &event.subject {
            Subject::Tag(name) => (Some(name.as_str()), None),
            Subject::Worker(name) => (None, Some(name.as_str())),
            _ => (None, None),
        };
        let query = sqlx::query(sql!("event_add"))
            .bind(event.at.millis())
            .bind(task)
            .bind(number)
            .bind(tag)
            .bind(worker)
            .bind(event.kind.name())
            .bind(&event.text);
        query.execute(&mut *self.inner).await.map_err(failed("note what happened"))?;
        Ok(())
    }

    async fn events(&mut self, after: i64, about: Option<&Subject>, limit: u32) -> Stored<Vec<Event>> {
        let query = sqlx::query(match about {
            None => sql!("event_list"),
            Some(Subject::Task(_)) => sql!("event_of_task"),
            Some(Subject::Attempt(_)) => sql!("event_of_attempt"),
            Some(Subject::Tag(_)) => sql!("event_of_tag"),
            Some(Subject::Worker(_)) => sql!("event_of_worker"),
        });
        let query = query.bind(after).bind(limit);
        let query = match about {
            None => query,
            Some(Subject::Task(id)) => query.bind(id.get()),
            Some(Subject::Attempt(id)) => query.bind(id.task.get()).bind(id.number),
            Some(Subject::Tag(name)) => query.bind(name.as_str()),
            Some(Subject::Worker(name)) => query.bind(name.as_str()),
        };
        let rows = query.fetch_all(&mut *self.inner).await.map_err(failed("read what happened"))?;
        rows.iter().map(event).collect()
    }

    async fn last_event(&mut self) -> Stored<i64> {
        let query = sqlx::query(sql!("event_last"));
        get(&query.fetch_one(&mut *self.inner).await.map_err(failed("read what happened"))?, "place")
    }
}
