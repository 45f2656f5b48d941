//! One door's view: what it answers for, how much it gives, and what it writes down.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use debbuild_core::{
    acquire::fetch::Arriving,
    blob::Blob,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _, chain},
};
use tokio::sync::watch;

use super::{
    AccessRecord, Expected, Gateway, GatewayError, GatewayOptions, Mode, Served, UpstreamFailure, Via,
    flight::{Ended, Landed, Outcome, Seat, Wanted, end},
    listing::Passed,
    target::Target,
};

/// Bytes of a file that must be there before it is served while the rest arrives. What is smaller is answered when it is
/// there as a whole, so that a failure of it has a status.
const EARLY: u64 = 256 * 1024;

/// The most requests that a door answers: a record holds all of them, and archives have fewer files.
const REQUESTS: u64 = 100_000;

/// What can be answered.
#[derive(Debug)]
pub(super) enum Obtained {
    /// A kept file.
    Kept { blob: Blob, last_modified: Option<String> },
    /// A file whose first bytes are there.
    Arriving {
        arriving: Arriving,
        /// Its end, once that is in the record.
        ended: Ended,
        /// The most bytes that may be given of it.
        most: u64,
    },
    /// The archive has no such file, or the lock does not name it.
    Absent,
    /// It could not be had; the record says why.
    Failed(String),
    /// The door may not give it.
    Refused(String),
}

/// One door's view.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) gateway: Gateway,
    pub(super) options: GatewayOptions,
    passed: Passed,
    record: Mutex<AccessRecord>,
    given: AtomicU64,
    requests: AtomicU64,
}

impl Desk {
    pub(super) fn new(gateway: Gateway, options: GatewayOptions) -> Self {
        let (passed, record) = (Passed::default(), Mutex::default());
        Self { gateway, options, passed, record, given: AtomicU64::new(0), requests: AtomicU64::new(0) }
    }

    pub(super) fn note<T>(&self, write: impl FnOnce(&mut AccessRecord) -> T) -> T {
        write(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request; false where it is one too many.
    pub(super) fn counts(&self) -> bool {
        let before = self.requests.fetch_add(1, Ordering::SeqCst);
        if before == REQUESTS {
            self.note(|record| record.refuse(&format!("more than {REQUESTS} requests")));
        }
        before < REQUESTS
    }

    pub(super) fn failed(&self, target: &Target, class: Class, reason: String) -> Obtained {
        let (archive, path) = (target.archive.clone(), target.path.clone());
        self.note(|record| record.failures.push(UpstreamFailure { archive, path, class, reason: reason.clone() }));
        Obtained::Failed(reason)
    }

    /// What may still be given, in bytes.
    fn spare(&self) -> u64 {
        self.options.total_limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.given.load(Ordering::SeqCst)))
    }

