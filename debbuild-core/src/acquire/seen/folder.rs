//! What was seen, in a folder: one small JSON file for each suite, replaced as a whole.

use std::{
    fs::{self, File},
    io,
    sync::Arc,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{LastSeen, Seen, SeenError};
use crate::{
    acquire::fetch::Validators,
    blob::durable,
    blocking,
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    lock::LockedFile,
    path::{AbsPath, IoResultExt as _},
};

const SCHEMA: u32 = 1;

/// The file: a wire type.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema: u32,
    date: Timestamp,
    files: Vec<LockedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

/// Remembers in a folder; several processes may use it.
#[derive(Debug, Clone)]
pub struct FolderLastSeen(Arc<AbsPath>);

impl FolderLastSeen {
    /// Opens the memory in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`SeenError::File`].
    pub fn open(folder: AbsPath) -> Result<Self, SeenError> {
        fs::create_dir_all(&folder).at("create", &folder)?;
        Ok(Self(Arc::new(folder)))
    }
}

fn read(folder: &AbsPath, key: Sha256) -> Result<Option<Seen>, SeenError> {
    let path = folder.child(&key.to_string())?;
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.at("read", &path)?,
    };
    match serde_json::from_slice::<Record>(&text) {
        Ok(record) if record.schema == SCHEMA => {
            let validators = Validators::new(record.etag, record.last_modified);
            Ok(Some(Seen::new(record.date, record.files, validators)))
        }
        _ => Err(SeenError::Damaged(path)),
    }
}

fn advance(folder: &AbsPath, key: Sha256, seen: Seen) -> Result<(), SeenError> {
    let lock = folder.join("lock");
    let held = File::options().create(true).truncate(false).write(true).open(&lock).at("open", &lock)?;
    held.lock().at("lock", &lock)?;
    if let Some(known) = read(folder, key)?.filter(|known| known.date > seen.date) {
        return Err(SeenError::Older { date: seen.date, seen: known.date });
    }
    let path = folder.child(&key.to_string())?;
    let Seen { date, files, validators: Validators { etag, last_modified } } = seen;
    let record = Record { schema: SCHEMA, date, files, etag, last_modified };
    let text = serde_json::to_vec_pretty(&record).map_err(io::Error::from).at("write", &path)?;
    Ok(durable::write(folder, &path, &text)?)
}

#[async_trait]
impl LastSeen for FolderLastSeen {
    async fn get(&self, _cx: &Context, key: Sha256) -> Result<Option<Seen>, SeenError> {
        let folder = Arc::clone(&self.0);
        blocking::run(move || read(&folder, key)).await
    }

    async fn advance(&self, _cx: &Context, key: Sha256, seen: Seen) -> Result<(), SeenError> {
        let folder = Arc::clone(&self.0);
        blocking::run(move || advance(&folder, key, seen)).await
    }
}
