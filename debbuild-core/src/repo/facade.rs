//! The facade: repositories, their suites, states and packages.

use std::sync::Arc;

use super::{
    Content, Diff, Entry, FolderTarget, PublishTarget, RepoError, Report, State, StateId, SuiteOptions,
    reading::Published, store::Store, verify,
};
use crate::{
    blocking,
    context::Context,
    file_lock::FileLock,
    name::SuiteName,
    path::AbsPath,
    sign::{Keyring, Verifier},
};

/// How long what was published stays reachable by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryOptions {
    /// The indexes of at least this many states stay, the current one counted.
    pub generations: usize,
    /// And those of every state that was current less than this many seconds ago: a slow client finishes its update.
    pub overlap_seconds: u64,
}

impl RepositoryOptions {
    /// Three generations, one hour.
    #[must_use]
    pub const fn new() -> Self {
        Self { generations: 3, overlap_seconds: 3600 }
    }

    /// With another number of generations; the current one always stays.
    #[must_use]
    pub const fn with_generations(mut self, generations: usize) -> Self {
        self.generations = generations;
        self
    }

    /// With another overlap, in seconds.
    #[must_use]
    pub const fn with_overlap_seconds(mut self, seconds: u64) -> Self {
        self.overlap_seconds = seconds;
        self
    }
}

impl Default for RepositoryOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A repository in a folder. Several processes may work on it: what changes it waits for a lock.
#[derive(Debug, Clone)]
pub struct Repository {
    dir: AbsPath,
    store: Store,
    pub(super) target: Arc<dyn PublishTarget>,
    pub(super) options: RepositoryOptions,
}

impl Repository {
    fn at(dir: AbsPath) -> Self {
        let target = Arc::new(FolderTarget::new(dir.clone()));
        Self { store: Store::new(dir.clone()), dir, target, options: RepositoryOptions::new() }
    }

    /// The repository that is in this folder.
    ///
    /// # Errors
    /// [`RepoError::NoRepository`].
    pub async fn open(_: &Context, dir: AbsPath) -> Result<Self, RepoError> {
        let this = Self::at(dir);
        let store = this.store.clone();
        blocking::run(move || store.check()).await?;
        Ok(this)
    }

    /// Makes the folder a repository, if it is none yet, and gives it this suite, or this suite other options.
    ///
    /// # Errors
    /// [`RepoError::Option`], [`RepoError::Nested`], [`RepoError::Foreign`] when another tool's suite is in its place.
    pub async fn init(cx: &Context, dir: AbsPath, suite: SuiteOptions) -> Result<Self, RepoError> {
        suite.check()?;
        let this = Self::at(dir);
        this.target.current(cx, &suite.suite).await?;
        let store = this.store.clone();
        blocking::run(move || store.prepare()).await?;
        let lock = this.lock(cx).await?;
        let store = this.store.clone();
        blocking::run(move || {
            let within = |one: &SuiteName, other: &SuiteName| one.as_str().starts_with(&format!("{other}/"));
            for other in store.suites()?.into_iter().map(|other| other.suite) {
                if within(&suite.suite, &other) || within(&other, &suite.suite) {
                    return Err(RepoError::Nested(suite.suite.clone(), other));
                }
            }
            store.mark()?;
            store.set_options(&suite)
        })
        .await?;
        drop(lock);
        Ok(this)
    }

    /// The same repository, published elsewhere.
    #[must_use]
    pub fn with_target(mut self, target: Arc<dyn PublishTarget>) -> Self {
        self.target = target;
        self
    }

    /// The same repository with other options.
    #[must_use]
    pub fn with_options(mut self, options: RepositoryOptions) -> Self {
        self.options = options;
        self
    }

    /// Its folder.
    #[must_use]
    pub const fn dir(&self) -> &AbsPath {
        &self.dir
    }

    pub(super) async fn lock(&self, cx: &Context) -> Result<FileLock, RepoError> {
        Ok(FileLock::acquire(cx, &self.store.lock()).await?)
    }

