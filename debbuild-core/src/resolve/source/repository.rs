//! Packages from a suite of a repository of ours, as it was published or as it is staged.

use std::{fmt, str::FromStr, sync::Arc};

use async_trait::async_trait;

use super::SourcePackages;
use crate::{
    arch::Architecture,
    blocking,
    clock::{Timestamp, TimestampError},
    context::Context,
    name::SuiteName,
    repo::{RepoError, Repository, StateId, SuiteOptions},
    resolve::{PackageIndex, PackageSource, Question, SourceError, preferences::Provenance},
};

/// Which content of a suite is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RepositoryState {
    /// What readers see when it is loaded.
    #[default]
    Current,
    /// What is staged, and would be published next.
    Staged,
    /// The state of this number.
    Number(StateId),
    /// The state that readers saw at this time.
    At(Timestamp),
}

/// `current`, `staged`, a number, or a time as [`Timestamp`] reads it.
impl FromStr for RepositoryState {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "current" => Ok(Self::Current),
            "staged" => Ok(Self::Staged),
            _ => match text.parse() {
                Ok(number) => Ok(Self::Number(number)),
                Err(_) => text.parse().map(Self::At),
            },
        }
    }
}

impl fmt::Display for RepositoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::Staged => f.write_str("staged"),
            Self::Number(number) => write!(f, "{number}"),
            Self::At(time) => f.write_str(&time.snapshot_id()),
        }
    }
}

/// The packages of a suite of a repository, of all its components, from the repository's records: the pool is not read.
#[derive(Debug, Clone)]
pub struct RepositorySource {
    name: String,
    repository: Repository,
    suite: SuiteName,
    state: RepositoryState,
    architectures: Vec<Architecture>,
    provenance: Option<Provenance>,
}

impl RepositorySource {
    /// What readers see of the suite, for every architecture. In answers it has the suite's name.
    #[must_use]
    pub fn new(repository: Repository, suite: SuiteName) -> Self {
        let (name, state) = (suite.to_string(), RepositoryState::Current);
        Self { name, repository, suite, state, architectures: Vec::new(), provenance: None }
    }

    /// Another content of the suite. In answers it is called `SUITE@STATE`.
    #[must_use]
    pub fn with_state(mut self, state: RepositoryState) -> Self {
        self.name = match state {
            RepositoryState::Current => self.suite.to_string(),
            state => format!("{}@{state}", self.suite),
        };
        self.state = state;
        self
    }

    /// Only what systems of these architectures can install.
    #[must_use]
    pub fn with_architectures(mut self, architectures: Vec<Architecture>) -> Self {
        self.architectures = architectures;
        self
    }

    /// As preferences see it: what the suite says of itself.
    #[must_use]
    pub fn with_options(mut self, options: &SuiteOptions) -> Self {
        let SuiteOptions { suite, codename, origin, label, .. } = options;
        let provenance = Provenance::new().with_suite(suite.as_str()).with_codename(codename.as_str());
        let mut provenance = provenance.with_origin(origin).with_label(label).with_site("");
        provenance.version.clone_from(&options.version);
        let (not_automatic, but_automatic) = (options.not_automatic, options.but_automatic_upgrades);
        let provenance = provenance.with_not_automatic(not_automatic).with_but_automatic_upgrades(but_automatic);
        self.provenance = Some(provenance);
        self
    }

    /// The same under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The number of the state; `None` for what is staged.
    async fn number(&self, cx: &Context) -> Result<Option<StateId>, RepoError> {
        Ok(match self.state {
            RepositoryState::Current => Some(self.repository.current(cx, &self.suite).await?.id()),
            RepositoryState::Staged => None,
            RepositoryState::Number(number) => Some(number),
            RepositoryState::At(time) => Some(self.repository.state_at(cx, &self.suite, time).await?.id()),
        })
    }
}

#[async_trait]
impl PackageSource for RepositorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn provenance(&self) -> Option<Provenance> {
        self.provenance.clone()
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let state = self.number(cx).await?;
        let text = self.repository.packages_text(cx, &self.suite, state, &self.architectures).await?;
        let name = self.name.clone();
        Ok(blocking::run(move || Arc::new(PackageIndex::parse(&name, text))).await)
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        let state = self.number(cx).await?;
        let text = self.repository.sources_text(cx, &self.suite, state).await?;
        Ok(blocking::run(move || SourcePackages::parse(&text)).await)
    }
}
