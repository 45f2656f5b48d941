//! Gathering from APT archives: verified indexes, core's resolver, and a lock of exactly what was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    acquire::{AcquireError, Archive, ArchiveReader, PoolFile, Suite},
    blocking,
    context::Context,
    error::{Class, Classify as _, chain},
    event::Unit,
    lock::{LockFile, LockKind, LockedFile, LockedPackage},
    relation::Relations,
    resolve::{
        Answer, ArchiveSource, Install, Need, PackageIndex, PackageSource as _, Question, Reason, Recommends, Resolver,
        SatResolver, Solution, SourceError, Universe, UniverseOptions,
    },
};

use super::{Because, GatherError, Gathered, Gatherer};
use crate::blueprint::{Blueprint, Selection};

/// An archive with the priority of its packages, as apt_preferences(5) has it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatherArchive {
    /// The archive; its name is unique among those of a gatherer, and stands in locks.
    pub archive: Archive,
    /// The priority.
    pub priority: i32,
}

impl GatherArchive {
    /// An archive with this priority.
    #[must_use]
    pub const fn new(archive: Archive, priority: i32) -> Self {
        Self { archive, priority }
    }
}

/// Gathers from archives.
#[derive(Debug, Clone)]
pub struct ArchiveGatherer {
    reader: ArchiveReader,
    archives: Vec<GatherArchive>,
    resolver: Arc<dyn Resolver>,
}

impl ArchiveGatherer {
    /// Gathers from these archives; of equal versions that of the earlier archive is taken.
    #[must_use]
    pub fn new(reader: ArchiveReader, archives: Vec<GatherArchive>) -> Self {
        Self { reader, archives, resolver: Arc::new(SatResolver::new()) }
    }

    /// With another resolver.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    async fn open(&self, cx: &Context, archive: &Archive) -> Result<Suite, GatherError> {
        let failed = |error: AcquireError| GatherError::Archive {
            archive: archive.name.clone(),
            message: chain(&error),
            class: error.class(),
        };
        self.reader.open(cx, archive).await.map_err(failed)
    }

    /// Reads the indexes of an archive for the blueprint's architecture. In locks all have the archive's name.
    async fn indexes(
        &self,
        cx: &Context,
        suite: &Suite,
        blueprint: &Blueprint,
    ) -> Result<Vec<Arc<PackageIndex>>, GatherError> {
        let name = &suite.archive().name;
        let failed = |error: SourceError| GatherError::Archive {
            archive: name.clone(),
            message: chain(&error),
            class: error.class(),
        };
        // A source of whole indexes takes no notice of the question.
        let any = Question::Install(Install::new(Relations::default()));
        let mut indexes = Vec::new();
        for source in ArchiveSource::packages_of(suite, std::slice::from_ref(&blueprint.architecture)) {
            indexes.push(source.with_name(name).load(cx, &any).await.map_err(failed)?);
        }
        Ok(indexes)
    }

    async fn universe(&self, cx: &Context, blueprint: &Blueprint) -> Result<(Universe, Vec<Suite>), GatherError> {
        let (mut indexes, mut suites, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for GatherArchive { archive, priority } in &self.archives {
            if !names.insert(archive.name.as_str()) {
                let message = "two archives have this name".to_owned();
                return Err(GatherError::Archive { archive: archive.name.clone(), message, class: Class::Config });
            }
            let suite = self.open(cx, archive).await?;
            for index in self.indexes(cx, &suite, blueprint).await? {
                indexes.push((index, *priority));
            }
            suites.push(suite);
        }
        let options = UniverseOptions::new(blueprint.architecture.clone());
        let universe = blocking::run(move || Universe::new(options, indexes)).await;
        Ok((universe, suites))
    }
}

