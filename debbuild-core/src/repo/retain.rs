//! Which states stay, and the removal of everything that no state, suite or package needs any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Content, Entry, EntryKind, PoolFile, PublishTarget, RepoError, Repository, State, StateId, store::Store};
use crate::{
    clock::Timestamp,
    context::Context,
    event::Unit,
    name::{PoolPath, SourceName, SuiteName},
    version::Version,
};

/// Which states of a suite stay. The current one always does; a rule that says nothing keeps all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// This many of the newest, the current one counted.
    pub last: Option<u64>,
    /// Those that were current within so many seconds.
    pub seconds: Option<u64>,
    /// Those that have a name: they stay whatever the others say.
    pub named: BTreeMap<String, StateId>,
}

impl Retention {
    /// Keeps everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps this many of the newest.
    #[must_use]
    pub const fn with_last(mut self, last: Option<u64>) -> Self {
        self.last = last;
        self
    }

    /// Keeps those that were current within so many seconds.
    #[must_use]
    pub const fn with_seconds(mut self, seconds: Option<u64>) -> Self {
        self.seconds = seconds;
        self
    }

    /// Keeps this state under a name.
    #[must_use]
    pub fn with_named(mut self, name: impl Into<String>, state: StateId) -> Self {
        self.named.insert(name.into(), state);
        self
    }

    /// The states that stay, of all that readers have seen (oldest first, the last one is the current one).
    #[must_use]
    pub fn kept(&self, states: &[(StateId, Timestamp)], now: Timestamp) -> BTreeSet<StateId> {
        let all = self.last.is_none() && self.seconds.is_none();
        let newest =
            states.len().saturating_sub(self.last.map_or(0, |last| usize::try_from(last).unwrap_or(usize::MAX)));
        let is_kept = |(place, (id, _)): &(usize, &(StateId, Timestamp))| {
            let is_current = place + 1 == states.len();
            let is_new = self.last.is_some() && *place >= newest;
            // A state was current until the next one's date.
            let lately =
                |seconds: u64| states.get(place + 1).is_none_or(|(_, next)| now.since(*next).as_secs() < seconds);
            all || is_current
                || is_new
                || self.seconds.is_some_and(lately)
                || self.named.values().any(|kept| kept == id)
        };
        states.iter().enumerate().filter(is_kept).map(|(_, (id, _))| *id).collect()
    }
}

/// What a collection removed, or would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// States that no rule keeps.
    pub states: Vec<(SuiteName, StateId)>,
    /// Files of the pool that nothing needs, with their sizes in bytes.
    pub files: Vec<(PoolPath, u64)>,
    /// Sources that no state has any more, kept because a package was built from them or contains parts of them.
    pub sources: Vec<(SourceName, Version)>,
}

impl Collected {
    /// The size of the removed files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }
}

/// What is to stay, as it was found.
#[derive(Debug, Default)]
struct Plan {
    gone: Vec<(SuiteName, StateId)>,
    kept: BTreeMap<SuiteName, Vec<StateId>>,
    segments: HashSet<crate::digest::Sha256>,
    pool: BTreeSet<PoolPath>,
    sources: Vec<Entry>,
}

impl Repository {
    /// The rule by which states of a suite stay.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`].
    pub async fn retention(&self, _: &Context, suite: &SuiteName) -> Result<Retention, RepoError> {
        let suite = suite.clone();
        self.stored(move |store| store.options(&suite).and_then(|_| store.retention(&suite))).await
    }

    /// Sets the rule by which states of a suite stay; [`Repository::collect`] applies it.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`]; [`RepoError::NoState`] when a name is given to a state that is not there.
    pub async fn set_retention(&self, cx: &Context, suite: &SuiteName, rule: Retention) -> Result<(), RepoError> {
        let _lock = self.lock(cx).await?;
        for state in rule.named.values() {
            self.state(cx, suite, *state).await?;
        }
        let suite = suite.clone();
        self.stored(move |store| {
            store.options(&suite)?;
            store.set_retention(&suite, &rule)
        })
        .await
    }

    /// Removes the states that no rule keeps, and the files of the pool that neither a kept state, nor what is staged, nor a
    /// package that is kept (the source it was built from, and those in its `Built-Using`) needs. A dry run only tells.
    ///
    /// # Errors
    /// [`RepoError`]; a collection that was interrupted is finished by the next one.
    pub async fn collect(&self, cx: &Context, dry_run: bool) -> Result<Collected, RepoError> {
        let _lock = self.lock(cx).await?;
        let step = cx.step("collect what nothing needs", Unit::None, None);
        let collected = self.collect_all(step.context(), dry_run).await;
        step.end(collected)
    }

    async fn collect_all(&self, cx: &Context, dry_run: bool) -> Result<Collected, RepoError> {
        let plan = self.plan(cx).await?;
        let pool = self.target.pool(cx).await?;
        let files: Vec<(PoolPath, u64)> = pool.into_iter().filter(|(path, _)| !plan.pool.contains(path)).collect();
        let mut collected = Collected { states: plan.gone.clone(), files, sources: Vec::new() };
        let sources = plan.sources.iter().map(|entry| (entry.source.clone(), entry.source_version.clone()));
        collected.sources = sources.collect();
        if dry_run {
            return Ok(collected);
        }
        // Records go first: a state that is listed has everything. What nothing names any more goes by the next collection
        // too, if this one is interrupted.
        let Plan { gone, kept, segments, sources, .. } = plan;
        self.stored(move |store| {
            let mut segments = segments;
            segments.extend(store.set_kept_sources(&sources)?.segments);
            gone.iter().try_for_each(|(suite, state)| store.forget(suite, *state))?;
            store.sweep(&segments)
        })
        .await?;
        for (suite, states) in kept {
            let keep = self.trees_to_keep(cx, &suite, states).await?;
            self.target.prune(cx, &suite, &keep).await?;
        }
        let paths: Vec<PoolPath> = collected.files.iter().map(|(path, _)| path.clone()).collect();
        self.target.remove(cx, &paths).await?;
        Ok(collected)
    }

