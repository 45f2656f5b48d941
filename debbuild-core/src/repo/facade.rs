//! The facade: stage packages, publish them, look at states, go back to one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Diff, Entry, FolderTarget, Input, KeyExport, Placing, PublishTarget, RepoError, Report, State, StateId,
    SuiteOptions, Wanted,
    ingest::{Ingest, Taken},
    key,
    store::Store,
    verify,
};
use crate::{
    blocking,
    context::Context,
    digest::Sha256,
    event::Unit,
    file_lock::FileLock,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::{Keyring, Signer, Verifier},
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

    /// Stages packages: they are in the pool now, and in the indexes from the next publication on. What is there already with
    /// the same content is left alone. Returns the entries of all inputs.
    ///
    /// # Errors
    /// [`RepoError::Conflict`], [`RepoError::Input`], [`RepoError::Mismatch`], [`RepoError::Undeclared`]; then nothing is staged.
    pub async fn add(
        &self,
        cx: &Context,
        suite: &SuiteName,
        component: &ComponentName,
        inputs: Vec<Input>,
        how: Placing,
    ) -> Result<Vec<Entry>, RepoError> {
        let _lock = self.lock(cx).await?;
        let inputs = inputs.into_iter().map(|input| (component.clone(), input)).collect();
        self.take(cx, suite, inputs, how, true).await
    }

    /// Stages exactly these packages, whatever was staged before. Returns their entries.
    ///
    /// # Errors
    /// As [`Repository::add`].
    pub async fn replace(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        how: Placing,
    ) -> Result<Vec<Entry>, RepoError> {
        let _lock = self.lock(cx).await?;
        self.take(cx, suite, inputs, how, false).await
    }

    async fn take(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        how: Placing,
        keep: bool,
    ) -> Result<Vec<Entry>, RepoError> {
        let step = cx.step(format!("add to suite {suite}"), Unit::None, None);
        let taken = self.take_all(step.context(), suite, inputs, how, keep).await;
        step.end(taken)
    }

    async fn take_all(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        how: Placing,
        keep: bool,
    ) -> Result<Vec<Entry>, RepoError> {
        let (named, inner) = (suite.clone(), cx.clone());
        let (before, taken) = self
            .stored(move |store| {
                let (options, before) = (store.options(&named)?, store.staged(&named)?);
                let known = known(&before);
                let ingest = Ingest { cx: &inner, options: &options, how, known: &known };
                let mut taken = Vec::new();
                for (component, input) in &inputs {
                    taken.extend(ingest.take(component, input)?);
                }
                Ok((before, taken))
            })
            .await?;
        let entries: Vec<Entry> = taken.iter().map(|one| one.entry.clone()).collect();
        let after = merge(if keep { before } else { Vec::new() }, &taken)?;
        let files: Vec<_> = taken.into_iter().flat_map(|one| one.files).collect();
        self.target.place(cx, &files).await?;
        let suite = suite.clone();
        self.stored(move |store| store.set_staged(&suite, after)).await?;
        Ok(entries)
    }

    /// Takes packages out of what is staged; they are gone for readers from the next publication on. Returns what was removed.
    ///
    /// # Errors
    /// [`RepoError::NoPackage`] when one of them means nothing; then nothing is removed.
    pub async fn remove(&self, cx: &Context, suite: &SuiteName, wanted: Vec<Wanted>) -> Result<Vec<Entry>, RepoError> {
        let _lock = self.lock(cx).await?;
        let suite = suite.clone();
        self.stored(move |store| {
            store.options(&suite)?;
            let staged = store.staged(&suite)?;
            if let Some(none) = wanted.iter().find(|wanted| !staged.iter().any(|entry| wanted.matches(entry))) {
                return Err(RepoError::NoPackage { suite, wanted: none.to_string() });
            }
            let is_wanted = |entry: &Entry| wanted.iter().any(|wanted| wanted.matches(entry));
            let (removed, kept) = staged.into_iter().partition(is_wanted);
            store.set_staged(&suite, kept)?;
            Ok(removed)
        })
        .await
    }

    /// The packages of a state, or those that are staged.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::NoState`].
    pub async fn list(&self, cx: &Context, suite: &SuiteName, state: Option<StateId>) -> Result<Vec<Entry>, RepoError> {
        if let Some(state) = state {
            return Ok(self.state(cx, suite, state).await?.entries);
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

    /// In which packages two states differ; without a state, what is staged is meant.
    ///
    /// # Errors
    /// [`RepoError::NoState`].
    pub async fn diff(
        &self,
        cx: &Context,
        suite: &SuiteName,
        from: Option<StateId>,
        to: Option<StateId>,
    ) -> Result<Diff, RepoError> {
        let (old, new) = (self.list(cx, suite, from).await?, self.list(cx, suite, to).await?);
        Ok(Diff::between(&old, &new))
    }

    /// Reads what a client would read and checks all of it: signatures by these keys (without keys: only that InRelease says what
    /// Release says), dates, every index and its copy by hash, every file of the pool that an index names.
    ///
    /// # Errors
    /// [`RepoError::NotPublished`]; what is wrong with the repository itself is in the report.
    pub async fn verify(
        &self,
        cx: &Context,
        suite: &SuiteName,
        keys: Option<(&dyn Verifier, &Keyring)>,
    ) -> Result<Report, RepoError> {
        self.current(cx, suite).await?;
        verify::published(cx, &*self.target, suite, keys).await
    }

    /// Checks the records: every file that a state or the staged content names is in the pool with its content.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`].
    pub async fn check(&self, cx: &Context, suite: &SuiteName) -> Result<Report, RepoError> {
        let mut files = BTreeMap::new();
        let mut lists = vec![self.list(cx, suite, None).await?];
        lists.extend(self.states(cx, suite).await?.into_iter().map(|state| state.entries));
        for file in lists.into_iter().flatten().flat_map(|entry| entry.files) {
            files.insert(file.path, (file.size, file.sha256));
        }
        verify::files(cx, &*self.target, files).await
    }

    /// The public key of a suite that is reached under `uri`.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::Sign`].
    pub async fn export_key(
        &self,
        cx: &Context,
        suite: &SuiteName,
        uri: &str,
        signer: &dyn Signer,
    ) -> Result<KeyExport, RepoError> {
        let named = suite.clone();
        let options = self.stored(move |store| store.options(&named)).await?;
        if uri.is_empty() || uri.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let reason = format!("not a URI: {uri:?}");
            return Err(RepoError::Option { suite: suite.clone(), field: "uri", reason });
        }
        Ok(key::export(&options, uri, signer.public_key(cx).await?))
    }
}

/// Entries by the digest of their .deb or .dsc.
fn known(entries: &[Entry]) -> HashMap<Sha256, Entry> {
    entries.iter().filter_map(|entry| Some((entry.files.first()?.sha256, entry.clone()))).collect()
}

/// The content with more entries. A package with its version and architecture has one content in a suite.
fn merge(mut content: Vec<Entry>, taken: &[Taken]) -> Result<Vec<Entry>, RepoError> {
    let mut places: HashMap<String, usize> =
        content.iter().enumerate().map(|(place, entry)| (entry.key(), place)).collect();
    for entry in taken.iter().map(|one| &one.entry) {
        match places.get(&entry.key()) {
            None => {
                places.insert(entry.key(), content.len());
                content.push(entry.clone());
            }
            Some(place) if content[*place].files == entry.files => {}
            Some(_) => return Err(RepoError::Conflict { what: entry.key() }),
        }
    }
    content.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(content)
}
