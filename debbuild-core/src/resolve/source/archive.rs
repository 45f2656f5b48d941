//! Packages from a verified suite of an APT archive, one index at a time.

use std::sync::Arc;

use async_trait::async_trait;

use super::{SourcePackages, WORTH_KEEPING, read};
use crate::{
    acquire::{Suite, fetch::Uri},
    arch::Architecture,
    blocking,
    context::Context,
    name::ComponentName,
    resolve::{IndexCache, PackageIndex, PackageSource, Question, SourceError, preferences::Provenance},
};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holds {
    Packages(Architecture),
    Sources,
}

/// One index of a suite, checked against its signed Release: the packages of a component for an architecture, or its source
/// packages. A suite with its updates and security suites is the sources of each of them.
#[derive(Debug, Clone)]
pub struct ArchiveSource {
    name: String,
    suite: Suite,
    component: ComponentName,
    holds: Holds,
    cache: Option<IndexCache>,
}

impl ArchiveSource {
    /// Every Packages index of a suite that systems of these architectures use: of each component that the archive's
    /// configuration takes and that has one. In answers each is called `ARCHIVE/COMPONENT`.
    #[must_use]
    pub fn packages_of(suite: &Suite, architectures: &[Architecture]) -> Vec<Self> {
        let mut all: Vec<Architecture> = Vec::new();
        for architecture in architectures.iter().flat_map(|own| suite.package_architectures(own)) {
            if !all.contains(&architecture) {
                all.push(architecture);
            }
        }
        let indexes = suite.components().into_iter().flat_map(|component| {
            all.iter().map(move |architecture| Self::new(suite, &component, Holds::Packages(architecture.clone())))
        });
        indexes.filter(|index| suite.has_index(&index.path())).collect()
    }

    /// Every Sources index of a suite.
    #[must_use]
    pub fn sources_of(suite: &Suite) -> Vec<Self> {
        let indexes = suite.components().into_iter().map(|component| Self::new(suite, &component, Holds::Sources));
        indexes.filter(|index| suite.has_index(&index.path())).collect()
    }

    fn new(suite: &Suite, component: &ComponentName, holds: Holds) -> Self {
        let name = format!("{}/{component}", suite.archive().name);
        Self { name, suite: suite.clone(), component: component.clone(), holds, cache: None }
    }

    /// The same under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Read indexes are kept there, by the digest that the signed Release has for their text; small ones are not. One that is
    /// there is not fetched, and is not among what [`Suite::access`] says was read.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<IndexCache>) -> Self {
        self.cache = cache;
        self
    }

    /// The index below the suite's folder, without the ending of its compression.
    pub(super) fn path(&self) -> String {
        match &self.holds {
            Holds::Packages(architecture) => format!("{}/binary-{architecture}/Packages", self.component),
            Holds::Sources => format!("{}/source/Sources", self.component),
        }
    }
}

#[async_trait]
impl PackageSource for ArchiveSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn provenance(&self) -> Option<Provenance> {
        let provenance = Provenance::of_release(self.suite.release()).with_component(self.component.as_str());
        let site = self.suite.archive().uris.first().map_or("", Uri::host);
        Some(match &self.holds {
            Holds::Packages(architecture) => provenance.with_architecture(architecture.as_str()).with_site(site),
            Holds::Sources => provenance.with_site(site),
        })
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let name = self.name.clone();
        if self.holds == Holds::Sources {
            return Ok(Arc::new(PackageIndex::parse(&name, "")));
        }
        let path = self.path();
        let listed = self.suite.release().file(&path).filter(|file| file.size >= WORTH_KEEPING);
        let keep = self.cache.clone().zip(listed.map(|file| file.sha256));
        if let Some((cache, digest)) = keep.clone() {
            let name = name.clone();
            if let Some(known) = blocking::run(move || cache.load(&name, digest)).await {
                return Ok(Arc::new(known));
            }
        }
        let (bytes, cx) = (self.suite.index(cx, &path).await?, cx.clone());
        let parsed = move || {
            let keep = keep.as_ref().map(|(cache, digest)| (cache, *digest));
            read(&cx, &name, &bytes, keep)
        };
        blocking::run(parsed).await.map(Arc::new)
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        if self.holds != Holds::Sources {
            return Ok(SourcePackages::default());
        }
        let (name, bytes) = (self.name.clone(), self.suite.index(cx, &self.path()).await?);
        blocking::run(move || SourcePackages::from_bytes(&name, &bytes)).await
    }
}
