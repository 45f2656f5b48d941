//! Bringing files of the pool into a bucket.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::bucket::{Bucket, Label, Mark};
use crate::{
    blocking,
    context::Context,
    digest::{Hasher, HashingReader, Sha256},
    event::Unit,
    path::IoResultExt as _,
    repo::{Placement, RepoError},
};

/// Files up to this size, in bytes, are put by one request; larger ones in parts of this size.
const PART: u64 = 8 << 20;
/// How many requests are under way at once.
pub(super) const AT_ONCE: usize = 8;

/// Puts files into the pool: nothing is written before all of them are known to be what was promised.
pub(super) async fn place(bucket: &Bucket, cx: &Context, files: &[Placement]) -> Result<(), RepoError> {
    let mut wanted: BTreeMap<&str, &Placement> = BTreeMap::new();
    for file in files {
        match wanted.insert(file.path.as_str(), file) {
            Some(other) if other.sha256 != file.sha256 => {
                return Err(RepoError::Conflict { what: file.path.to_string() });
            }
            _ => {}
        }
    }
    let wanted: Vec<Placement> = wanted.into_values().cloned().collect();
    let missing: Vec<Option<Placement>> = futures_util::stream::iter(wanted)
        .map(|file| {
            let (bucket, cx) = (bucket.clone(), cx.clone());
            async move {
                cx.cancel().check()?;
                if is_there(&bucket, &file).await? {
                    return Ok(None);
                }
                let checked = file.clone();
                blocking::run(move || check(&checked)).await?;
                Ok::<_, RepoError>(Some(file))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let missing: Vec<Placement> = missing.into_iter().flatten().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let total = missing.iter().map(|file| file.size).sum();
    let step = cx.step(format!("upload {} files", missing.len()), Unit::Bytes, Some(total));
    let uploaded = upload_all(bucket, step.context(), missing, |done| step.progress(done)).await;
    step.end(uploaded)
}

async fn upload_all(
    bucket: &Bucket,
    cx: &Context,
    files: Vec<Placement>,
    progress: impl Fn(u64) + Send,
) -> Result<(), RepoError> {
    let mut done = 0;
    let mut uploads = futures_util::stream::iter(files)
        .map(|file| {
            let (bucket, cx) = (bucket.clone(), cx.clone());
            async move {
                cx.cancel().check()?;
                upload(&bucket, &file).await.map(|()| file.size)
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(size) = uploads.try_next().await? {
        done += size;
        progress(done);
    }
    Ok(())
}

/// Whether the object is there already; with other content it is a conflict.
async fn is_there(bucket: &Bucket, file: &Placement) -> Result<bool, RepoError> {
    let Some((size, mark)) = bucket.mark(file.path.as_str(), Mark::Sha256).await? else { return Ok(false) };
    let conflict = || Err(RepoError::Conflict { what: file.path.to_string() });
    if size != file.size {
        return conflict();
    }
    let found = match mark.and_then(|mark| mark.parse::<Sha256>().ok()) {
        Some(found) => Some(found),
        // Somebody else put it there, without saying what it is.
        None => bucket.digest(file.path.as_str()).await?.map(|(_, sha256)| sha256),
    };
    if found == Some(file.sha256) { Ok(true) } else { conflict() }
}

/// Refuses a file that is not what was promised.
fn check(file: &Placement) -> Result<(), RepoError> {
    let mut reader = HashingReader::new(File::open(&file.file).at("open", &file.file)?);
    io::copy(&mut reader, &mut io::sink()).at("read", &file.file)?;
    let (size, sha256) = reader.finish();
    compare(file, size, sha256)
}

fn compare(file: &Placement, size: u64, sha256: Sha256) -> Result<(), RepoError> {
    let mismatch =
        |expected: String, actual: String| Err(RepoError::Mismatch { file: file.file.to_string(), expected, actual });
    if size != file.size {
        return mismatch(format!("{} bytes", file.size), format!("{size} bytes"));
    }
    if sha256 != file.sha256 { mismatch(file.sha256.to_string(), sha256.to_string()) } else { Ok(()) }
}

async fn upload(bucket: &Bucket, file: &Placement) -> Result<(), RepoError> {
    let label = Label::immutable(file.sha256);
    if file.size > PART {
        return upload_parts(bucket, file, &label).await;
    }
    let owned = file.clone();
    let bytes = blocking::run(move || {
        let bytes = std::fs::read(&owned.file).at("read", &owned.file)?;
        // It may have changed since it was checked.
        compare(&owned, bytes.len() as u64, Sha256::of(&bytes))?;
        Ok::<_, RepoError>(Bytes::from(bytes))
    })
    .await?;
    if !bucket.create(file.path.as_str(), bytes, &label).await? && !is_there(bucket, file).await? {
        return Err(RepoError::Conflict { what: file.path.to_string() });
    }
    Ok(())
}

async fn upload_parts(bucket: &Bucket, file: &Placement, label: &Label) -> Result<(), RepoError> {
    let path = file.file.clone();
    let mut source = blocking::run(move || File::open(&path).at("open", &path)).await?;
    let (mut hasher, mut upload) = (Hasher::new(), bucket.begin(file.path.as_str(), label).await?);
    let sent = async {
        loop {
            let path = file.file.clone();
            let (part, rest) = blocking::run(move || {
                let mut part = Vec::new();
                source.by_ref().take(PART).read_to_end(&mut part).at("read", &path)?;
                Ok::<_, RepoError>((part, source))
            })
            .await?;
            source = rest;
            if part.is_empty() {
                return compare(file, hasher.size(), hasher.finish());
            }
            hasher.update(&part);
            upload.part(part.into()).await?;
        }
    };
    match sent.await {
        Ok(()) => upload.complete().await,
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}
