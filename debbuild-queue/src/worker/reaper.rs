//! The reaper: frees the tasks of attempts whose heartbeat counter stands still, measured by its own clock alone.

use std::{collections::HashMap, time::Instant};

use debbuild_core::{
    context::Context,
    error::{Class, Classify as _, chain},
};

use crate::{
    error::QueueError,
    model::{AttemptId, AttemptState},
    queue::Queue,
};

/// How many attempts are looked at in one go.
const PAGE: u32 = 500;

/// Watches counters. It compares no wall clocks: an attempt is lost when this process has seen its counter stand still for
/// a whole lease, so a reaper that was just started gives every attempt a full lease. Several may run at once.
#[derive(Debug, Default)]
pub struct Reaper {
    seen: HashMap<AttemptId, (u64, AttemptState, Instant)>,
}

impl Reaper {
    /// A reaper that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at all open attempts once and frees what is lost or was never accepted; returns those attempts.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sweep(&mut self, cx: &Context, queue: &Queue) -> Result<Vec<AttemptId>, QueueError> {
        let now = cx.clock().monotonic();
        let (mut after, mut freed) = (None, Vec::new());
        let mut open = HashMap::new();
        loop {
            let page = queue.open_attempts(cx, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for attempt in page {
                let same = self
                    .seen
                    .get(&attempt.id)
                    .filter(|(counter, state, _)| (*counter, *state) == (attempt.counter, attempt.state));
                let since = same.map_or(now, |(_, _, since)| *since);
                let limits = queue.limits();
                let most = if attempt.state == AttemptState::Leased { limits.accept } else { limits.lease };
                if now.duration_since(since) < most {
                    open.insert(attempt.id, (attempt.counter, attempt.state, since));
                    continue;
                }
                match queue.lose(cx, attempt.id, attempt.counter).await {
                    Ok(()) => freed.push(attempt.id),
                    // It moved at the last moment.
                    Err(QueueError::Rejected(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.seen = open;
        Ok(freed)
    }

    /// Sweeps again and again until the context is cancelled; a store that fails is tried again.
    pub async fn run(mut self, cx: &Context, queue: &Queue) {
        let pause = queue.limits().heartbeat;
        while !cx.cancel().is_cancelled() {
            match self.sweep(cx, queue).await {
                Ok(freed) => freed.iter().for_each(|id| cx.warn(format!("attempt {id} is lost"))),
                Err(error) if error.class() == Class::Cancelled => return,
                Err(error) => cx.warn(chain(&error)),
            }
            tokio::select! {
                () = tokio::time::sleep(super::varied(pause)) => {}
                () = cx.cancel().cancelled() => return,
            }
        }
    }
}
