//! Staging: packages come into the pool, and into what the next publication shows.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::{
    Entry, Input, Placing, RepoError, Repository, Wanted,
    catalog::Catalog,
    ingest::{Ingest, Taken},
    parallel,
    seen::Seen,
    store::Store,
};
use crate::{
    context::{Context, Step},
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
        let step = cx.step(format!("add to suite {suite}"), Unit::Items, Some(inputs.len() as u64));
        let taken = self.take_all(&step, suite, inputs, how, keep).await;
        step.end(taken)
    }

    async fn take_all(
        &self,
        step: &Step,
        suite: &SuiteName,
        inputs: Vec<(ComponentName, Input)>,
        how: Placing,
        keep: bool,
    ) -> Result<Vec<Entry>, RepoError> {
        let cx = step.context();
        let (named, inner) = (suite.clone(), cx.clone());
        let read = self.stored(move |store| Reading { cx: &inner, store, how, keep }.read(&named, &inputs)).await?;
        let files: Vec<_> = read.taken.iter().flat_map(|one| one.files.iter().cloned()).collect();
        self.target.place(cx, &files).await?;
        let (suite, now) = (suite.clone(), cx.now());
        self.stored(move |store| {
            let Read { scratch: _scratch, mut catalog, mut seen, after, taken } = read;
            let mut entries = Vec::with_capacity(taken.len());
            let (mut known, mut files) = (Vec::new(), Vec::new());
            for one in taken {
                entries.push(one.entry);
                known.extend(one.known);
                files.extend(one.read);
            }
            catalog.append(&known)?;
            if let Some(after) = after {
                store.set_staged(&suite, &after)?;
            }
            seen.add(now, files)?;
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
    how: Placing,
    /// Whether what was staged before stays.
    keep: bool,
}

/// What was read; the scratch folder goes with it.
struct Read {
    scratch: tempfile::TempDir,
    catalog: Catalog,
    seen: Seen,
    /// What is staged afterwards, where that is something else than before.
    after: Option<Vec<Entry>>,
    taken: Vec<Taken>,
}

impl Reading<'_> {
    fn read(&self, suite: &SuiteName, inputs: &[(ComponentName, Input)]) -> Result<Read, RepoError> {
        let options = self.store.options(suite)?;
        let before = self.store.entries(&self.store.staged(suite)?)?;
        let (catalog, seen) = (self.store.catalog()?, self.store.seen());
        let folder = self.store.scratch();
        let scratch = tempfile::Builder::new().prefix("add").tempdir_in(&folder).at("create a folder in", &folder)?;
        let staged = before.iter().filter_map(|entry| Some((entry.files.first()?.sha256, entry))).collect();
        let ingest = Ingest {
            cx: self.cx,
            options: &options,
            how: self.how,
            staged,
            catalog: &catalog,
            seen: &seen,
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
        let merged = merge(if self.keep { before.clone() } else { Vec::new() }, &taken)?;
        let after = (merged != before).then_some(merged);
        Ok(Read { scratch, catalog, seen, after, taken })
    }
}

/// The sorted content with more entries. A package with its version and architecture has one content in a suite.
fn merge(mut content: Vec<Entry>, taken: &[Taken]) -> Result<Vec<Entry>, RepoError> {
    let mut added: HashMap<String, &Entry> = HashMap::new();
    for entry in taken.iter().map(|one| &one.entry) {
        let place = content.binary_search_by(|other| other.order().cmp(&entry.order()));
        let other = place.ok().map(|place| &content[place]).or_else(|| added.get(&entry.key()).copied());
        match other {
            None => {
                added.insert(entry.key(), entry);
            }
            Some(other) if other.files == entry.files => {}
            Some(_) => return Err(RepoError::Conflict { what: entry.key() }),
        }
    }
    content.extend(added.into_values().cloned());
    content.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(content)
}
