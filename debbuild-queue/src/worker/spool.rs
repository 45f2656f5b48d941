//! What a worker must not lose: leases before they are accepted, results before they are acknowledged.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    time::Duration,
};

use debbuild_core::{
    blob::Blob,
    blocking,
    digest::Sha256,
    path::{AbsPath, FileError, IoResultExt as _},
    task::TaskOutcome,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Held, WorkerError};
use crate::model::{AttemptId, Completion, LeaseToken, WorkerName};

/// The schema version of spooled files.
const SCHEMA: u32 = 1;

/// A process that was killed may hold its lock for a moment still: how often, and after how long, to look again.
const PATIENCE: u32 = 20;
const STEP: Duration = Duration::from_millis(100);

/// `TASK.N.lease`: an attempt that this worker has begun.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseFile {
    schema: u32,
    attempt: String,
    token: String,
}

/// `TASK.N.done`: what became of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneFile {
    schema: u32,
    outcome: TaskOutcome,
    log: Option<(Sha256, u64)>,
}

/// One attempt in the spool.
#[derive(Debug)]
pub(super) struct Entry {
    attempt: AttemptId,
    token: LeaseToken,
    /// What became of it, if it came so far.
    pub(super) completion: Option<Completion>,
}

impl Entry {
    pub(super) fn held(&self) -> Held {
        Held { attempt: self.attempt, token: self.token.clone() }
    }
}

/// A worker's spool folder; only one process has it at a time.
#[derive(Debug)]
pub(super) struct Spool {
    folder: AbsPath,
    _lock: File,
}

impl Spool {
    /// Opens the worker's folder, which only its own user may read: it holds lease tokens.
    pub(super) async fn open(above: &AbsPath, name: &WorkerName) -> Result<Self, WorkerError> {
        let folder = above.child(name.as_str())?;
        let name = name.clone();
        blocking::run(move || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).at("create", &folder)?;
            let path = folder.child("lock")?;
            let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).at("open", &path)?;
            for _ in 0..PATIENCE {
                match lock.try_lock() {
                    Ok(()) => return Ok(Self { folder, _lock: lock }),
                    Err(TryLockError::WouldBlock) => std::thread::sleep(STEP),
                    Err(TryLockError::Error(source)) => {
                        return Err(FileError { action: "lock", path, source }.into());
                    }
                }
            }
            Err(WorkerError::Running(name))
        })
        .await
    }

    /// The spools beside this one that hold leases of workers whose processes are dead, each locked from now on. Those of
    /// living processes, and what this user may not open, are left alone.
    pub(super) async fn orphans(above: &AbsPath, own: &WorkerName) -> Result<Vec<(WorkerName, Self)>, WorkerError> {
        let (above, own) = (above.clone(), own.clone());
        blocking::run(move || {
            let mut orphans = Vec::new();
            for entry in fs::read_dir(&above).at("list", &above)? {
                let entry = entry.at("list", &above)?.file_name();
                let name = entry.to_str().and_then(|name| WorkerName::new(name).ok()).filter(|name| *name != own);
                let Some(name) = name else { continue };
                let folder = above.child(name.as_str())?;
                // Looked at before it is locked: its worker may be about to start, and must not find it taken for nothing.
                if !holds_leases(&folder) {
                    continue;
                }
                let Ok(lock) = OpenOptions::new().append(true).open(folder.child("lock")?) else { continue };
                if lock.try_lock().is_ok() && holds_leases(&folder) {
                    orphans.push((name, Self { folder, _lock: lock }));
                }
            }
            Ok(orphans)
        })
        .await
    }

    /// Where the attempt's log grows.
    pub(super) fn log(&self, id: AttemptId) -> Result<AbsPath, WorkerError> {
        Ok(self.folder.child(&format!("{id}.log"))?)
    }

    /// Notes a lease, durably.
    pub(super) async fn lease(&self, held: &Held) -> Result<(), WorkerError> {
        let file = LeaseFile { schema: SCHEMA, attempt: held.attempt.to_string(), token: held.token.expose() };
        self.write(&format!("{}.lease", held.attempt), &file).await
    }

    /// Notes what became of it, durably.
    pub(super) async fn done(&self, id: AttemptId, completion: &Completion) -> Result<(), WorkerError> {
        let log = completion.log.map(|log| (log.id, log.size));
        let file = DoneFile { schema: SCHEMA, outcome: completion.outcome.clone(), log };
        self.write(&format!("{id}.done"), &file).await
    }

    /// What became of it, if it was noted.
    pub(super) async fn completion(&self, id: AttemptId) -> Result<Option<Completion>, WorkerError> {
        let path = self.folder.child(&format!("{id}.done"))?;
        blocking::run(move || completion(&path)).await
    }

    /// Forgets an attempt: its lease last, so that nothing is left without it.
    pub(super) async fn forget(&self, id: AttemptId) -> Result<(), WorkerError> {
        let folder = self.folder.clone();
        blocking::run(move || {
            for suffix in ["log", "done", "lease"] {
                let path = folder.child(&format!("{id}.{suffix}"))?;
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &path)?,
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// What an earlier process left, by attempt.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>, WorkerError> {
        let folder = self.folder.clone();
        blocking::run(move || {
            let mut entries = Vec::new();
            for found in fs::read_dir(&folder).at("list", &folder)? {
                let name = found.at("list", &folder)?.file_name();
                let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".lease")) else { continue };
                let path = folder.child(&format!("{stem}.lease"))?;
                let file: LeaseFile = read(&path)?.ok_or_else(|| damaged(&path, "it has gone"))?;
                let attempt = file.attempt.parse().map_err(|error| damaged(&path, error))?;
                let token = file.token.parse().map_err(|error| damaged(&path, error))?;
                let completion = completion(&folder.child(&format!("{stem}.done"))?)?;
                entries.push(Entry { attempt, token, completion });
            }
            entries.sort_by_key(|entry| entry.attempt);
            Ok(entries)
        })
        .await
    }

    async fn write(&self, name: &str, value: &(impl Serialize + Sync)) -> Result<(), WorkerError> {
        let (path, temporary) = (self.folder.child(name)?, self.folder.child(&format!("{name}.new"))?);
        let bytes = serde_json::to_vec(value).map_err(|error| damaged(&path, error))?;
        let folder = self.folder.clone();
        blocking::run(move || {
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)
                .at("create", &temporary)?;
            file.write_all(&bytes).and_then(|()| file.sync_all()).at("write", &temporary)?;
            fs::rename(&temporary, &path).at("rename to", &path)?;
            File::open(&folder).and_then(|folder| folder.sync_all()).at("sync", &folder)
        })
        .await
        .map_err(|error: FileError| error.into())
    }
}

fn holds_leases(folder: &AbsPath) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().as_encoded_bytes().ends_with(b".lease"))
}

fn completion(path: &AbsPath) -> Result<Option<Completion>, WorkerError> {
    let Some(file) = read::<DoneFile>(path)? else { return Ok(None) };
    let log = file.log.map(|(id, size)| Blob { id, size });
    Ok(Some(Completion::new(file.outcome, log)))
}

fn read<T: DeserializeOwned>(path: &AbsPath) -> Result<Option<T>, WorkerError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.at("read", path)?,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(path, error))
}

fn damaged(path: &AbsPath, reason: impl std::fmt::Display) -> WorkerError {
    WorkerError::Damaged { path: path.clone(), reason: reason.to_string() }
}
