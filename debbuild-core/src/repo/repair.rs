//! What the records name, what of it is missing or damaged, and how it comes back; what lies in the pool and nothing names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File},
    io,
};

use super::{
    Placement, Placing, PoolFile, RepoError, Repository, State, TreeContent, folder, index::Making, pdiff,
    reading::Published, tree::by_hash, verify,
};
use crate::{
    blocking,
    context::Context,
    control::ReleaseFile,
    digest::Sha256,
    name::{PoolPath, SuiteName},
    path::{AbsPath, IoResultExt as _},
};

type Files = BTreeMap<PoolPath, ReleaseFile>;

impl Repository {
    /// The files of the pool that a suite names, in what is staged or in any state, and the sources that are kept for what
    /// needs them.
    pub(super) async fn named_files(&self, cx: &Context, suite: &SuiteName) -> Result<Files, RepoError> {
        let mut all = self.content(cx, suite, None).await?;
        for state in self.states(cx, suite).await? {
            let more = state.content.without(&all);
            all.segments.extend(more.segments);
        }
        let entries = self
            .stored(move |store| {
                let mut entries = store.entries(&all)?;
                entries.extend(store.kept_sources()?);
                Ok(entries)
            })
            .await?;
        let files = entries.into_iter().flat_map(|entry| entry.files);
        Ok(files.map(|PoolFile { path, size, sha256 }| (path, ReleaseFile { size, sha256 })).collect())
    }

    /// The copies by hash of indexes of earlier states, as they were kept for slow clients when this state was published.
    pub(super) async fn earlier_copies(&self, cx: &Context, state: &State) -> Result<Files, RepoError> {
        let suite = &state.options.suite;
        let there = self.target.trees(cx, suite).await?;
        let (mut files, mut next) = (Files::new(), state.clone());
        // Fewer than then: what was within the overlap may be so no more.
        for (place, earlier) in (2..).zip(self.states(cx, suite).await?.into_iter().rev().skip(1)) {
            let lately = cx.now().since(next.date).as_secs() < self.options.overlap_seconds;
            if place > self.options.generations && !lately {
                break;
            }
            if there.contains(&earlier.id()) {
                files.extend(copies(&earlier)?);
            }
            next = earlier;
        }
        Ok(files)
    }

    /// What the records name and readers do not get, as it is missing or has other content: files of the pool, indexes of the
    /// published state, copies by hash.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`].
    pub async fn damaged(&self, cx: &Context, suite: &SuiteName) -> Result<Vec<PoolFile>, RepoError> {
        let mut named = self.named_files(cx, suite).await?;
        if self.target.current(cx, suite).await?.is_some() {
            let state = self.current(cx, suite).await?;
            named.extend(indexes(&state)?);
            named.extend(copies(&state)?);
            named.extend(self.earlier_copies(cx, &state).await?);
        }
        let report = verify::files(cx, &Published(&*self.target), named.clone()).await?;
        let bad: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
        let named = named.into_iter().filter(|(path, _)| bad.contains(path.as_str()));
        Ok(named.map(|(path, ReleaseFile { size, sha256 })| PoolFile { path, size, sha256 }).collect())
    }

    /// The files below `pool` that no suite names, in what is staged or in any state, and no package needs.
    ///
    /// # Errors
    /// [`RepoError::File`], [`RepoError::Record`].
    pub async fn orphans(&self, cx: &Context) -> Result<Vec<PoolPath>, RepoError> {
        let mut named = BTreeSet::new();
        for suite in self.suites(cx).await? {
            named.extend(self.named_files(cx, &suite.suite).await?.into_keys());
        }
        let pool = self.target.pool(cx).await?.into_iter().map(|(path, _)| path);
        let orphans: BTreeSet<PoolPath> = pool.filter(|path| !named.contains(path)).collect();
        Ok(orphans.into_iter().collect())
    }

    /// Puts a file back into the repository's folder where it is missing or damaged, in one step: readers get the old bytes or
    /// the new ones. Damaged bytes are kept in `.debbuild/damaged`.
    ///
    /// # Errors
    /// [`RepoError::Mismatch`] when the file is not what was promised; then all is as it was.
    pub async fn put_back(&self, cx: &Context, file: &Placement) -> Result<(), RepoError> {
        let _lock = self.lock(cx).await?;
        let (dir, file) = (self.dir().clone(), file.clone());
        blocking::run(move || put_back(&dir, &Placement { how: Placing::Copy, ..file })).await
    }

