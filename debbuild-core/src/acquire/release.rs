//! The signed index of a suite: verified, checked against the clock and against what was seen before, at each address until one holds.

use std::time::Duration;

use bytes::Bytes;

use super::{
    AcquireError, Archive,
    fetch::{FetchError, FetchRequest, Fetched, Uri, Validators},
    reader::{Parts, remove},
    seen::Seen,
};
use crate::{
    blob::Adopt,
    clock::Timestamp,
    context::Context,
    control::Release,
    error::{Class, Classify as _, chain},
    lock::LockedFile,
    name::SuiteName,
    sign::Verified,
};

/// The release files of a suite as they were got, and what they say: every check was passed.
#[derive(Debug)]
pub(super) struct SignedRelease {
    pub(super) files: Vec<LockedFile>,
    pub(super) validators: Validators,
    pub(super) release: Release,
}

impl Parts {
    /// InRelease, or where there is none Release with Release.gpg, from the first address that has one that holds.
    pub(super) async fn signed_release(
        &self,
        cx: &Context,
        archive: &Archive,
        known: Option<&Seen>,
    ) -> Result<SignedRelease, AcquireError> {
        let mut failures: Vec<AcquireError> = Vec::new();
        for names in [&["InRelease"][..], &["Release", "Release.gpg"]] {
            for uri in &archive.uris {
                match self.release_at(cx, archive, uri, names, known).await {
                    Ok(signed) => return Ok(signed),
                    Err(error) if next_may_help(&error) => {
                        if archive.uris.len() > 1 && error.class() == Class::Verification {
                            cx.warn(format!("{uri} is passed over: {}", chain(&error)));
                        }
                        failures.push(error);
                    }
                    Err(other) => return Err(other),
                }
            }
            // Only an answer that says "there is none" lets us look for the other form.
            if !failures.iter().all(|error| error.class() == Class::NotFound) {
                break;
            }
        }
        // The one that says most: lies first, then trouble, then absence.
        let rank = |error: &AcquireError| match error.class() {
            Class::NotFound => 0,
            Class::Infrastructure => 1,
            _ => 2,
        };
        let worst = failures.into_iter().rev().max_by_key(rank);
        Err(worst.unwrap_or_else(|| AcquireError::NoAddress { name: archive.name.clone() }))
    }

    async fn release_at(
        &self,
        cx: &Context,
        archive: &Archive,
        uri: &Uri,
        names: &[&str],
        known: Option<&Seen>,
    ) -> Result<SignedRelease, AcquireError> {
        let (files, validators) = self.release_files(cx, archive, uri, names, known).await?;
        let verified = self.verify(cx, archive, &files, None).await?;
        let release = read_release(archive, &verified)?;
        check_signer(archive, &verified)?;
        check_release(archive, &release, cx.now())?;
        match known.map(|known| known.date).filter(|seen| *seen > release.date) {
            Some(seen) => Err(rolled_back(archive, &release, seen)),
            None => {
                let files = files.into_iter().map(|(file, _)| file).collect();
                Ok(SignedRelease { files, validators, release })
            }
        }
    }

    async fn release_files(
        &self,
        cx: &Context,
        archive: &Archive,
        uri: &Uri,
        names: &[&str],
        known: Option<&Seen>,
    ) -> Result<(Vec<(LockedFile, Bytes)>, Validators), AcquireError> {
        let path = |name: &str| format!("dists/{}/{name}", archive.suite);
        let mut known_files = Vec::new();
        for file in known.iter().flat_map(|seen| &seen.files) {
            if let Ok(bytes) = self.store.read(cx, file.sha256, None).await {
                known_files.push((file.clone(), bytes));
            }
        }
        let same = known_files.len() == names.len() && known_files.iter().zip(names).all(|(f, n)| f.0.path == path(n));
        let mut unless = known.filter(|_| same).map_or_else(Validators::default, |seen| seen.validators.clone());
        let mut files = Vec::new();
        let mut validators = Validators::default();
        for name in names {
            let request = FetchRequest::new(uri.join(&path(name))?)
                .with_limit(self.options.release_limit)
                .with_unless(std::mem::take(&mut unless));
            let to = self.scratch.child(&uuid::Uuid::new_v4().simple().to_string())?;
            match self.fetch.fetch(cx, &request, &to).await? {
                Fetched::NotModified => return Ok((known_files, request.unless)),
                Fetched::Complete { size, sha256, validators: new } => {
                    let adopted = self.store.adopt(cx, &to, Adopt::Link, Some(sha256)).await;
                    remove(to).await?;
                    let bytes = self.store.read(cx, adopted?.id, None).await?;
                    if files.is_empty() {
                        validators = new;
                    }
                    files.push((LockedFile { path: path(name), size, sha256 }, bytes));
                }
            }
        }
        Ok((files, validators))
    }

