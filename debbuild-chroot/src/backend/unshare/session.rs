//! An open session of the real backend: commands that join its namespaces, one after the other.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    command::{CommandError, Exit, OutputSink, Tail, Tee},
    context::Context,
    path::IoResultExt as _,
};

use super::{
    TAIL, UnshareOptions,
    holder::{Holder, joining},
};
use crate::{
    backend::{ChrootError, Session, SessionCommand, words::inner},
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
        let started = self.scratch.path().child("started")?;
        match fs::remove_file(&started) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("remove", &started)?,
            _ => {}
        }
        let inner = inner(command, &self.environment, self.door.is_some())?;
        let mut spec = joining(self.holder.process()?, user, self.scratch.path(), &self.limits, inner)
            .with_stdin(command.stdin.clone())
            .with_terminal(command.terminal)
            .with_timeout(command.timeout)
            .with_stalled(command.stalled)
            .with_memory(self.limits.memory)
            .with_measured(true);
        spec.cwd = Some(self.scratch.path().clone());
        let mut said = Tee(Tail::new(TAIL), out);
        let own = |error: CommandError| error.with_program(command.argv.first().map_or("", String::as_str));
        let exit = runner.run(cx, &spec, &mut said).await.map_err(own)?;
        if !started.as_std().exists() {
            return Err(ChrootError::Setup(said.0.text()));
        }
        Ok(exit)
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
