//! The question about all source packages: whose build dependencies can be installed at all?

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{BuildDeps, Explanation, ResolveError, SatResolver, Universe, planner::Planner, sat::Choice};
use crate::{
    arch::Architecture,
    context::{Context, Step},
    control::SourceControl,
    event::Unit,
    name::SourceName,
    relation::BuildProfile,
    repo::parallel,
    version::Version,
};

/// How many questions one thread takes at a time.
const AT_ONCE: usize = 256;

/// What is asked of all source packages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildabilityOptions {
    /// Build profiles of all builds.
    pub profiles: BTreeSet<BuildProfile>,
    /// Whether architecture-independent packages are built (`Build-Depends-Indep` counts).
    pub indep: bool,
    /// How long the solver may take for one source package.
    pub limit: Duration,
}

impl BuildabilityOptions {
    /// Everything is built, without profiles.
    #[must_use]
    pub const fn new() -> Self {
        Self { profiles: BTreeSet::new(), indep: true, limit: Duration::from_secs(30) }
    }

    /// With these build profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: BTreeSet<BuildProfile>) -> Self {
        self.profiles = profiles;
        self
    }

    /// Of the architecture-dependent packages only.
    #[must_use]
    pub const fn with_any_only(mut self) -> Self {
        self.indep = false;
        self
    }

    /// With another limit for each source package.
    #[must_use]
    pub const fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl Default for BuildabilityOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A source package whose build dependencies cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenSource {
    /// Its name.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// Why.
    pub explanation: Explanation,
}

/// A source package about which nothing could be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownSource {
    /// Its name.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// Why not: a limit of time.
    pub reason: String,
}

/// Which source packages can be built, as far as their build dependencies go (as dose-builddebcheck asks).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Buildability {
    /// How many source packages were looked at: those that build something for the architecture.
    pub checked: usize,
    /// Those whose build dependencies cannot be installed.
    pub broken: Vec<BrokenSource>,
    /// Those about which nothing could be shown.
    pub unknown: Vec<UnknownSource>,
}

/// Asks about every source package that builds something for the architecture of the universe. Each version counts.
///
/// # Errors
/// [`ResolveError`].
pub fn buildability(
    cx: &Context,
    sources: &[SourceControl],
    on: &Universe,
    options: &BuildabilityOptions,
) -> Result<Buildability, ResolveError> {
    let native = &on.options().native;
    let sources: Vec<&SourceControl> = sources.iter().filter(|one| builds_for(one, native, options.indep)).collect();
    let step = cx.step("check build dependencies", Unit::Items, Some(sources.len() as u64));
    let asked = for_each(&step, on, options.limit, &sources, |planner, source| {
        let build = BuildDeps::new((*source).clone(), native.clone()).with_profiles(options.profiles.clone());
        let build = if options.indep { build } else { build.with_any_only() };
        Ok(match planner.build_set(step.context(), build)? {
            Choice::Set(_) => None,
            other => Some(other),
        })
    });
    let verdicts = step.end(asked)?;
    let mut found = Buildability { checked: sources.len(), ..Buildability::default() };
    for (of, verdict) in sources.into_iter().zip(verdicts) {
        let (source, version) = (of.source.clone(), of.version.clone());
        match verdict {
            Some(Choice::Impossible(explanation)) => found.broken.push(BrokenSource { source, version, explanation }),
            Some(Choice::Unknown(reason)) => found.unknown.push(UnknownSource { source, version, reason }),
            Some(Choice::Set(_)) | None => {}
        }
    }
    found.broken.sort_by(|a, b| (&a.source, &a.version).cmp(&(&b.source, &b.version)));
    found.unknown.sort_by(|a, b| (&a.source, &a.version).cmp(&(&b.source, &b.version)));
    Ok(found)
}

/// Whether a source package builds something for an architecture.
pub(super) fn builds_for(source: &SourceControl, architecture: &Architecture, indep: bool) -> bool {
    source.architectures.iter().any(|one| one.matches(architecture) || indep && one.as_str() == "all")
}

/// Asks about many things on several threads, each with a planner of its own; the answers have the order of the things.
pub(super) fn for_each<T: Sync, R: Send>(
    step: &Step,
    on: &Universe,
    limit: Duration,
    things: &[T],
    ask: impl Fn(&mut Planner<'_>, &T) -> Result<R, ResolveError> + Sync,
) -> Result<Vec<R>, ResolveError> {
    let done = AtomicU64::new(0);
    let chunks: Vec<&[T]> = things.chunks(AT_ONCE).collect();
    let answers = parallel::map(&chunks, |chunk| {
        let mut planner = Planner::new(on, SatResolver::new().with_limit(limit));
        let mut answers = Vec::with_capacity(chunk.len());
        for thing in *chunk {
            step.context().cancel().check()?;
            answers.push(ask(&mut planner, thing)?);
        }
        let count = chunk.len() as u64;
        step.progress(done.fetch_add(count, Ordering::Relaxed) + count);
        Ok::<_, ResolveError>(answers)
    })?;
    Ok(answers.into_iter().flatten().collect())
}