    /// Of the kept states those whose trees stay: all of them where they are reachable by time, else those within the overlap.
    async fn trees_to_keep(
        &self,
        cx: &Context,
        suite: &SuiteName,
        kept: Vec<StateId>,
    ) -> Result<Vec<StateId>, RepoError> {
        let named = suite.clone();
        let options = self.stored(move |store| store.options(&named)).await?;
        if options.is_by_time() {
            return Ok(kept);
        }
        Ok(self.recent(cx, suite).await?.iter().map(State::id).collect())
    }

    /// What a place that is not the repository's own folder does not need any more: see [`Repository::publish_to`].
    ///
    /// # Errors
    /// [`RepoError::Conflict`] when the place has a state that this repository does not keep: publish there first.
    pub async fn collect_at(
        &self,
        cx: &Context,
        at: &dyn PublishTarget,
        dry_run: bool,
    ) -> Result<Collected, RepoError> {
        let _lock = self.lock(cx).await?;
        let plan = self.plan(cx).await?;
        for (suite, kept) in &plan.kept {
            if let Some(there) = at.current(cx, suite).await?.filter(|there| !kept.contains(there)) {
                return Err(RepoError::Conflict { what: format!("state {there} of suite {suite} in the other place") });
            }
        }
        let pool = at.pool(cx).await?;
        let files: Vec<(PoolPath, u64)> = pool.into_iter().filter(|(path, _)| !plan.pool.contains(path)).collect();
        if !dry_run {
            // What is reachable by time has its packages: it goes first.
            for (suite, kept) in &plan.kept {
                at.prune(cx, suite, kept).await?;
            }
            let paths: Vec<PoolPath> = files.iter().map(|(path, _)| path.clone()).collect();
            at.remove(cx, &paths).await?;
        }
        Ok(Collected { states: Vec::new(), files, sources: Vec::new() })
    }

    async fn plan(&self, cx: &Context) -> Result<Plan, RepoError> {
        let mut plan = Plan::default();
        let mut dropped: Vec<Content> = Vec::new();
        let mut contents: Vec<Content> = Vec::new();
        for options in self.suites(cx).await? {
            let suite = options.suite;
            let states = self.states(cx, &suite).await?;
            let rule = self.retention(cx, &suite).await?;
            let dates: Vec<(StateId, Timestamp)> = states.iter().map(|state| (state.id(), state.date)).collect();
            let mut kept = rule.kept(&dates, cx.now());
            // Readers in the middle of an update still ask for these by hash.
            kept.extend(self.recent(cx, &suite).await?.iter().map(State::id));
            for state in states {
                if kept.contains(&state.id()) {
                    contents.push(state.content);
                } else {
                    plan.gone.push((suite.clone(), state.id()));
                    dropped.push(state.content);
                }
            }
            contents.push(self.content(cx, &suite, None).await?);
            plan.kept.insert(suite, kept.into_iter().collect());
        }
        self.stored(move |store| {
            plan.fill(store, &contents, &dropped)?;
            Ok(plan)
        })
        .await
    }
}

impl Plan {
    /// Finds the files that the contents need, and sources that are only needed by packages that stay.
    fn fill(&mut self, store: &Store, kept: &[Content], dropped: &[Content]) -> Result<(), RepoError> {
        let union = |contents: &[Content]| {
            let mut all = Content::default();
            for content in contents {
                all.segments.extend(content.without(&all).segments);
            }
            all
        };
        let kept = union(kept);
        self.segments.extend(kept.segments.iter().copied());
        let (mut needed, mut there) = (BTreeSet::new(), BTreeSet::new());
        for entry in store.entries(&kept)? {
            match entry.kind {
                EntryKind::Source => {
                    there.insert((entry.source.clone(), entry.source_version.clone()));
                }
                EntryKind::Binary | EntryKind::Udeb => {
                    needed.insert((entry.source.clone(), entry.source_version.clone()));
                    needed.extend(entry.built_using.iter().map(|built| (built.source.clone(), built.version.clone())));
                }
            }
            self.pool.extend(entry.files.into_iter().map(|file| file.path));
        }
        let dropped = union(dropped).without(&kept);
        let candidates = store.entries(&dropped)?.into_iter().chain(store.kept_sources()?);
        let mut found = BTreeSet::new();
        for entry in candidates.filter(|entry| entry.kind == EntryKind::Source) {
            let key = (entry.source.clone(), entry.source_version.clone());
            if needed.contains(&key) && !there.contains(&key) && found.insert(key) {
                self.pool.extend(entry.files.iter().map(|file: &PoolFile| file.path.clone()));
                self.sources.push(entry);
            }
        }
        self.sources.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok(())
    }
}