#[async_trait]
impl Gatherer for ArchiveGatherer {
    async fn gather(&self, cx: &Context, blueprint: &Blueprint) -> Result<Gathered, GatherError> {
        let step = cx.step("gather packages", Unit::None, None);
        let inner = step.context().clone();
        let (universe, suites) = self.universe(&inner, blueprint).await?;
        let (resolver, asked) = (Arc::clone(&self.resolver), blueprint.clone());
        let solved = blocking::run(move || Sets::solve(&inner, resolver.as_ref(), &universe, &asked)).await?;
        let mut lock = LockFile::new(LockKind::Compose, blueprint.architecture.clone(), cx.now());
        lock.archives = suites.iter().map(Suite::access).collect();
        lock.packages = solved.common;
        lock.additions = solved.additions;
        // Kept for as long as the lock may be wanted: what is composed can be made again.
        let name = lock.to_json().map(|json| debbuild_core::digest::Sha256::of(&json).to_string());
        let pinned = match name {
            Ok(name) => self.reader.store().pin(cx, "compose", &name, &lock.blobs()).await.map_err(|e| chain(&e)),
            Err(error) => Err(error.to_string()),
        };
        let failed =
            |message| GatherError::Archive { archive: "blobs".to_owned(), message, class: Class::Infrastructure };
        pinned.map_err(failed)?;
        step.finish();
        Ok(Gathered::new(lock).with_because(solved.because))
    }

    async fn fetch(&self, cx: &Context, _lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError> {
        let step = cx.step("fetch packages", Unit::Items, Some(packages.len() as u64));
        let inner = step.context();
        let mut suites: BTreeMap<&str, Suite> = BTreeMap::new();
        for (number, package) in packages.iter().enumerate() {
            let failed =
                |message: String, class| GatherError::Fetch { package: package.name.to_string(), message, class };
            step.progress(number as u64);
            let stored = self.reader.store().stat(inner, package.sha256).await;
            if stored.map_err(|error| failed(chain(&error), error.class()))?.is_some() {
                continue;
            }
            let known = self.archives.iter().find(|known| known.archive.name == package.archive);
            let Some(known) = known else {
                return Err(failed(format!("archive {:?} is not configured", package.archive), Class::Config));
            };
            if !suites.contains_key(known.archive.name.as_str()) {
                suites.insert(&known.archive.name, self.open(inner, &known.archive).await?);
            }
            let file = PoolFile::new(package.path.clone(), package.size, package.sha256);
            if let Some(suite) = suites.get(known.archive.name.as_str()) {
                suite.file(inner, &file).await.map_err(|error| failed(chain(&error), error.class()))?;
            }
        }
        step.finish();
        Ok(())
    }

    async fn replay(&self, cx: &Context, lock: &LockFile, packages: &[LockedPackage]) -> Result<(), GatherError> {
        let step = cx.step("check the lock", Unit::Items, Some(packages.len() as u64));
        let inner = step.context();
        let mut suites: BTreeMap<&str, Suite> = BTreeMap::new();
        for access in &lock.archives {
            let failed = |error: AcquireError| GatherError::Archive {
                archive: access.name.clone(),
                message: chain(&error),
                class: error.class(),
            };
            suites.insert(&access.name, self.reader.replay(inner, access, lock.verified_at).await.map_err(failed)?);
        }
        for (number, package) in packages.iter().enumerate() {
            step.progress(number as u64);
            let failed =
                |message: String, class| GatherError::Fetch { package: package.name.to_string(), message, class };
            let suite = suites.get(package.archive.as_str());
            let suite =
                suite.ok_or_else(|| failed(format!("the lock has no archive {:?}", package.archive), Class::Usage))?;
            let listed = suite.pool_file(inner, &package.path).await;
            let listed = listed.map_err(|error| failed(chain(&error), error.class()))?;
            let file = PoolFile::new(package.path.clone(), package.size, package.sha256);
            if listed.as_ref() != Some(&file) {
                let message = format!("the signed indexes of {} do not list {}", package.archive, package.path);
                return Err(failed(message, Class::Verification));
            }
            suite.file(inner, &file).await.map_err(|error| failed(chain(&error), error.class()))?;
        }
        step.finish();
        Ok(())
    }
}

/// The sets of a blueprint, solved one after another: each later one with the earlier ones fixed.
#[derive(Debug, Default)]
struct Sets {
    common: Vec<LockedPackage>,
    additions: BTreeMap<String, Vec<LockedPackage>>,
    because: BTreeMap<String, Because>,
}

impl Sets {
    fn solve(cx: &Context, resolver: &dyn Resolver, on: &Universe, blueprint: &Blueprint) -> Result<Self, GatherError> {
        let mut sets = Self::default();
        let asking = Asking { cx, resolver, on, blueprint };
        sets.common = sets.add(&asking, "the common set", &blueprint.packages, &[])?;
        for variant in &blueprint.variants {
            let own = sets.add(&asking, &variant.name, &variant.packages, &sets.common.clone())?;
            let fixed = [sets.common.clone(), own.clone()].concat();
            sets.additions.insert(variant.name.clone(), own);
            for deliverable in &variant.deliverables {
                let name = format!("{}/{}", variant.name, deliverable.kind());
                let own = sets.add(&asking, &name, &deliverable.packages, &fixed)?;
                sets.additions.insert(name, own);
            }
        }
        Ok(sets)
    }

