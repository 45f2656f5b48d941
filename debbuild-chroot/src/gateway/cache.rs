//! Notes about kept files: which URL had which content, and how to ask whether it is still current.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    time::{Duration, SystemTime},
};

use debbuild_core::{
    acquire::fetch::{Uri, Validators},
    blob::{Blob, BlobStore},
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GatewayError;
use crate::durable;

const SCHEMA: u32 = 1;
/// The owner of the roots that keep the gateway's blobs.
const OWNER: &str = "gateway";

/// What is known of one URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    schema: u32,
    url: String,
    pub(super) sha256: Sha256,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
}

impl Note {
    pub(super) fn blob(&self) -> Blob {
        Blob { id: self.sha256, size: self.size }
    }

    pub(super) fn validators(&self) -> Validators {
        Validators::new(self.etag.clone(), self.last_modified.clone())
    }
}

/// The folder of notes, and of downloads under way.
#[derive(Debug)]
pub(super) struct Cache {
    notes: AbsPath,
    partial: AbsPath,
}

impl Cache {
    pub(super) fn open(folder: &AbsPath) -> Result<Self, GatewayError> {
        let (notes, partial) = (folder.join("notes"), folder.join("partial"));
        for path in [&notes, &partial] {
            fs::create_dir_all(path).at("create", path)?;
        }
        sweep(&partial);
        Ok(Self { notes, partial })
    }

    fn path(&self, url: &Uri) -> Result<AbsPath, GatewayError> {
        let key = Sha256::of(url.as_str().as_bytes()).to_string();
        Ok(self.notes.child(&key[..2])?.child(&format!("{}.json", &key[2..]))?)
    }

    /// The note about a URL; one that cannot be read counts as none, because it can be made again.
    pub(super) fn find(&self, url: &Uri) -> Result<Option<Note>, GatewayError> {
        let path = self.path(url)?;
        match fs::read(&path) {
            Ok(bytes) => {
                let note = serde_json::from_slice::<Note>(&bytes).ok();
                Ok(note.filter(|note| note.schema == SCHEMA && note.url == url.to_string()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path)?,
        }
    }

    /// Everything that is kept. A note that cannot be read counts as none, as everywhere.
    pub(super) fn all(&self) -> Result<Vec<Found>, GatewayError> {
        let mut all = Vec::new();
        for folder in fs::read_dir(&self.notes).at("read", &self.notes)?.flatten() {
            let Ok(folder) = fs::read_dir(folder.path()) else { continue };
            all.extend(folder.flatten().filter_map(|entry| found(&entry.path())));
        }
        Ok(all)
    }

    /// Keeps a blob under its URL.
    pub(super) async fn keep(
        &self,
        cx: &Context,
        blobs: &dyn BlobStore,
        url: &Uri,
        blob: Blob,
        validators: Validators,
    ) -> Result<(), GatewayError> {
        let path = self.path(url)?;
        blobs.pin(cx, OWNER, root(&path), &[blob.id]).await?;
        let Validators { etag, last_modified, .. } = validators;
        let (sha256, size, url) = (blob.id, blob.size, url.to_string());
        let note = Note { schema: SCHEMA, url, sha256, size, etag, last_modified };
        let bytes = serde_json::to_vec(&note).map_err(io::Error::other).at("write", &path)?;
        let folder = path.parent();
        fs::create_dir_all(&folder).at("create", &folder)?;
        durable::write(&path, &bytes)?;
        mark(&path, cx.now())
    }

    /// Takes note that what is kept under a URL was of use; a URL without a note is passed over.
    pub(super) fn touch(&self, url: &Uri, now: Timestamp) -> Result<(), GatewayError> {
        mark(&self.path(url)?, now)
    }

    /// Lets go what is kept under a note: the store may free it, where nobody else holds it.
    pub(super) async fn release(&self, cx: &Context, blobs: &dyn BlobStore, found: &Found) -> Result<(), GatewayError> {
        // The note goes first: what it promises is held as long as it is there.
        match fs::remove_file(&found.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &found.path)?,
            _ => {}
        }
        Ok(blobs.pin(cx, OWNER, root(&found.path), &[]).await?)
    }

    /// A file for a download; removed when it is dropped.
    pub(super) fn partial(&self) -> Result<Partial, GatewayError> {
        Ok(Partial(self.partial.child(&Uuid::new_v4().simple().to_string())?))
    }
}

/// A note as it lies there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    path: AbsPath,
    pub(super) url: Uri,
    pub(super) blob: Blob,
    /// When it was last of use.
    pub(super) used: Timestamp,
}

fn found(path: &std::path::Path) -> Option<Found> {
    let path = AbsPath::new(path).ok().filter(|path| path.name().ends_with(".json"))?;
    let used = Timestamp::from_seconds(fs::metadata(&path).ok()?.mtime());
    let note = serde_json::from_slice::<Note>(&fs::read(&path).ok()?).ok()?;
    Some(Found { path, url: Uri::new(&note.url).ok()?, blob: note.blob(), used })
}

/// The name of the root that keeps what a note is about.
fn root(note: &AbsPath) -> &str {
    note.name().trim_end_matches(".json")
}

/// When a note was last of use is its modification time.
fn mark(note: &AbsPath, now: Timestamp) -> Result<(), GatewayError> {
    let file = match File::options().write(true).open(note) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.at("open", note)?,
    };
    let since = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default());
    Ok(file.set_modified(SystemTime::UNIX_EPOCH + since).at("date", note)?)
}

/// A download under way.
#[derive(Debug)]
pub(super) struct Partial(pub(super) AbsPath);

impl Drop for Partial {
    fn drop(&mut self) {
        // Taken over by the store, or of no use any more; a file that stays is only a waste of space.
        drop(fs::remove_file(&self.0));
        if let Ok(rest) = self.0.parent().child(&format!("{}.partial", self.0.name())) {
            drop(fs::remove_file(rest));
        }
    }
}

/// Removes downloads that their makers left half-way; other processes may be at theirs, so only old ones.
fn sweep(partial: &AbsPath) {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    let Ok(entries) = fs::read_dir(partial) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > OLD) {
            // Somebody else may be sweeping too.
            drop(fs::remove_file(entry.path()));
        }
    }
}
