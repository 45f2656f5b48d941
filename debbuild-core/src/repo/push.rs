//! Publishing a suite once more, to another place: the same bytes, the same number, the same signature.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    IndexFile, Placement, Placing, PublishTarget, RepoError, Repository, State, StateId, TreeContent, TreeFile,
    tree::by_hash,
};
use crate::{
    context::Context,
    digest::Sha256,
    event::Unit,
    name::{PoolPath, SuiteName},
};

impl Repository {
    /// Brings another place (a bucket, a folder) to the published state of a suite: first what is new in the pool, then the
    /// indexes, then the switch. Readers of that place see the state that was there or this one. Returns the state.
    ///
    /// `name` is what the place is called: the state that it has stays by that name (see [`Retention::named`](super::Retention)), as
    /// the next publication there builds on it.
    ///
    /// # Errors
    /// [`RepoError::NotPublished`]; [`RepoError::Conflict`] when the place has a state that is not this repository's own.
    pub async fn publish_to(
        &self,
        cx: &Context,
        suite: &SuiteName,
        to: &dyn PublishTarget,
        name: &str,
    ) -> Result<State, RepoError> {
        let _lock = self.lock(cx).await?;
        let state = self.current(cx, suite).await?;
        let step = cx.step(format!("publish state {} of suite {suite} elsewhere", state.number), Unit::None, None);
        let published = self.bring(step.context(), suite, &state, to).await;
        step.end(published)?;
        let (suite, name, id) = (suite.clone(), name.to_owned(), state.id());
        self.stored(move |store| {
            let rule = store.retention(&suite)?;
            if rule.named.get(&name) == Some(&id) {
                Ok(())
            } else {
                store.set_retention(&suite, &rule.with_named(name, id))
            }
        })
        .await?;
        Ok(state)
    }

    async fn bring(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: &State,
        to: &dyn PublishTarget,
    ) -> Result<(), RepoError> {
        let there = to.current(cx, suite).await?;
        let before = match there {
            Some(there) => Some(self.recognise(cx, suite, there, to).await?),
            None => None,
        };
        if there != Some(state.id()) {
            self.bring_pool(cx, suite, state, before.as_ref(), to).await?;
            let earlier = self.earlier(cx, suite, there, to).await?;
            let tree = self.tree(cx, suite, state, &earlier).await?;
            to.stage(cx, suite, state.id(), &tree).await?;
            cx.cancel().check()?;
            to.switch(cx, suite, state.id()).await?;
            expose(cx, before.as_ref(), state, to).await?;
            let keep = if state.options.is_by_time() { self.states(cx, suite).await? } else { earlier };
            return to.prune(cx, suite, &keep.iter().map(State::id).collect::<Vec<_>>()).await;
        }
        // It may have been interrupted just after the moment of the switch.
        to.switch(cx, suite, state.id()).await?;
        expose(cx, None, state, to).await
    }

    /// The record of the state that is there, unless what is there was published by somebody else.
    async fn recognise(
        &self,
        cx: &Context,
        suite: &SuiteName,
        there: StateId,
        to: &dyn PublishTarget,
    ) -> Result<State, RepoError> {
        let other = || RepoError::Conflict { what: format!("state {there} of suite {suite} in the other place") };
        let own = match self.state(cx, suite, there).await {
            Err(RepoError::NoState { .. }) => return Err(other()),
            own => own?,
        };
        // InRelease is what the switch puts first, so it is what says what is there.
        let signed = to.read(cx, &PoolPath::new(&format!("dists/{suite}/InRelease"))?).await?;
        let text = signed.and_then(|bytes| crate::control::signed_text(&bytes).ok());
        if text.map(|text| Sha256::of(text.as_bytes())) == Some(own.release_sha256) { Ok(own) } else { Err(other()) }
    }

    async fn bring_pool(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: &State,
        before: Option<&State>,
        to: &dyn PublishTarget,
    ) -> Result<(), RepoError> {
        let mut files = BTreeMap::new();
        for entry in self.list(cx, suite, Some(state.id())).await? {
            files.extend(entry.files.into_iter().map(|file| (file.path.clone(), file)));
        }
        // A switch comes after its pool, so what the state before names is there.
        if let Some(before) = before {
            for file in self.list(cx, suite, Some(before.id())).await?.into_iter().flat_map(|entry| entry.files) {
                files.remove(&file.path);
            }
        }
        let place = |file: super::PoolFile| {
            let source = self.dir().descend(file.path.as_str())?;
            Ok(Placement::new(file.path, source, file.size, file.sha256, Placing::Copy))
        };
        let files: Vec<Placement> = files.into_values().map(place).collect::<Result<_, RepoError>>()?;
        to.place(cx, &files).await
    }

