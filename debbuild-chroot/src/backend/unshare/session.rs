//! An open session of the real backend: commands that join its namespaces, one after the other.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    build::LimitMeans,
    command::{CommandError, Exit, OutputSink},
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
    limits::{Group, Limits, Usage},
};

/// An open session.
#[derive(Debug)]
pub(super) struct UnshareSession {
    pub(super) parts: Arc<UnshareOptions>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) scratch: Scratch,
    pub(super) door: Option<Door>,
    pub(super) limits: Limits,
    /// What holds memory and processes, where control groups do.
    pub(super) group: Option<Group>,
    pub(super) usage: Usage,
    pub(super) holder: Holder,
    /// The lock by which the unpacked base is in use.
    pub(super) _hold: File,
}

impl UnshareSession {
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
        let limits = if self.group.is_some() { self.limits.beside_group() } else { self.limits };
        let spec = joining(self.holder.process()?, user, self.scratch.path(), &limits, inner);
        let spec = spec.with_memory(limits.memory).with_cwd(self.scratch.path().clone());
        let spec = match &mut self.group {
            Some(group) => group.wrap(spec, &self.limits),
            None => spec,
        };
        self.usage = Usage { limits_by: self.limits_by(), ..Usage::default() };
        let ended = enter(&**runner, cx, spec, &self.scratch.path().join("started"), command, out).await;
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

    fn usage(&self) -> Usage {
        self.usage
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        self.holder.end().await;
        if let Some(group) = &self.group {
            let _nothing_new = group.end().await;
        }
        let UnshareOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
