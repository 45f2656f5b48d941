//! Questions about dependencies, on packages from wherever they are named.

mod builds;
mod closure;
mod edsp;
mod from;
mod load;
mod problem;
mod reasons;

use std::{collections::BTreeSet, fs, sync::Arc};

pub use builds::OrderAsk;
pub use closure::ClosureAsk;
use debbuild_core::{
    acquire::source::{SourceRequest, find_source},
    arch::Architecture,
    blocking,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    control::SourceControl,
    error::Class,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    relation::BuildProfile,
    resolve::{
        Answer, BuildDeps, Install, Installability, Question, ResolveError, SatResolver, Strictness, Universe,
        Versions, installability, minimise_all,
    },
};
pub use from::{Lookaside, PackagesFrom, RepositoryPlace};
pub use problem::Replayed;
pub use reasons::{EXPLAIN_LIMIT, PictureForm, Reasons, picture_of};

use super::{App, AppError, BuildSource, Failure};

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

    /// What would be installed for these packages. `keep`: a file for the problem, to be asked again.
    ///
    /// # Errors
    /// What loading the packages gives; that they cannot be installed is an answer.
    pub async fn resolve_install(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        ask: Install,
        keep: Option<&AbsPath>,
    ) -> Result<Answer, AppError> {
        let universe = self.load_packages(cx, from).await?.universe(Versions::Candidate).await;
        self.ask(cx, universe, Question::Install(ask), keep).await
    }

    /// What would be installed to build a source package. `keep`: a file for the problem, to be asked again.
    ///
    /// # Errors
    /// Class `not-found` for an unknown source package; what loading the packages gives.
    pub async fn resolve_build_deps(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        source: &SourceOf,
        profiles: BTreeSet<BuildProfile>,
        keep: Option<&AbsPath>,
    ) -> Result<Answer, AppError> {
        let source = self.source_control(cx, from, source).await?;
        let universe = self.load_packages(cx, from).await?.universe(Versions::Candidate).await;
        let ask = BuildDeps::new(source, universe.options().native.clone()).with_profiles(profiles);
        self.ask(cx, universe, Question::BuildDeps(Box::new(ask)), keep).await
    }

    async fn ask(
        &self,
        cx: &Context,
        universe: Arc<Universe>,
        question: Question,
        keep: Option<&AbsPath>,
    ) -> Result<Answer, AppError> {
        let answered = answer(cx, Arc::clone(&universe), question.clone()).await?;
        if let Some(file) = keep {
            self.keep_problem(cx, universe, question, answered.clone(), file).await?;
        }
        Ok(answered)
    }

    /// Asks of every package, but not those of lookasides, whether it can be installed on an empty system with all that is there.
    /// With `explain` the explanation of each that cannot be has no step too many.
    ///
    /// # Errors
    /// What loading the packages gives; packages that cannot be installed are the answer.
    pub async fn installability(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        explain: bool,
    ) -> Result<Installability, AppError> {
        let loaded = self.load_packages(cx, from).await?;
        let beside = !loaded.lookaside.is_empty();
        let universe = if explain || !beside { Some(loaded.clone().universe(Versions::All).await) } else { None };
        let beside = if beside {
            let ask = ClosureAsk::new(Strictness::Lenient, Strictness::Off);
            let found = closure::check(cx, loaded, Vec::new(), ask).await?;
            Some(found.install.map(Installability::from).unwrap_or_default())
        } else {
            None
        };
        let cx = cx.clone();
        let answer = move || -> Result<Installability, ResolveError> {
            let Some(universe) = universe else { return Ok(beside.unwrap_or_default()) };
            let mut found = match beside {
                Some(found) => found,
                None => installability(&cx, &SatResolver::new(), &universe)?,
            };
            if explain {
                minimise_all(&cx, &universe, &mut found, EXPLAIN_LIMIT)?;
            }
            Ok(found)
        };
        Ok(blocking::run(answer).await?)
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
        let fits = |found: &SourceControl| {
            let wanted = request.version.as_ref().is_none_or(|version| version.compare(&found.version).is_eq());
            found.source == request.name && wanted
        };
        let found = self.load_sources(cx, from, false).await?.into_iter().filter(fits);
        let best = found.reduce(|best, one| if one.version.compare(&best.version).is_gt() { one } else { best });
        match (best, &from.suite) {
            (Some(found), _) => Ok(found),
            (None, None) => Err(Failure::new(Class::NotFound, format!("no source package {request}"))
                .with_hint("name a suite (--suite), a repository (--repo), a file of sources (--sources) or a .dsc")
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

async fn answer(cx: &Context, universe: Arc<Universe>, question: Question) -> Result<Answer, AppError> {
    reasons::explained(cx, universe, question, EXPLAIN_LIMIT).await
}