    /// The states whose indexes stay reachable by hash in the other place, oldest first: as many, and as long, as here.
    async fn earlier(
        &self,
        cx: &Context,
        suite: &SuiteName,
        there: Option<StateId>,
        to: &dyn PublishTarget,
    ) -> Result<Vec<State>, RepoError> {
        let Some(there) = there else { return Ok(Vec::new()) };
        let mut earlier: Vec<State> = Vec::new();
        for id in to.trees(cx, suite).await?.into_iter().rev().filter(|id| *id <= there) {
            let lately =
                earlier.last().is_none_or(|next| cx.now().since(next.date).as_secs() < self.options.overlap_seconds);
            if earlier.len() + 1 >= self.options.generations && !lately {
                break;
            }
            match self.state(cx, suite, id).await {
                // Its record went with a retention rule here; its tree goes now there.
                Err(RepoError::NoState { .. }) => {}
                state => earlier.push(state?),
            }
        }
        earlier.reverse();
        Ok(earlier)
    }

    async fn tree(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: &State,
        earlier: &[State],
    ) -> Result<Vec<TreeFile>, RepoError> {
        let mut tree: Vec<TreeFile> = Vec::new();
        let mut hashed: BTreeMap<PoolPath, TreeContent> = BTreeMap::new();
        for index in stored(state) {
            let bytes = self.published(cx, suite, index.path.as_str()).await?;
            tree.push(TreeFile::new(index.path.clone(), TreeContent::Bytes(bytes)));
            hashed.insert(by_hash(&index.path, index.sha256)?, TreeContent::SameAs(index.path.clone()));
        }
        for earlier in earlier {
            for index in stored(earlier) {
                let content = TreeContent::Earlier(earlier.id(), index.path.clone());
                hashed.entry(by_hash(&index.path, index.sha256)?).or_insert(content);
            }
        }
        tree.extend(hashed.into_iter().map(|(path, content)| TreeFile::new(path, content)));
        let mut named = BTreeSet::new();
        for patch in state.patches.values().flatten() {
            let bytes = self.published(cx, suite, patch.path.as_str()).await?;
            tree.push(TreeFile::new(patch.path.clone(), TreeContent::Bytes(bytes)));
            named.insert(&patch.path);
        }
        for earlier in earlier {
            for patch in earlier.patches.values().flatten().filter(|patch| named.insert(&patch.path)) {
                tree.push(TreeFile::new(patch.path.clone(), TreeContent::Earlier(earlier.id(), patch.path.clone())));
            }
        }
        for name in ["Release", "Release.gpg", "InRelease"] {
            let bytes = self.published(cx, suite, name).await?;
            tree.push(TreeFile::new(PoolPath::new(name)?, TreeContent::Bytes(bytes)));
        }
        Ok(tree)
    }

    async fn published(&self, cx: &Context, suite: &SuiteName, below: &str) -> Result<bytes::Bytes, RepoError> {
        let path = PoolPath::new(&format!("dists/{suite}/{below}"))?;
        let missing = || RepoError::Mismatch {
            file: path.to_string(),
            expected: "a published file".to_owned(),
            actual: "nothing".to_owned(),
        };
        self.target.read(cx, &path).await?.ok_or_else(missing)
    }
}

/// Makes a state reachable by its time, and the one before it, whose run may have been interrupted there.
async fn expose(cx: &Context, before: Option<&State>, state: &State, to: &dyn PublishTarget) -> Result<(), RepoError> {
    if state.options.is_by_time() {
        for state in before.into_iter().chain([state]) {
            to.expose(cx, &state.options.suite, state.id(), &state.date.snapshot_id()).await?;
        }
    }
    Ok(())
}

fn stored(state: &State) -> impl Iterator<Item = &IndexFile> {
    state.indexes.iter().filter(|index| index.stored)
}
