//! The heartbeat of an attempt: says that it lives, carries its log, and brings back the wish to cancel.

use std::{sync::Arc, time::Instant};

use debbuild_core::{
    cancel::CancelToken,
    context::Context,
    error::{Class, Classify as _, chain},
    path::AbsPath,
};
use tokio::sync::watch;

use super::{Held, Shared, log, varied};
use crate::{
    error::QueueError,
    queue::{Beat, LogChunk},
};

/// What the heartbeat found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Verdict {
    /// Nothing special.
    #[default]
    Fine,
    /// Somebody wishes the task to end.
    Cancel(String),
    /// The queue did not answer for so long that it may have given the task to another worker.
    Unheard,
    /// The attempt is over: nothing that it does counts.
    Over(String),
}

/// Beats until it is told to stop or the attempt is over; ends the work when it must not go on.
#[derive(Debug)]
pub(super) struct Heart {
    pub(super) shared: Arc<Shared>,
    pub(super) held: Held,
    pub(super) log: AbsPath,
    /// Ends the work.
    pub(super) work: CancelToken,
    /// Ends the heartbeat.
    pub(super) stop: CancelToken,
    pub(super) verdict: watch::Sender<Verdict>,
}

impl Heart {
    /// `cx` must not be cancelled with the worker: the heart beats until the result is handed in.
    pub(super) async fn beat(self, cx: Context) {
        let (mut counter, mut offset) = (1_u64, 0_u64);
        let mut heard = cx.clock().monotonic();
        let mut due = heard;
        let limits = &self.shared.options.limits;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.shared.options.flush.min(limits.heartbeat)) => {}
                () = self.stop.cancelled() => return,
            }
            let bytes = self.news(&cx, offset).await;
            let now = cx.clock().monotonic();
            if bytes.is_empty() && now < due {
                continue;
            }
            counter += 1;
            let chunk = (!bytes.is_empty()).then_some(LogChunk { offset, bytes: &bytes });
            let beat = Beat::new(self.held.attempt, &self.held.token, counter).with_log(chunk);
            match self.shared.service.beat(&cx, &beat).await {
                Ok(reply) => {
                    heard = cx.clock().monotonic();
                    due = heard + varied(limits.heartbeat);
                    offset = reply.log_size;
                    if let Some(wish) = reply.cancel {
                        self.end(Verdict::Cancel(format!("cancelled by {}: {}", wish.by, wish.reason)));
                    }
                }
                Err(error) if self.is_over(&error) => {
                    self.end(Verdict::Over(chain(&error)));
                    return;
                }
                Err(error) => self.unanswered(&cx, heard, &error),
            }
        }
    }

    async fn news(&self, cx: &Context, offset: u64) -> Vec<u8> {
        match log::read_on(&self.log, offset).await {
            Ok(bytes) => bytes,
            Err(error) => {
                cx.warn(format!("attempt {}: {}", self.held.attempt, chain(&error)));
                Vec::new()
            }
        }
    }

    /// Whether the queue says that this attempt no longer holds its task.
    fn is_over(&self, error: &QueueError) -> bool {
        matches!(error, QueueError::Rejected(_) | QueueError::NoTask(_))
    }

    /// Without an answer for long enough the work must end before another worker may begin it.
    fn unanswered(&self, cx: &Context, heard: Instant, error: &QueueError) {
        if error.class() != Class::Infrastructure {
            cx.warn(format!("attempt {}: heartbeat refused: {}", self.held.attempt, chain(error)));
        }
        if cx.clock().monotonic().duration_since(heard) >= self.shared.options.limits.self_kill {
            self.end(Verdict::Unheard);
        }
    }

    /// Ends the work, for the first reason that there is.
    fn end(&self, verdict: Verdict) {
        self.verdict.send_if_modified(|known| {
            let news = *known == Verdict::Fine || matches!(verdict, Verdict::Over(_));
            if news {
                *known = verdict;
            }
            news
        });
        self.work.cancel();
    }
}
