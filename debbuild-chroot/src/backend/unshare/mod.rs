//! The real [`ChrootBackend`]: an overlay over a shared unpacked base, in user, mount, PID, IPC, UTS and network namespaces.

mod holder;
mod inside;
mod lasting;
mod session;

use std::{fs, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    build::ChrootId,
    command::{CommandRunner, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use holder::FOLDERS;
pub(super) use holder::Holder;
use inside::Inside;
use rustix::{fs::FlockOperation, system::uname};
use session::UnshareSession;

use super::{
    Capabilities, ChrootBackend, ChrootError, ChrootRef, LastingSession, Session, SessionId, SessionOptions, bases,
    snapshots::Layers,
};
use crate::{
    confine::{self, BuildUser, Confinement, Mapping, Scratch},
    gateway::{Gateway, GatewayOptions},
    limits::{self, Group, Usage},
};

const PIVOT: &str = include_str!("pivot.pl");
const TAIL: usize = 4096;

/// The first kernel whose tmpfs has what an overlay keeps of deleted folders (user.* attributes, tmpfs(5)).
const TMPFS_ATTRIBUTES: (u32, u32) = (6, 6);

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

    /// Whether sessions can be like this on this machine.
    fn check(&self, options: &SessionOptions) -> Result<(), ChrootError> {
        self.capabilities().check(self.name(), options)?;
        if options.limits.has_scratch() && !has_tmpfs_attributes() {
            return Err(ChrootError::Cannot { backend: self.name(), what: "limit the scratch before Linux 6.6" });
        }
        Ok(())
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
        let spec = bases::unpacking(base, &inside);
        fs::create_dir(&unpacked).at("create", &unpacked)?;
        scratch.give(&unpacked, user)?;
        let confinement = Confinement::new(user.clone(), scratch.path()).with_mapping(Mapping::Root);
        let mut said = Tail::new(TAIL);
        let exit = runner.run(cx, &confinement.with_gateway(false).wrap(spec), &mut said).await?;
        if !exit.success() {
            scratch.remove(cx, &**runner, user).await?;
            return Err(ChrootError::Unpack { id: base.id, reason: said.text() });
        }
        bases::publish(&unpacked, &tree)?;
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
        let archives = self.0.gateway.is_some();
        Capabilities { isolated: true, archives, limits: true, rootless: true, snapshots: true, lasting: true }
    }

    async fn open(
        &self,
        cx: &Context,
        base: &ChrootRef,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.check(options)?;
        let hold = bases::lock(&self.0.bases, base.id, FlockOperation::NonBlockingLockShared)?;
        let tree = self.base(cx, base).await?;
        let UnshareOptions { user, scratch, gateway, .. } = &*self.0;
        let scratch = Scratch::create(scratch, "session", user)?;
        folders(&scratch, user)?;
        let door = match options.gateway.as_ref().zip(gateway.as_ref()) {
            None => None,
            Some((options, gateway)) => Some(gateway.open(cx, &scratch.socket()?, options.clone())?),
        };
        let holder = Holder::start(&self.0, &scratch, &tree, door.is_some(), &options.limits).await;
        let holder = match holder {
            Ok(holder) => holder,
            Err(error) => {
                scratch.remove(cx, &*self.0.runner, user).await?;
                return Err(error);
            }
        };
        let inside = Inside {
            parts: Arc::clone(&self.0),
            environment: options.environment.clone(),
            place: scratch.path().clone(),
            archives: door.is_some(),
            limits: options.limits,
            group: Group::find(cx, &*self.0.runner, &options.limits, scratch.path()).await,
            usage: Usage::default(),
            layers: Layers::default(),
        };
        Ok(Box::new(UnshareSession { inside, scratch, door, holder, _hold: hold }))
    }

    async fn begin(&self, cx: &Context, base: &ChrootRef, options: &SessionOptions) -> Result<SessionId, ChrootError> {
        self.check(options)?;
        let _hold = bases::lock(&self.0.bases, base.id, FlockOperation::NonBlockingLockShared)?;
        let tree = self.base(cx, base).await?;
        lasting::begin(cx, &self.0, base, &tree, options).await
    }

    async fn attach(
        &self,
        cx: &Context,
        id: SessionId,
        gateway: Option<GatewayOptions>,
    ) -> Result<Box<dyn Session>, ChrootError> {
        lasting::attach(cx, &self.0, id, gateway).await
    }

    async fn end(&self, cx: &Context, id: SessionId) -> Result<(), ChrootError> {
        lasting::end(cx, &self.0, id).await
    }

    fn lasting(&self) -> Result<Vec<LastingSession>, ChrootError> {
        lasting::list(&self.0)
    }

    async fn forget(&self, cx: &Context, id: ChrootId) -> Result<(), ChrootError> {
        let UnshareOptions { runner, user, bases, .. } = &*self.0;
        bases::forget(cx, &**runner, user, bases, id).await
    }

    async fn reap(&self, cx: &Context) -> Result<usize, ChrootError> {
        let UnshareOptions { runner, user, bases, scratch, .. } = &*self.0;
        let mut count = 0;
        for folder in [scratch, bases] {
            let dead = confine::reap(cx, &**runner, user, folder).await?;
            limits::reap(&dead).await;
            count += dead.len();
        }
        Ok(count)
    }
}

/// Whether an overlay can keep what it writes in a tmpfs.
fn has_tmpfs_attributes() -> bool {
    kernel() >= TMPFS_ATTRIBUTES
}

/// Makes the folders in a session's scratch folder.
fn folders(scratch: &Scratch, user: &BuildUser) -> Result<(), ChrootError> {
    for name in FOLDERS {
        let folder = scratch.path().child(name)?;
        fs::create_dir(&folder).at("create", &folder)?;
        scratch.give(&folder, user)?;
    }
    Ok(())
}

/// The version of the running kernel, as far as it can be read.
fn kernel() -> (u32, u32) {
    let known = uname();
    let release = known.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