    pub(super) async fn stored<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let store = self.store.clone();
        blocking::run(move || work(&store)).await
    }

    /// The suites, by name.
    ///
    /// # Errors
    /// [`RepoError::Record`].
    pub async fn suites(&self, _: &Context) -> Result<Vec<SuiteOptions>, RepoError> {
        self.stored(Store::suites).await
    }

    /// The packages of a state, or those that are staged.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::NoState`].
    pub async fn list(&self, cx: &Context, suite: &SuiteName, state: Option<StateId>) -> Result<Vec<Entry>, RepoError> {
        let content = self.content(cx, suite, state).await?;
        self.stored(move |store| store.entries(&content)).await
    }

    /// The content of a state, or what is staged.
    pub(super) async fn content(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: Option<StateId>,
    ) -> Result<Content, RepoError> {
        if let Some(state) = state {
            return Ok(self.state(cx, suite, state).await?.content);
        }
        let suite = suite.clone();
        self.stored(move |store| store.options(&suite).and_then(|_| store.staged(&suite))).await
    }

    /// The states that readers have seen, oldest first; the last one is the current one.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`].
    pub async fn states(&self, cx: &Context, suite: &SuiteName) -> Result<Vec<State>, RepoError> {
        let current = self.target.current(cx, suite).await?;
        let suite = suite.clone();
        self.stored(move |store| {
            store.options(&suite)?;
            let seen = |number: &StateId| current.is_some_and(|current| *number <= current);
            store.numbers(&suite)?.into_iter().filter(seen).map(|number| store.load(&suite, number)).collect()
        })
        .await
    }

    /// One state that readers have seen.
    ///
    /// # Errors
    /// [`RepoError::NoState`].
    pub async fn state(&self, cx: &Context, suite: &SuiteName, id: StateId) -> Result<State, RepoError> {
        let current = self.target.current(cx, suite).await?;
        let suite = suite.clone();
        self.stored(move |store| {
            store.options(&suite)?;
            match current {
                Some(current) if id <= current => store.load(&suite, id),
                _ => Err(RepoError::NoState { suite, state: id }),
            }
        })
        .await
    }

    /// The state that readers see.
    ///
    /// # Errors
    /// [`RepoError::NotPublished`].
    pub async fn current(&self, cx: &Context, suite: &SuiteName) -> Result<State, RepoError> {
        match self.target.current(cx, suite).await? {
            Some(id) => self.state(cx, suite, id).await,
            None => {
                let named = suite.clone();
                self.stored(move |store| store.options(&named)).await?;
                Err(RepoError::NotPublished(suite.clone()))
            }
        }
    }

    /// In which packages two states differ. Without an older one, what readers see is meant, which is nothing before the first
    /// publication; without a newer one, what is staged.
    ///
    /// # Errors
    /// [`RepoError::NoState`], [`RepoError::NoSuite`].
    pub async fn diff(
        &self,
        cx: &Context,
        suite: &SuiteName,
        from: Option<StateId>,
        to: Option<StateId>,
    ) -> Result<Diff, RepoError> {
        let from = match from {
            Some(from) => Some(from),
            None => self.target.current(cx, suite).await?,
        };
        let new = self.content(cx, suite, to).await?;
        let old = match from {
            Some(from) => self.state(cx, suite, from).await?.content,
            None => Content::default(),
        };
        let (old, new) = (old.without(&new), new.without(&old));
        self.stored(move |store| Ok(Diff::between(&store.entries(&old)?, &store.entries(&new)?))).await
    }

    /// Reads what a client would read and checks all of it: signatures by these keys (without keys: only that InRelease says what
    /// Release says), dates, every form of every index, its copy by hash and those of earlier states that slow clients may ask
    /// for, every file of the pool that an index names, and what the indexes say of each other.
    ///
    /// # Errors
    /// [`RepoError::NotPublished`]; what is wrong with the repository itself is in the report.
    pub async fn verify(
        &self,
        cx: &Context,
        suite: &SuiteName,
        keys: Option<(&dyn Verifier, &Keyring)>,
    ) -> Result<Report, RepoError> {
        let state = self.current(cx, suite).await?;
        let earlier = self.earlier_copies(cx, &state).await?;
        verify::own(cx, &*self.target, &state, earlier, keys).await
    }

    /// Checks the records: every file that a state or the staged content names is in the pool with its content, and so is
    /// every source that is kept for a package that needs it. Files of the pool that no suite names are noted.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`].
    pub async fn check(&self, cx: &Context, suite: &SuiteName) -> Result<Report, RepoError> {
        let named = self.named_files(cx, suite).await?;
        let mut report = verify::files(cx, &Published(&*self.target), named).await?;
        for orphan in self.orphans(cx).await? {
            report.note(orphan, "neither a state nor what is staged names it");
        }
        Ok(report)
    }
}
