//! What commands of a session need, whoever keeps its holder alive: they join its namespaces, one after the other.

use std::{collections::BTreeMap, io, sync::Arc};

use debbuild_core::{
    build::LimitMeans,
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
    limits::{Group, Limits, Usage},
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
    /// What holds memory and processes, where control groups do.
    pub(super) group: Option<Group>,
    /// What the last command used.
    pub(super) usage: Usage,
    pub(super) layers: Layers,
}

impl Inside {
    /// Runs a command in the namespaces of this process.
    pub(super) async fn run(
        &mut self,
        process: u32,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let parts = Arc::clone(&self.parts);
        let UnshareOptions { runner, user, .. } = &*parts;
        let inner = inner(command, &self.environment, self.archives)?;
        let limits = if self.group.is_some() { self.limits.beside_group() } else { self.limits };
        let spec = joining(process, user, &self.place, &limits, inner);
        let spec = spec.with_memory(limits.memory).with_cwd(self.place.clone());
        let spec = match &mut self.group {
            Some(group) => group.wrap(spec, &self.limits),
            None => spec,
        };
        self.usage = Usage { limits_by: self.limits_by(), ..Usage::default() };
        let ended = enter(&**runner, cx, spec, &self.place.join("started"), command, out).await;
        let killed = self.measure().await;
        match (ended, self.limits.memory) {
            // Of a command that was killed before its root was entered, that is all that is known.
            (Ok(_) | Err(ChrootError::Setup(_)), Some(limit)) if killed => {
                let program = command.argv.first().cloned().unwrap_or_default();
                Err(CommandError::Memory { program, limit }.into())
            }
            (Ok(mut exit), _) => {
                exit.peak_memory = self.usage.peak_memory.or(exit.peak_memory);
                self.usage.peak_memory = exit.peak_memory;
                Ok(exit)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn limits_by(&self) -> Option<LimitMeans> {
        match &self.group {
            Some(group) => Some(group.means()),
            None => (!self.limits.is_empty()).then_some(LimitMeans::Rlimits),
        }
    }

    /// Keeps what the control group says of the command that ended, and says whether the kernel killed it for its memory.
    async fn measure(&mut self) -> bool {
        let Some(group) = &self.group else { return false };
        let report = group.end().await;
        (self.usage.peak_memory, self.usage.cpu_time) = (report.peak_memory, report.cpu_time);
        report.killed
    }

    /// Leaves no control group behind.
    pub(super) async fn leave(&self) {
        if let Some(group) = &self.group {
            let _nothing_new = group.end().await;
        }
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
