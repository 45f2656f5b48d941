//! An open session of the real backend, which ends with this process.

use std::fs::File;

use async_trait::async_trait;
use debbuild_core::{
    command::{Exit, OutputSink},
    context::Context,
};

use super::{UnshareOptions, holder::Holder, inside::Inside};
use crate::{
    backend::{ChrootError, Session, SessionCommand},
    confine::{ConfineError, Scratch},
    gateway::{AccessRecord, Door},
    limits::Usage,
};

/// An open session.
#[derive(Debug)]
pub(super) struct UnshareSession {
    pub(super) inside: Inside,
    pub(super) scratch: Scratch,
    pub(super) door: Option<Door>,
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
        self.inside.run(self.holder.process()?, cx, command, out).await
    }

    fn usage(&self) -> Usage {
        self.inside.usage
    }

    async fn snapshot(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        self.inside.snapshot(self.holder.process()?, cx, name).await
    }

    async fn rollback(&mut self, cx: &Context, name: &str) -> Result<(), ChrootError> {
        self.inside.rollback(self.holder.process()?, cx, name).await
    }

    fn snapshots(&self) -> Vec<String> {
        self.inside.layers.names()
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        self.holder.end().await;
        self.inside.leave().await;
        let UnshareOptions { runner, user, .. } = &*self.inside.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