    /// The packages that a set has beyond those that are fixed.
    fn add(
        &mut self,
        asking: &Asking<'_>,
        name: &str,
        selections: &[Selection],
        fixed: &[LockedPackage],
    ) -> Result<Vec<LockedPackage>, GatherError> {
        if selections.is_empty() && !fixed.is_empty() {
            return Ok(Vec::new());
        }
        let solution = asking.ask(name, selections, fixed)?;
        let mut added = Vec::new();
        for selected in &solution.packages {
            let package = &selected.package;
            if fixed.iter().any(|fixed| fixed.name == package.package && fixed.architecture == package.architecture) {
                continue;
            }
            let Some(location) = &package.location else {
                let message = "its index gives no file".to_owned();
                return Err(GatherError::Fetch {
                    package: package.package.to_string(),
                    message,
                    class: Class::Infrastructure,
                });
            };
            let file = LockedFile { path: location.filename.to_string(), size: location.size, sha256: location.sha256 };
            let (version, architecture) = (package.version.clone(), package.architecture.clone());
            let origin = selected.origin.to_string();
            added.push(LockedPackage::new(package.package.clone(), version, architecture, origin, file));
            let because = because(&selected.reason, package.package.as_str(), selections);
            self.because.entry(package.package.to_string()).or_insert(because);
        }
        added.sort();
        Ok(added)
    }
}

fn because(reason: &Reason, package: &str, selections: &[Selection]) -> Because {
    match reason {
        Reason::Essential => Because::Essential,
        Reason::NeededBy { package, need, relation, .. } => {
            let field = match need {
                Need::PreDepends => "Pre-Depends",
                Need::Recommends => "Recommends",
                _ => "Depends",
            };
            Because::Needed { by: package.to_string(), relation: format!("{field}: {relation}") }
        }
        Reason::Requested(group) => {
            let named = selections.iter().find(|s| s.package.as_str() == package || s.package.as_str() == group);
            Because::Named { place: named.map_or_else(|| group.clone(), |selection| selection.place.to_string()) }
        }
        other => Because::Named { place: format!("{other:?}") },
    }
}

/// What all questions of a blueprint have in common.
struct Asking<'a> {
    cx: &'a Context,
    resolver: &'a dyn Resolver,
    on: &'a Universe,
    blueprint: &'a Blueprint,
}

impl fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("on", self.on).finish_non_exhaustive()
    }
}

impl Asking<'_> {
    fn ask(&self, name: &str, selections: &[Selection], fixed: &[LockedPackage]) -> Result<Solution, GatherError> {
        let unsatisfiable = |explanation: String| GatherError::Unsatisfiable { set: name.to_owned(), explanation };
        let mut groups: Vec<String> = selections.iter().map(|selection| selection.package.to_string()).collect();
        groups.extend(fixed.iter().map(|package| format!("{} (= {})", package.name, package.version)));
        let seeds = Relations::parse(&groups.join(", ")).map_err(|error| unsatisfiable(chain(&error)))?;
        let recommends = if self.blueprint.recommends { Recommends::Install } else { Recommends::Ignore };
        let question = Question::Install(Install::new(seeds).with_recommends(recommends).with_essential(true));
        let answer = self.resolver.answer(self.cx, self.on, &question);
        match answer.map_err(|error| GatherError::Resolve { message: chain(&error), class: error.class() })? {
            Answer::Satisfied(solution) => Ok(solution),
            Answer::Unsatisfiable(why) => {
                let absent = selections
                    .iter()
                    .find(|selection| why.missing.iter().any(|missing| missing.relation == selection.package.as_str()));
                Err(match absent {
                    Some(selection) if why.sentences.len() <= 1 => GatherError::NoPackage {
                        package: selection.package.to_string(),
                        place: selection.place.to_string(),
                    },
                    _ => unsatisfiable(why.to_string()),
                })
            }
            Answer::Unknown(why) => Err(GatherError::Resolve { message: why, class: Class::Infrastructure }),
            other => Err(GatherError::Resolve { message: format!("{other:?}"), class: Class::Internal }),
        }
    }
}
