//! Loading packages and source packages from wherever they are named.

use std::{fs, sync::Arc};

use debbuild_core::{
    acquire::{ArchiveReader, Suite},
    arch::Architecture,
    blocking,
    context::Context,
    control::{SourceControl, utf8},
    error::{Class, Classify as _, chain},
    event::Unit,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    relation::Relations,
    repo::Repository,
    resolve::{
        ArchiveSource, DebsSource, IndexCache, IndexSource, Install, Installed, PackageSource, Packages, Question,
        RepositorySource, Universe, UniverseOptions, Versions,
        preferences::{Preferences, Provenance},
    },
};
use debbuild_queue::tag::TagSource;

use super::{PackagesFrom, RepositoryPlace};
use crate::app::{App, AppError, Failure, settle};

type Sources = Vec<Box<dyn PackageSource>>;

/// Indexes that were loaded, for one system.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// The architecture of the system.
    pub(super) native: Architecture,
    /// Other architectures whose packages it can install.
    pub(super) foreign: Vec<Architecture>,
    /// What questions are about.
    pub(super) own: Vec<Packages>,
    /// What lies beside.
    pub(super) lookaside: Vec<Packages>,
    /// Which versions are preferred.
    preferences: Preferences,
    /// What is never chosen.
    excluded: Relations,
    /// What is on the system.
    installed: Option<Installed>,
}

impl Loaded {
    /// How they are put together.
    pub(super) fn options(&self) -> UniverseOptions {
        let options = UniverseOptions::new(self.native.clone()).with_foreign(self.foreign.clone());
        let options = options.with_preferences(self.preferences.clone()).with_excluded(self.excluded.clone());
        match &self.installed {
            Some(installed) => options.with_installed(installed.clone()),
            None => options,
        }
    }

    /// All of them put together; a lookaside is as good as any other archive here.
    pub(super) async fn universe(self, versions: Versions) -> Arc<Universe> {
        let options = self.options().with_versions(versions);
        let parts = self.own.into_iter().chain(self.lookaside);
        Arc::new(blocking::run(move || Universe::new(options, parts)).await)
    }
}

impl App {
    /// Loads the packages.
    pub(super) async fn load_packages(&self, cx: &Context, from: &PackagesFrom) -> Result<Loaded, AppError> {
        if from.names_no_packages() {
            let failure = Failure::new(Class::Usage, "no packages to ask about");
            let hint = "name a suite (--suite), a repository (--repo), a tag (--tag), a folder (--debs) or index files (--packages)";
            return Err(failure.with_hint(hint).into());
        }
        let native = match &from.architecture {
            Some(architecture) => architecture.clone(),
            None => self.architecture(cx).await?,
        };
        let step = cx.step("load packages", Unit::None, None);
        let loaded = self.load(step.context(), from, native).await;
        settle(step, loaded)
    }

    async fn load(&self, cx: &Context, from: &PackagesFrom, native: Architecture) -> Result<Loaded, AppError> {
        let architectures: Vec<Architecture> = [&native].into_iter().chain(&from.foreign).cloned().collect();
        let reader = self.reader_for(cx, from).await?;
        let mut own = self.index_files(&from.packages);
        own.extend(self.folders_and_tags(cx, from, &architectures).await?);
        if let Some((suite, reader)) = from.suite.as_ref().zip(reader.as_ref()) {
            own.extend(self.archive_indexes(cx, reader, suite, &architectures).await?);
        }
        let mut beside = self.index_files(&from.lookaside.packages);
        beside.extend(self.repository_states(cx, &from.lookaside.repositories, &architectures).await?);
        for suite in &from.lookaside.suites {
            if let Some(reader) = &reader {
                beside.extend(self.archive_indexes(cx, reader, suite, &architectures).await?);
            }
        }
        let preferences = preferences(cx, &from.preferences)?;
        let installed = installed(cx, from)?;
        let (own, lookaside) = (load(cx, own).await?, load(cx, beside).await?);
        if own.is_empty() && lookaside.is_empty() {
            let message = format!("no archive has packages for {native}");
            return Err(Failure::new(Class::NotFound, message).into());
        }
        let (foreign, excluded) = (from.foreign.clone(), from.excluded.clone());
        Ok(Loaded { native, foreign, own, lookaside, preferences, excluded, installed })
    }

    /// The source packages that are not those of an archive, and with `archives` also those of its suite; lookasides are not
    /// looked at.
    pub(super) async fn load_sources(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        archives: bool,
    ) -> Result<Vec<SourceControl>, AppError> {
        let step = cx.step("load sources", Unit::None, None);
        let loaded = self.sources(step.context(), from, archives).await;
        settle(step, loaded)
    }

    async fn sources(&self, cx: &Context, from: &PackagesFrom, archives: bool) -> Result<Vec<SourceControl>, AppError> {
        let index = |file: &AbsPath| IndexSource::from_file(file.as_str(), file.clone()).of_sources();
        let mut all: Sources = boxed(from.sources.iter().map(index));
        all.extend(self.folders_and_tags(cx, from, &[]).await?);
        if let Some(suite) = from.suite.as_ref().filter(|_| archives) {
            let reader = self.reader(cx).await?;
            for suite in self.suites(cx, &reader, suite).await? {
                all.extend(boxed(ArchiveSource::sources_of(&suite)));
            }
        }
        let mut packages = Vec::new();
        for source in all {
            let found = source.source_packages(cx).await?;
            for problem in &found.problems {
                cx.warn(format!("{}: {problem}", source.name()));
            }
            packages.extend(found.packages);
        }
        Ok(packages)
    }

