//! The SQLite store against the conformance suite, and what only a file can show.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use debbuild_core::path::AbsPath;
use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
use crate::store::{QueueStore, conformance};

/// A folder of its own for each test.
fn folder() -> TempDir {
    tempfile::tempdir_in("/tmp").unwrap()
}

#[tokio::test]
async fn conforms_requests() {
    let (folder, count) = (folder(), AtomicU32::new(0));
    conformance::requests::all(|| fresh(&folder, &count)).await;
}

#[tokio::test]
async fn conforms_leases_invariants_5_6_8() {
    let (folder, count) = (folder(), AtomicU32::new(0));
    conformance::leases::all(|| fresh(&folder, &count)).await;
}

#[tokio::test]
async fn conforms_tags() {
    let (folder, count) = (folder(), AtomicU32::new(0));
    conformance::tags::all(|| fresh(&folder, &count)).await;
}

async fn fresh(folder: &TempDir, count: &AtomicU32) -> Arc<dyn QueueStore> {
    Arc::new(open(folder, count.fetch_add(1, Ordering::Relaxed)).await)
}

async fn open(folder: &TempDir, number: u32) -> SqliteStore {
    let file = AbsPath::new(folder.path().join(format!("state-{number}.sqlite"))).unwrap();
    SqliteStore::open(&SqliteOptions::new(file)).await.unwrap()
}
