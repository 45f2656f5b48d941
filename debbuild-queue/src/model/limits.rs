//! The figures of the lease protocol, in one place.

use std::time::Duration;

use super::AttemptId;

/// Time limits and retry figures. The defaults are those of the documentation; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How often a worker says that an attempt lives (default 15 s).
    pub heartbeat: Duration,
    /// How long a heartbeat counter may stand still before the attempt counts as lost (default 120 s).
    pub lease: Duration,
    /// After how long without an answer to its heartbeats a worker kills its own work (default 90 s, below `lease`).
    pub self_kill: Duration,
    /// How long a worker has from claim to accept (default 60 s); then the lease is void and costs no retry.
    pub accept: Duration,
    /// The pause before each retry after an infrastructure failure (default 30 s, 2 min, 10 min); its length is the number of retries.
    /// There is none after a worker's death that is the task's first failure.
    pub backoff: Vec<Duration>,
    /// How many infrastructure failures in a row put a worker into quarantine (default 3).
    pub quarantine_after: u32,
    /// How long a quarantine lasts (default 10 min).
    pub quarantine: Duration,
    /// How long a worker is not offered a task again that it refused (default 900 s).
    pub refusal: Duration,
    /// How long the idempotency key of a submission is remembered (default 7 days).
    pub keep_request_keys: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            lease: Duration::from_secs(120),
            self_kill: Duration::from_secs(90),
            accept: Duration::from_secs(60),
            backoff: [30, 120, 600].map(Duration::from_secs).to_vec(),
            quarantine_after: 3,
            quarantine: Duration::from_secs(600),
            refusal: Duration::from_secs(900),
            keep_request_keys: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Limits {
    /// With other lease figures: heartbeat, self-kill and lease, in this order of length.
    #[must_use]
    pub fn with_lease(mut self, heartbeat: Duration, self_kill: Duration, lease: Duration) -> Self {
        (self.heartbeat, self.self_kill, self.lease) = (heartbeat, self_kill, lease);
        self
    }

    /// With another time from claim to accept.
    #[must_use]
    pub fn with_accept(mut self, accept: Duration) -> Self {
        self.accept = accept;
        self
    }

    /// With other pauses before retries.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Vec<Duration>) -> Self {
        self.backoff = backoff;
        self
    }

    /// With another quarantine.
    #[must_use]
    pub fn with_quarantine(mut self, after: u32, lasts: Duration) -> Self {
        (self.quarantine_after, self.quarantine) = (after, lasts);
        self
    }

    /// The pause before the retry that follows the `failures`-th infrastructure failure (from 1), varied by ±25 % so that
    /// tasks that failed together do not return together; `None` when there is no further retry.
    #[must_use]
    pub fn pause(&self, attempt: AttemptId, failures: u32) -> Option<Duration> {
        let base = *self.backoff.get(usize::try_from(failures.checked_sub(1)?).ok()?)?;
        let seed = debbuild_core::digest::Sha256::of(attempt.to_string().as_bytes());
        let percent = 75 + u32::from(seed.as_bytes()[0]) * 50 / 255;
        Some(base * percent / 100)
    }

    /// The longest pause there is.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        self.backoff.iter().max().copied().unwrap_or_default() * 5 / 4
    }
}
