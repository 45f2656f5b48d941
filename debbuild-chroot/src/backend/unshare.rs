//! The real [`ChrootBackend`]: an overlay over a shared unpacked base, in user, mount, PID, IPC, UTS and network namespaces.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    command::{CommandRunner, CommandSpec, Discard, Exit, OutputSink, Stdin, Tail, Tee},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::fs::{FlockOperation, flock};

use super::{
    Capabilities, ChrootBackend, ChrootError, ChrootRef, Session, SessionCommand, SessionOptions, ToFile, split_inside,
};
use crate::{
    confine::{self, BuildUser, ConfineError, Confinement, Mapping, RELAY_PORT, SETUP_FAILED, Scratch},
    gateway::{AccessRecord, Door, Gateway},
    limits::Limits,
};

const SETUP: &str = include_str!("session.sh");
const PIVOT: &str = include_str!("pivot.pl");
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TAIL: usize = 4096;

/// What the backend works with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnshareOptions {
    /// Runs the tools.
    pub runner: Arc<dyn CommandRunner>,
    /// Whose namespaces sessions are.
    pub user: BuildUser,
    /// Where unpacked bases are kept.
    pub bases: AbsPath,
    /// Where sessions have their scratch folders.
    pub scratch: AbsPath,
    /// What serves sessions that may reach archives.
    pub gateway: Option<Gateway>,
}

impl UnshareOptions {
    /// Sessions without network.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, user: BuildUser, bases: AbsPath, scratch: AbsPath) -> Self {
        Self { runner, user, bases, scratch, gateway: None }
    }

    /// With a gateway for sessions that ask for one.
    #[must_use]
    pub fn with_gateway(mut self, gateway: Option<Gateway>) -> Self {
        self.gateway = gateway;
        self
    }
}

/// Opens sessions in namespaces. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnshareBackend(Arc<UnshareOptions>);

impl UnshareBackend {
    /// A backend with these parts.
    #[must_use]
    pub fn new(options: UnshareOptions) -> Self {
        Self(Arc::new(options))
    }

    /// The lock of an unpacked base: shared by its sessions, exclusive for who removes it.
    fn lock(&self, id: ChrootId, how: FlockOperation) -> Result<File, ChrootError> {
        let bases = &self.0.bases;
        fs::create_dir_all(bases).at("create", bases)?;
        let path = bases.child(&format!("{id}.use"))?;
        let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
        match flock(&file, how) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ChrootError::Busy(id)),
            Err(error) => Err(io::Error::from(error)).at("lock", &path)?,
        }
    }

    /// The unpacked base, made by whoever comes first.
    async fn base(&self, cx: &Context, base: &ChrootRef) -> Result<AbsPath, ChrootError> {
        let UnshareOptions { runner, user, bases, .. } = &*self.0;
        let tree = bases.child(&base.id.to_string())?;
        if tree.as_std().is_dir() {
            return Ok(tree);
        }
        let scratch = Scratch::create(bases, "unpack", user)?;
        let unpacked = scratch.path().child("tree")?;
        let inside = scratch.inside("tree");
        // Device nodes cannot be made in a user namespace, and sessions have a /dev of their own.
        let script = ["--extract", "--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs"];
        let spec = CommandSpec::new("tar")
            .with_args(script)
            .with_args(["--xattrs-include=*", "--exclude=./dev/*", "--directory", inside.as_str()])
            .with_stdin(Stdin::File(base.tarball.clone()));
        fs::create_dir(&unpacked).at("create", &unpacked)?;
        scratch.give(&unpacked, user)?;
        let confinement = Confinement::new(user.clone(), scratch.path()).with_mapping(Mapping::Root);
        let mut said = Tail::new(TAIL);
        let exit = runner.run(cx, &confinement.with_gateway(false).wrap(spec), &mut said).await?;
        if !exit.success() {
            scratch.remove(cx, &**runner, user).await?;
            return Err(ChrootError::Unpack { id: base.id, reason: said.text() });
        }
        match fs::rename(&unpacked, &tree) {
            Ok(()) => {}
            // Somebody else was faster.
            Err(_) if tree.as_std().is_dir() => {}
            Err(error) => return Err(error).at("rename to", &tree)?,
        }
        scratch.remove(cx, &**runner, user).await?;
        Ok(tree)
    }
}

#[async_trait]
impl ChrootBackend for UnshareBackend {
    fn name(&self) -> &'static str {
        "unshare"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { isolated: true, archives: self.0.gateway.is_some(), limits: true, rootless: true }
    }

    async fn open(
        &self,
        cx: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.capabilities().check(self.name(), options)?;
        let hold = self.lock(base.id, FlockOperation::NonBlockingLockShared)?;
        let tree = self.base(cx, base).await?;
        let UnshareOptions { user, scratch, gateway, .. } = &*self.0;
        let scratch = Scratch::create(scratch, "session", user)?;
        for name in ["lower", "upper", "work", "root"] {
            let folder = scratch.path().child(name)?;
            fs::create_dir(&folder).at("create", &folder)?;
            scratch.give(&folder, user)?;
        }
        let door = match options.gateway.as_ref().zip(gateway.as_ref()) {
            None => None,
            Some((options, gateway)) => Some(gateway.open(cx, &scratch.socket()?, options.clone())?),
        };
        let (parts, limits) = (Arc::clone(&self.0), options.limits);
        let environment = options.environment.clone();
        Ok(Box::new(UnshareSession { parts, tree, environment, scratch, door, limits, _hold: hold }))
    }

    async fn forget(&self, cx: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let _hold = self.lock(id, FlockOperation::NonBlockingLockExclusive)?;
        let UnshareOptions { runner, user, bases, .. } = &*self.0;
        confine::remove_tree(cx, &**runner, user, &bases.child(&id.to_string())?).await?;
        let lock = bases.child(&format!("{id}.use"))?;
        Ok(fs::remove_file(&lock).at("remove", &lock)?)
    }

    async fn reap(&self, cx: &Context) -> Result<usize, ChrootError> {
        let UnshareOptions { runner, user, bases, scratch, .. } = &*self.0;
        let mut count = 0;
        for folder in [scratch, bases] {
            count += confine::reap(cx, &**runner, user, folder).await?.len();
        }
        Ok(count)
    }
}

