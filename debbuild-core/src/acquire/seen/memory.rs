//! What was seen, in memory: the test twin.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{LastSeen, Seen, SeenError};
use crate::{context::Context, digest::Sha256};

/// Remembers as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryLastSeen(Mutex<BTreeMap<Sha256, Seen>>);

impl MemoryLastSeen {
    /// Nothing was seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl LastSeen for MemoryLastSeen {
    async fn get(&self, _cx: &Context, key: Sha256) -> Result<Option<Seen>, SeenError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned())
    }

    async fn advance(&self, _cx: &Context, key: Sha256, seen: Seen) -> Result<(), SeenError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&key) {
            Some(known) if known.date > seen.date => Err(SeenError::Older { date: seen.date, seen: known.date }),
            _ => {
                all.insert(key, seen);
                Ok(())
            }
        }
    }
}
