//! Questions about dependencies, on index files or on the archives of this machine.

use std::{collections::BTreeSet, fs, sync::Arc};

use debbuild_core::{
    acquire::{
        AcquireError,
        source::{SourceRequest, find_source},
    },
    arch::Architecture,
    blocking,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    control::{SourceControl, read_sources, utf8},
    error::Class,
    event::Unit,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    relation::{BuildProfile, Relations},
    resolve::{
        Answer, BuildDeps, IndexSource, Install, Installability, PRIORITY, PackageIndex, PackageSource as _, Question,
        Resolver as _, SatResolver, Universe, UniverseOptions, Versions, installability,
    },
};

use super::{App, AppError, BuildSource, Failure, settle};

/// Which packages a question is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagesFrom {
    /// Uncompressed Packages files, the first preferred among equal versions.
    pub packages: Vec<AbsPath>,
    /// Uncompressed Sources files, in which source packages are looked up.
    pub sources: Vec<AbsPath>,
    /// A suite of the archives of this machine, with its updates and security suites.
    pub suite: Option<SuiteName>,
    /// The architecture; that of this machine where none is given.
    pub architecture: Option<Architecture>,
}

impl PackagesFrom {
    /// The archives of this machine that make a suite.
    #[must_use]
    pub fn suite(suite: SuiteName) -> Self {
        Self { suite: Some(suite), ..Self::default() }
    }

    /// Packages files.
    #[must_use]
    pub fn files(packages: Vec<AbsPath>) -> Self {
        Self { packages, ..Self::default() }
    }

    /// With Sources files.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<AbsPath>) -> Self {
        self.sources = sources;
        self
    }

    /// Of another architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: Option<Architecture>) -> Self {
        self.architecture = architecture;
        self
    }
}

/// A source package whose build dependencies are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceOf {
    /// A .dsc file, whose signature is not checked here.
    Dsc(AbsPath),
    /// By its name in the Sources files or the suite.
    Named(SourceRequest),
}

impl From<BuildSource> for SourceOf {
    fn from(source: BuildSource) -> Self {
        match source {
            BuildSource::Dsc(file) => Self::Dsc(file),
            BuildSource::Named(request) => Self::Named(request),
        }
    }
}

impl App {
    /// The architecture of this machine, as dpkg says it.
    ///
    /// # Errors
    /// Class `infrastructure` when dpkg cannot be asked.
    pub async fn architecture(&self, cx: &Context) -> Result<Architecture, AppError> {
        let spec = CommandSpec::new("dpkg").with_arg("--print-architecture");
        let said = self.runner().output(cx, &spec).await?;
        Ok(Architecture::new(String::from_utf8_lossy(&said).trim())?)
    }

    /// What would be installed for these packages.
    ///
    /// # Errors
    /// What loading the packages gives; that they cannot be installed is an answer.
    pub async fn resolve_install(&self, cx: &Context, from: &PackagesFrom, ask: Install) -> Result<Answer, AppError> {
        let universe = self.universe(cx, from, Versions::Candidate).await?;
        answer(cx, universe, Question::Install(ask)).await
    }

    /// What would be installed to build a source package.
    ///
    /// # Errors
    /// Class `not-found` for an unknown source package; what loading the packages gives.
    pub async fn resolve_build_deps(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        source: &SourceOf,
        profiles: BTreeSet<BuildProfile>,
    ) -> Result<Answer, AppError> {
        let source = self.source_control(cx, from, source).await?;
        let universe = self.universe(cx, from, Versions::Candidate).await?;
        let ask = BuildDeps::new(source, universe.options().native.clone()).with_profiles(profiles);
        answer(cx, universe, Question::BuildDeps(Box::new(ask))).await
    }

    /// Asks of every package whether it can be installed on an empty system with what is in the same indexes.
    ///
    /// # Errors
    /// What loading the packages gives; packages that cannot be installed are the answer.
    pub async fn installability(&self, cx: &Context, from: &PackagesFrom) -> Result<Installability, AppError> {
        let universe = self.universe(cx, from, Versions::All).await?;
        let cx = cx.clone();
        Ok(blocking::run(move || installability(&cx, &SatResolver::new(), &universe)).await?)
    }

    async fn universe(&self, cx: &Context, from: &PackagesFrom, versions: Versions) -> Result<Arc<Universe>, AppError> {
        let (architecture, indexes) = self.indexes(cx, from).await?;
        Ok(put_together(architecture, indexes, versions).await)
    }

