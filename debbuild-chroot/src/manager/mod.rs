//! The catalogue of chroots: made once per request, named by content, kept until somebody removes them.

mod catalogue;
mod check;
mod contents;
mod cross;
mod error;
mod exact;
mod gc;
mod import;
mod lasting;
mod layer;
mod make;
pub mod manifest;
mod packages;
mod spec;
#[cfg(all(test, feature = "testing"))]
mod tests;

use std::sync::Arc;

pub use contents::{ChrootDiff, FileChange, FileState, InstalledPackage};
pub use cross::check_host;
use debbuild_core::{
    acquire::ArchiveReader,
    blob::BlobStore,
    build::ChrootId,
    command::{CommandRunner, OutputSink},
    context::Context,
    digest::Sha256,
    lock::{LOCK_SCHEMA, LockFile, LockKind},
    path::AbsPath,
};
pub use error::ManagerError;
pub use exact::lock_exact;
pub use gc::{Collected, GcOptions, GcReason};
pub use manifest::Manifest;
pub use spec::ChrootSpec;

use crate::{
    backend::{ChrootBackend, ChrootRef, Session, SessionOptions},
    confine::{self, BuildUser},
    create::Bootstrapper,
    gateway::{AllowedArchive, Gateway, Mode},
    layer::{LayerMaker, SessionLayers},
    sbuild::BuildBase,
};

/// The owner of the roots that keep the blobs of chroots.
const ROOT_OWNER: &str = "chroot";

/// A finished chroot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chroot {
    /// Its identity.
    pub id: ChrootId,
    /// What is known of it.
    pub manifest: Manifest,
    /// Its content as an uncompressed tar archive, read-only.
    pub tarball: AbsPath,
}

impl Chroot {
    /// What backends open sessions of.
    #[must_use]
    pub fn reference(&self) -> ChrootRef {
        ChrootRef { id: self.id, tarball: self.tarball.clone() }
    }

    /// The archives that its sources lists name, as a gateway answers for them.
    ///
    /// # Errors
    /// [`ManagerError::Record`] for a manifest that was changed by hand.
    pub fn archives(&self) -> Result<Vec<AllowedArchive>, ManagerError> {
        spec::allowed(&self.manifest.spec)
    }
}

/// What a manager works with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ManagerOptions {
    /// Where finished chroots are, `$DEBBUILD_HOME/chroots`.
    pub folder: AbsPath,
    /// Where work is done, `$DEBBUILD_HOME/scratch`.
    pub scratch: AbsPath,
    /// Whom the work is done by.
    pub user: BuildUser,
    /// Runs the tools.
    pub runner: Arc<dyn CommandRunner>,
    /// Keeps the bytes.
    pub blobs: Arc<dyn BlobStore>,
    /// Opens archives.
    pub reader: ArchiveReader,
    /// Serves them inside.
    pub gateway: Gateway,
    /// Makes base systems.
    pub bootstrapper: Arc<dyn Bootstrapper>,
    /// Opens sessions of chroots.
    pub backend: Arc<dyn ChrootBackend>,
    /// Makes layers over them.
    pub layers: Arc<dyn LayerMaker>,
    /// Makes base systems as real root; none: nobody may.
    pub privileged: Option<Arc<dyn Bootstrapper>>,
    /// Whether nothing may be fetched.
    pub offline: bool,
}

impl ManagerOptions {
    /// A manager of `home/chroots` that works in `home/scratch`, keeps bytes where the reader does, and makes layers in sessions.
    #[must_use]
    pub fn new(
        home: &AbsPath,
        user: BuildUser,
        runner: Arc<dyn CommandRunner>,
        reader: ArchiveReader,
        gateway: Gateway,
        bootstrapper: Arc<dyn Bootstrapper>,
        backend: Arc<dyn ChrootBackend>,
    ) -> Self {
        let (folder, scratch) = (home.join("chroots"), home.join("scratch"));
        let blobs = Arc::clone(reader.store());
        let layers = Arc::new(SessionLayers::new(Arc::clone(&backend)));
        Self {
            folder,
            scratch,
            user,
            runner,
            blobs,
            reader,
            gateway,
            bootstrapper,
            backend,
            layers,
            privileged: None,
            offline: false,
        }
    }