    /// Counts a file that is given; false where it is more than may be.
    fn spend(&self, size: u64) -> bool {
        let limit = self.options.total_limit.unwrap_or(u64::MAX);
        let add = |given: u64| given.checked_add(size).filter(|sum| *sum <= limit);
        self.given.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).is_ok()
    }

    fn too_much(&self) -> String {
        format!("the door gives at most {} bytes in all", self.options.total_limit.unwrap_or(u64::MAX))
    }

    /// Writes down how a request ended; the door's limit may turn it into another end.
    fn write_down(&self, target: &Target, mut outcome: Outcome) -> Outcome {
        if let Outcome::Landed(landed) = &outcome
            && !self.spend(landed.blob.size)
        {
            outcome = Outcome::Refused(self.too_much());
        }
        let (archive, path) = (target.archive.clone(), target.path.clone());
        self.note(|record| match &outcome {
            Outcome::Landed(Landed { blob, via, upstream, retries, resumed, detours, .. }) => {
                let (size, sha256, upstream) = (blob.size, blob.id, upstream.clone());
                let (via, retries, resumed) = (*via, *retries, *resumed);
                // Those who share a transfer share its detours.
                let new = detours.iter().filter(|detour| !record.detours.contains(detour)).cloned();
                record.detours.extend(new.collect::<Vec<_>>());
                record.served.push(Served { archive, path, size, sha256, via, upstream, retries, resumed });
            }
            Outcome::Absent => record.absent.push((archive, path)),
            Outcome::Failed { class, reason } => {
                record.failures.push(UpstreamFailure { archive, path, class: *class, reason: reason.clone() });
            }
            Outcome::Refused(reason) => record.refuse(&format!("{archive}: {path}: {reason}")),
        });
        outcome
    }

    /// Writes down how a request ended, and learns from it what other files must be.
    fn settle(&self, cx: &Context, target: &Target, outcome: Outcome) -> Outcome {
        let outcome = self.write_down(target, outcome);
        if let Outcome::Landed(landed) = &outcome
            && target.lists_pool()
            && !matches!(self.options.mode, Mode::Locked { .. })
        {
            let Gateway { listings, blobs, .. } = &self.gateway;
            self.passed.add(cx, listings, blobs, &target.archive, landed.blob);
        }
        outcome
    }

    /// The file, and a line in the record about it.
    pub(super) async fn obtain(self: &Arc<Self>, cx: &Context, target: &Target) -> Obtained {
        match self.try_obtain(cx, target).await {
            Ok(obtained) => obtained,
            Err(error) => self.failed(target, error.class(), chain(&error)),
        }
    }

    /// What the file must be, as far as it is known.
    fn known(&self, target: &Target) -> Option<&Expected> {
        self.options.expected.get(&(target.archive.clone(), target.path.clone()))
    }

    /// What the file must be: by what was known before, by its own name, or by the indexes that passed.
    async fn wanted(&self, cx: &Context, target: &Target) -> Wanted {
        let limit = self.options.file_limit;
        let named: Option<Sha256> = target.by_hash().and_then(|digits| digits.parse().ok());
        let known = match self.known(target) {
            None if named.is_none() && target.immutable() => {
                self.passed.expected(cx, &*self.gateway.blobs, target).await
            }
            known => known.copied(),
        };
        Wanted { sha256: known.map(|known| known.sha256).or(named), size: known.map(|known| known.size), limit }
    }

    /// Whether a lock names the file: under its path, or as the by-hash twin of one that it names.
    fn locked(&self, target: &Target) -> bool {
        let twin = target.by_hash().and_then(|digits| digits.parse::<Sha256>().ok());
        let mut all = self.options.expected.iter();
        self.known(target).is_some()
            || all.any(|((archive, _), expected)| *archive == target.archive && Some(expected.sha256) == twin)
    }

    async fn try_obtain(self: &Arc<Self>, cx: &Context, target: &Target) -> Result<Obtained, GatewayError> {
        let locked = matches!(self.options.mode, Mode::Locked { .. });
        if locked && !self.locked(target) {
            self.note(|record| record.refuse(&format!("{}: {} is not in the lock", target.archive, target.path)));
            return Ok(Obtained::Absent);
        }
        let wanted = self.wanted(cx, target).await;
        let stays = target.immutable() || self.options.mode == Mode::Offline;
        loop {
            if let Some(kept) = self.gateway.kept(cx, target, wanted.sha256, stays).await? {
                return Ok(self.settle(cx, target, Outcome::Landed(kept)).into());
            }
            if matches!(self.options.mode, Mode::Offline | Mode::Locked { fetch: false }) {
                let reason = "it is not kept, and upstreams are not asked".to_owned();
                return Ok(self.failed(target, Class::Infrastructure, reason));
            }
            let boarded = self.gateway.flights.board(&target.urls, wanted, |arriving, cancel| {
                // The transfer is nobody's: it goes on while one door waits for it.
                let (gateway, cx, target) = (self.gateway.clone(), cx.clone().with_cancel(cancel), target.clone());
                async move { gateway.bring(&cx, &target, wanted, arriving).await }
            });
            match boarded {
                Ok(seat) => return Ok(self.follow(cx, target, wanted, seat).await),
                // Wanted otherwise, or left by all: when it is over, it is our turn.
                Err(mut ended) => drop(end(&mut ended).await),
            }
        }
    }

    /// Waits for the end of a transfer, or for as much of it as can be served before.
    async fn follow(self: &Arc<Self>, cx: &Context, target: &Target, wanted: Wanted, seat: Seat) -> Obtained {
        let (tell, mut ended) = watch::channel(None);
        let arriving = seat.arriving.clone();
        // Goes on when the asker loses patience: its next try finds the file kept, and the record says how it went.
        tokio::spawn(Arc::clone(self).see_through(cx.clone(), target.clone(), seat, tell));
        let mut watch = arriving.watch();
        let early = async {
            // What was promised is checked first, as long as the asker has patience: then another mirror can mend a lie unseen.
            if wanted.sha256.is_some() {
                tokio::time::sleep(self.options.check_first).await;
            }
            // We hold the other end.
            drop(watch.wait_for(|it| it.file.is_some() && it.bytes >= EARLY).await);
        };
        let over = tokio::select! {
            biased;
            outcome = end(&mut ended) => Some(outcome),
            () = early => None,
        };
        match over {
            Some(outcome) => outcome.into(),
            None if arriving.now().size.is_some_and(|size| size > self.spare()) => Obtained::Refused(self.too_much()),
            None => Obtained::Arriving { arriving, ended, most: self.spare() },
        }
    }

    /// Writes the end of a transfer down, and then says it; a door that is closed does neither.
    async fn see_through(
        self: Arc<Self>,
        cx: Context,
        target: Target,
        mut seat: Seat,
        tell: watch::Sender<Option<Outcome>>,
    ) {
        let mut outcome = tokio::select! {
            biased;
            outcome = end(&mut seat.ended) => outcome,
            () = cx.cancel().cancelled() => return,
        };
        if let Outcome::Landed(landed) = &mut outcome
            && seat.joined
            && landed.via != Via::Kept
        {
            landed.via = Via::Joined;
        }
        let outcome = self.settle(&cx, &target, outcome);
        drop(seat.hold);
        // The asker may have gone.
        tell.send_replace(Some(outcome));
    }
}

impl From<Outcome> for Obtained {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Landed(Landed { blob, last_modified, .. }) => Self::Kept { blob, last_modified },
            Outcome::Absent => Self::Absent,
            Outcome::Failed { reason, .. } => Self::Failed(reason),
            Outcome::Refused(reason) => Self::Refused(reason),
        }
    }
}
