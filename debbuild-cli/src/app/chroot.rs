//! Chroots: wiring of gateway, backend and manager, and what doors do with them.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use debbuild_chroot::{
    backend::{
        ChrootBackend, NspawnBackend, NspawnOptions, SchrootBackend, SchrootOptions, Session, UnshareBackend,
        UnshareOptions,
    },
    confine::BuildUser,
    create::{Bootstrapper, Debootstrap, Mmdebstrap},
    gateway::Gateway,
    limits::Limits,
    manager::{Chroot, ChrootManager, Collected, GcOptions, ManagerOptions, Updated, check_host},
    sbuild::{BuildBase, BuildBases, BuilderError},
};
use debbuild_core::{
    acquire::fetch::SchemeFetch,
    arch::Architecture,
    build::ChrootId,
    command::{CommandRunnerExt as _, CommandSpec, Discard, OutputSink},
    context::Context,
    digest::Sha256,
    error::Class,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

use super::{
    App, AppError, ChrootOf, ChrootWish, Failure,
    sessions::session_options,
    settings::{BackendName, ChrootSettings},
};

impl App {
    /// The user that builds: the configured one for root, else the user of this process.
    ///
    /// # Errors
    /// Class `infrastructure`, with the command that makes it, when there is none.
    pub async fn build_user(&self, cx: &Context) -> Result<BuildUser, AppError> {
        Ok(BuildUser::detect(cx, &**self.runner(), &self.settings().build.user).await?)
    }

    /// The build user, who can enter the state folder and so work there.
    ///
    /// # Errors
    /// As [`App::build_user`]; class `config` when the way to the state folder is closed to it.
    pub async fn working_user(&self, cx: &Context) -> Result<BuildUser, AppError> {
        let user = self.build_user(cx).await?;
        let closed = |folder: &&Path| {
            fs::metadata(folder).is_ok_and(|known| known.mode() & 0o001 == 0 && known.uid() != user.uid)
        };
        match self.home().as_std().ancestors().find(closed) {
            Some(folder) if self.machine().is_root() => {
                let message = format!("user {} cannot enter {}", user.name, folder.display());
                let hint = "root's state lies where the build user can pass through: choose another --home, or chmod o+x the folder";
                Err(Failure::new(Class::Config, message).with_hint(hint).into())
            }
            _ => Ok(user),
        }
    }

    /// The gateway to the archives, over this state folder.
    ///
    /// # Errors
    /// When the state folder cannot be made; class `config` when a setting of it cannot be used.
    pub fn gateway(&self) -> Result<Gateway, AppError> {
        let settings = &self.settings().gateway;
        let file = self.size_of("gateway.file-limit", &settings.file_limit)?;
        let total = self.size_of("gateway.total-limit", &settings.total_limit)?;
        let fetch = Arc::new(SchemeFetch::with_http(self.http()?)?);
        let gateway = Gateway::new(fetch, self.blobs()?, &self.folder("gateway")?)?;
        Ok(gateway.with_limits(file.unwrap_or(u64::MAX), total))
    }

    /// The chroots of this state folder.
    ///
    /// # Errors
    /// When the machine is not prepared, or the state folder cannot be made.
    pub async fn chroots(&self, cx: &Context) -> Result<ChrootManager, AppError> {
        self.chroots_with(cx, false).await
    }

    /// The chroots of this state folder; with `privileged`, what needs real root may be made.
    ///
    /// # Errors
    /// As [`App::chroots`].
    pub async fn chroots_with(&self, cx: &Context, privileged: bool) -> Result<ChrootManager, AppError> {
        let user = self.build_user(cx).await?;
        let runner = Arc::clone(self.runner());
        // The build user passes through the state folder to what is its own.
        let home = self.home().clone();
        fs::create_dir_all(&home).at("create", &home)?;
        let gateway = self.gateway()?;
        let backend = self.backend(&user, &gateway)?;
        let options = ManagerOptions::new(
            &home,
            user,
            Arc::clone(&runner),
            self.reader(cx).await?,
            gateway,
            Arc::new(Mmdebstrap::new(Arc::clone(&runner))),
            backend,
        );
        let privileged = privileged.then(|| Arc::new(Debootstrap::new(runner)) as Arc<dyn Bootstrapper>);
        let manager = ChrootManager::new(options.with_privileged(privileged))?;
        manager.reap(cx).await?;
        Ok(manager)
    }

    /// What opens sessions, as the settings say.
    fn backend(&self, user: &BuildUser, gateway: &Gateway) -> Result<Arc<dyn ChrootBackend>, AppError> {
        let ChrootSettings { backend, privileged, .. } = self.settings().chroots;
        let (runner, user) = (Arc::clone(self.runner()), user.clone());
        let (bases, scratch) = (self.home().join("bases"), self.home().join("scratch"));
        match backend {
            BackendName::Unshare => {
                let options = UnshareOptions::new(runner, user, bases, scratch).with_gateway(Some(gateway.clone()));
                Ok(Arc::new(UnshareBackend::new(options)))
            }
            BackendName::Nspawn if privileged => {
                Ok(Arc::new(NspawnBackend::new(NspawnOptions::new(runner, user, bases, scratch))))
            }
            BackendName::Schroot if privileged => {
                Ok(Arc::new(SchrootBackend::new(SchrootOptions::new(runner, user, bases, scratch))))
            }
            BackendName::Nspawn | BackendName::Schroot => {
                let name = backend.name();
                let message = format!("chroots.backend {name:?} runs code of packages with rights on this machine");
                Err(Failure::new(Class::Config, message).with_hint("say so: chroots.privileged = true").into())
            }
        }
    }

    /// The newest chroot that fulfils the wish, made if there is none; one that is there costs no network.
    ///
    /// # Errors
    /// Class `usage` for a cross chroot whose host architecture is its own; as making it gives them. Nothing half-made is left.
    pub async fn chroot_create(
        &self,
        cx: &Context,
        wish: &ChrootWish,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, AppError> {
        let profile = match &wish.of {
            ChrootOf::Profile(name) => Some(self.profile(name)?),
            ChrootOf::Suite(_) => None,
        };
        let own = profile.as_ref().and_then(|profile| profile.architecture.as_ref());
        let architecture = match wish.architecture.as_ref().or(own) {
            Some(architecture) => architecture.clone(),
            None => self.architecture(cx).await?,
        };
        let own = profile.as_ref().and_then(|profile| profile.host.as_ref());
        check_host(&architecture, wish.host.as_ref().or(own))?;
        let manager = self.chroots_with(cx, wish.privileged).await?;
        let key = self.wish_key(wish, profile.as_ref(), &architecture)?;
        if let Some(chroot) = manager.recall(key)? {
            return Ok(chroot);
        }
        self.working_user(cx).await?;
        let reader = self.reader(cx).await?;
        let spec = self.wished(cx, &reader, wish, profile.as_ref(), architecture).await?;
        for archive in &spec.archives {
            let uri = archive.uris.first().map(ToString::to_string).unwrap_or_default();
            cx.note(format!("archive: {uri} {}", archive.suite));
        }
        let chroot = manager.create(cx, &spec, log).await?;
        manager.remember(key, chroot.id)?;
        Ok(chroot)
    }

    /// The newest chroot of a profile for an architecture, made if there is none.
    ///
    /// # Errors
    /// As [`App::chroot_create`].
    pub async fn chroot_of_profile(
        &self,
        cx: &Context,
        profile: &str,
        architecture: &Architecture,
        log: &mut dyn OutputSink,
    ) -> Result<ChrootId, AppError> {
        let wish = ChrootWish::of_profile(profile).with_architecture(Some(architecture.clone()));
        Ok(self.chroot_create(cx, &wish, log).await?.id)
    }

    /// The chroot that a lock file describes, made again from exactly its files; with `privileged`, also one that needs real root.
    ///
    /// # Errors
    /// Class `usage` when the file is not the lock of a chroot.
    pub async fn chroot_create_locked(
        &self,
        cx: &Context,
        file: &AbsPath,
        privileged: bool,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, AppError> {
        let lock = self.lock_file(file)?;
        Ok(self.chroots_with(cx, privileged).await?.create_locked(cx, &lock, log).await?)
    }

    /// Makes a new generation of a chroot; with `privileged`, also of one that needs real root.
    ///
    /// # Errors
    /// As making it gives them; the old generation stays.
    pub async fn chroot_update(
        &self,
        cx: &Context,
        id: &str,
        privileged: bool,
        log: &mut dyn OutputSink,
    ) -> Result<Updated, AppError> {
        Ok(self.chroots_with(cx, privileged).await?.update(cx, id, log).await?)
    }

    /// Removes a chroot and says which it was.
    ///
    /// # Errors
    /// Class `not-found`; class `conflict` while somebody uses it.
    pub async fn chroot_remove(&self, cx: &Context, id: &str) -> Result<ChrootId, AppError> {
        let manager = self.chroots(cx).await?;
        let chroot = manager.find(id)?;
        manager.remove(cx, chroot.id).await?;
        Ok(chroot.id)
    }

    /// Removes chroots that newer generations have replaced, those that nobody used for long or that are too much where limits are
    /// given (a time; a size in bytes), and what dead sessions left.
    ///
    /// # Errors
    /// Those of removing.
    pub async fn chroot_gc(
        &self,
        cx: &Context,
        unused_for: Option<Duration>,
        max_size: Option<u64>,
        dry_run: bool,
    ) -> Result<Vec<Collected>, AppError> {
        let options = GcOptions::new(self.settings().gc.grace).with_unused_for(unused_for);
        Ok(self.chroots(cx).await?.gc(cx, &options.with_max_size(max_size).with_dry_run(dry_run)).await?)
    }

    /// Copies a file or folder of a chroot, as nobody has used it, into a folder of this machine, which must exist.
    ///
    /// # Errors
    /// Class `not-found` when the chroot or the path in it is not there.
    pub async fn chroot_copy_out(&self, cx: &Context, id: &str, path: &str, into: &AbsPath) -> Result<(), AppError> {
        let mut session = self.chroot_open(cx, id, false, Limits::new()).await?;
        let copied = self.copy_out(cx, &mut *session, path, into).await;
        session.close(cx).await?;
        copied
    }

    /// Opens a session of a chroot with these limits; with `archives`, its own archives can be reached from it.
    ///
    /// # Errors
    /// Class `not-found`; class `infrastructure` when the machine cannot isolate it.
    pub async fn chroot_open(
        &self,
        cx: &Context,
        id: &str,
        archives: bool,
        limits: Limits,
    ) -> Result<Box<dyn Session>, AppError> {
        let manager = self.chroots(cx).await?;
        let chroot = manager.find(id)?;
        Ok(manager.open(cx, &chroot, &session_options(&chroot, archives, limits)?).await?)
    }

    /// Copies a file or folder of this machine into a folder of a session.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn copy_in(
        &self,
        cx: &Context,
        session: &mut dyn Session,
        file: &AbsPath,
        to: &str,
    ) -> Result<(), AppError> {
        let tar = self.transit()?;
        let folder = file.parent();
        let args = ["--create", "--file", tar.as_str(), "--directory", folder.as_str(), "--", file.name()];
        let packed = self.runner().output(cx, &CommandSpec::new("tar").with_args(args)).await;
        let copied = match packed {
            Ok(_) => session.copy_in(cx, &tar, to).await.map_err(AppError::from),
            Err(error) => Err(error.into()),
        };
        forget(&tar);
        copied
    }

    /// Copies a file or folder of a session into a folder of this machine, which must exist.
    ///
    /// # Errors
    /// Class `not-found` when it is not there.
    pub async fn copy_out(
        &self,
        cx: &Context,
        session: &mut dyn Session,
        from: &str,
        into: &AbsPath,
    ) -> Result<(), AppError> {
        let tar = self.transit()?;
        let copied = match session.copy_out(cx, from, &tar).await {
            Ok(()) => {
                let args = ["--extract", "--no-same-owner", "--no-same-permissions", "--file", tar.as_str()];
                let spec = CommandSpec::new("tar").with_args(args).with_args(["--directory", into.as_str()]);
                self.runner().output(cx, &spec).await.map(drop).map_err(AppError::from)
            }
            Err(error) => Err(error.into()),
        };
        forget(&tar);
        copied
    }

    /// A name for a tar archive on its way.
    fn transit(&self) -> Result<AbsPath, AppError> {
        let name = format!("transit-{}-{}.tar", std::process::id(), Sha256::of(self.home().as_str().as_bytes()));
        let path = self.folder("scratch")?.child(&name)?;
        forget(&path);
        Ok(path)
    }
}

fn forget(path: &AbsPath) {
    // It is scratch: what is left is overwritten by the next.
    drop(fs::remove_file(path));
}

/// Gives builds their chroots, making them where there are none.
#[derive(Debug, Clone)]
pub struct AppBases(pub App);

#[async_trait]
impl BuildBases for AppBases {
    async fn by_id(&self, cx: &Context, id: ChrootId) -> Result<BuildBase, BuilderError> {
        let manager = self.0.chroots(cx).await.map_err(|error| builder(&error))?;
        manager.base(cx, id).map_err(|_| BuilderError::NoChroot(id))
    }

    async fn newest(
        &self,
        cx: &Context,
        suite: &SuiteName,
        architecture: &Architecture,
    ) -> Result<BuildBase, BuilderError> {
        let wish = ChrootWish::new(suite.clone()).with_architecture(Some(architecture.clone()));
        let chroot = self.0.chroot_create(cx, &wish, &mut Discard).await.map_err(|error| builder(&error))?;
        self.by_id(cx, chroot.id).await
    }
}

fn builder(error: &AppError) -> BuilderError {
    BuilderError::Chroot { class: error.class(), message: error.message() }
}
