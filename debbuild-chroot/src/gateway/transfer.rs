//! Getting one file: from what is kept, or from the first upstream that gives it, into the store.

use debbuild_core::{
    acquire::fetch::{Arriving, FetchError, FetchRequest, Fetched, Validators},
    blob::Adopt,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _, chain},
    path::AbsPath,
};

use super::{
    Gateway, GatewayError, UpstreamFailure, Via,
    cache::Note,
    flight::{Landed, Outcome, Wanted},
    target::Target,
};

impl Gateway {
    /// The kept file, where nobody needs to be asked for it: by its digest, or, where `stays`, by its address.
    pub(super) async fn kept(
        &self,
        cx: &Context,
        target: &Target,
        sha256: Option<Sha256>,
        stays: bool,
    ) -> Result<Option<Landed>, GatewayError> {
        let note = self.cache.find(&target.urls[0])?;
        let id = sha256.or_else(|| note.as_ref().filter(|_| stays).map(|note| note.sha256));
        let Some(id) = id else { return Ok(None) };
        let Some(blob) = self.blobs.stat(cx, id).await? else { return Ok(None) };
        self.cache.touch(&target.urls[0], cx.now())?;
        Ok(Some(Landed::kept(blob, note.and_then(|note| note.last_modified))))
    }

    /// Fetches a file, telling how it arrives, and keeps it.
    pub(super) async fn bring(&self, cx: &Context, target: &Target, wanted: Wanted, arriving: Arriving) -> Outcome {
        match self.try_bring(cx, target, wanted, arriving).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed { class: error.class(), reason: chain(&error) },
        }
    }

    async fn try_bring(
        &self,
        cx: &Context,
        target: &Target,
        wanted: Wanted,
        arriving: Arriving,
    ) -> Result<Outcome, GatewayError> {
        // A transfer may have ended between the asker's look at what is kept and this one's beginning.
        if let Some(kept) = self.kept(cx, target, wanted.sha256, target.immutable()).await? {
            return Ok(Outcome::Landed(kept));
        }
        let note = self.current_note(cx, target, wanted.sha256).await?;
        let mut detours = Vec::new();
        let mut partial = self.cache.partial()?;
        for url in self.health.order(&target.urls) {
            // Only by its digest can one mirror go on where another one broke off.
            if wanted.sha256.is_none() && !detours.is_empty() {
                partial = self.cache.partial()?;
            }
            let mut request = FetchRequest::new(url.clone()).with_limit(wanted.limit).with_arriving(arriving.clone());
            (request.size, request.sha256) = (wanted.size, wanted.sha256);
            request.unless = note.as_ref().map(Note::validators).unwrap_or_default();
            let fetched = self.fetch.fetch(cx, &request, &partial.0).await;
            self.health.note(url, &fetched);
            let (class, reason) = match (fetched, &note) {
                (Ok(Fetched::Complete { validators, .. }), _) => {
                    let landed = self.keep(cx, target, &partial.0, wanted.sha256, validators).await?;
                    let arrived = arriving.now();
                    let (retries, resumed, upstream) = (arrived.retries, arrived.resumed, Some(url.clone()));
                    return Ok(Outcome::Landed(Landed { upstream, retries, resumed, detours, ..landed }));
                }
                (Ok(_), Some(note)) => {
                    self.cache.touch(&target.urls[0], cx.now())?;
                    let landed = Landed::kept(note.blob(), note.last_modified.clone());
                    let (via, upstream, retries) = (Via::Current, Some(url.clone()), arriving.now().retries);
                    return Ok(Outcome::Landed(Landed { via, upstream, retries, detours, ..landed }));
                }
                (Ok(_), None) => {
                    let reason = format!("{url}: says that nothing has changed, but nothing is kept");
                    (Class::Infrastructure, reason)
                }
                (Err(FetchError::NotFound { .. }), _) => continue,
                (Err(error @ FetchError::Cancelled(_)), _) => {
                    return Ok(Outcome::Failed { class: Class::Cancelled, reason: chain(&error) });
                }
                // The URI is part of the message.
                (Err(error), _) => (error.class(), chain(&error)),
            };
            detours.push(UpstreamFailure { archive: target.archive.clone(), path: target.path.clone(), class, reason });
        }
        Ok(worst(&detours))
    }

    async fn keep(
        &self,
        cx: &Context,
        target: &Target,
        file: &AbsPath,
        sha256: Option<Sha256>,
        validators: Validators,
    ) -> Result<Landed, GatewayError> {
        let blob = self.blobs.adopt(cx, file, Adopt::Link, sha256).await?;
        let last_modified = validators.last_modified.clone();
        self.cache.keep(cx, &*self.blobs, &target.urls[0], blob, validators).await?;
        Ok(Landed { via: Via::Fetched, arrived: true, ..Landed::kept(blob, last_modified) })
    }

    /// The note about the file, if its content is still in the store.
    async fn current_note(
        &self,
        cx: &Context,
        target: &Target,
        sha256: Option<Sha256>,
    ) -> Result<Option<Note>, GatewayError> {
        let Some(note) = self.cache.find(&target.urls[0])? else { return Ok(None) };
        let wanted = sha256.is_none_or(|expected| expected == note.sha256);
        Ok(if wanted && self.blobs.stat(cx, note.sha256).await?.is_some() { Some(note) } else { None })
    }
}

/// What all failures together are: absence only where nobody says anything else, and lies before trouble.
fn worst(failures: &[UpstreamFailure]) -> Outcome {
    let Some(last) = failures.last() else { return Outcome::Absent };
    let lies = failures.iter().any(|failure| failure.class == Class::Verification);
    let class = if lies { Class::Verification } else { last.class };
    let reasons: Vec<&str> = failures.iter().map(|failure| failure.reason.as_str()).collect();
    Outcome::Failed { class, reason: reasons.join("; ") }
}
