//! What keeps the namespaces and the root of an open session, and lets commands in.
//!
//! One process waits in the namespaces for a line, or the end, of its standard input; commands join it, each in a PID namespace (below the waiting
//! one), an IPC namespace and a view of the mounts of its own. When the holder ends, for whatever reason, the kernel ends all that
//! is in its PID namespace; the end of its input comes with the end of this process.

use std::{io, sync::Arc, time::Duration};

use debbuild_core::{
    cancel::CancelToken,
    command::{CommandError, CommandRunner, CommandSpec, Exit, OutputSink, Stdin, Stream, Tail},
    context::Context,
    path::AbsPath,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use super::{PIVOT, TAIL, UnshareOptions, has_tmpfs_attributes};
use crate::{
    backend::{ChrootError, snapshots::Layers},
    confine::{BuildUser, Confinement, Mapping, RELAY_PORT, Scratch},
    limits::Limits,
};

const SETUP: &str = concat!(include_str!("root.sh"), include_str!("session.sh"));
const BEGIN: &str = include_str!("begin.sh");
const LAYERS: &str = concat!(include_str!("root.sh"), include_str!("layers.sh"));

/// How long it may take to end: longer than a runner gives it.
const PARTING: Duration = Duration::from_secs(15);

/// Names in the scratch folder: where the base is seen, what is written, and the root of both.
pub(super) const FOLDERS: [&str; 3] = ["lower", "over", "root"];

/// The namespaces of an open session.
#[derive(Debug)]
pub(in crate::backend) struct Holder {
    process: u32,
    part: CancelToken,
    waiting: JoinHandle<(Result<Exit, CommandError>, String)>,
}

/// What the holder says: its process number, then `ready`.
struct Listening {
    line: Vec<u8>,
    process: Option<u32>,
    ready: Option<oneshot::Sender<u32>>,
    said: Tail,
}

impl OutputSink for Listening {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        if stream == Stream::Stderr {
            return self.said.write(stream, bytes);
        }
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
            match (line.as_str(), self.process) {
                ("ready", Some(process)) => {
                    // Nobody waits any more when the session was dropped.
                    self.ready.take().map(|ready| ready.send(process));
                }
                (other, None) => self.process = other.parse().ok(),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The holder, in namespaces of its own.
fn confined(confinement: &Confinement, tree: &AbsPath, archives: bool, limits: &Limits) -> CommandSpec {
    let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let port = if archives { RELAY_PORT.to_string() } else { String::new() };
    let setup = CommandSpec::new("sh").with_args(["-c", SETUP, "session", confinement.inside(), tree.as_str(), &port]);
    let setup = setup.with_args([text(limits.scratch_size), text(limits.scratch_files)]);
    let setup = setup.with_arg(if has_tmpfs_attributes() { "attributes" } else { "" });
    confinement.wrap(setup)
}

/// The command line of the holder. It says its process number first: of the outermost process, which is in all the new namespaces
/// but the PID namespace, and knows that one too. Pure.
fn numbered(confined: CommandSpec) -> CommandSpec {
    let mut spec = confined.with_stdin(Stdin::Held);
    let program = std::mem::replace(&mut spec.program, "sh".to_owned());
    let rest = std::mem::take(&mut spec.args);
    spec.with_args(["-c", r#"echo "$$"; exec "$@""#, "hold", &program]).with_args(rest)
}

/// The command line that starts a holder which outlives it and has these locks, of the scratch folder and of the base; its process
/// number is written into the scratch folder. Pure.
pub(super) fn beginning(
    user: &BuildUser,
    scratch: &AbsPath,
    [lock, base]: &[AbsPath; 2],
    tree: &AbsPath,
    archives: bool,
    limits: &Limits,
) -> CommandSpec {
    let confinement = Confinement::new(user.clone(), scratch).with_mapping(Mapping::Root).with_gateway(archives);
    let mut spec = confined(&confinement.with_lasting(true), tree, archives, limits);
    let program = std::mem::replace(&mut spec.program, "sh".to_owned());
    let rest = std::mem::take(&mut spec.args);
    spec.with_args(["-c", BEGIN, "begin", scratch.as_str(), lock.as_str(), base.as_str(), &program]).with_args(rest)
}

/// The command line by which a command joins. Signals that ask to end are for the command: those who wait for it go on. Pure.
pub(super) fn joining(
    process: u32,
    user: &BuildUser,
    scratch: &AbsPath,
    limits: &Limits,
    inner: Vec<String>,
) -> CommandSpec {
    let inside = Confinement::new(user.clone(), scratch).inside();
    let waits = ["env", "--ignore-signal=INT", "--ignore-signal=QUIT", "--ignore-signal=TERM", "nsenter"];
    CommandSpec::new("setpriv")
        .with_args(user.become_args())
        .with_args(waits)
        .with_args([format!("--target={process}"), format!("--pid=/proc/{process}/ns/pid_for_children")])
        .with_args(["--user", "--net", "--ipc", "--uts", "--mount", "--"])
        .with_args(["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child"])
        .with_args([format!("--mount-proc={inside}/root/proc"), "--".to_owned(), "prlimit".to_owned()])
        .with_args(limits.prlimit_args())
        .with_args(["--", "perl", "-e", PIVOT, inside])
        .with_args(inner)
}

/// The command line that makes the root anew where the holder sees it. It stays in the holder's view of the mounts. Pure.
pub(super) fn relayering(
    process: u32,
    user: &BuildUser,
    scratch: &AbsPath,
    how: &str,
    (old, new): (&Layers, &Layers),
) -> CommandSpec {
    let inside = Confinement::new(user.clone(), scratch).inside();
    let [top, sealed] = [new.top(), new.sealed()].map(|number| number.to_string());
    CommandSpec::new("setpriv")
        .with_args(user.become_args())
        .with_args(["nsenter".to_owned(), format!("--target={process}")])
        .with_arg(format!("--pid=/proc/{process}/ns/pid_for_children"))
        .with_args(["--user", "--net", "--ipc", "--uts", "--mount", "--", "sh", "-c", LAYERS, "session"])
        .with_args([inside, how, &new.lower(), &top, &sealed, &old.lower()])
}

impl Holder {
    /// Makes the namespaces and the root of a session.
    pub(super) async fn start(
        parts: &UnshareOptions,
        scratch: &Scratch,
        tree: &AbsPath,
        archives: bool,
        limits: &Limits,
    ) -> Result<Self, ChrootError> {
        let confinement = Confinement::new(parts.user.clone(), scratch.path()).with_mapping(Mapping::Root);
        let confinement = confinement.with_gateway(archives);
        Self::hold(&parts.runner, confined(&confinement, tree, archives, limits)).await
    }

    /// Keeps what a confined command sets up: it says `ready`, and waits for the end of its input.
    pub(in crate::backend) async fn hold(
        runner: &Arc<dyn CommandRunner>,
        confined: CommandSpec,
    ) -> Result<Self, ChrootError> {
        let spec = numbered(confined);
        let (ready, started) = oneshot::channel();
        let part = CancelToken::new();
        let cx = Context::new().with_cancel(part.clone());
        let waiting = tokio::spawn(wait(Arc::clone(runner), cx, spec, ready));
        match started.await {
            Ok(process) => Ok(Self { process, part, waiting }),
            Err(_) => Err(why(waiting).await),
        }
    }

    /// The process by which its namespaces are found.
    pub(in crate::backend) fn process(&self) -> Result<u32, ChrootError> {
        if self.waiting.is_finished() {
            return Err(ChrootError::Setup("its namespaces are gone".to_owned()));
        }
        Ok(self.process)
    }

    /// Ends it, and with it all that is left of the session's processes.
    pub(in crate::backend) async fn end(mut self) {
        self.part.cancel();
        if timeout(PARTING, &mut self.waiting).await.is_err() {
            self.waiting.abort();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.waiting.abort();
    }
}

/// Runs the holder until it ends, or until it should.
async fn wait(
    runner: Arc<dyn CommandRunner>,
    cx: Context,
    spec: CommandSpec,
    ready: oneshot::Sender<u32>,
) -> (Result<Exit, CommandError>, String) {
    let mut listening = Listening { line: Vec::new(), process: None, ready: Some(ready), said: Tail::new(TAIL) };
    let exit = runner.run(&cx, &spec, &mut listening).await;
    (exit, listening.said.text())
}

/// Why there are no namespaces.
async fn why(waiting: JoinHandle<(Result<Exit, CommandError>, String)>) -> ChrootError {
    match waiting.await {
        Ok((Err(error), _)) => error.into(),
        Ok((Ok(exit), said)) if said.is_empty() => ChrootError::Setup(exit.to_string()),
        Ok((Ok(_), said)) => ChrootError::Setup(said),
        Err(error) => ChrootError::Setup(error.to_string()),
    }
}