    /// Loads the indexes, and says of which architecture they are.
    async fn indexes(
        &self,
        cx: &Context,
        from: &PackagesFrom,
    ) -> Result<(Architecture, Vec<Arc<PackageIndex>>), AppError> {
        let architecture = match &from.architecture {
            Some(architecture) => architecture.clone(),
            None => self.architecture(cx).await?,
        };
        let step = cx.step("load packages", Unit::None, None);
        let loaded = self.load(step.context(), from, &architecture).await;
        Ok((architecture, settle(step, loaded)?))
    }

    async fn load(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        architecture: &Architecture,
    ) -> Result<Vec<Arc<PackageIndex>>, AppError> {
        let mut sources: Vec<IndexSource> =
            from.packages.iter().map(|file| IndexSource::from_file(file.as_str(), file.clone())).collect();
        if let Some(suite) = &from.suite {
            let reader = self.reader(cx).await?;
            for suite in self.suites(cx, &reader, suite).await? {
                for component in suite.components() {
                    for architecture in suite.package_architectures(architecture) {
                        let name = format!("{}/{component}", suite.archive().name);
                        match suite.packages(cx, &component, &architecture).await {
                            Ok(bytes) => sources.push(IndexSource::from_bytes(name, bytes)),
                            Err(AcquireError::NoIndex { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
            }
        }
        if sources.is_empty() {
            let failure = Failure::new(Class::Usage, "no packages to ask about");
            return Err(failure.with_hint("name a suite (--suite) or index files (--packages)").into());
        }
        // A source of whole indexes takes no notice of the question.
        let any = Question::Install(Install::new(Relations(Vec::new())));
        let mut indexes = Vec::new();
        for source in sources {
            let index = source.load(cx, &any).await?;
            for problem in index.problems() {
                cx.warn(format!("{}: {problem}", index.name()));
            }
            indexes.push(index);
        }
        Ok(indexes)
    }

    async fn source_control(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        source: &SourceOf,
    ) -> Result<SourceControl, AppError> {
        let request = match source {
            SourceOf::Dsc(file) => {
                return Ok(SourceControl::from_unverified(&fs::read(file).at("read", file)?)?);
            }
            SourceOf::Named(request) => request,
        };
        let mut best: Option<SourceControl> = None;
        for file in &from.sources {
            let bytes = fs::read(file).at("read", file)?;
            for found in read_sources(utf8(&bytes)?).0.into_iter().filter(|found| found.source == request.name) {
                let wanted = request.version.as_ref().is_none_or(|version| version.compare(&found.version).is_eq());
                if wanted && best.as_ref().is_none_or(|best| found.version.compare(&best.version).is_gt()) {
                    best = Some(found);
                }
            }
        }
        match (best, &from.suite) {
            (Some(found), _) => Ok(found),
            (None, None) => Err(Failure::new(Class::NotFound, format!("no source package {request}"))
                .with_hint("name a suite (--suite), a file of sources (--sources) or a .dsc")
                .into()),
            (None, Some(suite)) => self.source_of_suite(cx, request, suite).await,
        }
    }

    async fn source_of_suite(
        &self,
        cx: &Context,
        request: &SourceRequest,
        suite: &SuiteName,
    ) -> Result<SourceControl, AppError> {
        let reader = self.reader(cx).await?;
        let suites = self.suites(cx, &reader, suite).await?;
        let found = find_source(cx, &suites, request).await?;
        let of = suites.iter().find(|suite| suite.archive().name == found.archive);
        let of = of.ok_or_else(|| Failure::new(Class::Internal, format!("{request} is in no opened suite")))?;
        let dsc = of.file(cx, &found.dsc).await?;
        Ok(SourceControl::from_unverified(&reader.store().read(cx, dsc.id, None).await?)?)
    }
}

async fn put_together(
    architecture: Architecture,
    indexes: Vec<Arc<PackageIndex>>,
    versions: Versions,
) -> Arc<Universe> {
    let options = UniverseOptions::new(architecture).with_versions(versions);
    let parts = indexes.into_iter().map(|index| (index, PRIORITY));
    Arc::new(blocking::run(move || Universe::new(options, parts)).await)
}

async fn answer(cx: &Context, universe: Arc<Universe>, question: Question) -> Result<Answer, AppError> {
    let step = cx.step("resolve", Unit::None, None);
    let inner = step.context().clone();
    let answered = blocking::run(move || SatResolver::new().answer(&inner, &universe, &question)).await;
    Ok(step.end(answered)?)
}
