//! A [`ChrootBackend`] by schroot(1): its sessions, in namespaces of their own and with settings of their own. It needs real root.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    command::{CommandRunner, CommandSpec, Exit, OutputSink},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::{fs::FlockOperation, process::geteuid};

use super::{
    Capabilities, ChrootBackend, ChrootError, ChrootRef, Session, SessionCommand, SessionOptions, bases,
    unshare::Holder,
    words::{enter, inner},
};
use crate::confine::{self, BuildUser, ConfineError, Confinement, Mapping, Scratch};

const SETUP: &str = include_str!("session.sh");

/// What is written into the scratch folder by schroot and by commands, and where its root is.
const FOLDERS: [&str; 3] = ["mark", "over", "root"];

/// Waits for the command, and for whatever it leaves.
const REAP: &str = r#""$@"; exit $?"#;

/// Says that the root was entered, and runs the command: schroot has one status for all signals, a shell one for each. What the shell
/// itself says of the end of a command is not the command's.
pub(super) const ENTERED: &str = r#": >/run/debbuild/started || exit 125
trap : INT QUIT TERM
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
exit $?"#;

/// What commands cannot do although they are root: what acts on the whole machine, and makes devices.
const WITHOUT: &str = "--bounding-set=-sys_module,-sys_rawio,-sys_boot,-sys_time,-syslog,-mknod";

/// What the backend works with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchrootOptions {
    /// Runs the tools.
    pub runner: Arc<dyn CommandRunner>,
    /// Whom scratch folders belong to.
    pub user: BuildUser,
    /// Where unpacked bases are kept.
    pub bases: AbsPath,
    /// Where sessions have their scratch folders.
    pub scratch: AbsPath,
}

impl SchrootOptions {
    /// Sessions without network.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, user: BuildUser, bases: AbsPath, scratch: AbsPath) -> Self {
        Self { runner, user, bases, scratch }
    }
}

/// Opens sessions by schroot. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SchrootBackend(Arc<SchrootOptions>);

impl SchrootBackend {
    /// A backend with these parts.
    #[must_use]
    pub fn new(options: SchrootOptions) -> Self {
        Self(Arc::new(options))
    }
}

#[async_trait]
impl ChrootBackend for SchrootBackend {
    fn name(&self) -> &'static str {
        "schroot"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_isolated(true)
    }

    async fn open(
        &self,
        cx: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.capabilities().check(self.name(), options)?;
        if !geteuid().is_root() {
            return Err(ChrootError::Cannot { backend: self.name(), what: "open sessions for others than root" });
        }
        let SchrootOptions { runner, user, bases, scratch } = &*self.0;
        let hold = bases::lock(bases, base.id, FlockOperation::NonBlockingLockShared)?;
        let tree = bases::of_root(cx, &**runner, user, bases, base).await?;
        let scratch = Scratch::create(scratch, "session", user)?;
        for name in FOLDERS {
            let folder = scratch.path().child(name)?;
            fs::create_dir(&folder).at("create", &folder)?;
        }
        let holder = match Holder::hold(runner, holding(user, scratch.path(), &tree)).await {
            Ok(holder) => holder,
            Err(error) => {
                scratch.remove(cx, &**runner, user).await?;
                return Err(error);
            }
        };
        let (parts, environment) = (Arc::clone(&self.0), options.environment.clone());
        Ok(Box::new(SchrootSession { parts, environment, scratch, holder, _hold: hold }))
    }

    async fn forget(&self, cx: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let SchrootOptions { runner, user, bases, .. } = &*self.0;
        bases::forget(cx, &**runner, user, bases, id).await
    }

    async fn reap(&self, cx: &Context) -> Result<usize, ChrootError> {
        let SchrootOptions { runner, user, bases, scratch } = &*self.0;
        let mut count = 0;
        for folder in [scratch, bases] {
            count += confine::reap(cx, &**runner, user, folder).await?.len();
        }
        Ok(count)
    }
}

#[derive(Debug)]
struct SchrootSession {
    parts: Arc<SchrootOptions>,
    environment: BTreeMap<String, String>,
    scratch: Scratch,
    holder: Holder,
    /// The lock by which the unpacked base is in use.
    _hold: File,
}

/// The command line that begins the session in namespaces of its own, and keeps both. Pure.
fn holding(user: &BuildUser, scratch: &AbsPath, tree: &AbsPath) -> CommandSpec {
    let confinement = Confinement::new(user.clone(), scratch).with_mapping(Mapping::Host).with_gateway(false);
    let setup = CommandSpec::new("sh").with_args(["-c", SETUP, "session", confinement.inside(), tree.as_str()]);
    confinement.wrap(setup)
}

/// The command line by which a command joins: in PID and IPC namespaces and mounts of its own, below those of the session. Signals that
/// ask to end are for the command: those who wait for it go on. Pure.
pub(super) fn joining(process: u32, inner: Vec<String>) -> CommandSpec {
    CommandSpec::new("setpriv")
        .with_args(["--pdeathsig", "KILL", "--"])
        .with_args(["env", "--ignore-signal=INT", "--ignore-signal=QUIT", "--ignore-signal=TERM", "nsenter"])
        .with_args([format!("--target={process}"), format!("--pid=/proc/{process}/ns/pid_for_children")])
        .with_args(["--net", "--ipc", "--uts", "--mount", "--"])
        .with_args(["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child"])
        .with_args(["--mount-proc=/run/schroot/mount/debbuild/proc", "--", "sh", "-c", REAP, "session"])
        .with_args(["env", "--default-signal=INT", "--default-signal=QUIT", "--default-signal=TERM"])
        .with_args(["setpriv", WITHOUT, "--", "schroot", "--quiet", "--run-session", "--chroot=session:debbuild"])
        .with_args(["--directory=/", "--", "sh", "-c", ENTERED, "session"])
        .with_args(inner)
}

#[async_trait]
impl Session for SchrootSession {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let inner = inner(command, &self.environment, false)?;
        let spec = joining(self.holder.process()?, inner);
        let mark = self.scratch.path().join("mark").join("started");
        enter(&*self.parts.runner, cx, spec, &mark, command, out).await
    }

    async fn close(self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        self.holder.end().await;
        let SchrootOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