    pub(super) async fn verify(
        &self,
        cx: &Context,
        archive: &Archive,
        files: &[(LockedFile, Bytes)],
        at: Option<Timestamp>,
    ) -> Result<Verified, AcquireError> {
        let what = format!("Release of {}", archive.what());
        let keys = &archive.signed_by;
        Ok(match files {
            [(_, signed)] => self.verifier.verify_clear(cx, &what, signed, keys, at).await?,
            [(_, text), (_, signature), ..] => {
                self.verifier.verify_detached(cx, &what, text, signature, keys, at).await?
            }
            [] => return Err(AcquireError::NoAddress { name: archive.name.clone() }),
        })
    }
}

/// Whether another address of the archive may have what this one has not: it does not answer, or what it has does not hold.
fn next_may_help(error: &AcquireError) -> bool {
    match error {
        AcquireError::Fetch(error) => matches!(
            error,
            FetchError::NotFound { .. }
                | FetchError::Unreachable { .. }
                | FetchError::Refused { .. }
                | FetchError::TooLarge { .. }
        ),
        // Where no tool can check, none can check the next one either.
        other => other.class() == Class::Verification,
    }
}

/// The error for a Release that is older than one that was seen.
pub(super) fn rolled_back(archive: &Archive, release: &Release, seen: Timestamp) -> AcquireError {
    AcquireError::RolledBack { archive: archive.what(), date: release.date, seen }
}

pub(super) fn read_release(archive: &Archive, verified: &Verified) -> Result<Release, AcquireError> {
    let what = || format!("Release of {}", archive.what());
    Release::from_verified(verified).map_err(|source| AcquireError::Control { what: what(), source })
}

fn check_signer(archive: &Archive, verified: &Verified) -> Result<(), AcquireError> {
    let mut made_by = verified.signatures().iter().map(|signature| &signature.fingerprint);
    if archive.signers.is_empty() || made_by.any(|fingerprint| archive.signers.contains(fingerprint)) {
        return Ok(());
    }
    let signers: Vec<&str> = verified.signatures().iter().map(|signature| signature.fingerprint.as_str()).collect();
    Err(AcquireError::Signer { archive: archive.what(), signers: signers.join(", ") })
}

/// The checks of apt (`Check-Valid-Until`, `Check-Date` with its `Max-FutureTime` of 10 s), and the suite's name.
pub(super) fn check_release(archive: &Archive, release: &Release, now: Timestamp) -> Result<(), AcquireError> {
    if release.date > now.after(Duration::from_secs(10)) {
        return Err(AcquireError::Future { archive: archive.what(), date: release.date, now });
    }
    if let Some(valid_until) = release.valid_until.filter(|until| archive.check_valid_until && *until < now) {
        return Err(AcquireError::Expired { archive: archive.what(), valid_until });
    }
    let names: Vec<&SuiteName> = [&release.suite, &release.codename].into_iter().flatten().collect();
    // Older security suites are called `CODENAME/updates`, and say CODENAME.
    let first_part = archive.suite.as_str().split('/').next().unwrap_or_default();
    let ours = |name: &&SuiteName| **name == archive.suite || name.as_str() == first_part;
    if archive.check_suite && !names.is_empty() && !names.iter().any(ours) {
        let found: Vec<&str> = names.into_iter().map(SuiteName::as_str).collect();
        return Err(AcquireError::OtherSuite { archive: archive.what(), found: found.join(", ") });
    }
    Ok(())
}