/// An open session.
#[derive(Debug)]
struct UnshareSession {
    parts: Arc<UnshareOptions>,
    tree: AbsPath,
    environment: BTreeMap<String, String>,
    scratch: Scratch,
    door: Option<Door>,
    limits: Limits,
    _hold: File,
}

/// The arguments by which the new root runs a command: as which user, in which folder, with which environment.
fn inner(
    command: &SessionCommand,
    environment: &BTreeMap<String, String>,
    gateway: bool,
) -> Result<Vec<String>, ChrootError> {
    if command.argv.first().is_none_or(String::is_empty) {
        return Err(ChrootError::Request("there is no command".to_owned()));
    }
    let mut args = Vec::new();
    if let Some(user) = &command.user {
        args.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}")]);
        args.extend(["--init-groups".to_owned(), "--".to_owned()]);
    }
    args.extend(["env".to_owned(), "-i".to_owned(), format!("--chdir={}", command.cwd)]);
    let home = if command.user.is_some() { "/nonexistent" } else { "/root" };
    args.extend([format!("PATH={PATH}"), format!("HOME={home}"), "LANG=C.UTF-8".to_owned()]);
    if gateway {
        args.push("APT_CONFIG=/run/debbuild/apt.conf".to_owned());
        args.push(format!("http_proxy={}", Confinement::proxy()));
    }
    // Of two values env(1) takes the later one.
    for (key, value) in environment.iter().chain(&command.env) {
        if key.is_empty() || key.starts_with('-') || key.contains('=') {
            return Err(ChrootError::Request(format!("{key:?} is not the name of a variable")));
        }
        args.push(format!("{key}={value}"));
    }
    // env(1) takes words with `=` for variables: a command that has one in its name is called by a shell that gets it as data.
    if command.argv[0].contains('=') {
        args.extend(["sh", "-c", r#"exec "$@""#, "sh"].map(str::to_owned));
    }
    args.extend(command.argv.iter().cloned());
    Ok(args)
}

#[async_trait]
impl Session for UnshareSession {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let UnshareOptions { runner, user, .. } = &*self.parts;
        let started = self.scratch.path().child("started")?;
        match fs::remove_file(&started) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("remove", &started)?,
            _ => {}
        }
        let confinement = Confinement::new(user.clone(), self.scratch.path());
        let confinement = confinement.with_mapping(Mapping::Root).with_gateway(false);
        let port = if self.door.is_some() { RELAY_PORT.to_string() } else { String::new() };
        let mut spec = CommandSpec::new("prlimit")
            .with_args(self.limits.prlimit_args())
            .with_args(["--", "sh", "-c", SETUP, "session", confinement.inside(), self.tree.as_str(), &port, PIVOT])
            .with_args(inner(command, &self.environment, self.door.is_some())?)
            .with_stdin(command.stdin.clone())
            .with_terminal(command.terminal)
            .with_timeout(command.timeout)
            .with_stalled(command.stalled)
            .with_memory(self.limits.memory)
            .with_measured(true);
        spec.cwd = Some(self.scratch.path().clone());
        let mut said = Tee(Tail::new(TAIL), out);
        let exit = runner.run(cx, &confinement.wrap(spec), &mut said).await?;
        if exit.status == Some(SETUP_FAILED) && !started.as_std().exists() {
            return Err(ChrootError::Setup(said.0.text()));
        }
        Ok(exit)
    }

    async fn copy_in(&mut self, cx: &Context, tar: &AbsPath, to: &str) -> Result<(), ChrootError> {
        let to = AbsPath::new(to)?;
        let copy = |reason| ChrootError::Copy { what: to.to_string(), reason };
        let mut said = Tail::new(TAIL);
        let make = SessionCommand::new(["mkdir", "-p", "--", to.as_str()]);
        if !self.run(cx, &make, &mut said).await?.success() {
            return Err(copy(said.text()));
        }
        let unpack = SessionCommand::new(["tar", "--extract", "--no-same-owner", "--directory", to.as_str()]);
        let exit = self.run(cx, &unpack.with_stdin(Stdin::File(tar.clone())), &mut said).await?;
        if exit.success() { Ok(()) } else { Err(copy(said.text())) }
    }

    async fn copy_out(&mut self, cx: &Context, from: &str, tar: &AbsPath) -> Result<(), ChrootError> {
        let (folder, name) = split_inside(from)?;
        let exists = SessionCommand::new(["sh", "-c", r#"[ -e "$1" ] || [ -L "$1" ]"#, "sh", from]);
        if !self.run(cx, &exists, &mut Discard).await?.success() {
            return Err(ChrootError::NoFile(from.to_owned()));
        }
        let mut sink = ToFile(File::create_new(tar).at("create", tar)?, Tail::new(TAIL));
        let pack = SessionCommand::new(["tar", "--create", "--mode=ug-s", "--directory", &folder, "--", &name]);
        let exit = self.run(cx, &pack, &mut sink).await?;
        if exit.success() {
            return Ok(());
        }
        fs::remove_file(tar).at("remove", tar)?;
        Err(ChrootError::Copy { what: from.to_owned(), reason: sink.1.text() })
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        let UnshareOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
