//! Sessions that last: which there are, of which chroots, and how they are used.

use debbuild_core::{context::Context, id::SHORTEST_PREFIX};

use super::{Chroot, ChrootManager, ManagerError};
use crate::{
    backend::{ChrootError, LastingSession, Session, SessionId, SessionOptions},
    gateway::GatewayOptions,
};

impl ChrootManager {
    /// Begins a session of a chroot that lasts until it is ended, which counts as its use.
    ///
    /// # Errors
    /// What the backend gives.
    pub async fn begin(
        &self,
        cx: &Context,
        chroot: &Chroot,
        options: &SessionOptions,
    ) -> Result<SessionId, ManagerError> {
        self.0.catalogue.note_use(chroot.id, cx.now());
        Ok(self.0.backend.begin(cx, &chroot.reference(), options).await?)
    }

    /// The sessions that last, oldest first.
    ///
    /// # Errors
    /// What the backend gives.
    pub fn sessions(&self) -> Result<Vec<LastingSession>, ManagerError> {
        Ok(self.0.backend.lasting()?)
    }

    /// The session that lasts with this id, or the only one whose id begins so (12 digits or more).
    ///
    /// # Errors
    /// Class `not-found`, also when there are several.
    pub fn session(&self, id: &str) -> Result<LastingSession, ManagerError> {
        let missing = || ManagerError::Session(ChrootError::NoSession(id.to_owned()));
        if id.len() < SHORTEST_PREFIX {
            return Err(missing());
        }
        let mut found = self.sessions()?.into_iter().filter(|session| session.id.to_string().starts_with(id));
        match (found.next(), found.next()) {
            (Some(session), None) => Ok(session),
            _ => Err(missing()),
        }
    }

    /// Opens a session that lasts, which counts as a use of its chroot; closed or dropped it goes on.
    ///
    /// # Errors
    /// Class `conflict` while somebody else uses it; class `not-found` when it has ended.
    pub async fn attach(&self, cx: &Context, session: &LastingSession) -> Result<Box<dyn Session>, ManagerError> {
        let chroot = self.find(&session.chroot.to_string())?;
        let gateway = if session.archives { Some(GatewayOptions::new(chroot.archives()?)) } else { None };
        self.0.catalogue.note_use(chroot.id, cx.now());
        Ok(self.0.backend.attach(cx, session.id, gateway).await?)
    }

    /// Ends a session that lasts.
    ///
    /// # Errors
    /// As [`ChrootManager::attach`].
    pub async fn end(&self, cx: &Context, session: &LastingSession) -> Result<(), ManagerError> {
        Ok(self.0.backend.end(cx, session.id).await?)
    }
}
