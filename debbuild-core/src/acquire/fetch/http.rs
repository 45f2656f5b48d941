//! http and https by reqwest, with ring: retries with back-off, time limits, resume by Range, conditional requests.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Client, Response, StatusCode,
    header::{
        CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
    },
    redirect::Policy,
};

use super::{
    Fetch, FetchError, FetchRequest, Fetched, Uri, Validators,
    landing::{Landed, Landing, too_large},
};
use crate::{blocking, cancel::Cancelled, context::Context, path::AbsPath};

/// Bytes that are collected before they are hashed and written.
const BATCH: usize = 512 * 1024;

/// How an http client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How often one file is tried.
    pub attempts: u32,
    /// The wait before the second try; it doubles with every further one.
    pub backoff: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub read_timeout: Duration,
    /// The proxy to use; without one none is used, whatever the environment says.
    pub proxy: Option<Uri>,
    /// What to call ourselves.
    pub user_agent: String,
}

impl HttpOptions {
    /// Three tries, 1 s before the second, 30 s to connect, 60 s of silence, no proxy.
    #[must_use]
    pub fn new() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(60),
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

    /// With other limits on connecting and on silence.
    #[must_use]
    pub const fn with_timeouts(mut self, connect: Duration, read: Duration) -> Self {
        self.connect_timeout = connect;
        self.read_timeout = read;
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

/// Fetches over http and https.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    client: Client,
    options: HttpOptions,
}

/// How one try ended, short of success.
enum Failure {
    /// Another try may help.
    Passing(String),
    /// Another try does not help.
    Final(FetchError),
}

impl<E: Into<FetchError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
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
            .redirect(Policy::custom(|attempt| {
                let downgrade =
                    attempt.previous().iter().any(|url| url.scheme() == "https") && attempt.url().scheme() != "https";
                let target = attempt.url();
                if !target.username().is_empty() || target.password().is_some() {
                    attempt.error("redirected to an address with credentials")
                } else if downgrade {
                    attempt.error("redirected from https to http")
                } else if attempt.previous().len() > 10 {
                    attempt.error("too many redirects")
                } else {
                    attempt.follow()
                }
            }));
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.as_str()).map_err(failed)?);
        }
        Ok(Self { client: builder.build().map_err(failed)?, options })
    }

    async fn once(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, Failure> {
        cx.cancel().check()?;
        let offset = {
            let (request, to) = (request.clone(), to.clone());
            blocking::run(move || Landing::offset(&request, &to)).await?
        };
        let sending = self.client.get(request.uri.as_str()).headers(headers(request, offset)).send();
        let response = tokio::select! {
            () = cx.cancel().cancelled() => return Err(Cancelled.into()),
            response = sending => response.map_err(|error| sending_failed(request, &error))?,
        };
        let uri = || request.uri.clone();
        let offset = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if offset > 0 && goes_on_at(&response, offset) => offset,
            StatusCode::NOT_MODIFIED if !request.unless.is_empty() => return Ok(Fetched::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::NotFound { uri: uri() }.into()),
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                let to = to.clone();
                blocking::run(move || Landing::open(&to, 0).map(drop)).await?;
                return Err(Failure::Passing("the server does not go on where the last transfer ended".to_owned()));
            }
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                return Err(Failure::Passing(format!("status {status}")));
            }
            status if status.is_server_error() => return Err(Failure::Passing(format!("status {status}"))),
            status => return Err(FetchError::Refused { uri: uri(), status: status.as_u16() }.into()),
        };
        if response.content_length().is_some_and(|length| length.saturating_add(offset) > request.most()) {
            return Err(too_large(request).into());
        }
        receive(cx, request, to, offset, response).await
    }
}

fn headers(request: &FetchRequest, offset: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: Option<&str>| {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    };
    set(IF_NONE_MATCH, request.unless.etag.as_deref());
    set(IF_MODIFIED_SINCE, request.unless.last_modified.as_deref());
    if offset > 0 {
        set(RANGE, Some(&format!("bytes={offset}-")));
    }
    headers
}

fn goes_on_at(response: &Response, offset: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn sending_failed(request: &FetchRequest, error: &reqwest::Error) -> Failure {
    if error.is_redirect() || error.is_builder() {
        return FetchError::Unreachable { uri: request.uri.clone(), reason: reason(error) }.into();
    }
    Failure::Passing(reason(error))
}

/// The deepest cause says most, and does not repeat the address (which may hold a password).
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_some() { cause.to_string() } else { "the request failed".to_owned() }
}

async fn receive(
    cx: &Context,
    request: &FetchRequest,
    to: &AbsPath,
    offset: u64,
    mut response: Response,
) -> Result<Fetched, Failure> {
    let text = |name: HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let validators = Validators::new(text(ETAG), text(LAST_MODIFIED));
    let mut landing = {
        let to = to.clone();
        blocking::run(move || Landing::open(&to, offset)).await?
    };
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let chunk = tokio::select! {
            () = cx.cancel().cancelled() => Err(Failure::Final(Cancelled.into())),
            chunk = response.chunk() => chunk.map_err(|error| Failure::Passing(reason(&error))),
        };
        let end = match chunk {
            Ok(Some(bytes)) => {
                batch.extend_from_slice(&bytes);
                None
            }
            Ok(None) => Some(Ok(())),
            Err(failure) => Some(Err(failure)),
        };
        if batch.len() < BATCH && end.is_none() {
            continue;
        }
        let (bytes, request) = (std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), request.clone());
        match end {
            None => {
                landing = blocking::run(move || landing.write(&request, &bytes).map(|()| landing)).await?;
            }
            Some(Err(failure)) => {
                blocking::run(move || {
                    landing.write(&request, &bytes)?;
                    landing.abandon(&request)
                })
                .await?;
                return Err(failure);
            }
            Some(Ok(())) => {
                let landed = blocking::run(move || {
                    landing.write(&request, &bytes)?;
                    landing.finish(&request)
                })
                .await?;
                return match landed {
                    Landed::Good { size, sha256 } => Ok(Fetched::Complete { size, sha256, validators }),
                    Landed::StalePartial => Err(Failure::Passing("an earlier partial transfer did not fit".to_owned())),
                };
            }
        }
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        let uri = request.uri.clone();
        if !matches!(uri.scheme(), "http" | "https") {
            return Err(FetchError::Scheme { scheme: uri.scheme().to_owned(), uri });
        }
        let mut wait = self.options.backoff;
        let mut attempt = 1;
        loop {
            let reason = match self.once(cx, request, to).await {
                Ok(fetched) => return Ok(fetched),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(reason)) => reason,
            };
            if attempt >= self.options.attempts {
                return Err(FetchError::Unreachable { uri, reason });
            }
            cx.note(format!("{uri}: {reason}; trying again in {:.1} s", wait.as_secs_f64()));
            tokio::select! {
                () = cx.cancel().cancelled() => return Err(Cancelled.into()),
                () = tokio::time::sleep(wait) => {}
            }
            attempt += 1;
            wait = wait.saturating_mul(2);
        }
    }
}
