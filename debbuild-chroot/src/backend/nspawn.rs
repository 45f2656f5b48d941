//! A [`ChrootBackend`] by systemd-nspawn(1): for machines whose kernel gives ordinary users no namespaces. It needs real root.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    command::{CommandRunner, CommandSpec, Exit, OutputSink, Terminal},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::{fs::FlockOperation, process::geteuid};

use super::{
    Capabilities, ChrootBackend, ChrootError, ChrootRef, Session, SessionCommand, SessionOptions, bases,
    words::{enter, inner},
};
use crate::confine::{self, BuildUser, ConfineError, Scratch};

/// What is written into the scratch folder by the host, and by the overlay.
const FOLDERS: [&str; 4] = ["mark", "upper", "work", "root"];

/// Mounts the root where nobody else sees it, and goes on as the command. Constant; the base and the scratch folder are its arguments.
const MOUNT: &str = r#"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" ||
    { echo "session: cannot mount an overlay" >&2; exit 125; }
shift 2
exec "$@"
"#;

/// Says that the root was entered, and goes on as the command.
const ENTERED: &str = r#": >/run/debbuild/started && exec "$@""#;

/// What the backend works with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NspawnOptions {
    /// Runs the tools.
    pub runner: Arc<dyn CommandRunner>,
    /// Whom scratch folders belong to.
    pub user: BuildUser,
    /// Where unpacked bases are kept.
    pub bases: AbsPath,
    /// Where sessions have their scratch folders.
    pub scratch: AbsPath,
}

impl NspawnOptions {
    /// Sessions without network.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, user: BuildUser, bases: AbsPath, scratch: AbsPath) -> Self {
        Self { runner, user, bases, scratch }
    }
}

/// Opens sessions by systemd-nspawn. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NspawnBackend(Arc<NspawnOptions>);

impl NspawnBackend {
    /// A backend with these parts.
    #[must_use]
    pub fn new(options: NspawnOptions) -> Self {
        Self(Arc::new(options))
    }
}

#[async_trait]
impl ChrootBackend for NspawnBackend {
    fn name(&self) -> &'static str {
        "nspawn"
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
        let hold = bases::lock(&self.0.bases, base.id, FlockOperation::NonBlockingLockShared)?;
        let tree = bases::of_root(cx, &*self.0.runner, &self.0.user, &self.0.bases, base).await?;
        let scratch = Scratch::create(&self.0.scratch, "session", &self.0.user)?;
        for name in FOLDERS {
            let folder = scratch.path().child(name)?;
            fs::create_dir(&folder).at("create", &folder)?;
        }
        let (parts, environment) = (Arc::clone(&self.0), options.environment.clone());
        Ok(Box::new(NspawnSession { parts, tree, environment, scratch, _hold: hold }))
    }

    async fn forget(&self, cx: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let NspawnOptions { runner, user, bases, .. } = &*self.0;
        bases::forget(cx, &**runner, user, bases, id).await
    }

    async fn reap(&self, cx: &Context) -> Result<usize, ChrootError> {
        let NspawnOptions { runner, user, bases, scratch } = &*self.0;
        let mut count = 0;
        for folder in [scratch, bases] {
            count += confine::reap(cx, &**runner, user, folder).await?.len();
        }
        Ok(count)
    }
}

#[derive(Debug)]
struct NspawnSession {
    parts: Arc<NspawnOptions>,
    tree: AbsPath,
    environment: BTreeMap<String, String>,
    scratch: Scratch,
    _hold: File,
}

/// The command line: a root of its own in mounts of its own, no network, a process 1 that reaps, nothing of the host's settings. Pure.
fn nspawn(tree: &AbsPath, scratch: &AbsPath, terminal: Terminal, inner: Vec<String>) -> CommandSpec {
    let console = if terminal == Terminal::Inherited { "autopipe" } else { "pipe" };
    CommandSpec::new("setpriv")
        .with_args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--", "sh", "-c", MOUNT, "session"])
        .with_args([tree.as_str(), scratch.as_str(), "systemd-nspawn", "--quiet", "--register=no", "--keep-unit"])
        .with_args(["--as-pid2", "--private-network", "--resolv-conf=off", "--timezone=off", "--link-journal=no"])
        .with_args(["--hostname=debbuild".to_owned(), format!("--machine={}", scratch.name())])
        .with_args([format!("--console={console}"), format!("--directory={scratch}/root")])
        .with_args([format!("--bind={scratch}/mark:/run/debbuild"), "--".to_owned()])
        .with_args(["sh", "-c", ENTERED, "session"])
        .with_args(inner)
}

#[async_trait]
impl Session for NspawnSession {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let inner = inner(command, &self.environment, false)?;
        let spec = nspawn(&self.tree, self.scratch.path(), command.terminal, inner);
        let mark = self.scratch.path().join("mark").join("started");
        enter(&*self.parts.runner, cx, spec, &mark, command, out).await
    }

    async fn close(self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        let NspawnOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
