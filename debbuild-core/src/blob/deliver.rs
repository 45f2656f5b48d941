//! Blobs as plain files in a folder of somebody's own.

use std::{
    fs::{self, File},
    io::Write as _,
};

use bytes::Bytes;

use super::{
    BlobError, BlobStore,
    durable::{Temporary, sync_folder},
};
use crate::{
    blocking,
    context::Context,
    digest::Sha256,
    path::{AbsPath, FileError, IoResultExt as _},
};

/// Writes blobs into `folder` (made if it is missing) under these plain names, in this order. A file of the same name is
/// replaced, as a whole and durably.
///
/// # Errors
/// [`BlobError::NotFound`] and [`BlobError::Mismatch`] for a blob that is gone or damaged, [`BlobError::Path`] for a name that
/// would leave the folder, [`BlobError::File`] when a file cannot be written; what was written before stays.
pub async fn deliver(
    cx: &Context,
    store: &dyn BlobStore,
    folder: &AbsPath,
    files: &[(&str, Sha256)],
) -> Result<(), BlobError> {
    for (name, id) in files {
        let bytes = store.read(cx, *id, None).await?;
        deliver_bytes(folder, name, bytes).await?;
    }
    Ok(())
}

/// Writes one file as [`deliver`] does.
///
/// # Errors
/// [`BlobError::Path`] and [`BlobError::File`].
pub async fn deliver_bytes(folder: &AbsPath, name: &str, bytes: Bytes) -> Result<(), BlobError> {
    let (folder, to) = (folder.clone(), folder.child(name)?);
    blocking::run(move || {
        fs::create_dir_all(&folder).at("create", &folder)?;
        let draft = Temporary::new(&folder)?;
        write(&draft, &bytes)?;
        draft.rename(&to)?;
        Ok(sync_folder(&folder)?)
    })
    .await
}

/// The file is its owner's, with the modes that other files of the user get.
fn write(draft: &Temporary, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = File::create_new(draft.path()).at("create", draft.path())?;
    file.write_all(bytes).at("write", draft.path())?;
    file.sync_all().at("sync", draft.path())
}
