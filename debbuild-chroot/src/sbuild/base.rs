//! What a build stands on: a chroot's tarball, the archives that it may read, and the lock of the chroot.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture, build::ChrootId, context::Context, lock::LockFile, name::SuiteName, path::AbsPath,
};

use super::BuilderError;
use crate::gateway::{AllowedArchive, Mode};

/// A chroot as a build needs it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildBase {
    /// Its id.
    pub id: ChrootId,
    /// Its tarball, readable by the build user.
    pub tarball: AbsPath,
    /// The archives that its sources lists name.
    pub archives: Vec<AllowedArchive>,
    /// How much of them is shown.
    pub mode: Mode,
    /// Variables that its builds have, beneath those of the request.
    pub environment: BTreeMap<String, String>,
    /// Priorities that its packages have inside, by the name of the archive and the suite; others have what apt gives them.
    pub priorities: BTreeMap<(String, String), i16>,
    /// What it was made of; without it the build has no lock.
    pub lock: Option<LockFile>,
}

impl BuildBase {
    /// A chroot without a lock, with the archives online.
    #[must_use]
    pub fn new(id: ChrootId, tarball: AbsPath, archives: Vec<AllowedArchive>) -> Self {
        Self {
            id,
            tarball,
            archives,
            mode: Mode::Online,
            environment: BTreeMap::new(),
            priorities: BTreeMap::new(),
            lock: None,
        }
    }

    /// With the lock of the chroot.
    #[must_use]
    pub fn with_lock(mut self, lock: LockFile) -> Self {
        self.lock = Some(lock);
        self
    }

    /// With variables of its builds.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// With priorities of packages by the name of the archive, as the gateway knows it, and the suite.
    #[must_use]
    pub fn with_priorities(mut self, priorities: BTreeMap<(String, String), i16>) -> Self {
        self.priorities = priorities;
        self
    }

    /// With another view of the archives.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

/// Where builds get their chroots from.
#[async_trait]
pub trait BuildBases: fmt::Debug + Send + Sync {
    /// The chroot of that id.
    ///
    /// # Errors
    /// [`BuilderError::NoChroot`] when there is none.
    async fn by_id(&self, cx: &Context, id: ChrootId) -> Result<BuildBase, BuilderError>;

    /// The newest chroot for building packages of a suite; made if there is none and that is possible.
    ///
    /// # Errors
    /// [`BuilderError::NoChrootFor`] when there is none, or what making it failed of.
    async fn newest(
        &self,
        cx: &Context,
        suite: &SuiteName,
        architecture: &Architecture,
    ) -> Result<BuildBase, BuilderError>;
}

/// Chroots that somebody else keeps: those that it was told about, and no others.
#[derive(Debug, Default)]
pub struct KnownBases(Mutex<Vec<(SuiteName, Architecture, BuildBase)>>);

impl KnownBases {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; it is the newest of its suite and architecture.
    pub fn add(&self, suite: SuiteName, architecture: Architecture, base: BuildBase) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((suite, architecture, base));
    }

    fn find(&self, wanted: impl Fn(&(SuiteName, Architecture, BuildBase)) -> bool) -> Option<BuildBase> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().find(|one| wanted(one)).map(|(_, _, base)| base.clone())
    }
}

#[async_trait]
impl BuildBases for KnownBases {
    async fn by_id(&self, _cx: &Context, id: ChrootId) -> Result<BuildBase, BuilderError> {
        self.find(|(_, _, base)| base.id == id).ok_or(BuilderError::NoChroot(id))
    }

    async fn newest(
        &self,
        _cx: &Context,
        suite: &SuiteName,
        architecture: &Architecture,
    ) -> Result<BuildBase, BuilderError> {
        let found =
            self.find(|(its_suite, its_architecture, _)| its_suite == suite && its_architecture == architecture);
        found.ok_or_else(|| BuilderError::NoChrootFor { suite: suite.clone(), architecture: architecture.clone() })
    }
}
