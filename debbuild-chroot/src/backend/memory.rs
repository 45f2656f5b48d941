//! The backend twin: sessions whose files are in memory, and a handful of commands that act on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    command::{CommandError, Exit, OutputSink, Stdin, Stream},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{
    Capabilities, ChrootBackend, ChrootError, ChrootRef, LastingSession, Session, SessionCommand, SessionId,
    SessionOptions, SnapshotError, copy::split_inside, snapshots::check_name,
};
use crate::gateway::GatewayOptions;

type Files = BTreeMap<String, Vec<u8>>;

/// Opens sessions in memory. They know `true`, `false`, `exit N`, `cat FILE`, `tee FILE` and `rm FILE`; other commands are not found.
#[derive(Debug, Clone, Default)]
pub struct MemoryBackend(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, ChrootId>,
    lasting: BTreeMap<SessionId, Kept>,
    next: u64,
    forgotten: BTreeSet<ChrootId>,
}

/// A session that lasts; without its inside while somebody has it.
#[derive(Debug)]
struct Kept {
    session: LastingSession,
    inside: Option<Inside>,
}

/// The files of a session, and its snapshots.
#[derive(Debug, Default)]
struct Inside {
    files: Files,
    snapshots: Vec<(String, Files)>,
}

impl Inside {
    fn names(&self) -> Vec<String> {
        self.snapshots.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl MemoryBackend {
    /// A backend without sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it was told to forget.
    #[must_use]
    pub fn forgotten(&self) -> Vec<ChrootId> {
        self.state().forgotten.iter().copied().collect()
    }

    /// An open session.
    fn session(&self, chroot: ChrootId, inside: Inside, lasting: Option<SessionId>) -> Box<dyn Session> {
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        state.open.insert(number, chroot);
        Box::new(MemorySession { backend: self.clone(), number, inside, lasting })
    }
}

/// Regular files of a tar archive, by absolute path.
fn read_tar(tar: &AbsPath) -> Result<Files, ChrootError> {
    let mut files = Files::new();
    let mut archive = tar::Archive::new(File::open(tar).at("open", tar)?);
    for entry in archive.entries().at("read", tar)? {
        let mut entry = entry.at("read", tar)?;
        let path = entry.path().at("read", tar)?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).at("read", tar)?;
            files.insert(format!("/{}", path.trim_start_matches("./").trim_start_matches('/')), bytes);
        }
    }
    Ok(files)
}

#[async_trait]
impl ChrootBackend for MemoryBackend {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { isolated: true, archives: true, limits: false, rootless: true, snapshots: true, lasting: true }
    }

    async fn open(
        &self,
        _: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.capabilities().check(self.name(), options)?;
        let inside = Inside { files: read_tar(&base.tarball)?, ..Inside::default() };
        Ok(self.session(base.id, inside, None))
    }

    async fn begin(&self, cx: &Context, base: &ChrootRef, options: &SessionOptions) -> Result<SessionId, ChrootError> {
        self.capabilities().check(self.name(), options)?;
        let inside = Inside { files: read_tar(&base.tarball)?, ..Inside::default() };
        let session = LastingSession::new(SessionId::random(), base.id, cx.now());
        let (id, session) = (session.id, session.with_archives(options.gateway.is_some()));
        self.state().lasting.insert(id, Kept { session, inside: Some(inside) });
        Ok(id)
    }

    async fn attach(
        &self,
        _: &Context,
        id: SessionId,
        _: Option<GatewayOptions>,
    ) -> Result<Box<dyn Session>, ChrootError> {
        let (chroot, inside) = {
            let mut state = self.state();
            let kept = state.lasting.get_mut(&id).ok_or_else(|| ChrootError::NoSession(id.to_string()))?;
            (kept.session.chroot, kept.inside.take().ok_or(ChrootError::InUse(id))?)
        };
        Ok(self.session(chroot, inside, Some(id)))
    }

    async fn end(&self, _: &Context, id: SessionId) -> Result<(), ChrootError> {
        let mut state = self.state();
        let kept = state.lasting.get(&id).ok_or_else(|| ChrootError::NoSession(id.to_string()))?;
        if kept.inside.is_none() {
            return Err(ChrootError::InUse(id));
        }
        state.lasting.remove(&id);
        Ok(())
    }

    fn lasting(&self) -> Result<Vec<LastingSession>, ChrootError> {
        let mut all: Vec<LastingSession> = self.state().lasting.values().map(|kept| kept.session.clone()).collect();
        all.sort_by_key(|session| (session.since, session.id));
        Ok(all)
    }

    async fn forget(&self, _: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let mut state = self.state();
        let mut used = state.open.values().copied().chain(state.lasting.values().map(|kept| kept.session.chroot));
        if used.any(|used| used == id) {
            return Err(ChrootError::Busy(id));
        }
        state.forgotten.insert(id);
        Ok(())
    }
}

