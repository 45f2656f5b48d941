//! The bytes of an answer, hashed and written in batches while they come.

use reqwest::Response;
use tokio::time::Instant;

use super::{Failure, Transfer, Version, late, pace::Speed, reason, until};
use crate::{
    acquire::fetch::{
        Fetched,
        landing::{Announced, Landed, Landing},
    },
    blocking,
    cancel::Cancelled,
};

/// Bytes that are collected before they are hashed and written.
const BATCH: usize = 512 * 1024;

/// What came next of an answer.
enum Next {
    More,
    End,
    Broken(Failure),
}

impl Transfer<'_> {
    /// Takes the bytes of an answer that begins at `offset`.
    pub(super) async fn receive(&mut self, offset: u64, mut response: Response) -> Result<Fetched, Failure> {
        let goes_on = offset > 0;
        let found = Version::of(&response, offset);
        // The rest of a version is still that version, even where the server does not say so again.
        self.version = if goes_on && self.version.can_go_on() { self.version.clone() } else { found };
        let Version { validators, size, .. } = self.version.clone();
        let announced = Announced { size, validators: validators.clone() };
        let mut landing = {
            let (request, to) = (self.request.clone(), self.to.clone());
            blocking::run(move || Landing::open(&request, &to, offset, announced)).await?
        };
        let mut speed = Speed::new(&self.http.options);
        let mut batch = Vec::with_capacity(BATCH);
        let mut written = Instant::now();
        loop {
            let next = self.next(&mut response, &mut speed, &mut batch).await;
            // A slow server's bytes are passed on too, for those who read them as they arrive.
            let due = batch.len() >= BATCH || written.elapsed() >= std::time::Duration::from_secs(1);
            if matches!(next, Next::More) && !due {
                continue;
            }
            written = Instant::now();
            let (bytes, request) = (std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), self.request.clone());
            match next {
                Next::More => {
                    landing = blocking::run(move || landing.write(&request, &bytes).map(|()| landing)).await?;
                }
                Next::Broken(failure) => {
                    blocking::run(move || landing.write(&request, &bytes)).await?;
                    return Err(failure);
                }
                Next::End => {
                    let landed = blocking::run(move || {
                        landing.write(&request, &bytes)?;
                        landing.finish(&request)
                    });
                    return match landed.await? {
                        Landed::Good { size, sha256 } => Ok(Fetched::Complete { size, sha256, validators }),
                        Landed::StalePartial => Err(Failure::Stale),
                    };
                }
            }
        }
    }

    /// Adds the next bytes to the batch, no faster than the line and no slower than the server has to be.
    async fn next(&self, response: &mut Response, speed: &mut Speed, batch: &mut Vec<u8>) -> Next {
        let asked = Instant::now();
        let chunk = tokio::select! {
            () = self.cx.cancel().cancelled() => return Next::Broken(Cancelled.into()),
            () = until(self.deadline) => return Next::Broken(late()),
            chunk = response.chunk() => chunk,
        };
        let bytes = match chunk {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Next::End,
            Err(error) => return Next::Broken(Failure::passing(reason(&error))),
        };
        batch.extend_from_slice(&bytes);
        if !speed.enough(bytes.len() as u64, asked.elapsed()) {
            return Next::Broken(Failure::passing("the server is too slow"));
        }
        tokio::select! {
            () = self.cx.cancel().cancelled() => Next::Broken(Cancelled.into()),
            () = self.http.pace.carry(bytes.len() as u64) => Next::More,
        }
    }
}
