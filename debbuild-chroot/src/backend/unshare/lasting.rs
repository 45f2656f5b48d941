//! Sessions of the real backend that last: their holder is a process of its own, which has the locks of the scratch folder and of the
//! base, and waits at a fifo there for a line that ends it. What is known of a session is in its scratch folder.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    clock::Timestamp,
    command::{Exit, OutputSink, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

use super::{TAIL, UnshareOptions, folders, holder::beginning, inside::Inside};
use crate::{
    backend::{
        ChrootError, ChrootRef, LastingSession, Session, SessionCommand, SessionId, SessionOptions, bases,
        snapshots::Layers,
    },
    confine::{ConfineError, SOCKET, Scratch},
    durable,
    gateway::{AccessRecord, Door, GatewayOptions},
    limits::{Group, Limits, Usage},
};

/// How names of their scratch folders begin.
const LABEL: &str = "lasting";

/// What was asked for when it was begun.
const BEGUN: &str = "session.json";
/// The schema of that.
const SCHEMA: u32 = 1;
/// The layers, once there was a snapshot.
const LAYERS: &str = "layers";

/// How long the holder may take to be there.
const BEGINNING: Duration = Duration::from_secs(60);
/// How long all its processes may take to be gone.
const PARTING: Duration = Duration::from_secs(15);

/// What was asked for, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    schema: u32,
    chroot: String,
    since: Timestamp,
    archives: bool,
    environment: BTreeMap<String, String>,
    limits: BegunLimits,
}

#[derive(Debug, Serialize, Deserialize)]
struct BegunLimits {
    memory: Option<u64>,
    processes: Option<u64>,
    open_files: Option<u64>,
    file_size: Option<u64>,
    cpu_seconds: Option<u64>,
    scratch_size: Option<u64>,
    scratch_files: Option<u64>,
}

impl BegunLimits {
    fn of(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            processes: limits.processes,
            open_files: limits.open_files,
            file_size: limits.file_size,
            cpu_seconds: limits.cpu_time.map(|time| time.as_secs().max(1)),
            scratch_size: limits.scratch_size,
            scratch_files: limits.scratch_files,
        }
    }

    fn read(&self) -> Limits {
        let limits = Limits::new().with_memory(self.memory).with_processes(self.processes);
        let limits = limits.with_open_files(self.open_files).with_file_size(self.file_size);
        let limits = limits.with_cpu_time(self.cpu_seconds.map(Duration::from_secs));
        limits.with_scratch(self.scratch_size, self.scratch_files)
    }
}

/// Starts a session that lasts, over the unpacked base, which the caller holds.
pub(super) async fn begin(
    cx: &Context,
    parts: &UnshareOptions,
    base: &ChrootRef,
    tree: &AbsPath,
    options: &SessionOptions,
) -> Result<SessionId, ChrootError> {
    let scratch = Scratch::create_shared(&parts.scratch, LABEL, &parts.user)?;
    match start(cx, parts, &scratch, base, tree, options).await {
        Ok(()) => id_of(scratch.path().name()),
        Err(error) => {
            // It may be there, only late.
            drop(part(scratch.path()));
            scratch.remove(cx, &*parts.runner, &parts.user).await?;
            Err(error)
        }
    }
}

async fn start(
    cx: &Context,
    parts: &UnshareOptions,
    scratch: &Scratch,
    base: &ChrootRef,
    tree: &AbsPath,
    options: &SessionOptions,
) -> Result<(), ChrootError> {
    folders(scratch, &parts.user)?;
    let archives = options.gateway.is_some();
    let begun = Begun {
        schema: SCHEMA,
        chroot: base.id.to_string(),
        since: cx.now(),
        archives,
        environment: options.environment.clone(),
        limits: BegunLimits::of(&options.limits),
    };
    let path = scratch.path().join(BEGUN);
    durable::write(&path, &serde_json::to_vec(&begun).map_err(io::Error::other).at("write", &path)?)?;
    let locks = [scratch.lock_path()?, bases::lock_path(&parts.bases, base.id)?];
    let spec = beginning(&parts.user, scratch.path(), &locks, tree, archives, &options.limits);
    let mut said = Tail::new(TAIL);
    // What a cancelled start leaves would have to be found: it is short.
    let exit = parts.runner.run(&Context::new(), &spec.with_timeout(Some(BEGINNING)), &mut said).await?;
    if exit.success() { Ok(()) } else { Err(ChrootError::Setup(said.text())) }
}

/// Opens a session that lasts.
pub(super) async fn attach(
    cx: &Context,
    parts: &Arc<UnshareOptions>,
    id: SessionId,
    gateway: Option<GatewayOptions>,
) -> Result<Box<dyn Session>, ChrootError> {
    let place = living(parts, id)?;
    let turn = turn(&place, id)?;
    let begun: Begun = read(&place.join(BEGUN))?.ok_or_else(|| missing(id))?;
    if begun.schema != SCHEMA {
        return Err(ChrootError::Setup(format!("session {id} was begun by another version of debbuild: end it")));
    }
    let process = place.join("process");
    let process = fs::read_to_string(&process).at("read", &process)?;
    // Its holder has the lock of the folder, so the number is still its own.
    let process = process.trim().parse().map_err(|_| ChrootError::Setup(format!("session {id} has no holder")))?;
    let door = match gateway.zip(parts.gateway.as_ref()) {
        Some((options, gateway)) if begun.archives => Some(gateway.open(cx, &place.child(SOCKET)?, options)?),
        _ => None,
    };
    let limits = begun.limits.read();
    let inside = Inside {
        parts: Arc::clone(parts),
        archives: begun.archives,
        limits,
        group: Group::find(cx, &*parts.runner, &limits, &place).await,
        usage: Usage::default(),
        layers: read(&place.join(LAYERS))?.unwrap_or_default(),
        environment: begun.environment,
        place,
    };
    Ok(Box::new(Attached { inside, process, door, _turn: turn }))
}

