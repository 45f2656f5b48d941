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
    Capabilities, ChrootBackend, ChrootError, ChrootRef, Session, SessionCommand, SessionOptions, SnapshotError,
    copy::split_inside, snapshots::check_name,
};

type Files = BTreeMap<String, Vec<u8>>;

/// Opens sessions in memory. They know `true`, `false`, `exit N`, `cat FILE`, `tee FILE` and `rm FILE`; other commands are not found.
#[derive(Debug, Clone, Default)]
pub struct MemoryBackend(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, ChrootId>,
    next: u64,
    forgotten: BTreeSet<ChrootId>,
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
        Capabilities { isolated: true, archives: true, limits: false, rootless: true, snapshots: true }
    }

    async fn open(
        &self,
        _: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.capabilities().check(self.name(), options)?;
        let files = read_tar(&base.tarball)?;
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        state.open.insert(number, base.id);
        Ok(Box::new(MemorySession { backend: self.clone(), number, files, snapshots: Vec::new() }))
    }

    async fn forget(&self, _: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let mut state = self.state();
        if state.open.values().any(|open| *open == id) {
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
    files: Files,
    snapshots: Vec<(String, Files)>,
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.backend.state().open.remove(&self.number);
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
            "cat" => match self.files.get(&argument) {
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
                self.files.insert(argument, bytes);
                0
            }
            "rm" => i32::from(self.files.remove(&argument).is_none()),
            _ => 127,
        };
        Ok(Exit::with_status(status))
    }

    async fn copy_in(&mut self, _: &Context, tar: &AbsPath, to: &str) -> Result<(), ChrootError> {
        let to = AbsPath::new(to)?;
        for (path, bytes) in read_tar(tar)? {
            self.files.insert(format!("{}{path}", to.as_str().trim_end_matches('/')), bytes);
        }
        Ok(())
    }

    async fn copy_out(&mut self, _: &Context, from: &str, tar: &AbsPath) -> Result<(), ChrootError> {
        let (folder, _) = split_inside(from)?;
        let inside = |path: &str| path == from || path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
        let found: Vec<_> = self.files.iter().filter(|(path, _)| inside(path)).collect();
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
        check_name(name, self.snapshots.iter().map(|(known, _)| known.as_str()))?;
        self.snapshots.push((name.to_owned(), self.files.clone()));
        Ok(())
    }

    async fn rollback(&mut self, _: &Context, name: &str) -> Result<(), ChrootError> {
        let found = self.snapshots.iter().find(|(known, _)| known == name);
        let (_, files) = found.ok_or_else(|| SnapshotError::Missing(name.to_owned()))?;
        self.files.clone_from(files);
        Ok(())
    }

    fn snapshots(&self) -> Vec<String> {
        self.snapshots.iter().map(|(name, _)| name.clone()).collect()
    }
}
