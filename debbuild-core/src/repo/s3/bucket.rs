//! The few things that are done with a bucket, with errors that name the object.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{
    Attribute, Attributes, ClientOptions, CopyOptions, Error, GetOptions, GetResult, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions,
    aws::AmazonS3Builder,
    client::{HttpClient, HttpConnector},
    path::Path,
};

use super::S3Options;
use crate::{
    digest::{Hasher, Sha256},
    error::chain,
    fail,
    repo::RepoError,
};

/// How often a later second is waited for: a server whose clock was set back must not hold up a publication for long.
const MOST_WAITS: usize = 3;

/// A bucket, below a prefix.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    shown: Arc<str>,
}

/// Requests go through a client that is configured by values alone; the default one reads proxies from the environment.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// The name under which an object keeps its digest, and InRelease the number of its state.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Sha256,
    State,
}

impl Mark {
    const fn key(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::State => "debbuild-state",
        }
    }
}

/// What an object is put with besides its bytes.
#[derive(Debug, Clone)]
pub(super) struct Label {
    mark: Mark,
    value: String,
    /// Files that never change may be kept by caches for ever; those that do must be asked for each time.
    cache: &'static str,
}

impl Label {
    pub(super) fn immutable(sha256: Sha256) -> Self {
        Self { mark: Mark::Sha256, value: sha256.to_string(), cache: "public, max-age=31536000, immutable" }
    }

    pub(super) fn changing(mark: Mark, value: impl fmt::Display) -> Self {
        Self { mark, value: value.to_string(), cache: "no-cache" }
    }

    fn attributes(&self) -> Attributes {
        Attributes::from_iter([
            (Attribute::Metadata(self.mark.key().into()), self.value.clone()),
            (Attribute::CacheControl, self.cache.to_owned()),
        ])
    }
}

