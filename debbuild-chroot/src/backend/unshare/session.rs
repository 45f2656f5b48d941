//! An open session of the real backend: commands that join its namespaces, one after the other.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    command::{Exit, OutputSink},
    context::Context,
};

use super::{
    UnshareOptions,
    holder::{Holder, joining},
};
use crate::{
    backend::{
        ChrootError, Session, SessionCommand,
        words::{enter, inner},
    },
    confine::{ConfineError, Scratch},
    gateway::{AccessRecord, Door},
    limits::Limits,
};

/// An open session.
#[derive(Debug)]
pub(super) struct UnshareSession {
    pub(super) parts: Arc<UnshareOptions>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) scratch: Scratch,
    pub(super) door: Option<Door>,
    pub(super) limits: Limits,
    pub(super) holder: Holder,
    /// The lock by which the unpacked base is in use.
    pub(super) _hold: File,
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
        let inner = inner(command, &self.environment, self.door.is_some())?;
        let spec = joining(self.holder.process()?, user, self.scratch.path(), &self.limits, inner);
        let spec = spec.with_memory(self.limits.memory).with_cwd(self.scratch.path().clone());
        enter(&**runner, cx, spec, &self.scratch.path().join("started"), command, out).await
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        self.holder.end().await;
        let UnshareOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
