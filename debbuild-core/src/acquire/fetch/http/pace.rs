//! How fast transfers go: what we take of the line and of each server, and what a server has to give.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::HttpOptions;

/// What all transfers of a client share.
#[derive(Debug)]
pub(super) struct Pace {
    parallel: usize,
    servers: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    line: Option<Mutex<Line>>,
}

/// A line of so many bytes per second.
#[derive(Debug)]
struct Line {
    bytes: u64,
    free: Instant,
}

impl Line {
    /// Takes this many bytes; how long to wait until the line has carried those before them.
    fn take(&mut self, count: u64, now: Instant) -> Duration {
        let begin = self.free.max(now);
        self.free = begin + Duration::from_secs_f64(count as f64 / self.bytes.max(1) as f64);
        begin - now
    }
}

impl Pace {
    pub(super) fn new(options: &HttpOptions) -> Self {
        let line = options.bandwidth.map(|bytes| Mutex::new(Line { bytes, free: Instant::now() }));
        Self { parallel: options.parallel.max(1), servers: Mutex::default(), line }
    }

    /// Waits for a turn at a server, which lasts until the permit is dropped.
    pub(super) async fn turn(&self, server: &str) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            servers.retain(|_, turns| Arc::strong_count(turns) > 1 || turns.available_permits() < self.parallel);
            Arc::clone(servers.entry(server.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.parallel))))
        };
        // Nobody closes it.
        turns.acquire_owned().await.ok()
    }

    /// Waits until the line has room after these bytes.
    pub(super) async fn carry(&self, count: u64) {
        let Some(line) = &self.line else { return };
        let wait = line.lock().unwrap_or_else(PoisonError::into_inner).take(count, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Whether a server gives what it must, by the time that was spent waiting for it.
#[derive(Debug)]
pub(super) struct Speed {
    least: u64,
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Speed {
    pub(super) const fn new(options: &HttpOptions) -> Self {
        Self { least: options.least_speed, window: options.speed_window, waited: Duration::ZERO, bytes: 0 }
    }

    /// Takes note of bytes and of the wait for them; false when the server was too slow over a whole window.
    pub(super) fn enough(&mut self, bytes: u64, waited: Duration) -> bool {
        self.bytes += bytes;
        self.waited += waited;
        if self.waited < self.window {
            return true;
        }
        let enough = self.bytes as f64 >= self.least as f64 * self.waited.as_secs_f64();
        (self.bytes, self.waited) = (0, Duration::ZERO);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_what_it_can_whoever_asks() {
        let begin = Instant::now();
        let mut line = Line { bytes: 1000, free: begin };
        assert_eq!(line.take(500, begin), Duration::ZERO);
        assert_eq!(line.take(2000, begin), Duration::from_millis(500));
        assert_eq!(line.take(1, begin + Duration::from_secs(1)), Duration::from_millis(1500));
        // What was not used is not saved up.
        assert_eq!(line.take(1000, begin + Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(line.take(1000, begin + Duration::from_secs(60)), Duration::from_secs(1));
    }

    #[test]
    fn a_server_is_too_slow_only_over_a_whole_window() {
        let options = HttpOptions::new().with_least_speed(100, Duration::from_secs(10));
        let mut speed = Speed::new(&options);
        assert!(speed.enough(1, Duration::from_secs(9)));
        assert!(speed.enough(999, Duration::from_secs(1)));
        assert!(speed.enough(1, Duration::from_secs(9)));
        assert!(!speed.enough(1, Duration::from_secs(1)));
        let mut any = Speed::new(&options.with_least_speed(0, Duration::from_secs(10)));
        assert!(any.enough(0, Duration::from_secs(60)));
    }
}
