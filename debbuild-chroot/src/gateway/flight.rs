//! Transfers under way: one for all who want the same file, whichever door they came through.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use debbuild_core::{
    acquire::fetch::{Arriving, Uri},
    blob::Blob,
    cancel::CancelToken,
    digest::Sha256,
    error::Class,
};
use tokio::sync::watch;

use super::{UpstreamFailure, Via};

/// What makes two requests for one address the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The digest that it must have: then nobody sees bytes before all are there.
    pub(super) sha256: Option<Sha256>,
    /// The size in bytes that it must have.
    pub(super) size: Option<u64>,
    /// The most bytes that it may have.
    pub(super) limit: u64,
}

/// How a transfer ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// The file is kept.
    Landed(Landed),
    /// No upstream has it.
    Absent,
    /// It could not be had.
    Failed { class: Class, reason: String },
    /// The door may not give that much.
    Refused(String),
}

/// A file that is kept, and how it came.
#[derive(Debug, Clone)]
pub(super) struct Landed {
    pub(super) blob: Blob,
    pub(super) last_modified: Option<String>,
    pub(super) via: Via,
    /// Whether it is the file that arrived, so that those who read it meanwhile have its bytes.
    pub(super) arrived: bool,
    pub(super) upstream: Option<Uri>,
    pub(super) retries: u32,
    pub(super) resumed: u64,
    /// Upstreams that failed before this one did not.
    pub(super) detours: Vec<UpstreamFailure>,
}

impl Landed {
    /// A file that was kept already.
    pub(super) fn kept(blob: Blob, last_modified: Option<String>) -> Self {
        let (via, upstream, detours) = (Via::Kept, None, Vec::new());
        Self { blob, last_modified, via, arrived: false, upstream, retries: 0, resumed: 0, detours }
    }
}

/// Word of the end of a transfer; `None` until then.
pub(super) type Ended = watch::Receiver<Option<Outcome>>;

/// The end of a transfer. One whose maker went away without a word broke off.
pub(super) async fn end(ended: &mut Ended) -> Outcome {
    let outcome = ended.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
    let broke_off = || Outcome::Failed { class: Class::Internal, reason: "the transfer broke off".to_owned() };
    outcome.unwrap_or_else(broke_off)
}

/// Keeps a transfer going; the last one to let go ends it.
#[derive(Debug)]
pub(super) struct Hold(CancelToken);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// One asker's part in a transfer.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) arriving: Arriving,
    pub(super) ended: Ended,
    /// Whether somebody else's request began it.
    pub(super) joined: bool,
    pub(super) hold: Arc<Hold>,
}

#[derive(Debug)]
struct Flight {
    wanted: Wanted,
    arriving: Arriving,
    ended: Ended,
    hold: Weak<Hold>,
}

/// All transfers under way, by the addresses of the file: who has other mirrors has another transfer.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<BTreeMap<Vec<Uri>, Flight>>>);

impl Flights {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Vec<Uri>, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat in the transfer of this file, which `start` begins where there is none. Where there is one that is asked for
    /// something else, or that everybody has left, its end is given to wait for.
    pub(super) fn board<F>(
        &self,
        urls: &[Uri],
        wanted: Wanted,
        start: impl FnOnce(Arriving, CancelToken) -> F,
    ) -> Result<Seat, Ended>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut all = self.all();
        if let Some(flight) = all.get(urls) {
            let (arriving, ended) = (flight.arriving.clone(), flight.ended.clone());
            let hold = flight.hold.upgrade().filter(|_| flight.wanted == wanted);
            return match hold {
                Some(hold) => Ok(Seat { arriving, ended, joined: true, hold }),
                None => Err(ended),
            };
        }
        let (arriving, cancel) = (Arriving::new(), CancelToken::new());
        let (tell, ended) = watch::channel(None);
        let hold = Arc::new(Hold(cancel.clone()));
        let entry = Flight { wanted, arriving: arriving.clone(), ended: ended.clone(), hold: Arc::downgrade(&hold) };
        all.insert(urls.to_vec(), entry);
        let work = start(arriving.clone(), cancel);
        let leave = Leave(self.clone(), urls.to_vec());
        tokio::spawn(async move {
            let outcome = work.await;
            // Who comes from now on finds the file kept, or asks anew.
            drop(leave);
            // Everybody may have left.
            tell.send_replace(Some(outcome));
        });
        Ok(Seat { arriving, ended, joined: false, hold })
    }
}

/// Takes a transfer off the list when it ends, also by a panic.
struct Leave(Flights, Vec<Uri>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}
