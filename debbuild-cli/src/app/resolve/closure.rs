//! Whether repositories are closed, with what lies beside them.

use std::collections::BTreeSet;

use debbuild_core::{
    blocking,
    context::Context,
    relation::BuildProfile,
    resolve::{Closure, ClosureOptions, Packages, Repositories, Strictness, closure},
};

use super::{PackagesFrom, load::Loaded};
use crate::app::{App, AppError};

/// How closure is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosureAsk {
    /// Whether each binary package can be installed.
    pub install: Strictness,
    /// Whether the build dependencies of each source package can be.
    pub build: Strictness,
    /// The build profiles.
    pub profiles: BTreeSet<BuildProfile>,
}

impl ClosureAsk {
    /// Both kinds as strictly as this.
    #[must_use]
    pub const fn new(install: Strictness, build: Strictness) -> Self {
        Self { install, build, profiles: BTreeSet::new() }
    }

    /// With these build profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: BTreeSet<BuildProfile>) -> Self {
        self.profiles = profiles;
        self
    }
}

impl App {
    /// Whether the packages, but not those of lookasides, can all be installed, and the source packages be built.
    ///
    /// # Errors
    /// What loading the packages gives; that something is missing is an answer ([`Closure::fails`]).
    pub async fn resolve_closure(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        ask: ClosureAsk,
    ) -> Result<Closure, AppError> {
        let loaded = self.load_packages(cx, from).await?;
        let sources = if ask.build == Strictness::Off { Vec::new() } else { self.load_sources(cx, from, true).await? };
        check(cx, loaded, sources, ask).await
    }
}

pub(super) async fn check(
    cx: &Context,
    loaded: Loaded,
    sources: Vec<debbuild_core::control::SourceControl>,
    ask: ClosureAsk,
) -> Result<Closure, AppError> {
    let options = ClosureOptions::new(loaded.options())
        .with_install(ask.install)
        .with_build(ask.build)
        .with_profiles(ask.profiles);
    let indexes = |all: Vec<Packages>| all.into_iter().map(|packages| packages.index).collect();
    let (own, lookaside) = (indexes(loaded.own), indexes(loaded.lookaside));
    let repositories = Repositories::new(own).with_sources(sources).with_lookaside(lookaside);
    let cx = cx.clone();
    Ok(blocking::run(move || closure(&cx, &repositories, &options)).await?)
}
