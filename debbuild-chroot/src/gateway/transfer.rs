//! Getting one file: from what is kept, or from an upstream into the store.

use std::sync::{Arc, Mutex, PoisonError};

use debbuild_core::{
    acquire::fetch::{FetchError, FetchRequest, Fetched, Uri, Validators},
    blob::{Adopt, Blob},
    context::Context,
    digest::Sha256,
    error::chain,
};
use tokio::sync::OwnedMutexGuard;

use super::{
    AccessRecord, Expected, Gateway, GatewayError, GatewayOptions, Mode, Served, UpstreamFailure, Via, cache::Note,
    target::Target,
};

/// The most bytes of a file whose size is not known: no package of Debian comes near.
const LIMIT: u64 = 8 << 30;

/// What can be answered.
#[derive(Debug)]
pub(super) enum Obtained {
    /// A kept file.
    Kept { blob: Blob, last_modified: Option<String> },
    /// The archive has no such file, or the lock does not name it.
    Absent,
    /// It could not be had; the record says why.
    Failed(String),
}

/// One door's view: what it answers for, and what it writes down.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) gateway: Gateway,
    pub(super) options: GatewayOptions,
    pub(super) record: Mutex<AccessRecord>,
}

impl Desk {
    pub(super) fn note<T>(&self, write: impl FnOnce(&mut AccessRecord) -> T) -> T {
        write(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn served(&self, target: &Target, blob: Blob, via: Via, last_modified: Option<String>) -> Obtained {
        let (archive, path) = (target.archive.clone(), target.path.clone());
        self.note(|record| record.served.push(Served { archive, path, size: blob.size, sha256: blob.id, via }));
        Obtained::Kept { blob, last_modified }
    }

    pub(super) fn failed(&self, target: &Target, reason: String) -> Obtained {
        let (archive, path) = (target.archive.clone(), target.path.clone());
        self.note(|record| record.failures.push(UpstreamFailure { archive, path, reason: reason.clone() }));
        Obtained::Failed(reason)
    }

    fn absent(&self, target: &Target) -> Obtained {
        self.note(|record| record.absent.push((target.archive.clone(), target.path.clone())));
        Obtained::Absent
    }

    /// The file, and a line in the record about it.
    pub(super) async fn obtain(self: &Arc<Self>, cx: &Context, target: &Target) -> Obtained {
        match self.try_obtain(cx, target).await {
            Ok(obtained) => obtained,
            Err(error) => self.failed(target, chain(&error)),
        }
    }

    /// What the file must be, as far as it is known.
    fn known(&self, target: &Target) -> Option<&Expected> {
        self.options.expected.get(&(target.archive.clone(), target.path.clone()))
    }

    /// What the file must be: by what was known before, or by its own name.
    fn expected(&self, target: &Target) -> Option<Sha256> {
        let named = || target.by_hash().and_then(|digits| digits.parse().ok());
        self.known(target).map(|expected| expected.sha256).or_else(named)
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
            self.note(|record| record.refused.push(format!("{}: {} is not in the lock", target.archive, target.path)));
            return Ok(Obtained::Absent);
        }
        if let Some(kept) = self.kept(cx, target).await? {
            return Ok(kept);
        }
        if matches!(self.options.mode, Mode::Offline | Mode::Locked { fetch: false }) {
            return Ok(self.failed(target, "it is not kept, and upstreams are not asked".to_owned()));
        }
        // One transfer of a file at a time: whoever comes second finds it kept.
        let turn = self.turn(target).lock_owned().await;
        if let Some(kept) = self.kept(cx, target).await? {
            return Ok(kept);
        }
        // Goes on when the asker loses patience: its next try finds the file kept.
        let (desk, cx, target) = (Arc::clone(self), cx.clone(), target.clone());
        let fetching = tokio::spawn(async move { desk.fetch(&cx, &target, turn).await });
        fetching.await.unwrap_or_else(|error| Err(GatewayError::Broken(error.to_string())))
    }

    fn turn(&self, target: &Target) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.gateway.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(busy.entry(target.urls[0].clone()).or_default())
    }

    /// The kept file, where nobody needs to be asked for it.
    async fn kept(&self, cx: &Context, target: &Target) -> Result<Option<Obtained>, GatewayError> {
        let note = self.gateway.cache.find(&target.urls[0])?;
        let id = match (self.expected(target), &note) {
            (Some(expected), _) => Some(expected),
            (None, Some(note)) if target.immutable() || self.options.mode == Mode::Offline => Some(note.sha256),
            _ => None,
        };
        let Some(id) = id else { return Ok(None) };
        let Some(blob) = self.gateway.blobs.stat(cx, id).await? else { return Ok(None) };
        let last_modified = note.and_then(|note| note.last_modified);
        Ok(Some(self.served(target, blob, Via::Kept, last_modified)))
    }

    async fn fetch(&self, cx: &Context, target: &Target, _turn: OwnedMutexGuard<()>) -> Result<Obtained, GatewayError> {
        let note = self.current_note(cx, target).await?;
        let mut reasons = Vec::new();
        for url in &target.urls {
            let unless = note.as_ref().map(Note::validators).unwrap_or_default();
            let partial = self.gateway.cache.partial()?;
            match self.gateway.fetch.fetch(cx, &self.request(target, url, unless), &partial.0).await {
                Ok(Fetched::Complete { validators, .. }) => {
                    return self.keep(cx, target, &partial.0, validators).await;
                }
                Ok(_) => match note {
                    Some(note) => {
                        return Ok(self.served(target, note.blob(), Via::Current, note.last_modified));
                    }
                    None => reasons.push(format!("{url}: says that nothing has changed, but nothing is kept")),
                },
                Err(FetchError::NotFound { .. }) => {}
                // The URI is part of the message.
                Err(error) => reasons.push(chain(&error)),
            }
        }
        if reasons.is_empty() { Ok(self.absent(target)) } else { Ok(self.failed(target, reasons.join("; "))) }
    }

    fn request(&self, target: &Target, url: &Uri, unless: Validators) -> FetchRequest {
        let mut request = FetchRequest::new(url.clone()).with_limit(LIMIT).with_unless(unless);
        request.size = self.known(target).map(|expected| expected.size);
        request.sha256 = self.expected(target);
        request
    }

    async fn keep(
        &self,
        cx: &Context,
        target: &Target,
        file: &debbuild_core::path::AbsPath,
        validators: Validators,
    ) -> Result<Obtained, GatewayError> {
        let Gateway { blobs, cache, .. } = &self.gateway;
        let blob = blobs.adopt(cx, file, Adopt::Link, self.expected(target)).await?;
        let last_modified = validators.last_modified.clone();
        cache.keep(cx, &**blobs, &target.urls[0], blob, validators).await?;
        Ok(self.served(target, blob, Via::Fetched, last_modified))
    }

    /// The note about the file, if its content is still in the store.
    async fn current_note(&self, cx: &Context, target: &Target) -> Result<Option<Note>, GatewayError> {
        let Some(note) = self.gateway.cache.find(&target.urls[0])? else { return Ok(None) };
        let wanted = self.expected(target).is_none_or(|expected| expected == note.sha256);
        Ok(if wanted && self.gateway.blobs.stat(cx, note.sha256).await?.is_some() { Some(note) } else { None })
    }
}
