//! An open session of the real backend: commands that join its namespaces, one after the other.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    command::{CommandError, Exit, OutputSink, Tail},
    context::Context,
};

use super::{
    TAIL, UnshareOptions,
    holder::{Holder, joining, relayering},
};
use crate::{
    backend::{
        ChrootError, Session, SessionCommand,
        snapshots::Layers,
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
    pub(super) layers: Layers,
    pub(super) holder: Holder,
    /// The lock by which the unpacked base is in use.
    pub(super) _hold: File,
}

impl UnshareSession {
    /// Makes the root anew, of other layers.
    async fn relayer(&mut self, cx: &Context, how: &str, next: Layers) -> Result<(), ChrootError> {
        if cx.cancel().is_cancelled() {
            return Err(CommandError::Cancelled { program: "the change of layers".to_owned() }.into());
        }
        let UnshareOptions { runner, user, .. } = &*self.parts;
        let (process, place) = (self.holder.process()?, self.scratch.path());
        let spec = relayering(process, user, place, how, (&self.layers, &next));
        let mut said = Tail::new(TAIL);
        // It is short, and half of it would be no root at all: nobody cancels it.
        let exit = runner.run(&Context::new(), &spec, &mut said).await?;
        if !exit.success() {
            return Err(ChrootError::Setup(said.text()));
        }
        self.layers = next;
        Ok(())
    }
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

    async fn snapshot(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        let next = self.layers.seal(name)?;
        self.relayer(cx, "seal", next).await
    }

    async fn rollback(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        let next = self.layers.back(name)?;
        self.relayer(cx, "back", next).await
    }

    fn snapshots(&self) -> Vec<String> {
        self.layers.names()
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
