//! Staging: packages come into the pool, and into what the next publication shows.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::{
    AddOptions, Entry, EntryKind, Input, Placing, RepoError, Repository, SuiteOptions, Wanted,
    catalog::Catalog,
    ingest::{Ingest, Taken},
    parallel,
    seen::Seen,
    store::Store,
};
use crate::{
    context::Context,
    digest::Sha256,
    event::{Event, Unit},
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
};

impl Repository {
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
        self.add_with(cx, suite, inputs, &AddOptions::new(component.clone()).with_how(how)).await
    }

    /// The same as [`Repository::add`], told how.
    ///
    /// # Errors
    /// As [`Repository::add`].
    pub async fn add_with(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<Input>,
        options: &AddOptions,
    ) -> Result<Vec<Entry>, RepoError> {
        let _lock = self.lock(cx).await?;
        let inputs = inputs.into_iter().map(|input| (options.component.clone(), input)).collect();
        self.take(cx, suite, inputs, options.clone(), true).await
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
        // Each input has its own component.
        let options = AddOptions::new(ComponentName::new("main")?).with_how(how);
        self.take(cx, suite, inputs, options, false).await
    }

    async fn take(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        options: AddOptions,
        keep: bool,
    ) -> Result<Vec<Entry>, RepoError> {
        let step = cx.step(format!("add to suite {suite}"), Unit::Items, Some(inputs.len() as u64));
        let taken = self.take_all(step.context(), suite, inputs, options, keep).await;
        step.end(taken)
    }

    async fn take_all(
        &self,
        cx: &Context,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        options: AddOptions,
        keep: bool,
    ) -> Result<Vec<Entry>, RepoError> {
        let (named, inner) = (suite.clone(), cx.clone());
        let read =
            self.stored(move |store| Reading { cx: &inner, store, how: &options, keep }.read(&named, &inputs)).await?;
        let files: Vec<_> = read.taken.iter().flat_map(|one| one.files.iter().cloned()).collect();
        self.target.place(cx, &files).await?;
        let now = cx.now();
        self.stored(move |store| {
            let Read { scratch: _scratch, mut catalog, mut seen, after, taken } = read;
            let mut entries = Vec::with_capacity(taken.len());
            let (mut known, mut read, mut placed) = (Vec::new(), Vec::new(), Vec::new());
            for one in taken {
                entries.push(one.entry);
                known.extend(one.known);
                read.extend(one.read);
                placed.extend(one.files.into_iter().map(|file| (file.path, file.sha256)));
            }
            catalog.append(&known)?;
            for (suite, after) in after {
                store.set_staged(&suite, &after)?;
            }
            seen.add(now, read);
            seen.add_pool(store.dir(), placed)?;
            seen.save()?;
            Ok(entries)
        })
        .await
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
            let staged = store.entries(&store.staged(&suite)?)?;
            if let Some(none) = wanted.iter().find(|wanted| !staged.iter().any(|entry| wanted.matches(entry))) {
                return Err(RepoError::NoPackage { suite, wanted: none.to_string() });
            }
            let is_wanted = |entry: &Entry| wanted.iter().any(|wanted| wanted.matches(entry));
            let (removed, kept): (Vec<Entry>, Vec<Entry>) = staged.into_iter().partition(is_wanted);
            store.set_staged(&suite, &kept)?;
            Ok(removed)
        })
        .await
    }
}

/// How inputs are read.
struct Reading<'a> {
    cx: &'a Context,
    store: &'a Store,
    how: &'a AddOptions,
    /// Whether what was staged before stays.
    keep: bool,
}

/// What was read; the scratch folder goes with it.
struct Read {
    scratch: tempfile::TempDir,
    catalog: Catalog,
    seen: Seen,
    /// What is staged afterwards in which suite, where that is something else than before.
    after: Vec<(SuiteName, Vec<Entry>)>,
    taken: Vec<Taken>,
}

/// A suite that packages go to.
struct Place {
    options: SuiteOptions,
    before: Vec<Entry>,
}

impl Place {
    fn open(store: &Store, suite: &SuiteName) -> Result<Self, RepoError> {
        Ok(Self { options: store.options(suite)?, before: store.entries(&store.staged(suite)?)? })
    }

    fn by_digest(&self, is_debug: bool) -> impl Iterator<Item = (Sha256, (&Entry, bool))> {
        self.before.iter().filter_map(move |entry| Some((entry.files.first()?.sha256, (entry, is_debug))))
    }
}

