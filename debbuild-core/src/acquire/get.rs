//! One file with known content, from the store or from the first place and address that has it.

use super::{
    AcquireError, ArchiveReader, PoolFile,
    fetch::{FetchError, FetchRequest, Uri},
    reader::{Parts, remove, worst},
};
use crate::{
    blob::{Adopt, Blob},
    context::Context,
    control::ReleaseFile,
};

impl ArchiveReader {
    /// A file whose content is known, by its path below any of these addresses, kept as a blob; fetched only where it is not
    /// stored yet. Its digest is all that is checked: that the archive still vouches for it is not.
    ///
    /// # Errors
    /// [`AcquireError::Fetch`]: not there, unreachable, and other than promised are told apart.
    pub async fn file(&self, cx: &Context, uris: &[Uri], file: &PoolFile) -> Result<Blob, AcquireError> {
        let PoolFile { path, size, sha256 } = file;
        let wanted = ReleaseFile { size: *size, sha256: *sha256 };
        let blob = Blob { id: *sha256, size: *size };
        if self.store().stat(cx, blob.id).await? == Some(blob) {
            return Ok(blob);
        }
        let found = self.0.get(cx, uris, std::slice::from_ref(path), wanted).await?;
        found.ok_or_else(|| AcquireError::NoAddress { name: path.clone() })
    }
}

impl Parts {
    /// Fetches a file; `None` when there is no address.
    pub(super) async fn get(
        &self,
        cx: &Context,
        uris: &[Uri],
        places: &[String],
        file: ReleaseFile,
    ) -> Result<Option<Blob>, AcquireError> {
        let blob = Blob { id: file.sha256, size: file.size };
        let _flight = self.flights.board(cx, &self.scratch, blob.id).await?;
        if self.store.stat(cx, blob.id).await? == Some(blob) {
            return Ok(Some(blob));
        }
        let to = self.scratch.child(&blob.id.to_string())?;
        let mut failures = Vec::new();
        for uri in uris {
            for place in places {
                let request = FetchRequest::new(uri.join(place)?).with_content(blob.size, blob.id);
                match self.fetch.fetch(cx, &request, &to).await {
                    Ok(_) => {
                        let adopted = self.store.adopt(cx, &to, Adopt::Link, Some(blob.id)).await;
                        remove(to).await?;
                        return Ok(Some(adopted?));
                    }
                    Err(
                        error @ (FetchError::NotFound { .. }
                        | FetchError::Unreachable { .. }
                        | FetchError::Refused { .. }
                        | FetchError::Mismatch { .. }),
                    ) => failures.push(error),
                    Err(other) => return Err(other.into()),
                }
            }
        }
        worst(failures).map_or(Ok(None), |error| Err(error.into()))
    }
}
