//! The real [`CommandRunner`]: processes of this machine, each in its own group, killed as a group.

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use async_trait::async_trait;
use rustix::{
    fs::{Access, access},
    process::{Pid, Signal, kill_process_group},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{
    CommandError, CommandRunner, CommandSpec, Exit, OutputSink, Stdin, Stream, Terminal,
    meter::{Meter, end_all},
};
use crate::context::Context;

/// Runs commands on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRunner;

/// How long the streams may stay open (held by a stray child) once the command itself has ended.
const LINGER: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A running child with its process group, which ends with this value.
struct Group {
    child: Child,
    leader: Option<Pid>,
    held: Option<ChildStdin>,
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // The group may be gone already: that is what was wanted.
            let _gone = kill_process_group(leader, signal);
        }
    }

    /// Ends the whole group: politely, then not.
    async fn end(&mut self, grace: Duration) {
        self.held = None;
        self.signal(Signal::TERM);
        let ended = timeout(grace, self.child.wait()).await;
        match self.leader {
            Some(_) => self.signal(Signal::KILL),
            // It is in our own group: only its descendants are its own.
            None if ended.is_err() => self.child.id().into_iter().for_each(end_all),
            None => {}
        }
        let _ended = timeout(LINGER, self.child.wait()).await;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[async_trait]
impl CommandRunner for SystemRunner {
    async fn run(&self, cx: &Context, spec: &CommandSpec, out: &mut dyn OutputSink) -> Result<Exit, CommandError> {
        let program = || spec.program.clone();
        if cx.cancel().is_cancelled() {
            return Err(CommandError::Cancelled { program: program() });
        }
        let started = Instant::now();
        let mut group = spawn(spec).await?;
        let mut output = streams(&mut group.child);
        let measured = group.child.id().filter(|_| spec.measured || spec.memory.is_some());
        let mut meter = measured.map(|process| Meter::start(process, spec.memory));
        let [time, silence] = [spec.timeout, spec.stalled].map(|limit| limit.unwrap_or(FAR));
        let (deadline, mut silent_until) = (started + time, started + silence);
        // Streams that are the user's terminal are closed to us from the start.
        let (mut status, mut open, mut linger) = (None, true, started + FAR);
        let stop = loop {
            tokio::select! {
                biased;
                () = cx.cancel().cancelled() => break CommandError::Cancelled { program: program() },
                chunk = output.recv(), if open => match (chunk, status) {
                    (Some((stream, bytes)), _) => {
                        silent_until = Instant::now() + silence;
                        if let Err(source) = out.write(stream, &bytes) {
                            break CommandError::Sink { program: program(), source };
                        }
                    }
                    (None, Some(status)) => return Ok(ended(status, started, meter.as_ref())),
                    (None, None) => open = false,
                },
                exit = group.child.wait(), if status.is_none() => match exit {
                    Ok(exit) if !open => return Ok(ended(exit, started, meter.as_ref())),
                    Ok(exit) => (status, linger) = (Some(exit), Instant::now() + LINGER),
                    Err(source) => break CommandError::Run { program: program(), source },
                },
                () = sleep_until(linger), if status.is_some() => {
                    group.signal(Signal::KILL);
                    return Ok(ended(status.unwrap_or_default(), started, meter.as_ref()));
                }
                () = over(&mut meter) => {
                    // It may take more while it says goodbye, so nothing is asked first.
                    group.child.id().into_iter().for_each(end_all);
                    group.end(Duration::ZERO).await;
                    return Err(CommandError::Memory { program: program(), limit: spec.memory.unwrap_or(u64::MAX) });
                },
                () = sleep_until(deadline) => break CommandError::Timeout { program: program(), limit: time },
                () = sleep_until(silent_until), if open => break CommandError::Stalled { program: program(), limit: silence },
            }
        };
        group.end(spec.grace).await;
        Err(stop)
    }
}

/// What comes of the command's own streams, until both are closed.
fn streams(child: &mut Child) -> mpsc::Receiver<(Stream, Vec<u8>)> {
    let (sender, output) = mpsc::channel(16);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(pump(stdout, Stream::Stdout, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(pump(stderr, Stream::Stderr, sender));
    }
    output
}

fn ended(status: std::process::ExitStatus, started: Instant, meter: Option<&Meter>) -> Exit {
    let peak_memory = meter.map(Meter::peak);
    Exit { status: status.code(), signal: status.signal(), elapsed: started.elapsed(), peak_memory }
}

/// Returns when too much memory is used, else never.
async fn over(meter: &mut Option<Meter>) {
    match meter {
        Some(meter) => meter.over().await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
async fn spawn(spec: &CommandSpec) -> Result<Group, CommandError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => CommandError::NotFound { program: spec.program.clone() },
        _ => CommandError::Run { program: spec.program.clone(), source },
    };
    let piped = spec.terminal == Terminal::Piped;
    let mut command = Command::new(found(spec));
    command.arg0(&spec.program).args(&spec.args).env_clear().envs(&spec.env).kill_on_drop(true);
    command.current_dir(spec.cwd.as_ref().map_or("/", |cwd| cwd.as_str()));
    if piped {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(match &spec.stdin {
            Stdin::Null => Stdio::null(),
            Stdin::Bytes(_) | Stdin::Held => Stdio::piped(),
            Stdin::File(path) => Stdio::from(std::fs::File::open(path).map_err(failed)?),
        });
    }
    let mut child = command.spawn().map_err(failed)?;
    let mut held = child.stdin.take();
    if let Stdin::Bytes(bytes) = &spec.stdin
        && let Some(mut stdin) = held.take()
    {
        let bytes = bytes.clone();
        // A command may end without reading everything: its status tells, not the pipe.
        tokio::spawn(async move {
            let _closed = stdin.write_all(&bytes).await;
        });
    }
    let leader = child.id().filter(|_| piped).and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    Ok(Group { child, leader, held })
}

/// The program where the command's own `PATH` has it. With its path the standard library starts it by posix_spawn(3): it copies
/// nothing of this process, which may be large.
fn found(spec: &CommandSpec) -> PathBuf {
    let own = || PathBuf::from(&spec.program);
    match spec.env.get("PATH") {
        Some(path) if !spec.program.contains('/') => {
            let folders = path.as_bytes().split(|byte| *byte == b':').filter(|folder| folder.starts_with(b"/"));
            let mut programs = folders.map(|folder| Path::new(OsStr::from_bytes(folder)).join(&spec.program));
            programs.find(|path| path.is_file() && access(path, Access::EXEC_OK).is_ok()).unwrap_or_else(own)
        }
        _ => own(),
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, stream: Stream, to: mpsc::Sender<(Stream, Vec<u8>)>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.send((stream, buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}
