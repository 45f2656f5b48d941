//! From rows to values and back: what a row holds is checked, because another version may have written it.

use std::str::FromStr;

use debbuild_core::{
    blob::Blob,
    build::{Artifact, Failure},
    clock::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};

use crate::{
    model::{Attempt, AttemptId, AttemptState, Build, BuildId, CancelWish, RequestId, Task, TaskId, TaskState},
    store::{StoreError, Stored},
};

/// Names what was being done in a database's failure; a lock that others hold too long is [`StoreError::Busy`].
pub(super) fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        let busy = match &error {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => {
                // The low byte of an extended result code is the code: 5 is SQLITE_BUSY, 6 SQLITE_LOCKED.
                error.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
            }
            _ => false,
        };
        if busy { StoreError::Busy } else { StoreError::Database { action, source: error.into() } }
    }
}

/// A column's value.
pub(super) fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(row: &'r SqliteRow, column: &str) -> Stored<T> {
    row.try_get(column).map_err(|error| StoreError::Damaged(format!("column {column}: {error}")))
}

/// A column whose text is a checked type.
pub(super) fn parsed<T: FromStr<Err: std::error::Error>>(row: &SqliteRow, column: &str) -> Stored<T> {
    let text: &str = get(row, column)?;
    text.parse().map_err(|error| StoreError::Damaged(format!("column {column}: {error}")))
}

/// A column whose text is one of a list of names.
pub(super) fn named<T>(row: &SqliteRow, column: &str, from: impl Fn(&str) -> Option<T>) -> Stored<T> {
    let text: &str = get(row, column)?;
    from(text).ok_or_else(|| StoreError::Damaged(format!("column {column}: {text:?}")))
}

/// A column whose text is JSON.
pub(super) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Stored<T> {
    let text: &str = get(row, column)?;
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("column {column}: {error}")))
}

/// A column whose text, if there is one, is JSON.
pub(super) fn json_option<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Stored<Option<T>> {
    match get::<Option<&str>>(row, column)? {
        None => Ok(None),
        Some(_) => json(row, column).map(Some),
    }
}

/// A value as the JSON text of a column.
pub(super) fn to_json(value: &impl Serialize) -> Stored<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(format!("cannot be written: {error}")))
}

/// An unsigned number.
pub(super) fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Stored<T> {
    let value: i64 = get(row, column)?;
    T::try_from(value).map_err(|_| StoreError::Damaged(format!("column {column}: {value}")))
}

/// An unsigned number for a column.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time.
pub(super) fn time(row: &SqliteRow, column: &str) -> Stored<Timestamp> {
    get(row, column).map(Timestamp::from_millis)
}

/// A time, if there is one.
pub(super) fn time_option(row: &SqliteRow, column: &str) -> Stored<Option<Timestamp>> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_millis))
}

/// The attempt that columns `task` and `number` name.
pub(super) fn attempt_id(row: &SqliteRow) -> Stored<AttemptId> {
    Ok(AttemptId { task: TaskId::new(get(row, "task")?), number: number(row, "number")? })
}

/// A task, without what it depends on.
pub(super) fn task(row: &SqliteRow) -> Stored<Task> {
    let cancel = match get::<Option<&str>>(row, "cancel_by")? {
        None => None,
        Some(_) => Some(CancelWish {
            by: parsed(row, "cancel_by")?,
            reason: get(row, "cancel_reason")?,
            at: time(row, "cancel_at")?,
        }),
    };
    Ok(Task {
        id: TaskId::new(get(row, "id")?),
        request: RequestId::new(get(row, "request")?),
        by: parsed(row, "asked_by")?,
        spec: json(row, "spec")?,
        label: get(row, "label")?,
        priority: number(row, "priority")?,
        rank: get(row, "rank")?,
        state: named(row, "state", TaskState::from_name)?,
        submitted: time(row, "submitted")?,
        not_before: time_option(row, "not_before")?,
        attempts: number(row, "attempts")?,
        infra_failures: number(row, "infra_failures")?,
        cancel,
        ended: time_option(row, "ended")?,
        failure: json_option::<Failure>(row, "failure")?,
        after: Vec::new(),
        retry_of: get::<Option<i64>>(row, "retry_of")?.map(TaskId::new),
        retried_by: get::<Option<i64>>(row, "retried_by")?.map(TaskId::new),
        revision: get(row, "revision")?,
    })
}

/// An attempt.
pub(super) fn attempt(row: &SqliteRow) -> Stored<Attempt> {
    let log = match get::<Option<&str>>(row, "log_sha256")? {
        None => None,
        Some(_) => Some(Blob { id: parsed(row, "log_sha256")?, size: number(row, "log_total")? }),
    };
    let completion = match get::<Option<&str>>(row, "completion")? {
        None => None,
        Some(_) => Some(parsed(row, "completion")?),
    };
    Ok(Attempt {
        id: attempt_id(row)?,
        worker: parsed(row, "worker")?,
        instance: parsed(row, "instance")?,
        state: named(row, "state", AttemptState::from_name)?,
        token_hash: parsed(row, "token_hash")?,
        claim_key: parsed(row, "claim_key")?,
        counter: number(row, "counter")?,
        log_size: number(row, "log_size")?,
        log,
        leased: time(row, "leased")?,
        started: time_option(row, "started")?,
        ended: time_option(row, "ended")?,
        failure: json_option(row, "failure")?,
        completion,
        revision: get(row, "revision")?,
    })
}

/// A build.
pub(super) fn build(row: &SqliteRow) -> Stored<Build> {
    let id = BuildId::new(get(row, "id")?);
    Ok(Build::new(id, attempt_id(row)?, time(row, "accepted")?, json(row, "record")?))
}

/// An artifact.
pub(super) fn artifact(row: &SqliteRow) -> Stored<Artifact> {
    Ok(Artifact {
        name: get(row, "name")?,
        kind: get(row, "kind")?,
        size: number(row, "size")?,
        sha256: parsed(row, "sha256")?,
    })
}
