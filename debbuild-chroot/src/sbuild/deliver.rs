//! The results of a build as files in a folder: artifacts, log, lock and `result.json`.

use debbuild_core::{
    blob::{self, BlobStore, deliver_bytes},
    build::BuildRecord,
    context::Context,
    path::AbsPath,
};

use super::BuilderError;

/// The name of the record in a folder of results.
pub const RESULT: &str = "result.json";

/// Writes what the record names into `folder` (made if it is missing), the record last. Files of the same name are replaced, each
/// as a whole.
///
/// # Errors
/// [`BuilderError::Blob`] when a blob is gone or a file cannot be written.
pub async fn deliver(
    cx: &Context,
    blobs: &dyn BlobStore,
    record: &BuildRecord,
    folder: &AbsPath,
) -> Result<(), BuilderError> {
    let artifacts = record.artifacts.iter().map(|artifact| (artifact.name.as_str(), artifact.sha256));
    let log = record.log.iter().map(|log| (log.name.as_str(), log.sha256));
    let lock = record.lock.iter().map(|lock| ("lock.json", *lock));
    let files: Vec<_> = artifacts.chain(log).chain(lock).collect();
    blob::deliver(cx, blobs, folder, &files).await?;
    let json = record.to_json().map_err(|error| BuilderError::Unsupported(error.to_string()))?;
    Ok(deliver_bytes(folder, RESULT, json.into()).await?)
}
