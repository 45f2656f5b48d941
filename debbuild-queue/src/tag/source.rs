//! A tag as packages that the resolver asks about: those of the builds that it offers, and the sources of these.

use std::sync::Arc;

use async_trait::async_trait;
use debbuild_core::{
    context::Context,
    error::Classify,
    name::PoolPath,
    resolve::{DebFile, DebsSource, PackageIndex, PackageSource, Question, SourceError, SourcePackages},
};

use super::TagFiles;
use crate::{model::TagName, queue::Queue};

/// The packages that a tag offers when they are loaded, with what it inherits and without what it blocks. In answers it has the
/// tag's name.
#[derive(Debug, Clone)]
pub struct TagSource {
    queue: Queue,
    tag: TagName,
}

impl TagSource {
    /// A tag of this queue.
    #[must_use]
    pub const fn new(queue: Queue, tag: TagName) -> Self {
        Self { queue, tag }
    }

    fn failed(&self, error: impl Classify + Send + Sync + 'static) -> SourceError {
        let class = error.class();
        SourceError::Store { name: format!("tag {}", self.tag), class, source: Box::new(error) }
    }

    /// The stored files as a source of packages.
    async fn files(&self, cx: &Context) -> Result<DebsSource, SourceError> {
        cx.cancel().check()?;
        let TagFiles { debs, sources, .. } =
            self.queue.tag_files(cx, &self.tag).await.map_err(|error| self.failed(error))?;
        let blobs = self.queue.blobs();
        let mut files: Vec<DebFile> = Vec::new();
        for deb in debs {
            let path = PoolPath::new(&deb.name).map_err(|error| self.failed(error))?;
            // Builds for two architectures may both have the package for all.
            if files.iter().any(|known| known.path == path && known.sha256 == Some(deb.sha256)) {
                continue;
            }
            let file = blobs.local(cx, deb.sha256).await.map_err(|error| self.failed(error))?;
            files.push(DebFile::new(file, path).with_sha256(deb.sha256));
        }
        let mut dscs = Vec::new();
        for source in sources {
            dscs.push(blobs.local(cx, source.dsc.sha256).await.map_err(|error| self.failed(error))?);
        }
        Ok(DebsSource::from_files(self.tag.as_str(), files, dscs))
    }
}

#[async_trait]
impl PackageSource for TagSource {
    fn name(&self) -> &str {
        self.tag.as_str()
    }

    async fn load(&self, cx: &Context, want: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        self.files(cx).await?.load(cx, want).await
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        self.files(cx).await?.source_packages(cx).await
    }
}
