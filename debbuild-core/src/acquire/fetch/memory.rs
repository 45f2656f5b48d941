//! An archive in memory: the strict twin for tests, with faults on demand and a record of what was asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Fetch, FetchError, FetchRequest, Fetched, Uri, Validators,
    landing::{Announced, Landed, Landing},
};
use crate::{blocking, context::Context, digest::Sha256, path::AbsPath};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The server cannot be reached.
    Unreachable,
    /// The server refuses with this status.
    Refused(u16),
    /// The byte at this offset is another one.
    Flip(usize),
    /// The bytes end here.
    Truncate(usize),
}

/// Files by address, in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryFetch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Uri, Bytes>,
    faults: BTreeMap<Uri, VecDeque<Fault>>,
    asked: Vec<Uri>,
}

impl MemoryFetch {
    /// Nothing at all: every address is not found.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file there, or other bytes in its place.
    pub fn put(&self, uri: Uri, bytes: impl Into<Bytes>) {
        self.state().files.insert(uri, bytes.into());
    }

    /// Takes a file away.
    pub fn remove(&self, uri: &Uri) {
        self.state().files.remove(uri);
    }

    /// Makes the next request for this address fail like that (more than one: in this order).
    pub fn fail_next(&self, uri: Uri, fault: Fault) {
        self.state().faults.entry(uri).or_default().push_back(fault);
    }

    /// Every address that was asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Uri> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let mut state = self.state();
        state.asked.push(uri.clone());
        let fault = state.faults.get_mut(uri).and_then(VecDeque::pop_front);
        let file = state.files.get(uri).cloned().ok_or_else(|| FetchError::NotFound { uri: uri.clone() });
        match fault {
            None => file,
            Some(Fault::Unreachable) => {
                Err(FetchError::Unreachable { uri: uri.clone(), reason: "connection refused".to_owned() })
            }
            Some(Fault::Refused(status)) => Err(FetchError::Refused { uri: uri.clone(), status }),
            Some(Fault::Flip(at)) => {
                let mut bytes = file?.to_vec();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                }
                Ok(bytes.into())
            }
            Some(Fault::Truncate(at)) => file.map(|bytes| bytes.slice(..at.min(bytes.len()))),
        }
    }
}

#[async_trait]
impl Fetch for MemoryFetch {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        cx.cancel().check()?;
        // As a server does, give other requests their turn before the answer is there.
        tokio::task::yield_now().await;
        let bytes = self.answer(&request.uri)?;
        let validators = Validators::new(Some(format!("\"{}\"", Sha256::of(&bytes))), None);
        if request.unless == validators {
            return Ok(Fetched::NotModified);
        }
        let (request, to) = (request.clone(), to.clone());
        blocking::run(move || {
            let announced = Announced { size: Some(bytes.len() as u64), validators: validators.clone() };
            let mut landing = Landing::open(&request, &to, 0, announced)?;
            landing.write(&request, &bytes)?;
            match landing.finish(&request)? {
                Landed::Good { size, sha256 } => Ok(Fetched::Complete { size, sha256, validators }),
                Landed::StalePartial => Err(FetchError::NotFound { uri: request.uri }),
            }
        })
        .await
    }
}