    /// With a bootstrapper that works as real root, for requests that ask for it ([`ChrootSpec::with_bootstrapper`]).
    #[must_use]
    pub fn with_privileged(mut self, privileged: Option<Arc<dyn Bootstrapper>>) -> Self {
        self.privileged = privileged;
        self
    }

    /// With another maker of layers.
    #[must_use]
    pub fn with_layers(mut self, layers: Arc<dyn LayerMaker>) -> Self {
        self.layers = layers;
        self
    }

    /// Whether nothing may be fetched.
    #[must_use]
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }
}

#[derive(Debug)]
struct Parts {
    catalogue: catalogue::Catalogue,
    scratch: AbsPath,
    user: BuildUser,
    runner: Arc<dyn CommandRunner>,
    blobs: Arc<dyn BlobStore>,
    reader: ArchiveReader,
    gateway: Gateway,
    bootstrapper: Arc<dyn Bootstrapper>,
    backend: Arc<dyn ChrootBackend>,
    layers: Arc<dyn LayerMaker>,
    privileged: Option<Arc<dyn Bootstrapper>>,
    offline: bool,
}

/// Makes, finds and removes chroots. Cheap to clone; several processes may share one folder.
#[derive(Debug, Clone)]
pub struct ChrootManager(Arc<Parts>);

/// What an update found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// The chroot that the request leads to now.
    pub chroot: Chroot,
    /// Whether it is another one than before.
    pub changed: bool,
}