/// Ends a session that lasts, and removes what it left.
pub(super) async fn end(cx: &Context, parts: &UnshareOptions, id: SessionId) -> Result<(), ChrootError> {
    let place = living(parts, id)?;
    let _turn = turn(&place, id)?;
    part(&place)?;
    let started = Instant::now();
    loop {
        if let Some(scratch) = Scratch::claim(&place)? {
            return Ok(scratch.remove(cx, &*parts.runner, &parts.user).await?);
        }
        if started.elapsed() > PARTING {
            return Err(ChrootError::Setup(format!("the processes of session {id} do not end")));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The sessions that last, oldest first.
pub(super) fn list(parts: &UnshareOptions) -> Result<Vec<LastingSession>, ChrootError> {
    let entries = match fs::read_dir(&parts.scratch) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("list", &parts.scratch)?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let name = entry.at("list", &parts.scratch)?.file_name();
        let Some(Ok(id)) = name.to_str().map(id_of) else { continue };
        // One that ends meanwhile is no more.
        let Ok(place) = living(parts, id) else { continue };
        let Some(begun) = read::<Begun>(&place.join(BEGUN))? else { continue };
        let Ok(chroot) = begun.chroot.parse::<ChrootId>() else { continue };
        let layers = read::<Layers>(&place.join(LAYERS))?.unwrap_or_default();
        let session = LastingSession::new(id, chroot, begun.since).with_archives(begun.archives);
        all.push(session.with_snapshots(layers.names()));
    }
    all.sort_by_key(|session| (session.since, session.id));
    Ok(all)
}

fn missing(id: SessionId) -> ChrootError {
    ChrootError::NoSession(id.to_string())
}

/// The session that has a scratch folder of this name.
fn id_of(name: &str) -> Result<SessionId, ChrootError> {
    let digits = name.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix('-')).filter(|rest| rest.len() == 32);
    digits.ok_or_else(|| ChrootError::NoSession(name.to_owned()))?.parse()
}

/// The scratch folder of a session whose holder lives.
fn living(parts: &UnshareOptions, id: SessionId) -> Result<AbsPath, ChrootError> {
    let place = parts.scratch.child(&format!("{LABEL}-{id}"))?;
    match Scratch::claim(&place) {
        Ok(None) => Ok(place),
        // What is left of a dead one is for who reaps.
        Ok(Some(_)) | Err(ConfineError::File(_)) => Err(missing(id)),
        Err(error) => Err(error.into()),
    }
}

/// Held by who uses it.
fn turn(place: &AbsPath, id: SessionId) -> Result<File, ChrootError> {
    let path = place.join("turn");
    let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ChrootError::InUse(id)),
        Err(error) => Err(io::Error::from(error)).at("lock", &path)?,
    }
}

/// Asks the holder to end, if there is one.
fn part(place: &AbsPath) -> Result<(), ChrootError> {
    let path = place.join("wait");
    match open(path.as_std(), OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fifo) => Ok(File::from(fifo).write_all(b"\n").at("write to", &path)?),
        Err(rustix::io::Errno::NXIO | rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(io::Error::from(error)).at("open", &path)?,
    }
}

/// A file that is there, or not.
fn read<T: DeserializeOwned>(path: &AbsPath) -> Result<Option<T>, ChrootError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(io::Error::other).at("read", path)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", path)?,
    }
}

/// A session that lasts, in use by this process.
#[derive(Debug)]
struct Attached {
    inside: Inside,
    process: u32,
    door: Option<Door>,
    _turn: File,
}

#[async_trait]
impl Session for Attached {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        self.inside.run(self.process, cx, command, out).await
    }

    fn usage(&self) -> Usage {
        self.inside.usage
    }

    async fn snapshot(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        self.inside.snapshot(self.process, cx, name).await
    }

    async fn rollback(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        self.inside.rollback(self.process, cx, name).await
    }

    fn snapshots(&self) -> Vec<String> {
        self.inside.layers.names()
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, _cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        self.inside.leave().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_same_when_they_are_read_again() {
        let limits = Limits::new().with_memory(Some(1)).with_processes(Some(2)).with_open_files(Some(3));
        let limits = limits.with_file_size(Some(4)).with_cpu_time(Some(Duration::from_secs(5)));
        let limits = limits.with_scratch(Some(6), Some(7));
        let kept = serde_json::to_string(&BegunLimits::of(&limits)).unwrap();
        assert_eq!(serde_json::from_str::<BegunLimits>(&kept).unwrap().read(), limits);
    }

    #[test]
    fn only_folders_of_sessions_that_last_are_theirs() {
        let id = SessionId::random();
        assert_eq!(id_of(&format!("{LABEL}-{id}")).unwrap(), id);
        for other in [format!("session-{id}"), format!("{LABEL}-{id}.lock"), LABEL.to_owned(), format!("{LABEL}-x")] {
            assert!(id_of(&other).is_err(), "{other}");
        }
    }
}
