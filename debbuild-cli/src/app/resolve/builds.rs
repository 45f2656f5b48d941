//! Questions about all source packages: whether they can be built, and in what order.

use std::collections::{BTreeMap, BTreeSet};

use debbuild_core::{
    blocking,
    context::Context,
    control::SourceControl,
    error::{Class, chain},
    name::{PackageName, SourceName},
    path::AbsPath,
    resolve::{
        Buildability, BuildabilityOptions, PackageIndex, Versions, buildability,
        order::{Order, OrderOptions, order},
    },
    version::Version,
};

use super::PackagesFrom;
use crate::app::{App, AppError, Failure};

/// Of which builds the order is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderAsk {
    /// The source packages; all that there are where none are named.
    pub sources: Vec<SourceName>,
    /// Packages files that list what is there already, beside the packages of lookasides.
    pub have: Vec<AbsPath>,
    /// Everything else.
    pub options: OrderOptions,
}

impl OrderAsk {
    /// Of all source packages, with these options.
    #[must_use]
    pub fn new(options: OrderOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Of these source packages only; what others build is there.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<SourceName>) -> Self {
        self.sources = sources;
        self
    }

    /// With Packages files that list what is there already.
    #[must_use]
    pub fn with_have(mut self, have: Vec<AbsPath>) -> Self {
        self.have = have;
        self
    }
}

impl App {
    /// Asks of every source package whether its build dependencies can be installed.
    ///
    /// # Errors
    /// What loading the packages gives; source packages that cannot be built are the answer.
    pub async fn buildability(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        options: BuildabilityOptions,
    ) -> Result<Buildability, AppError> {
        let sources = self.all_sources(cx, from).await?;
        let (universe, cx) = (self.load_packages(cx, from).await?.universe(Versions::All).await, cx.clone());
        Ok(blocking::run(move || buildability(&cx, &sources, &universe, &options)).await?)
    }

    /// In what order source packages must be built.
    ///
    /// # Errors
    /// Class `not-found` for a source package that is not there; what loading the packages gives. What cannot be built is part
    /// of the answer.
    pub async fn resolve_order(&self, cx: &Context, from: &PackagesFrom, ask: OrderAsk) -> Result<Order, AppError> {
        let OrderAsk { sources: wanted, have, mut options } = ask;
        let mut sources = self.all_sources(cx, from).await?;
        if !wanted.is_empty() {
            let wanted: BTreeSet<SourceName> = wanted.into_iter().collect();
            sources.retain(|source| wanted.contains(&source.source));
            let found: BTreeSet<&SourceName> = sources.iter().map(|source| &source.source).collect();
            if let Some(missing) = wanted.iter().find(|name| !found.contains(name)) {
                return Err(Failure::new(Class::NotFound, format!("no source package {missing}")).into());
            }
        }
        let loaded = self.load_packages(cx, from).await?;
        for packages in self.load_indexes(cx, &have).await?.iter().chain(&loaded.lookaside) {
            note_had(cx, &packages.index, &mut options.have);
        }
        let (universe, cx) = (loaded.universe(Versions::Candidate).await, cx.clone());
        Ok(blocking::run(move || order(&cx, &sources, &universe, &options)).await?)
    }

    async fn all_sources(&self, cx: &Context, from: &PackagesFrom) -> Result<Vec<SourceControl>, AppError> {
        let sources = self.load_sources(cx, from, true).await?;
        if sources.is_empty() {
            let hint =
                "name a suite (--suite), a repository (--repo), a folder (--debs) or files of sources (--sources)";
            return Err(Failure::new(Class::Usage, "no source packages to ask about").with_hint(hint).into());
        }
        Ok(sources)
    }
}

/// Adds the packages of an index to those that are there, the newest version of each.
fn note_had(cx: &Context, index: &PackageIndex, have: &mut BTreeMap<PackageName, Version>) {
    for package in index.packages() {
        match package {
            Ok(package) => {
                let known = have.entry(package.package).or_insert_with(|| package.version.clone());
                if package.version.compare(known).is_gt() {
                    *known = package.version;
                }
            }
            Err(error) => cx.warn(format!("{}: {}", index.name(), chain(&error))),
        }
    }
}