impl ChrootManager {
    /// A manager over these parts. Its folder is made if it is missing.
    ///
    /// # Errors
    /// [`ManagerError::File`].
    pub fn new(options: ManagerOptions) -> Result<Self, ManagerError> {
        let catalogue = catalogue::Catalogue::open(options.folder)?;
        let parts = Parts {
            catalogue,
            scratch: options.scratch,
            user: options.user,
            runner: options.runner,
            blobs: options.blobs,
            reader: options.reader,
            gateway: options.gateway,
            bootstrapper: options.bootstrapper,
            backend: options.backend,
            layers: options.layers,
            privileged: options.privileged,
            offline: options.offline,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// The newest finished chroot of this request, made if there is none; a finished one costs no network and no time.
    ///
    /// # Errors
    /// [`ManagerError`]; nothing half-made is left in the catalogue.
    pub async fn create(
        &self,
        cx: &Context,
        spec: &ChrootSpec,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, ManagerError> {
        let record = spec.record(cx, &*self.0.blobs).await?;
        let key = spec::key(&record);
        if let Some(chroot) = self.0.catalogue.newest(key)? {
            return Ok(chroot);
        }
        let _turn = self.0.catalogue.turn(key).await?;
        match self.0.catalogue.newest(key)? {
            Some(chroot) => Ok(chroot),
            None => self.make(cx, spec, &record, None, log).await,
        }
    }

    /// The chroot that a lock describes, made again from exactly its files.
    ///
    /// # Errors
    /// [`ManagerError::Lock`] when it is not the lock of a chroot; [`ManagerError::Drift`] when the result is another chroot.
    pub async fn create_locked(
        &self,
        cx: &Context,
        lock: &LockFile,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, ManagerError> {
        if lock.schema != LOCK_SCHEMA || lock.kind != LockKind::Chroot {
            return Err(ManagerError::Lock("it is not the lock of a chroot of this schema".to_owned()));
        }
        let text =
            lock.options.get(make::SPEC_OPTION).ok_or_else(|| ManagerError::Lock("it has no request".to_owned()))?;
        let record = serde_json::from_str(text).map_err(|error| ManagerError::Lock(error.to_string()))?;
        let spec = ChrootSpec::from_record(cx, &record, &*self.0.blobs).await?;
        let key = spec::key(&record);
        let _turn = self.0.catalogue.turn(key).await?;
        for chroot in self.0.catalogue.list()?.into_iter().filter(|chroot| chroot.manifest.spec_key == key) {
            if self.0.catalogue.lock_of(chroot.id)?.packages == lock.packages {
                return Ok(chroot);
            }
        }
        let chroot = self.make(cx, &spec, &record, Some(lock), log).await?;
        if self.0.catalogue.lock_of(chroot.id)?.packages != lock.packages {
            return Err(ManagerError::Drift(chroot.id));
        }
        Ok(chroot)
    }

    /// Makes a new generation of a chroot from its archives as they are now; of a layer, over a new generation of its parent.
    ///
    /// # Errors
    /// [`ManagerError`]; the old generation stays.
    pub async fn update(&self, cx: &Context, id: &str, log: &mut dyn OutputSink) -> Result<Updated, ManagerError> {
        let old = self.0.catalogue.find(id)?;
        let mut record = old.manifest.spec.clone();
        if let Some(parent) = &old.manifest.spec.parent {
            record.parent = Some(self.update_parent(cx, parent, log).await?.chroot.id.to_string());
        }
        let spec = ChrootSpec::from_record(cx, &record, &*self.0.blobs).await?;
        let _turn = self.0.catalogue.turn(spec::key(&record)).await?;
        let before = self.0.catalogue.newest(old.manifest.spec_key)?.map(|chroot| chroot.id);
        let chroot = self.make(cx, &spec, &record, None, log).await?;
        for (key, id) in self.0.catalogue.current()? {
            if Some(id) == before {
                self.0.catalogue.set_newest(key, chroot.id)?;
            }
        }
        Ok(Updated { changed: Some(chroot.id) != before, chroot })
    }

    /// The chroot that was remembered under a key of the caller's own: for requests whose archives would first have to be
    /// found over the network. An update moves the key along.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn recall(&self, key: Sha256) -> Result<Option<Chroot>, ManagerError> {
        self.0.catalogue.newest(key)
    }

    /// Remembers a chroot under a key of the caller's own.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn remember(&self, key: Sha256, id: ChrootId) -> Result<(), ManagerError> {
        self.0.catalogue.set_newest(key, id)
    }

    /// The finished chroots, newest first.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn list(&self) -> Result<Vec<Chroot>, ManagerError> {
        self.0.catalogue.list()
    }

    /// The chroot with this id, or with an id that begins so (12 digits or more, if it is the only one).
    ///
    /// # Errors
    /// [`ManagerError::NotFound`], [`ManagerError::Ambiguous`].
    pub fn find(&self, id: &str) -> Result<Chroot, ManagerError> {
        self.0.catalogue.find(id)
    }

    /// A chroot as builds need it, which counts as its use.
    ///
    /// # Errors
    /// As [`ChrootManager::find`].
    pub fn base(&self, cx: &Context, id: ChrootId) -> Result<BuildBase, ManagerError> {
        let chroot = self.0.catalogue.find(&id.to_string())?;
        self.0.catalogue.note_use(id, cx.now());
        let base = BuildBase::new(id, chroot.tarball.clone(), chroot.archives()?)
            .with_priorities(spec::priorities(&chroot.manifest.spec))
            .with_environment(chroot.manifest.spec.environment);
        // Nobody knows where the packages of an imported chroot came from: a build in it has no lock, and says so.
        let base = if chroot.manifest.spec.imported.is_some() { base } else { base.with_lock(self.lock(id)?) };
        Ok(if self.0.offline { base.with_mode(Mode::Offline) } else { base })
    }

    /// The lock of a chroot.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn lock(&self, id: ChrootId) -> Result<LockFile, ManagerError> {
        self.0.catalogue.lock_of(id)
    }

    /// Removes a chroot.
    ///
    /// # Errors
    /// Class `conflict` while a session of it is open; then it stays.
    pub async fn remove(&self, cx: &Context, id: ChrootId) -> Result<(), ManagerError> {
        self.0.backend.forget(cx, id).await?;
        self.0.catalogue.forget_newest(id)?;
        self.0.catalogue.remove(id)?;
        Ok(self.0.blobs.pin(cx, ROOT_OWNER, &id.to_string(), &[]).await?)
    }

    /// Opens a session of a chroot, which counts as its use.
    ///
    /// # Errors
    /// What the backend gives.
    pub async fn open(
        &self,
        cx: &Context,
        chroot: &Chroot,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>, ManagerError> {
        self.0.catalogue.note_use(chroot.id, cx.now());
        Ok(self.0.backend.open(cx, &chroot.reference(), options).await?)
    }

    /// Clears scratch folders and drafts whose makers died.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub async fn reap(&self, cx: &Context) -> Result<(), ManagerError> {
        confine::reap(cx, &*self.0.runner, &self.0.user, &self.0.scratch).await?;
        self.0.backend.reap(cx).await?;
        self.0.catalogue.sweep()
    }

    /// The backend that opens sessions.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn ChrootBackend> {
        &self.0.backend
    }
}
