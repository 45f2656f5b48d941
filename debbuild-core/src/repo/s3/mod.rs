//! A repository in S3-compatible storage: static objects only, which any web server or content network may serve.
//!
//! Such storage cannot replace a folder at once. What it can is to replace one object, so the switch is the moment at which
//! `InRelease` is put: what it lists is there by hash before, and stays there for as long as readers may ask for it. Readers
//! that do not use `Acquire-By-Hash`, or read `Release` with `Release.gpg` instead, may meet a mixture for a moment.
//!
//! There are no links either, and a file of the pool is found by a path from where the archive begins. So an earlier state lies in
//! the same archive, under a longer name of its suite: `deb URI SUITE/TIME COMPONENT`. apt takes `SUITE/TIME` for `SUITE`, as it
//! takes `stable/updates` for `stable`.

mod bucket;
mod options;
mod pool;
mod tree;

use async_trait::async_trait;
use bucket::Bucket;
use bytes::Bytes;
pub use options::{S3Credentials, S3Location, S3LocationError, S3Options};
use tree::Suite;

use super::{Placement, PublishTarget, RepoError, StateId, TreeFile};
use crate::{
    context::Context,
    digest::Sha256,
    name::{PoolPath, SuiteName},
};

/// Publishes into a bucket: `pool/` and `dists/` are what readers see, `.debbuild/` keeps the trees of states.
#[derive(Debug, Clone)]
pub struct S3Target {
    bucket: Bucket,
}

impl S3Target {
    /// The repository in this bucket. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RepoError::Storage`] when the options cannot be.
    pub fn new(options: &S3Options) -> Result<Self, RepoError> {
        Ok(Self { bucket: Bucket::open(options)? })
    }

    /// The same on a store in memory, for tests.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn in_memory() -> Self {
        Self { bucket: Bucket::in_memory() }
    }

    const fn suite<'a>(&'a self, name: &'a SuiteName) -> Suite<'a> {
        Suite { bucket: &self.bucket, name }
    }
}

#[async_trait]
impl PublishTarget for S3Target {
    async fn place(&self, cx: &Context, files: &[Placement]) -> Result<(), RepoError> {
        pool::place(&self.bucket, cx, files).await
    }

    async fn stage(&self, cx: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        self.suite(suite).stage(cx, state, tree).await
    }

    async fn switch(&self, cx: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        self.suite(suite).switch(cx, state).await
    }

    async fn current(&self, _: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        self.suite(suite).current().await
    }

    async fn trees(&self, _: &Context, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        self.suite(suite).states().await
    }

    async fn prune(&self, _: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        self.suite(suite).prune(keep).await
    }

    async fn pool(&self, _: &Context) -> Result<Vec<(PoolPath, u64)>, RepoError> {
        let objects = self.bucket.list("pool").await?;
        objects.into_iter().map(|(name, size)| Ok((PoolPath::new(&name)?, size))).collect()
    }

    async fn remove(&self, _: &Context, files: &[PoolPath]) -> Result<(), RepoError> {
        self.bucket.delete(files.iter().map(ToString::to_string).collect()).await
    }

    fn timed(&self, suite: &SuiteName, time: &str) -> Result<PoolPath, RepoError> {
        Ok(PoolPath::new(&self.suite(suite).timed(time))?)
    }

    async fn expose(&self, cx: &Context, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError> {
        self.suite(suite).expose(cx, state, time).await
    }

    async fn read(&self, _: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        self.bucket.get(path.as_str()).await
    }

    async fn stat(&self, _: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError> {
        self.bucket.digest(path.as_str()).await
    }
}
