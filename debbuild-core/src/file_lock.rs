//! A lock between processes: a file that one of them holds at a time (flock(2)); it goes with the process that holds it.

use std::{
    fs::{self, File},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    blocking,
    cancel::Cancelled,
    context::Context,
    error::{Class, Classify},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(25);

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until nobody else holds the lock of this file, which is made if it is missing; its folder must be there.
    ///
    /// # Errors
    /// [`FileLockError`].
    pub async fn acquire(cx: &Context, path: &AbsPath) -> Result<Self, FileLockError> {
        let path = path.clone();
        let opened = path.clone();
        let file = blocking::run(move || {
            fs::File::options().create(true).truncate(false).write(true).open(&opened).at("open", &opened)
        })
        .await?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(std::io::Error::from(error)).at("lock", &path).map_err(FileLockError::from),
            }
            tokio::select! {
                () = cx.cancel().cancelled() => return Err(Cancelled.into()),
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }
}

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileLockError {
    /// The file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for FileLockError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Cancelled(error) => error.class(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;

    #[tokio::test]
    async fn one_holds_it_and_waiting_can_be_cancelled() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = AbsPath::new(folder.path().join("lock")).unwrap();
        let held = FileLock::acquire(&Context::new(), &path).await.unwrap();
        let cancel = CancelToken::new();
        let cx = Context::new().with_cancel(cancel.clone());
        let stop = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            cancel.cancel();
        };
        let (waited, ()) = tokio::join!(FileLock::acquire(&cx, &path), stop);
        assert!(matches!(waited, Err(FileLockError::Cancelled(_))));
        drop(held);
        FileLock::acquire(&Context::new(), &path).await.unwrap();
    }
}
