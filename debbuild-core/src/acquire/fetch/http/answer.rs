//! What is asked of a server, and what its answer says: versions, ranges, and when to come again.

use std::time::Duration;

use reqwest::{
    Response, StatusCode,
    header::{
        CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        LAST_MODIFIED, RANGE, RETRY_AFTER,
    },
};

use crate::acquire::fetch::{FetchRequest, Validators};

/// The version that a broken transfer was of.
#[derive(Debug, Clone, Default)]
pub(super) struct Version {
    pub(super) validators: Validators,
    /// The size of the whole in bytes, where the server said it.
    pub(super) size: Option<u64>,
    /// What the next try may name it by: one that stands for these very bytes (RFC 9110, section 13.1.5).
    strong: Option<String>,
}

impl Version {
    /// The version that an answer from `offset` on is of.
    pub(super) fn of(response: &Response, offset: u64) -> Self {
        let text = |name: HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
        // A date is strong only where the file cannot have changed again within its second.
        let settled = || last_modified.clone().filter(|modified| text(DATE).is_some_and(|date| date != *modified));
        let strong = match &etag {
            Some(etag) => Some(etag.clone()).filter(|etag| !etag.starts_with("W/")),
            None => settled(),
        };
        let size = match offset {
            0 => response.content_length(),
            _ => range(response).and_then(|(_, size)| size),
        };
        Self { validators: Validators::new(etag, last_modified), size, strong }
    }

    /// Whether a later try may go on from these bytes without knowing their digest.
    pub(super) const fn can_go_on(&self) -> bool {
        self.strong.is_some()
    }

    /// Whether an answer that goes on at `offset` is of this version, as far as it says.
    pub(super) fn goes_on(&self, response: &Response, offset: u64, request: &FetchRequest) -> bool {
        let Some((from, size)) = range(response) else { return false };
        let same = |ours: Option<u64>| ours.is_none() || size.is_none() || ours == size;
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
        let named = etag.is_none() || self.validators.etag.is_none() || etag == self.validators.etag.as_deref();
        from == offset && same(request.size) && same(self.size) && named
    }
}

/// `Content-Range`: the first byte, and the size of the whole.
fn range(response: &Response) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    let (from, rest) = text.split_once('-')?;
    let (_, size) = rest.split_once('/')?;
    Some((from.trim().parse().ok()?, size.trim().parse().ok()))
}

/// The headers of a request for what comes after `offset` bytes of a version.
pub(super) fn headers(request: &FetchRequest, offset: u64, version: &Version) -> HeaderMap {
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
        set(IF_RANGE, version.strong.as_deref());
    }
    headers
}

/// Whether the same request may be answered later.
pub(super) fn passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// How long a server asks us to stay away; a date is not taken.
pub(super) fn retry_after(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}
