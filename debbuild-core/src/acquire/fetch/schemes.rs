//! One [`Fetch`] out of several, chosen by the scheme of the address.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{Fetch, FetchError, FetchRequest, Fetched, FileFetch};
use crate::{context::Context, path::AbsPath};

/// Sends each request to whoever does its scheme; others are a configuration error.
#[derive(Debug, Clone, Default)]
pub struct SchemeFetch {
    schemes: BTreeMap<String, Arc<dyn Fetch>>,
}

impl SchemeFetch {
    /// Only `file:`.
    #[must_use]
    pub fn new() -> Self {
        Self::default().with("file", Arc::new(FileFetch))
    }

    /// `file:`, `http:` and `https:`.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the http client cannot be set up.
    #[cfg(feature = "http")]
    pub fn with_http(options: super::HttpOptions) -> Result<Self, FetchError> {
        let http: Arc<dyn Fetch> = Arc::new(super::HttpFetch::new(options)?);
        Ok(Self::new().with("http", Arc::clone(&http)).with("https", http))
    }

    /// With this one for a scheme.
    #[must_use]
    pub fn with(mut self, scheme: impl Into<String>, fetch: Arc<dyn Fetch>) -> Self {
        self.schemes.insert(scheme.into(), fetch);
        self
    }
}

#[async_trait]
impl Fetch for SchemeFetch {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        let scheme = request.uri.scheme();
        match self.schemes.get(scheme) {
            Some(fetch) => fetch.fetch(cx, request, to).await,
            None => Err(FetchError::Scheme { uri: request.uri.clone(), scheme: scheme.to_owned() }),
        }
    }
}
