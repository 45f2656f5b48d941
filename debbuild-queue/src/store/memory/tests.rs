//! The memory store against the conformance suite.

use std::sync::Arc;

use super::MemoryStore;
use crate::store::{QueueStore, conformance};

async fn fresh() -> Arc<dyn QueueStore> {
    Arc::new(MemoryStore::new())
}

#[tokio::test]
async fn conforms_requests() {
    conformance::requests::all(fresh).await;
}

#[tokio::test]
async fn conforms_leases_invariants_5_6_8() {
    conformance::leases::all(fresh).await;
}

#[tokio::test]
async fn conforms_tags() {
    conformance::tags::all(fresh).await;
}
