//! The trees of suites in a bucket: content by hash, a list of files for each state, and the objects that readers see.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::{
    bucket::{Bucket, Label, Mark},
    pool::AT_ONCE,
};
use crate::{
    context::Context,
    digest::Sha256,
    name::SuiteName,
    repo::{RepoError, StateId, TreeContent, TreeFile, pdiff},
};

/// The version of the lists' schema.
const SCHEMA: u32 = 1;

/// The files of a state: path below `dists/SUITE/`, and the digest under which the content is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: u32,
    files: BTreeMap<String, Sha256>,
    /// The times by which readers find it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    times: BTreeSet<String>,
}

/// A suite in a bucket.
#[derive(Debug)]
pub(super) struct Suite<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) name: &'a SuiteName,
}

impl Suite<'_> {
    fn manifest(&self, state: StateId) -> String {
        format!(".debbuild/trees/{}/{state}.json", self.name)
    }

    /// The number of the state whose objects are all in place; a number that is not the current one's means: unknown.
    fn finished(&self) -> String {
        format!(".debbuild/trees/{}/finished", self.name)
    }

    fn content(&self, sha256: Sha256) -> String {
        format!(".debbuild/content/{}/{sha256}", self.name)
    }

    fn visible(&self, below: &str) -> String {
        format!("dists/{}/{below}", self.name)
    }

    /// The folder of a state that is found by its time.
    pub(super) fn timed(&self, time: &str) -> String {
        self.visible(time)
    }

    async fn load(&self, state: StateId) -> Result<Option<Manifest>, RepoError> {
        let name = self.manifest(state);
        let Some(bytes) = self.bucket.get(&name).await? else { return Ok(None) };
        let object = self.bucket.shown(&name);
        let bad = |reason: String| RepoError::Storage { action: "read", object, reason, refused: false };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(manifest) if manifest.schema == SCHEMA => Ok(Some(manifest)),
            Ok(manifest) => Err(bad(format!("schema {}, this debbuild knows {SCHEMA}", manifest.schema))),
            Err(error) => Err(bad(error.to_string())),
        }
    }

    pub(super) async fn current(&self) -> Result<Option<StateId>, RepoError> {
        let name = self.visible("InRelease");
        match self.bucket.mark(&name, Mark::State).await? {
            None => Ok(None),
            Some((_, mark)) => {
                let number = mark.and_then(|mark| mark.parse().ok());
                number.map(Some).ok_or_else(|| RepoError::Foreign(self.bucket.shown(&name)))
            }
        }
    }

    pub(super) async fn states(&self) -> Result<Vec<StateId>, RepoError> {
        let names = self.bucket.list(&format!(".debbuild/trees/{}", self.name)).await?;
        let number = |name: &String| name.rsplit('/').next()?.strip_suffix(".json")?.parse().ok();
        let mut states: Vec<StateId> = names.keys().filter_map(number).collect();
        states.sort_unstable();
        Ok(states)
    }

    /// Writes content and list of a state.
    pub(super) async fn stage(&self, cx: &Context, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        let current = self.current().await?;
        if current == Some(state) {
            return Err(RepoError::Current { suite: self.name.clone(), state });
        }
        let missing = |state| RepoError::NoState { suite: self.name.clone(), state };
        let earlier: BTreeSet<StateId> = tree
            .iter()
            .filter_map(|file| match &file.content {
                TreeContent::Earlier(earlier, _) => Some(*earlier),
                _ => None,
            })
            .collect();
        let mut known: BTreeMap<StateId, Manifest> = BTreeMap::new();
        for earlier in earlier {
            known.insert(earlier, self.load(earlier).await?.ok_or_else(|| missing(earlier))?);
        }
        let mut there: BTreeSet<Sha256> =
            known.values().flat_map(|manifest| manifest.files.values().copied()).collect();
        if let Some(current) = current.filter(|current| !known.contains_key(current)) {
            there.extend(self.load(current).await?.unwrap_or_default().files.into_values());
        }
        let (mut files, mut fresh) = (BTreeMap::new(), BTreeMap::new());
        for file in tree {
            let sha256 = match &file.content {
                TreeContent::Bytes(bytes) => {
                    let sha256 = Sha256::of(bytes);
                    if !there.contains(&sha256) {
                        fresh.insert(sha256, bytes.clone());
                    }
                    sha256
                }
                TreeContent::SameAs(other) => *files.get(other.as_str()).ok_or_else(|| missing(state))?,
                TreeContent::Earlier(earlier, other) => {
                    let manifest = known.get(earlier).ok_or_else(|| missing(*earlier))?;
                    *manifest.files.get(other.as_str()).ok_or_else(|| missing(*earlier))?
                }
            };
            files.insert(file.path.to_string(), sha256);
        }
        let puts = fresh.into_iter().map(|(sha256, bytes)| (self.content(sha256), bytes)).collect();
        self.put_all(cx, puts).await?;
        self.save(state, &Manifest { schema: SCHEMA, files, times: BTreeSet::new() }).await
    }

    async fn save(&self, state: StateId, manifest: &Manifest) -> Result<(), RepoError> {
        let bytes = serde_json::to_vec(manifest).map_err(|error| RepoError::Storage {
            action: "write",
            object: self.bucket.shown(&self.manifest(state)),
            reason: error.to_string(),
            refused: false,
        })?;
        self.bucket.put(&self.manifest(state), bytes.into(), None).await
    }

    /// Copies what a state has to where readers look for it by its time: what it lists, then InRelease. The list of the state says
    /// first that it is there, so that whatever an interruption leaves goes with the state.
    pub(super) async fn expose(&self, cx: &Context, state: StateId, time: &str) -> Result<(), RepoError> {
        let missing = || RepoError::NoState { suite: self.name.clone(), state };
        let mut manifest = self.load(state).await?.ok_or_else(missing)?;
        let folder = self.timed(time);
        let release = format!("{folder}/InRelease");
        let there = self.bucket.mark(&release, Mark::State).await?;
        if there.is_some_and(|(_, mark)| mark == Some(state.to_string())) {
            return Ok(());
        }
        if manifest.times.insert(time.to_owned()) {
            self.save(state, &manifest).await?;
        }
        // Copies by hash of other states' indexes are of no use there.
        let own: BTreeSet<&Sha256> =
            manifest.files.iter().filter(|(path, _)| !is_by_hash(path)).map(|(_, sha256)| sha256).collect();
        let listed = manifest.files.iter().filter(|(path, sha256)| *path != "InRelease" && own.contains(sha256));
        let copies = listed.map(|(path, sha256)| (self.content(*sha256), format!("{folder}/{path}"))).collect();
        self.copy_all(copies).await?;
        cx.cancel().check()?;
        let Some(sha256) = manifest.files.get("InRelease") else { return Ok(()) };
        let bytes = self.bucket.get(&self.content(*sha256)).await?.ok_or_else(missing)?;
        self.bucket.put(&release, bytes, Some(&Label::changing(Mark::State, state))).await
    }

    async fn put_all(&self, cx: &Context, objects: Vec<(String, Bytes)>) -> Result<(), RepoError> {
        let puts = futures_util::stream::iter(objects).map(|(name, bytes)| {
            let (bucket, cx) = (self.bucket.clone(), cx.clone());
            async move {
                cx.cancel().check()?;
                bucket.put(&name, bytes, None).await
            }
        });
        puts.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn copy_all(&self, copies: Vec<(String, String)>) -> Result<(), RepoError> {
        let copies = futures_util::stream::iter(copies).map(|(from, to)| {
            let bucket = self.bucket.clone();
            async move { bucket.copy(&from, &to).await }
        });
        copies.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// What readers have, where it is known that nothing of it is missing.
    async fn baseline(&self, current: Option<StateId>) -> Result<Manifest, RepoError> {
        let Some(current) = current else { return Ok(Manifest::default()) };
        let finished = self.bucket.get(&self.finished()).await?;
        if finished.as_deref() != Some(current.to_string().as_bytes()) {
            return Ok(Manifest::default());
        }
        Ok(self.load(current).await?.unwrap_or_default())
    }

    /// Copies what a state has to where readers look: patches and files by hash, then InRelease (the moment at which readers that use both
    /// see the new state), then the others.
    pub(super) async fn switch(&self, cx: &Context, state: StateId) -> Result<(), RepoError> {
        let missing = || RepoError::NoState { suite: self.name.clone(), state };
        let manifest = self.load(state).await?.ok_or_else(missing)?;
        let before = self.baseline(self.current().await?).await?;
        let (mut first, mut named) = (Vec::new(), Vec::new());
        for (path, sha256) in &manifest.files {
            if before.files.get(path) == Some(sha256) || is_release(path) {
                continue;
            }
            let copies = if is_by_hash(path) || pdiff::is_patch(path) { &mut first } else { &mut named };
            copies.push((self.content(*sha256), self.visible(path)));
        }
        self.copy_all(first).await?;
        cx.cancel().check()?;
        // From here on it is finished, whatever the caller wants: between the two, readers without by-hash see a mixture.
        for path in ["InRelease", "Release.gpg", "Release"] {
            let Some(sha256) = manifest.files.get(path) else { continue };
            let bytes = self.bucket.get(&self.content(*sha256)).await?.ok_or_else(missing)?;
            let label = Label::changing(Mark::State, state);
            self.bucket.replace(&self.visible(path), bytes, &label).await?;
        }
        self.copy_all(named).await?;
        self.bucket.put(&self.finished(), state.to_string().into(), None).await
    }

    /// Removes lists, content and objects that no state to keep has.
    pub(super) async fn prune(&self, keep: &[StateId]) -> Result<(), RepoError> {
        let current = self.current().await?;
        let (mut gone, mut content) = (Vec::new(), BTreeSet::new());
        let mut visible = BTreeSet::new();
        for state in self.states().await? {
            if !keep.contains(&state) && Some(state) != current {
                gone.push(self.manifest(state));
                continue;
            }
            let Some(manifest) = self.load(state).await? else { continue };
            content.extend(manifest.files.values().map(|sha256| self.content(*sha256)));
            if Some(state) == current {
                visible.extend(manifest.files.keys().map(|path| self.visible(path)));
            }
            for folder in manifest.times.iter().map(|time| self.timed(time)) {
                visible.extend(manifest.files.keys().map(|path| format!("{folder}/{path}")));
            }
        }
        // The lists first: one that is there has all of its content.
        self.bucket.delete(gone).await?;
        let mut stale = Vec::new();
        if current.is_some() {
            let there = self.bucket.list(&format!("dists/{}", self.name)).await?;
            stale.extend(there.into_keys().filter(|name| !visible.contains(name)));
        }
        let kept = self.bucket.list(&format!(".debbuild/content/{}", self.name)).await?;
        stale.extend(kept.into_keys().filter(|name| !content.contains(name)));
        self.bucket.delete(stale).await
    }
}

fn is_release(path: &str) -> bool {
    matches!(path, "InRelease" | "Release" | "Release.gpg")
}

fn is_by_hash(path: &str) -> bool {
    path.split('/').any(|part| part == "by-hash")
}
