//! What commands of a session need, whoever keeps its holder alive: they join its namespaces, one after the other.

use std::{collections::BTreeMap, io, sync::Arc};

use debbuild_core::{
    command::{CommandError, Exit, OutputSink, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{
    TAIL, UnshareOptions,
    holder::{joining, relayering},
};
use crate::{
    backend::{
        ChrootError, SessionCommand,
        snapshots::Layers,
        words::{enter, inner},
    },
    limits::Limits,
};

/// The inside of a session.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) parts: Arc<UnshareOptions>,
    pub(super) environment: BTreeMap<String, String>,
    /// Its scratch folder.
    pub(super) place: AbsPath,
    /// Whether a relay to the gateway listens in it.
    pub(super) archives: bool,
    pub(super) limits: Limits,
    pub(super) layers: Layers,
}

impl Inside {
    /// Runs a command in the namespaces of this process.
    pub(super) async fn run(
        &self,
        process: u32,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let UnshareOptions { runner, user, .. } = &*self.parts;
        let inner = inner(command, &self.environment, self.archives)?;
        let spec = joining(process, user, &self.place, &self.limits, inner);
        let spec = spec.with_memory(self.limits.memory).with_cwd(self.place.clone());
        enter(&**runner, cx, spec, &self.place.join("started"), command, out).await
    }

    /// See [`Session::snapshot`](crate::backend::Session::snapshot).
    pub(super) async fn snapshot(&mut self, process: u32, cx: &Context, name: &str) -> Result<(), ChrootError> {
        let next = self.layers.seal(name)?;
        self.relayer(process, cx, "seal", next).await
    }

    /// See [`Session::rollback`](crate::backend::Session::rollback).
    pub(super) async fn rollback(&mut self, process: u32, cx: &Context, name: &str) -> Result<(), ChrootError> {
        let next = self.layers.back(name)?;
        self.relayer(process, cx, "back", next).await
    }

    /// Makes the root anew, of other layers.
    async fn relayer(&mut self, process: u32, cx: &Context, how: &str, next: Layers) -> Result<(), ChrootError> {
        if cx.cancel().is_cancelled() {
            return Err(CommandError::Cancelled { program: "the change of layers".to_owned() }.into());
        }
        let UnshareOptions { runner, user, .. } = &*self.parts;
        let note = serde_json::to_string(&next).map_err(io::Error::other).at("note the layers of", &self.place)?;
        let spec = relayering(process, user, &self.place, how, (&self.layers, &next)).with_arg(note);
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