impl Bucket {
    pub(super) fn open(options: &S3Options) -> Result<Self, RepoError> {
        // The process has one provider; whoever came first may have chosen another, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let shown: Arc<str> = options.location.to_string().into();
        let failed = |error: &dyn std::error::Error| RepoError::Storage {
            action: "open",
            object: shown.to_string(),
            reason: chain(error),
            refused: false,
        };
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .user_agent(concat!("debbuild/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.timeout)
            .read_timeout(options.timeout);
        if let Some(proxy) = &options.proxy {
            client = client.proxy(reqwest::Proxy::all(proxy).map_err(|error| failed(&error))?);
        }
        let client = client.build().map_err(|error| failed(&error))?;
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(Connector(client))
            .with_bucket_name(options.location.bucket())
            .with_region(&options.region)
            .with_access_key_id(&options.credentials.access_key)
            .with_secret_access_key(&options.credentials.secret_key)
            .with_virtual_hosted_style_request(options.virtual_hosted);
        if let Some(token) = &options.credentials.token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|error| failed(&error))?;
        Ok(Self { store: Arc::new(store), prefix: options.location.prefix().to_owned(), shown })
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn in_memory() -> Self {
        let store = Arc::new(object_store::memory::InMemory::new());
        Self { store, prefix: "apt".to_owned(), shown: "s3://memory/apt".into() }
    }

    /// An object's name as people know it.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    fn path(&self, name: &str) -> Result<Path, RepoError> {
        let full = if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Path::parse(full).map_err(|error| self.failed("name", name, &error.into()))
    }

    fn failed(&self, action: &'static str, name: &str, error: &Error) -> RepoError {
        let refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
        RepoError::Storage { action, object: self.shown(name), reason: chain(error), refused }
    }

    async fn get_with(&self, name: &str, options: GetOptions) -> Result<Option<GetResult>, RepoError> {
        match self.store.get_opts(&self.path(name)?, options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    /// The bytes of an object.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Bytes>, RepoError> {
        let Some(found) = self.get_with(name, GetOptions::default()).await? else { return Ok(None) };
        found.bytes().await.map(Some).map_err(|error| self.failed("read", name, &error))
    }

    /// Size in bytes and digest of what an object really holds.
    pub(super) async fn digest(&self, name: &str) -> Result<Option<(u64, Sha256)>, RepoError> {
        let Some(found) = self.get_with(name, GetOptions::default()).await? else { return Ok(None) };
        let (mut stream, mut hasher) = (found.into_stream(), Hasher::new());
        while let Some(chunk) = stream.try_next().await.map_err(|error| self.failed("read", name, &error))? {
            hasher.update(&chunk);
        }
        Ok(Some((hasher.size(), hasher.finish())))
    }

    /// Size in bytes and a mark of an object, without reading it.
    pub(super) async fn mark(&self, name: &str, mark: Mark) -> Result<Option<(u64, Option<String>)>, RepoError> {
        let options = GetOptions::new().with_head(true);
        let Some(found) = self.get_with(name, options).await? else { return Ok(None) };
        let value =
            found.attributes.get(&Attribute::Metadata(mark.key().into())).map(|value| value.as_ref().to_owned());
        Ok(Some((found.meta.size, value)))
    }

    /// Puts an object, over what may be there.
    pub(super) async fn put(&self, name: &str, bytes: Bytes, label: Option<&Label>) -> Result<(), RepoError> {
        fail::point("put an object");
        let options = PutOptions { attributes: label.map(Label::attributes).unwrap_or_default(), ..Default::default() };
        let put = self.store.put_opts(&self.path(name)?, bytes.into(), options).await;
        put.map(drop).map_err(|error| self.failed("write", name, &error))
    }

    /// Puts an object over another so that its date is a later one: readers ask for what was modified since the second of
    /// the one that they have, and such storage dates objects itself.
    pub(super) async fn replace(&self, name: &str, bytes: Bytes, label: &Label) -> Result<(), RepoError> {
        let before = self.modified(name).await?;
        self.put(name, bytes.clone(), Some(label)).await?;
        for _ in 0..MOST_WAITS {
            if before.is_none() || self.modified(name).await? > before {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.put(name, bytes.clone(), Some(label)).await?;
        }
        Ok(())
    }

    /// When an object was put, in seconds, as the server says.
    async fn modified(&self, name: &str) -> Result<Option<i64>, RepoError> {
        let found = self.get_with(name, GetOptions::new().with_head(true)).await?;
        Ok(found.map(|found| found.meta.last_modified.timestamp()))
    }

    /// Puts an object where none is; `false` when one is there.
    pub(super) async fn create(&self, name: &str, bytes: Bytes, label: &Label) -> Result<bool, RepoError> {
        fail::point("put an object");
        let options = PutOptions { mode: PutMode::Create, attributes: label.attributes(), ..Default::default() };
        match self.store.put_opts(&self.path(name)?, bytes.clone().into(), options).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            // A server without conditional writes: that nothing was there was seen a moment ago.
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                self.put(name, bytes, Some(label)).await.map(|()| true)
            }
            Err(error) => Err(self.failed("write", name, &error)),
        }
    }

    /// Begins an object that is too large for one request; it is there when it is completed.
    pub(super) async fn begin(&self, name: &str, label: &Label) -> Result<Upload, RepoError> {
        let options = PutMultipartOptions { attributes: label.attributes(), ..Default::default() };
        let begun = self.store.put_multipart_opts(&self.path(name)?, options).await;
        let inner = begun.map_err(|error| self.failed("write", name, &error))?;
        Ok(Upload { inner, bucket: self.clone(), name: name.to_owned() })
    }

    /// Copies an object inside the server, over what may be there.
    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<(), RepoError> {
        fail::point("copy an object");
        let copied = self.store.copy_opts(&self.path(from)?, &self.path(to)?, CopyOptions::default()).await;
        copied.map_err(|error| self.failed("write", to, &error))
    }

    /// The names of all objects below a folder, with their sizes in bytes.
    pub(super) async fn list(&self, folder: &str) -> Result<BTreeMap<String, u64>, RepoError> {
        let path = self.path(folder)?;
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let names = self.store.list(Some(&path)).map_ok(|meta| (meta.location.as_ref()[cut..].to_owned(), meta.size));
        names.try_collect().await.map_err(|error| self.failed("list", folder, &error))
    }

    /// Removes objects.
    pub(super) async fn delete(&self, names: Vec<String>) -> Result<(), RepoError> {
        if names.is_empty() {
            return Ok(());
        }
        fail::point("delete objects");
        let first = names[0].clone();
        let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect::<Result<_, _>>()?;
        let stream = futures_util::stream::iter(paths).map(Ok).boxed();
        let mut deleted = self.store.delete_stream(stream);
        while let Some(one) = deleted.next().await {
            match one {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed("delete", &first, &error)),
            }
        }
        Ok(())
    }
}

/// An object that is being written in parts. Dropped before its end it never is there.
#[derive(Debug)]
pub(super) struct Upload {
    inner: Box<dyn object_store::MultipartUpload>,
    bucket: Bucket,
    name: String,
}

impl Upload {
    /// The next part; all but the last have the same size, at least 5 MiB.
    pub(super) async fn part(&mut self, bytes: Bytes) -> Result<(), RepoError> {
        let put = self.inner.put_part(bytes.into()).await;
        put.map_err(|error| self.bucket.failed("write", &self.name, &error))
    }

    /// Makes it be there.
    pub(super) async fn complete(mut self) -> Result<(), RepoError> {
        fail::point("complete an object");
        let done = self.inner.complete().await;
        done.map(drop).map_err(|error| self.bucket.failed("write", &self.name, &error))
    }

    /// Gives it up, and the space of its parts back.
    pub(super) async fn abort(mut self) {
        // Servers also expire what was never completed.
        let _aborted = self.inner.abort().await;
    }
}
