//! How an http client behaves: tries, time limits, and how much it takes of a server and of the line.

use std::time::Duration;

use crate::acquire::fetch::Uri;

/// How an http client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How often one file is tried.
    pub attempts: u32,
    /// The wait before the second try; it doubles with every further one, up to a minute.
    pub backoff: Duration,
    /// How long one file is tried in all: after that no further try begins.
    pub patience: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub read_timeout: Duration,
    /// How long one try may take in all, where that is limited.
    pub transfer_timeout: Option<Duration>,
    /// The bytes per second that a server must give; 0 for any.
    pub least_speed: u64,
    /// Over how long the least speed is measured: time spent waiting for the server.
    pub speed_window: Duration,
    /// The most bytes per second that all transfers of the client take together.
    pub bandwidth: Option<u64>,
    /// The most transfers at a time from one server; at least one.
    pub parallel: usize,
    /// Whether a redirect may lead to another host.
    pub foreign_redirects: bool,
    /// The proxy to use; without one none is used, whatever the environment says.
    pub proxy: Option<Uri>,
    /// What to call ourselves.
    pub user_agent: String,
}

impl HttpOptions {
    /// Three tries within ten minutes, 1 s before the second, 30 s to connect, 60 s of silence, at least 100 bytes per second
    /// over 60 s, eight transfers from one server, no limit on a transfer's time and on the bandwidth, redirects to anywhere,
    /// no proxy.
    #[must_use]
    pub fn new() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_secs(1),
            patience: Duration::from_secs(600),
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(60),
            transfer_timeout: None,
            least_speed: 100,
            speed_window: Duration::from_secs(60),
            bandwidth: None,
            parallel: 8,
            foreign_redirects: true,
            proxy: None,
            user_agent: concat!("debbuild/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// With another number of tries (at least one is made).
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// With another first wait.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// With another limit on the time of all tries.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// With other limits on connecting and on silence.
    #[must_use]
    pub const fn with_timeouts(mut self, connect: Duration, read: Duration) -> Self {
        self.connect_timeout = connect;
        self.read_timeout = read;
        self
    }

    /// With a limit on the time of one try.
    #[must_use]
    pub const fn with_transfer_timeout(mut self, limit: Option<Duration>) -> Self {
        self.transfer_timeout = limit;
        self
    }

    /// With another least speed in bytes per second, measured over this long.
    #[must_use]
    pub const fn with_least_speed(mut self, bytes: u64, window: Duration) -> Self {
        self.least_speed = bytes;
        self.speed_window = window;
        self
    }

    /// With a limit on the bytes per second of all transfers together.
    #[must_use]
    pub const fn with_bandwidth(mut self, bytes: Option<u64>) -> Self {
        self.bandwidth = bytes;
        self
    }

    /// With another number of transfers at a time from one server.
    #[must_use]
    pub const fn with_parallel(mut self, transfers: usize) -> Self {
        self.parallel = transfers;
        self
    }

    /// Whether a redirect may lead to another host.
    #[must_use]
    pub const fn with_foreign_redirects(mut self, follow: bool) -> Self {
        self.foreign_redirects = follow;
        self
    }

    /// Through this proxy.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Option<Uri>) -> Self {
        self.proxy = proxy;
        self
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}
