//! Chroots on top of others: packages that are installed on a finished one, or taken away from it; and all that is known of one.

use std::time::Duration;

use debbuild_chroot::{
    backend::LastingSession,
    manager::{Chroot, InstalledPackage},
};
use debbuild_core::{
    build::ChrootId, clock::Timestamp, command::OutputSink, context::Context, error::Class, lock::LockFile,
    name::PackageName,
};

use super::{App, AppError, Failure};

/// All that is known of a chroot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChrootDetail {
    /// The chroot.
    pub chroot: Chroot,
    /// How long ago it was made.
    pub age: Duration,
    /// When it was used last.
    pub used: Timestamp,
    /// The chroots that are layers over it.
    pub layers: Vec<ChrootId>,
    /// The sessions of it that last.
    pub sessions: Vec<LastingSession>,
    /// What is installed in it.
    pub packages: Vec<InstalledPackage>,
    /// What it was made of.
    pub lock: LockFile,
}

impl App {
    /// All that is known of a chroot.
    ///
    /// # Errors
    /// Class `not-found`.
    pub async fn chroot_show(&self, cx: &Context, id: &str) -> Result<ChrootDetail, AppError> {
        let manager = self.chroots(cx).await?;
        let chroot = manager.find(id)?;
        let own = Some(&chroot.manifest.id);
        let above = manager.list()?.into_iter().filter(|one| one.manifest.spec.parent.as_ref() == own);
        Ok(ChrootDetail {
            age: cx.now().since(chroot.manifest.created),
            used: manager.used(&chroot),
            layers: above.map(|one| one.id).collect(),
            sessions: manager.sessions()?.into_iter().filter(|session| session.chroot == chroot.id).collect(),
            packages: manager.packages(&chroot).await?,
            lock: manager.lock(chroot.id)?,
            chroot,
        })
    }

    /// The chroot that is a finished one with these packages on top, and without those taken away; made if there is none.
    ///
    /// # Errors
    /// Class `usage` when nothing changes, or when the parent cannot have layers; class `not-found` when it or a package is not there.
    pub async fn chroot_layer(
        &self,
        cx: &Context,
        parent: &str,
        install: Vec<PackageName>,
        remove: Vec<PackageName>,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, AppError> {
        if install.is_empty() && remove.is_empty() {
            let message = "a layer installs packages or takes some away: none is named";
            return Err(Failure::new(Class::Usage, message).into());
        }
        let manager = self.chroots(cx).await?;
        let parent = manager.find(parent)?;
        let spec = manager.layer_of(cx, &parent, install, remove).await?;
        self.working_user(cx).await?;
        Ok(manager.create(cx, &spec, log).await?)
    }
}
