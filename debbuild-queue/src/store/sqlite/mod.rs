//! The SQLite store: WAL, synchronous=FULL, one writer connection per process, BEGIN IMMEDIATE, others' work found by polling.

mod attempts;
mod events;
mod results;
mod row;
mod tags;
mod tasks;
mod workers;

use std::{fs::File, str::FromStr as _, time::Duration};

use async_trait::async_trait;
use debbuild_core::{blocking, error::chain, path::AbsPath};
use sqlx::{
    Row as _, Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{QueueStore, StoreError, Stored, Transaction};

/// The text of a statement, from its file.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("sql/", $name, ".sql"))
    };
}
use sql;

/// The oldest SQLite that is safe here: versions before it can corrupt a WAL that two connections reset at once.
pub const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/sqlite/migrations");

/// How to open the state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The file; it is made if it is not there, its folder is not.
    pub file: AbsPath,
    /// How long to wait while another process writes (default 10 s).
    pub busy: Duration,
    /// How many connections may read at once (default 3).
    pub readers: u32,
}

impl SqliteOptions {
    /// The state in this file.
    #[must_use]
    pub fn new(file: AbsPath) -> Self {
        Self { file, busy: Duration::from_secs(10), readers: 3 }
    }

    /// With another time to wait for other processes.
    #[must_use]
    pub fn with_busy(mut self, busy: Duration) -> Self {
        self.busy = busy;
        self
    }
}

/// The queue's state in one SQLite file, which several processes may open.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the state, makes or migrates it, and checks that the connection is as durable as promised.
    ///
    /// # Errors
    /// [`StoreError::Open`], also when SQLite is older than [`OLDEST_SQLITE`] or does not take the settings.
    pub async fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Open { path: options.file.to_string(), reason };
        let said = |error: sqlx::Error| refused(chain(&error));
        // Processes that start at the same time migrate one after the other: SQLite has no lock for that.
        let lock = blocking::run({
            let path = format!("{}.lock", options.file);
            move || {
                let file = File::options().create(true).append(true).open(path)?;
                file.lock()?;
                Ok::<_, std::io::Error>(file)
            }
        });
        let lock = lock.await.map_err(|error| refused(chain(&error)))?;
        let connect = SqliteConnectOptions::new()
            .filename(options.file.as_std())
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.busy)
            .pragma("mmap_size", "0")
            .pragma("trusted_schema", "OFF");
        let pool = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(options.busy.max(Duration::from_secs(1)) * 3)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(connect.clone().create_if_missing(true)).await.map_err(said)?;
        check(&mut *writer.acquire().await.map_err(said)?).await.map_err(refused)?;
        MIGRATIONS.run(&writer).await.map_err(|error| refused(chain(&error)))?;
        let readers = pool(options.readers.max(1)).connect_lazy_with(connect.pragma("query_only", "ON"));
        drop(lock);
        Ok(Self { writer, readers })
    }

    /// Closes all connections; what was committed is already durable.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Reads back what was asked for: a setting that was not taken would lose work only in a power cut.
async fn check(connection: &mut SqliteConnection) -> Result<(), String> {
    let version: String = value(connection, "SELECT sqlite_version()").await?;
    if parts(&version) < OLDEST_SQLITE {
        let [major, minor, patch] = OLDEST_SQLITE;
        return Err(format!("SQLite {version} is older than {major}.{minor}.{patch}, which may corrupt the file"));
    }
    let journal: String = value(connection, "PRAGMA journal_mode").await?;
    let synchronous: i64 = value(connection, "PRAGMA synchronous").await?;
    if journal != "wal" || synchronous != 2 {
        return Err(format!("the file does not take WAL with synchronous=FULL: {journal}, {synchronous}"));
    }
    Ok(())
}

async fn value<T>(connection: &mut SqliteConnection, statement: &'static str) -> Result<T, String>
where
    T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + Send + Unpin,
{
    let row = sqlx::query(statement).fetch_one(connection).await.map_err(|error| chain(&error))?;
    row.try_get(0).map_err(|error| chain(&error))
}

fn parts(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map(|part| u32::from_str(part).unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

#[async_trait]
impl QueueStore for SqliteStore {
    fn name(&self) -> &str {
        "sqlite"
    }

    async fn read(&self) -> Stored<Box<dyn Transaction>> {
        let inner = self.readers.begin().await.map_err(row::failed("begin to read"))?;
        Ok(Box::new(SqliteTransaction { inner }))
    }

    async fn write(&self) -> Stored<Box<dyn Transaction>> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(row::failed("begin to write"))?;
        Ok(Box::new(SqliteTransaction { inner }))
    }
}

/// A transaction on one connection; dropped, it is rolled back before the connection is used again.
#[derive(Debug)]
struct SqliteTransaction {
    inner: sqlx::Transaction<'static, Sqlite>,
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn commit(self: Box<Self>) -> Stored<()> {
        self.inner.commit().await.map_err(row::failed("commit"))
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