#[derive(Debug)]
struct MemorySession {
    backend: MemoryBackend,
    number: u64,
    inside: Inside,
    lasting: Option<SessionId>,
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        let mut state = self.backend.state();
        state.open.remove(&self.number);
        let Some(id) = self.lasting else { return };
        if let Some(kept) = state.lasting.get_mut(&id) {
            kept.session.snapshots = self.inside.names();
            kept.inside = Some(std::mem::take(&mut self.inside));
        }
    }
}

#[async_trait]
impl Session for MemorySession {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let program = command.argv.first().cloned().unwrap_or_default();
        if program.is_empty() {
            return Err(ChrootError::Request("there is no command".to_owned()));
        }
        if cx.cancel().is_cancelled() {
            return Err(CommandError::Cancelled { program }.into());
        }
        let argument = command.argv.get(1).cloned().unwrap_or_default();
        let status = match program.as_str() {
            "true" => 0,
            "false" => 1,
            "exit" => argument.parse().unwrap_or(2),
            "cat" => match self.inside.files.get(&argument) {
                Some(bytes) => {
                    out.write(Stream::Stdout, bytes).map_err(|source| CommandError::Sink { program, source })?;
                    0
                }
                None => 1,
            },
            "tee" => {
                let bytes = match &command.stdin {
                    Stdin::Bytes(bytes) => bytes.clone(),
                    _ => Vec::new(),
                };
                self.inside.files.insert(argument, bytes);
                0
            }
            "rm" => i32::from(self.inside.files.remove(&argument).is_none()),
            _ => 127,
        };
        Ok(Exit::with_status(status))
    }

    async fn copy_in(&mut self, _: &Context, tar: &AbsPath, to: &str) -> Result<(), ChrootError> {
        let to = AbsPath::new(to)?;
        for (path, bytes) in read_tar(tar)? {
            self.inside.files.insert(format!("{}{path}", to.as_str().trim_end_matches('/')), bytes);
        }
        Ok(())
    }

    async fn copy_out(&mut self, _: &Context, from: &str, tar: &AbsPath) -> Result<(), ChrootError> {
        let (folder, _) = split_inside(from)?;
        let inside = |path: &str| path == from || path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
        let found: Vec<_> = self.inside.files.iter().filter(|(path, _)| inside(path)).collect();
        if found.is_empty() {
            return Err(ChrootError::NoFile(from.to_owned()));
        }
        let mut builder = tar::Builder::new(File::create_new(tar).at("create", tar)?);
        for (path, bytes) in found {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            let name = path.strip_prefix(&folder).unwrap_or(path).trim_start_matches('/');
            builder.append_data(&mut header, name, bytes.as_slice()).at("write", tar)?;
        }
        builder.finish().at("write", tar)?;
        Ok(())
    }

    async fn snapshot(&mut self, _: &Context, name: &str) -> Result<(), ChrootError> {
        check_name(name, self.inside.snapshots.iter().map(|(known, _)| known.as_str()))?;
        self.inside.snapshots.push((name.to_owned(), self.inside.files.clone()));
        Ok(())
    }

    async fn rollback(&mut self, _: &Context, name: &str) -> Result<(), ChrootError> {
        let found = self.inside.snapshots.iter().find(|(known, _)| known == name);
        let (_, files) = found.ok_or_else(|| SnapshotError::Missing(name.to_owned()))?;
        self.inside.files.clone_from(files);
        Ok(())
    }

    fn snapshots(&self) -> Vec<String> {
        self.inside.names()
    }
}
