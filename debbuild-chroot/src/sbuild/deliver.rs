//! The results of a build as files in a folder: artifacts, log, lock and `result.json`.

use std::{fs, io::Write as _};

use bytes::Bytes;
use debbuild_core::{
    blob::BlobStore,
    blocking,
    build::BuildRecord,
    context::Context,
    path::{AbsPath, FileError, IoResultExt as _},
};

use super::BuilderError;

/// The name of the record in a folder of results.
pub const RESULT: &str = "result.json";

/// Writes what the record names into `folder` (made if it is missing), the record last. Files of the same name are replaced, each
/// as a whole.
///
/// # Errors
/// [`BuilderError::Blob`] when a blob is gone, [`BuilderError::File`] when a file cannot be written.
pub async fn deliver(
    cx: &Context,
    blobs: &dyn BlobStore,
    record: &BuildRecord,
    folder: &AbsPath,
) -> Result<(), BuilderError> {
    let artifacts = record.artifacts.iter().map(|artifact| (artifact.name.as_str(), artifact.sha256));
    let log = record.log.iter().map(|log| (log.name.as_str(), log.sha256));
    let lock = record.lock.iter().map(|lock| ("lock.json", *lock));
    for (name, sha256) in artifacts.chain(log).chain(lock) {
        write(folder, name, blobs.read(cx, sha256, None).await?).await?;
    }
    let json = record.to_json().map_err(|error| BuilderError::Unsupported(error.to_string()))?;
    write(folder, RESULT, json.into()).await
}

async fn write(folder: &AbsPath, name: &str, bytes: Bytes) -> Result<(), BuilderError> {
    let (to, draft) = (folder.child(name)?, folder.child(&format!(".{name}.new"))?);
    let folder = folder.clone();
    let write = move || -> Result<(), FileError> {
        fs::create_dir_all(&folder).at("create", &folder)?;
        let mut file = fs::File::create(&draft).at("create", &draft)?;
        file.write_all(&bytes).at("write", &draft)?;
        file.sync_all().at("write", &draft)?;
        fs::rename(&draft, &to).at("rename", &draft)?;
        fs::File::open(&folder).and_then(|folder| folder.sync_all()).at("write", &folder)
    };
    Ok(blocking::run(write).await?)
}