    /// Makes the indexes of the published state again from the records, and puts back those of these files that have the bytes
    /// of one. Gives what was put back; the bytes of indexes of earlier states, and of another version's, may not come again.
    ///
    /// # Errors
    /// [`RepoError::NotPublished`], [`RepoError::Record`].
    pub async fn remake_indexes(
        &self,
        cx: &Context,
        suite: &SuiteName,
        files: &[PoolFile],
    ) -> Result<Vec<PoolPath>, RepoError> {
        let _lock = self.lock(cx).await?;
        let state = self.current(cx, suite).await?;
        let (dir, cancel, files) = (self.dir().clone(), cx.cancel().clone(), files.to_vec());
        self.stored(move |store| {
            let (entries, catalog, chunks) =
                (store.entries(&state.content)?, store.catalog()?, store.chunks(&state.options.suite)?);
            let making = Making {
                cancel: &cancel,
                options: &state.options,
                entries: &entries,
                catalog: &catalog,
                chunks: &chunks,
                before: None,
            };
            let made = making.indexes()?.content.into_values().filter_map(|content| match content {
                TreeContent::Bytes(bytes) => Some((Sha256::of(&bytes), bytes)),
                _ => None,
            });
            let lists = pdiff::lists(&state)?.into_iter().map(|list| (Sha256::of(&list), list));
            let made: HashMap<Sha256, _> = made.chain(lists).collect();
            let scratch = dir.join(".debbuild/tmp");
            folder::make_folders(&scratch)?;
            let temporary =
                tempfile::Builder::new().prefix("remake").tempdir_in(&scratch).at("create a folder in", &scratch)?;
            let copy = AbsPath::new(temporary.path().join("index"))?;
            let mut done = Vec::new();
            for PoolFile { path, size, sha256 } in files {
                let Some(bytes) = made.get(&sha256) else { continue };
                fs::write(&copy, bytes).at("write", &copy)?;
                put_back(&dir, &Placement::new(path.clone(), copy.clone(), size, sha256, Placing::Copy))?;
                done.push(path);
            }
            Ok(done)
        })
        .await
    }
}

/// The indexes of a state that are stored.
fn indexes(state: &State) -> Result<Files, RepoError> {
    let stored = state.indexes.iter().filter(|index| index.stored);
    let file = |index: &super::IndexFile| {
        let path = PoolPath::new(&format!("dists/{}/{}", state.options.suite, index.path))?;
        Ok((path, ReleaseFile { size: index.size, sha256: index.sha256 }))
    };
    stored.map(file).collect()
}

/// The copies by hash of the indexes of a state that are stored.
fn copies(state: &State) -> Result<Files, RepoError> {
    let copy = |(path, listed): (PoolPath, ReleaseFile)| Ok((by_hash(&path, listed.sha256)?, listed));
    indexes(state)?.into_iter().map(copy).collect()
}

fn put_back(dir: &AbsPath, file: &Placement) -> Result<(), RepoError> {
    let scratch = dir.join(".debbuild/tmp");
    folder::make_folders(&scratch)?;
    let temporary =
        tempfile::Builder::new().prefix("repair").tempdir_in(&scratch).at("create a folder in", &scratch)?;
    let copy = AbsPath::new(temporary.path().join("file"))?;
    folder::bring(file, &copy)?;
    File::open(&copy).and_then(|copy| copy.sync_all()).at("sync", &copy)?;
    let target = dir.descend(file.path.as_str())?;
    folder::make_folders(&target.parent())?;
    let damaged = dir.join(".debbuild/damaged");
    folder::make_folders(&damaged)?;
    let aside = damaged.child(&format!("{}.{}", uuid::Uuid::new_v4().simple(), target.name()))?;
    match fs::hard_link(&target, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        linked => linked.at("set aside", &target)?,
    }
    fs::rename(&copy, &target).at("rename to", &target)?;
    Ok(folder::sync_folder(&target.parent())?)
}