impl Reading<'_> {
    fn read(&self, suite: &SuiteName, inputs: &[(ComponentName, Input)]) -> Result<Read, RepoError> {
        let place = Place::open(self.store, suite)?;
        let debug = place.options.debug_suite.as_ref().map(|suite| Place::open(self.store, suite)).transpose()?;
        let (catalog, seen) = (self.store.catalog()?, self.store.seen());
        let folder = self.store.scratch();
        let scratch = tempfile::Builder::new().prefix("add").tempdir_in(&folder).at("create a folder in", &folder)?;
        let staged = debug.iter().flat_map(|debug| debug.by_digest(true)).chain(place.by_digest(false));
        let ingest = Ingest {
            cx: self.cx,
            options: &place.options,
            how: self.how.how,
            contents: self.how.contents && place.options.contents,
            overrides: &self.how.overrides,
            staged: staged.collect(),
            catalog: &catalog,
            seen: &seen,
            dir: self.store.dir(),
            scratch: AbsPath::new(scratch.path())?,
            count: AtomicUsize::new(0),
        };
        let done = AtomicU64::new(0);
        let taken = parallel::map(inputs, |(component, input)| {
            let taken = ingest.take(component, input)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(span) = self.cx.span() {
                self.cx.report(Event::Progress { span, done });
            }
            Ok::<_, RepoError>(taken)
        })?;
        let taken: Vec<Taken> = taken.into_iter().flatten().collect();
        let mut after = Vec::new();
        let is_debug = |one: &Taken| one.is_debug && debug.is_some();
        after.extend(self.after(&place, taken.iter().filter(|one| !is_debug(one)))?);
        if let Some(debug) = &debug {
            after.extend(self.after(debug, taken.iter().filter(|one| is_debug(one)))?);
        }
        Ok(Read { scratch, catalog, seen, after, taken })
    }

    /// What is staged in a suite with what was taken, where that is something else than before.
    fn after<'a>(
        &self,
        place: &Place,
        taken: impl Iterator<Item = &'a Taken>,
    ) -> Result<Option<(SuiteName, Vec<Entry>)>, RepoError> {
        let taken: Vec<&Taken> = taken.collect();
        if let Some(one) = taken.iter().find(|one| !place.options.components.contains(&one.entry.component)) {
            let (suite, name) = (place.options.suite.clone(), one.entry.component.to_string());
            return Err(RepoError::Undeclared { suite, kind: "component", name });
        }
        let before = if self.keep { place.before.clone() } else { Vec::new() };
        let mut after = merge(before, taken.iter().map(|one| &one.entry))?;
        if let Some(versions) = self.how.keep.or(place.options.keep) {
            after = newest(after, versions);
        }
        Ok((after != place.before).then(|| (place.options.suite.clone(), after)))
    }
}

/// The sorted content with more entries. A package with its version and architecture has one content in a suite.
fn merge<'a>(mut content: Vec<Entry>, taken: impl Iterator<Item = &'a Entry>) -> Result<Vec<Entry>, RepoError> {
    let mut added = BTreeMap::new();
    for entry in taken {
        let place = content.binary_search_by(|other| other.order().cmp(&entry.order()));
        let other = place.ok().map(|place| &mut content[place]);
        match (other, added.get(&entry.order())) {
            (None, None) => {
                added.insert(entry.order(), entry);
            }
            (Some(other), _) if other.files == entry.files => *other = entry.clone(),
            (None, Some(other)) if other.files == entry.files => {}
            _ => return Err(RepoError::Conflict { what: entry.key() }),
        }
    }
    content.extend(added.into_values().cloned());
    content.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(content)
}

/// The newest versions of each package, by name, architecture and component; of sources also those that a package which
/// stays was built from, or has code of.
fn newest(content: Vec<Entry>, versions: NonZeroUsize) -> Vec<Entry> {
    let mut counts: HashMap<_, usize> = HashMap::new();
    let mut stays = vec![false; content.len()];
    // Entries are in the order of versions.
    for (at, entry) in content.iter().enumerate().rev() {
        let count = counts.entry((entry.kind, &entry.component, &entry.name, &entry.architecture)).or_default();
        *count += 1;
        stays[at] = *count <= versions.get();
    }
    let mut needed = HashSet::new();
    for (entry, _) in content.iter().zip(&stays).filter(|(entry, stays)| **stays && entry.kind != EntryKind::Source) {
        needed.insert((&entry.source, &entry.source_version));
        needed.extend(entry.built_using.iter().map(|used| (&used.source, &used.version)));
    }
    for (at, entry) in content.iter().enumerate().filter(|(_, entry)| entry.kind == EntryKind::Source) {
        stays[at] |= needed.contains(&(&entry.source, &entry.source_version));
    }
    let mut stays = stays.into_iter();
    content.into_iter().filter(|_| stays.next().unwrap_or(true)).collect()
}
