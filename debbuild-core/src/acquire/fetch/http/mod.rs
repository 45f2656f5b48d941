//! http and https by reqwest, with ring: retries with growing pauses, limits on time and speed, resume, conditional requests.

mod answer;
mod options;
mod pace;
mod receive;

use std::{error::Error as _, sync::Arc, time::Duration};

use answer::Version;
use async_trait::async_trait;
pub use options::HttpOptions;
use pace::Pace;
use reqwest::{Client, StatusCode, redirect::Policy};
use tokio::time::Instant;

use super::{
    Fetch, FetchError, FetchRequest, Fetched,
    landing::{self, Landing, too_large},
};
use crate::{blocking, cancel::Cancelled, context::Context, path::AbsPath};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Fetches over http and https. Clones share connections and limits.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    client: Client,
    options: Arc<HttpOptions>,
    pace: Arc<Pace>,
}

/// How one try ended, short of success.
enum Failure {
    /// Another try may help, after at least this pause.
    Passing(String, Duration),
    /// What was left of an earlier transfer does not fit and is gone; the server is not to blame.
    Stale,
    /// Another try does not help.
    Final(FetchError),
}

impl Failure {
    fn passing(reason: impl Into<String>) -> Self {
        Self::Passing(reason.into(), Duration::ZERO)
    }
}

impl<E: Into<FetchError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// One file on its way, over all tries.
struct Transfer<'a> {
    http: &'a HttpFetch,
    cx: &'a Context,
    request: &'a FetchRequest,
    to: &'a AbsPath,
    /// What the last try got bytes of.
    version: Version,
    /// When this try must be at its end.
    deadline: Option<Instant>,
}

impl HttpFetch {
    /// A client; its connections are reused.
    ///
    /// # Errors
    /// [`FetchError::Client`].
    pub fn new(options: HttpOptions) -> Result<Self, FetchError> {
        // The process has one provider; whoever came first may have chosen another, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let failed = |error: reqwest::Error| FetchError::Client(reason(&error));
        let mut builder = Client::builder()
            .no_proxy()
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .redirect(redirects(options.foreign_redirects));
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.as_str()).map_err(failed)?);
        }
        let pace = Arc::new(Pace::new(&options));
        Ok(Self { client: builder.build().map_err(failed)?, options: Arc::new(options), pace })
    }
}

fn redirects(foreign: bool) -> Policy {
    Policy::custom(move |attempt| {
        let (target, previous) = (attempt.url(), attempt.previous());
        let downgrade = previous.iter().any(|url| url.scheme() == "https") && target.scheme() != "https";
        let elsewhere = previous.first().is_some_and(|first| first.host() != target.host());
        if !matches!(target.scheme(), "http" | "https") {
            attempt.error("redirected to what is neither http nor https")
        } else if !target.username().is_empty() || target.password().is_some() {
            attempt.error("redirected to an address with credentials")
        } else if downgrade {
            attempt.error("redirected from https to http")
        } else if elsewhere && !foreign {
            attempt.error("redirected to another host")
        } else if previous.len() > 10 {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

impl Transfer<'_> {
    async fn once(&mut self) -> Result<Fetched, Failure> {
        self.cx.cancel().check()?;
        let Self { http, cx, request, to, .. } = *self;
        let _turn = tokio::select! {
            () = cx.cancel().cancelled() => return Err(Cancelled.into()),
            turn = http.pace.turn(request.uri.server()) => turn,
        };
        self.deadline = http.options.transfer_timeout.map(|limit| Instant::now() + limit);
        let offset = self.offset().await?;
        let headers = answer::headers(request, offset, &self.version);
        let sending = http.client.get(request.uri.as_str()).headers(headers).send();
        let response = tokio::select! {
            () = cx.cancel().cancelled() => return Err(Cancelled.into()),
            () = until(self.deadline) => return Err(late()),
            response = sending => response.map_err(|error| sending_failed(request, &error))?,
        };
        let uri = || request.uri.clone();
        let offset = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if offset > 0 && self.version.goes_on(&response, offset, request) => offset,
            StatusCode::NOT_MODIFIED if !request.unless.is_empty() => return Ok(Fetched::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::NotFound { uri: uri() }.into()),
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if offset > 0 => {
                let to = to.clone();
                blocking::run(move || landing::forget(&to)).await?;
                return Err(Failure::Stale);
            }
            status if answer::passing(status) => {
                return Err(Failure::Passing(format!("status {status}"), answer::retry_after(&response)));
            }
            status => return Err(FetchError::Refused { uri: uri(), status: status.as_u16() }.into()),
        };
        if response.content_length().is_some_and(|length| length.saturating_add(offset) > request.most()) {
            return Err(too_large(request).into());
        }
        self.receive(offset, response).await
    }

    /// What is there already and may be gone on from: by its digest in the end, or by what the server called it.
    async fn offset(&self) -> Result<u64, FetchError> {
        if self.request.sha256.is_none() && !self.version.can_go_on() {
            return Ok(0);
        }
        let (request, to) = (self.request.clone(), self.to.clone());
        blocking::run(move || Landing::offset(&request, &to)).await
    }

    /// Tries until it is done, final, or enough.
    async fn run(&mut self) -> Result<Fetched, FetchError> {
        let Self { http: HttpFetch { options, .. }, cx, request, .. } = *self;
        let end = Instant::now() + options.patience;
        let (mut wait, mut attempt) = (options.backoff, 1);
        loop {
            let (reason, pause) = match self.once().await {
                Ok(fetched) => return Ok(fetched),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Stale) => {
                    self.version = Version::default();
                    continue;
                }
                Err(Failure::Passing(reason, pause)) => (reason, pause.max(wait)),
            };
            let uri = request.uri.clone();
            if attempt >= options.attempts || Instant::now() + pause >= end {
                return Err(FetchError::Unreachable { uri, reason });
            }
            cx.note(format!("{uri}: {reason}; trying again in {:.1} s", pause.as_secs_f64()));
            tokio::select! {
                () = cx.cancel().cancelled() => return Err(Cancelled.into()),
                () = tokio::time::sleep(pause) => {}
            }
            if let Some(arriving) = &request.arriving {
                arriving.again();
            }
            attempt += 1;
            wait = wait.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn late() -> Failure {
    Failure::passing("the transfer takes too long")
}

fn sending_failed(request: &FetchRequest, error: &reqwest::Error) -> Failure {
    if error.is_redirect() || error.is_builder() {
        return FetchError::Unreachable { uri: request.uri.clone(), reason: reason(error) }.into();
    }
    Failure::passing(reason(error))
}

/// The deepest cause says most, and does not repeat the address (which may hold a password).
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_some() { cause.to_string() } else { "the request failed".to_owned() }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        let uri = request.uri.clone();
        if !matches!(uri.scheme(), "http" | "https") {
            return Err(FetchError::Scheme { scheme: uri.scheme().to_owned(), uri });
        }
        let mut transfer = Transfer { http: self, cx, request, to, version: Version::default(), deadline: None };
        let fetched = transfer.run().await;
        if fetched.is_err() && request.sha256.is_none() {
            // Without the digest nobody can go on from it later.
            let to = to.clone();
            blocking::run(move || landing::forget(&to)).await?;
        }
        fetched
    }
}
