//! A build's limit on memory: held by a control group where there is one, else by the kernel for each process.

use debbuild_core::{
    build::{BuildOptions, LimitMeans, Resources},
    command::{CommandError, CommandRunner, CommandSpec, Exit},
    context::Context,
    path::AbsPath,
};

use crate::limits::{Group, Limits};

/// What holds the limits of one build.
#[derive(Debug)]
pub(super) struct Held {
    limits: Limits,
    group: Option<Group>,
}

impl Held {
    /// The strongest that this machine has.
    pub(super) async fn find(
        cx: &Context,
        runner: &dyn CommandRunner,
        options: &BuildOptions,
        scratch: &AbsPath,
    ) -> Self {
        let limits = Limits::new().with_memory(options.memory);
        let group = Group::find(cx, runner, &limits, scratch).await;
        Self { limits, group }
    }

    /// The most memory that each process may have, in bytes; none where a control group holds that of all together.
    pub(super) fn of_process(&self) -> Option<u64> {
        self.limits.memory.filter(|_| self.group.is_none())
    }

    /// The build, within its limit and measured.
    pub(super) fn wrap(&mut self, spec: CommandSpec) -> CommandSpec {
        let spec = spec.with_measured(true);
        match &mut self.group {
            Some(group) => group.wrap(spec, &self.limits),
            None => spec,
        }
    }

    /// What became of it, and what it used.
    pub(super) async fn end(&self, ran: Result<Exit, CommandError>) -> (Result<Exit, CommandError>, Resources) {
        let peak = ran.as_ref().ok().and_then(|exit| exit.peak_memory);
        let mut used = Resources { peak_memory_bytes: peak, ..Resources::default() };
        let Some(group) = &self.group else {
            used.limits_by = self.limits.memory.map(|_| LimitMeans::Rlimits);
            return (ran, used);
        };
        used.limits_by = Some(group.means());
        let report = group.end().await;
        used.peak_memory_bytes = report.peak_memory.or(peak);
        used.cpu_seconds = report.cpu_time.map(|time| time.as_secs_f64());
        match (ran, self.limits.memory) {
            (Ok(_), Some(limit)) if report.killed => {
                (Err(CommandError::Memory { program: "sbuild".to_owned(), limit }), used)
            }
            (ran, _) => (ran, used),
        }
    }
}