    async fn reader_for(&self, cx: &Context, from: &PackagesFrom) -> Result<Option<ArchiveReader>, AppError> {
        let wanted = from.suite.is_some() || !from.lookaside.suites.is_empty();
        if wanted { self.reader(cx).await.map(Some) } else { Ok(None) }
    }

    /// Read indexes are kept below the state folder.
    fn index_cache(&self) -> IndexCache {
        IndexCache::new(self.home().join("cache/indexes"))
    }

    /// Reads Packages files.
    pub(super) async fn load_indexes(&self, cx: &Context, files: &[AbsPath]) -> Result<Vec<Packages>, AppError> {
        load(cx, self.index_files(files)).await
    }

    fn index_files(&self, files: &[AbsPath]) -> Sources {
        let cache = self.index_cache();
        let source = |file: &AbsPath| IndexSource::from_file(file.as_str(), file.clone());
        boxed(files.iter().map(|file| source(file).with_cache(Some(cache.clone()))))
    }

    /// Folders, repositories and tags, which have packages and source packages.
    async fn folders_and_tags(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        architectures: &[Architecture],
    ) -> Result<Sources, AppError> {
        let mut all = boxed(from.debs.iter().map(|folder| DebsSource::from_folder(folder.as_str(), folder.clone())));
        all.extend(self.repository_states(cx, &from.repositories, architectures).await?);
        if !from.tags.is_empty() {
            let queue = self.queue().await?;
            all.extend(boxed(from.tags.iter().map(|tag| TagSource::new(queue.clone(), tag.clone()))));
        }
        Ok(all)
    }

    async fn repository_states(
        &self,
        cx: &Context,
        places: &[RepositoryPlace],
        architectures: &[Architecture],
    ) -> Result<Sources, AppError> {
        let mut all: Sources = Vec::new();
        for place in places {
            let repository = Repository::open(cx, place.dir.clone()).await?;
            let suite = self.repo_suite(cx, &repository, place.suite.as_ref()).await?;
            let options = repository.suites(cx).await?.into_iter().find(|options| options.suite == suite);
            let source = RepositorySource::new(repository, suite).with_state(place.state);
            let mut source = source.with_architectures(architectures.to_vec());
            if let Some(options) = options {
                source = source.with_options(&options);
            }
            let name = format!("{}:{}", place.dir, source.name());
            all.push(Box::new(source.with_name(name)));
        }
        Ok(all)
    }

    async fn archive_indexes(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        suite: &SuiteName,
        architectures: &[Architecture],
    ) -> Result<Sources, AppError> {
        let opened: Vec<Suite> = self.suites(cx, reader, suite).await?;
        let cache = self.index_cache();
        let indexes = opened.iter().flat_map(|suite| ArchiveSource::packages_of(suite, architectures));
        Ok(boxed(indexes.map(|index| index.with_cache(Some(cache.clone())))))
    }
}

fn boxed<S: PackageSource + 'static>(sources: impl IntoIterator<Item = S>) -> Sources {
    sources.into_iter().map(|source| Box::new(source) as Box<dyn PackageSource>).collect()
}

/// The records of these files, one file after the other.
fn preferences(cx: &Context, files: &[AbsPath]) -> Result<Preferences, AppError> {
    let mut all = Preferences::default();
    for file in files {
        let text = fs::read(file).at("read", file)?;
        let read = Preferences::parse(utf8(&text)?);
        let read = read.map_err(|error| Failure::new(error.class(), format!("{file}: {}", chain(&error))))?;
        read.warnings().iter().for_each(|warning| cx.warn(format!("{file}: {warning}")));
        all = all.and(read)?;
    }
    Ok(all)
}

/// What is on the system.
fn installed(cx: &Context, from: &PackagesFrom) -> Result<Option<Installed>, AppError> {
    let Some(file) = &from.installed else { return Ok(None) };
    let text = fs::read(file).at("read", file)?;
    let installed = Installed::parse_status(utf8(&text)?);
    installed.packages.problems().iter().for_each(|problem| cx.warn(format!("{file}: {problem}")));
    let held = installed.held.iter().chain(&from.held).cloned().collect();
    Ok(Some(installed.with_held(held)))
}

async fn load(cx: &Context, sources: Sources) -> Result<Vec<Packages>, AppError> {
    // A source of whole indexes takes no notice of the question.
    let any = Question::Install(Install::new(Relations::default()));
    let mut indexes = Vec::new();
    for source in sources {
        let index = source.load(cx, &any).await?;
        for problem in index.problems() {
            cx.warn(format!("{}: {problem}", index.name()));
        }
        // What is not from an archive is from this machine.
        let provenance = source.provenance().unwrap_or_else(|| Provenance::new().with_site(""));
        indexes.push(Packages::new(index, provenance));
    }
    Ok(indexes)
}
