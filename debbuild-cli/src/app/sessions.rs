//! Sessions of chroots that last: begun, used, kept as snapshots, ended.

use debbuild_chroot::{
    backend::{LastingSession, Session, SessionId, SessionOptions},
    gateway::GatewayOptions,
    limits::Limits,
    manager::Chroot,
};
use debbuild_core::context::Context;

use super::{App, AppError};

/// How a session of a chroot is: with these limits, and with `archives` with its own archives in reach.
pub(super) fn session_options(chroot: &Chroot, archives: bool, limits: Limits) -> Result<SessionOptions, AppError> {
    let gateway = if archives { Some(GatewayOptions::new(chroot.archives()?)) } else { None };
    let options = SessionOptions::new().with_gateway(gateway).with_limits(limits);
    Ok(options.with_environment(chroot.manifest.spec.environment.clone()))
}

impl App {
    /// Begins a session of a chroot that lasts until it is ended, with these limits; with `archives`, its own archives can be reached
    /// from it.
    ///
    /// # Errors
    /// Class `not-found`; class `usage` when the backend has no such sessions; class `infrastructure` when the machine cannot isolate it.
    pub async fn chroot_begin(
        &self,
        cx: &Context,
        id: &str,
        archives: bool,
        limits: Limits,
    ) -> Result<LastingSession, AppError> {
        let manager = self.chroots(cx).await?;
        let chroot = manager.find(id)?;
        let session = manager.begin(cx, &chroot, &session_options(&chroot, archives, limits)?).await?;
        Ok(manager.session(&session.to_string())?)
    }

    /// Opens a session that lasts: its id, or at least 12 digits of it. Closed or dropped it goes on.
    ///
    /// # Errors
    /// Class `not-found`; class `conflict` while somebody else uses it.
    pub async fn chroot_attach(&self, cx: &Context, session: &str) -> Result<Box<dyn Session>, AppError> {
        let manager = self.chroots(cx).await?;
        Ok(manager.attach(cx, &manager.session(session)?).await?)
    }

    /// The sessions that last, oldest first.
    ///
    /// # Errors
    /// When the state folder cannot be read.
    pub async fn chroot_sessions(&self, cx: &Context) -> Result<Vec<LastingSession>, AppError> {
        Ok(self.chroots(cx).await?.sessions()?)
    }

    /// Keeps the files of a session that lasts as they are now, under a new name.
    ///
    /// # Errors
    /// As [`App::chroot_attach`]; class `conflict` when the name is taken.
    pub async fn chroot_snapshot(&self, cx: &Context, session: &str, name: &str) -> Result<LastingSession, AppError> {
        let mut open = self.chroot_attach(cx, session).await?;
        let kept = open.snapshot(cx, name).await;
        open.close(cx).await?;
        kept?;
        Ok(self.chroots(cx).await?.session(session)?)
    }

    /// Makes the files of a session that lasts as they were at a snapshot, which stays.
    ///
    /// # Errors
    /// As [`App::chroot_attach`]; class `not-found` when there is no such snapshot.
    pub async fn chroot_rollback(&self, cx: &Context, session: &str, name: &str) -> Result<LastingSession, AppError> {
        let mut open = self.chroot_attach(cx, session).await?;
        let back = open.rollback(cx, name).await;
        open.close(cx).await?;
        back?;
        Ok(self.chroots(cx).await?.session(session)?)
    }

    /// Ends a session that lasts, removes what it left, and says which it was.
    ///
    /// # Errors
    /// As [`App::chroot_attach`].
    pub async fn chroot_end(&self, cx: &Context, session: &str) -> Result<SessionId, AppError> {
        let manager = self.chroots(cx).await?;
        let session = manager.session(session)?;
        manager.end(cx, &session).await?;
        Ok(session.id)
    }
}
