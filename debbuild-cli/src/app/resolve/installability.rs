//! Every package of some indexes: can it be installed, with what is in them?

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use debbuild_core::{
    arch::Architecture,
    blocking,
    context::{Context, Step},
    control::BinaryPackage,
    event::{Event, Unit},
    name::PackageName,
    relation::{Alternatives, Operator, Relation, Relations},
    resolve::{Answer, Install, PackageIndex, Question, ResolveError, Resolver as _, SatResolver, Universe, Versions},
    version::Version,
};

use super::{App, AppError, PackagesFrom, put_together};

/// How many packages are asked about at once, at most.
const THREADS: usize = 4;

/// A package that cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Why not, in sentences.
    pub explanation: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installability {
    /// How many packages were asked about.
    pub checked: usize,
    /// Those that cannot be installed, by name and version.
    pub broken: Vec<Broken>,
    /// Those for which no answer was found in time, with the reason.
    pub unknown: Vec<Broken>,
}

type Key = (PackageName, Version, Architecture);

fn key(package: &BinaryPackage) -> Key {
    (package.package.clone(), package.version.clone(), package.architecture.clone())
}

impl App {
    /// Asks of every package whether it can be installed on an empty system with what is in the same indexes.
    ///
    /// # Errors
    /// What loading the packages gives; packages that cannot be installed are the answer.
    pub async fn installability(&self, cx: &Context, from: &PackagesFrom) -> Result<Installability, AppError> {
        let (native, indexes) = self.indexes(cx, from).await?;
        let (architecture, all) = (native.clone(), indexes.clone());
        let packages = blocking::run(move || subjects(&architecture, &all)).await;
        let universe = put_together(native, indexes, Versions::All).await;
        let step = cx.step("check installability", Unit::Items, Some(packages.len() as u64));
        let found = check(&step, universe, packages).await;
        Ok(step.end(found)?)
    }
}

/// All packages of this architecture and of `all`, in the order of the indexes.
fn subjects(native: &Architecture, indexes: &[Arc<PackageIndex>]) -> Vec<Key> {
    let mut seen = HashSet::new();
    let packages = indexes.iter().flat_map(|index| index.packages().flatten());
    let ours = packages.filter(|package| package.architecture.is_all() || package.architecture == *native);
    ours.map(|package| key(&package)).filter(|key| seen.insert(key.clone())).collect()
}

struct Work {
    universe: Arc<Universe>,
    packages: Vec<Key>,
    next: AtomicUsize,
    /// Those that a solution has shown to be installable, as part of it.
    shown: Mutex<HashSet<Key>>,
    done: AtomicU64,
}

async fn check(step: &Step, universe: Arc<Universe>, packages: Vec<Key>) -> Result<Installability, ResolveError> {
    let checked = packages.len();
    let work = Arc::new(Work {
        universe,
        packages,
        next: AtomicUsize::new(0),
        shown: Mutex::default(),
        done: AtomicU64::new(0),
    });
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(THREADS));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..threads {
        let (work, cx) = (Arc::clone(&work), step.context().clone());
        running.spawn(blocking::run(move || work.run(&cx)));
    }
    let mut found = Installability { checked, ..Installability::default() };
    while let Some(ended) = running.join_next().await {
        let part = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        found.broken.extend(part.broken);
        found.unknown.extend(part.unknown);
    }
    for list in [&mut found.broken, &mut found.unknown] {
        list.sort_by(|a, b| (&a.package, &a.version, &a.architecture).cmp(&(&b.package, &b.version, &b.architecture)));
    }
    Ok(found)
}

impl Work {
    /// Takes packages until there are no more.
    fn run(&self, cx: &Context) -> Result<Installability, ResolveError> {
        let mut found = Installability::default();
        while let Some(package) = self.packages.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if !self.is_shown(package) {
                self.ask(cx, package, &mut found)?;
            }
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(span) = cx.span() {
                cx.report(Event::Progress { span, done });
            }
        }
        Ok(found)
    }

    fn is_shown(&self, package: &Key) -> bool {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).contains(package)
    }

    fn ask(&self, cx: &Context, package: &Key, found: &mut Installability) -> Result<(), ResolveError> {
        let (name, version, architecture) = package.clone();
        let exactly = Relation::new(name.clone()).with_constraint(Operator::Equal, version.clone());
        let question = Question::Install(Install::new(Relations(vec![Alternatives(vec![exactly])])));
        let one = |explanation| Broken { package: name, version, architecture, explanation };
        match SatResolver::new().answer(cx, &self.universe, &question)? {
            Answer::Satisfied(solution) => {
                // Everything that a solution holds can be installed: most packages are never asked about themselves.
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend(solution.packages.iter().map(|selected| key(&selected.package)));
                if !shown.contains(package) {
                    // The package itself is preferred: another one that provides it is chosen only where it cannot be.
                    found.broken.push(one("only another package that provides it can be installed".to_owned()));
                }
            }
            Answer::Unsatisfiable(why) => found.broken.push(one(why.to_string())),
            Answer::Unknown(why) => found.unknown.push(one(why)),
            _ => found.unknown.push(one("no answer".to_owned())),
        }
        Ok(())
    }
}
