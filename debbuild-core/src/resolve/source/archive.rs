//! Packages from a verified suite of an APT archive, one index at a time.

use std::sync::Arc;

use async_trait::async_trait;

use super::SourcePackages;
use crate::{
    acquire::Suite,
    arch::Architecture,
    blocking,
    context::Context,
    name::ComponentName,
    resolve::{PackageIndex, PackageSource, Question, SourceError},
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
        Self { name, suite: suite.clone(), component: component.clone(), holds }
    }

    /// The same under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
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

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let name = self.name.clone();
        if self.holds == Holds::Sources {
            return Ok(Arc::new(PackageIndex::parse(&name, "")));
        }
        let bytes = self.suite.index(cx, &self.path()).await?;
        let parsed = blocking::run(move || PackageIndex::from_bytes(&name, &bytes)).await;
        parsed.map(Arc::new).map_err(|source| SourceError::Index { name: self.name.clone(), source })
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
