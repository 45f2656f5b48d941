//! What dead processes left in their spools: results are handed in, leases without one are given up at once.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use debbuild_core::{context::Context, error::chain};

use super::{Shared, WorkerError, WorkerOptions, WorkerReport, persistently, spool::Spool};
use crate::{error::QueueError, model::WorkerName};

impl Shared {
    /// Takes up what is in the spool. Its lock is ours, so the process that left it is dead: nobody waits for its leases to
    /// run out. Their tokens speak for the attempts, so what ended otherwise meanwhile stays as it is.
    pub(super) async fn take_up(&self, cx: &Context) -> Result<WorkerReport, WorkerError> {
        let (mut report, name) = (WorkerReport::default(), &self.options.name);
        for entry in self.spool.entries().await? {
            let held = entry.held();
            let id = held.attempt;
            if entry.completion.is_some() {
                cx.note(format!(
                    "attempt {id} had ended when the process of worker {name} died: its result is handed in"
                ));
                self.hand_in(cx, &held).await?;
                report.replayed += u64::from(!cx.cancel().is_cancelled());
                continue;
            }
            let reason = format!("the process of worker {name} died");
            match persistently(cx, || self.service.abandon(cx, id, &held.token, &reason)).await {
                Ok(()) => {
                    cx.warn(format!("attempt {id} is lost: {reason}"));
                    report.abandoned += 1;
                }
                Err(QueueError::Rejected(_) | QueueError::NoTask(_)) => {}
                Err(error) => return Err(error.into()),
            }
            self.forget(cx, id).await?;
        }
        Ok(report)
    }

    /// The same worker process, acting for a dead one on its spool.
    fn heir(&self, name: WorkerName, spool: Spool) -> Self {
        Self {
            service: Arc::clone(&self.service),
            blobs: Arc::clone(&self.blobs),
            executors: self.executors.clone(),
            options: WorkerOptions { name, ..self.options.clone() },
            spool,
            instance: self.instance,
        }
    }
}

/// Looks for dead workers with a spool beside ours, as often as a heart beats.
#[derive(Debug)]
pub(super) struct Heirs {
    due: Option<Instant>,
    /// Whose spool cannot be taken up: said once, and left to them.
    hopeless: BTreeSet<WorkerName>,
}

impl Heirs {
    pub(super) const fn new() -> Self {
        Self { due: None, hopeless: BTreeSet::new() }
    }

    /// Takes up what dead workers left, if it is time to look.
    pub(super) async fn look(
        &mut self,
        shared: &Shared,
        cx: &Context,
        report: &mut WorkerReport,
    ) -> Result<(), WorkerError> {
        let now = cx.clock().monotonic();
        if self.due.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.due = Some(now + shared.options.limits.heartbeat);
        for (name, spool) in Spool::orphans(&shared.options.spool, &shared.options.name).await? {
            if self.hopeless.contains(&name) {
                continue;
            }
            match shared.heir(name.clone(), spool).take_up(cx).await {
                Ok(taken) => {
                    report.replayed += taken.replayed;
                    report.abandoned += taken.abandoned;
                }
                Err(_) if cx.cancel().is_cancelled() => return Ok(()),
                Err(error) => {
                    cx.warn(format!("what worker {name} left cannot be taken up: {}", chain(&error)));
                    self.hopeless.insert(name);
                }
            }
        }
        Ok(())
    }
}
