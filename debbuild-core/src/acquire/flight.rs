//! One transfer for all who want the same file, in this process and in others on the same scratch folder.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use super::AcquireError;
use crate::{
    cancel::Cancelled,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

/// How often another process's transfer is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Who is fetching what.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Sha256, Weak<tokio::sync::Mutex<()>>>>);

/// The right to fetch one file; others wait for its end.
#[derive(Debug)]
pub(super) struct Flight {
    _here: tokio::sync::OwnedMutexGuard<()>,
    _elsewhere: File,
}

impl Flights {
    fn lock_of(&self, id: Sha256) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = all.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        all.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        all.insert(id, Arc::downgrade(&lock));
        lock
    }

    /// Waits until nobody else fetches this file. Between processes 256 lock files stand for all digests: sharing one only
    /// makes somebody wait.
    pub(super) async fn board(&self, cx: &Context, scratch: &AbsPath, id: Sha256) -> Result<Flight, AcquireError> {
        let lock = self.lock_of(id);
        let here = tokio::select! {
            () = cx.cancel().cancelled() => return Err(Cancelled.into()),
            here = lock.lock_owned() => here,
        };
        let path = scratch.child(&format!("lock-{}", &id.to_string()[..2]))?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).at("open", &path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Flight { _here: here, _elsewhere: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).at("lock", &path).map_err(Into::into),
            }
            tokio::select! {
                () = cx.cancel().cancelled() => return Err(Cancelled.into()),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}
