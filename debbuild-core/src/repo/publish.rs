//! Publishing: indexes, Release, signatures, the tree, and last the switch.

use bytes::Bytes;

use super::{
    Content, RepoError, Repository, STATE_SCHEMA, State, StateId, SuiteOptions,
    index::{Indexes, Making},
    pdiff::Leading,
    release::{self, next_date},
    tree,
};
use crate::{
    context::Context,
    control::signed_text,
    digest::Sha256,
    event::Unit,
    name::SuiteName,
    sign::{SignError, Signer},
};

impl Repository {
    /// Publishes what is staged as a new state, also when nothing changed: the signature is renewed.
    ///
    /// # Errors
    /// [`RepoError`]; readers then still have the state before.
    pub async fn publish(&self, cx: &Context, suite: &SuiteName, signer: &dyn Signer) -> Result<State, RepoError> {
        let _lock = self.lock(cx).await?;
        let named = suite.clone();
        let (options, content) = self.stored(move |store| Ok((store.options(&named)?, store.staged(&named)?))).await?;
        let step = cx.step(format!("publish suite {suite}"), Unit::None, None);
        let published = self.publish_content(step.context(), options, content, None, signer).await;
        step.end(published)
    }

    /// Publishes the content of an earlier state again, as a new state with a newer date; it is also staged.
    ///
    /// # Errors
    /// [`RepoError::NoState`], and as [`Repository::publish`].
    pub async fn switch(
        &self,
        cx: &Context,
        suite: &SuiteName,
        to: StateId,
        signer: &dyn Signer,
    ) -> Result<State, RepoError> {
        let _lock = self.lock(cx).await?;
        let earlier = self.state(cx, suite, to).await?;
        let content = earlier.content.clone();
        let step = cx.step(format!("publish state {to} of suite {suite} again"), Unit::None, None);
        let published = self.publish_content(step.context(), earlier.options, earlier.content, Some(to), signer).await;
        let state = step.end(published)?;
        let named = suite.clone();
        self.stored(move |store| store.stage(&named, content)).await?;
        Ok(state)
    }

    async fn publish_content(
        &self,
        cx: &Context,
        options: SuiteOptions,
        content: Content,
        switched_to: Option<StateId>,
        signer: &dyn Signer,
    ) -> Result<State, RepoError> {
        let suite = options.suite.clone();
        let before = self.recent(cx, &suite).await?;
        let number = before.last().map_or(1, |state| state.number + 1);
        let (cancel, current) = (cx.cancel().clone(), before.last().cloned());
        let (options, content, mut indexes) = self
            .stored(move |store| {
                let (entries, catalog, chunks) =
                    (store.entries(&content)?, store.catalog()?, store.chunks(&options.suite)?);
                let making = Making {
                    cancel: &cancel,
                    options: &options,
                    entries: &entries,
                    catalog: &catalog,
                    chunks: &chunks,
                    before: current.as_ref(),
                };
                let indexes = making.indexes()?;
                Ok((options, content, indexes))
            })
            .await?;
        let date = next_date(cx.now(), before.last().map(|state| state.date));
        let to = Leading { options: &options, state: StateId::new(number), date, before: before.last() };
        self.add_patches(cx, to, &mut indexes).await?;
        let valid_until = options.valid_for_seconds.map(|seconds| date.after(std::time::Duration::from_secs(seconds)));
        let text = release::text(&options, date, valid_until, &indexes.listed);
        let signed = signed_release(cx, &suite, &text, signer).await?;
        let state = State {
            schema: STATE_SCHEMA,
            number,
            options,
            date,
            valid_until,
            switched_to: switched_to.map(StateId::get),
            signed_by: signer.fingerprint(cx).await?.to_string(),
            release_sha256: Sha256::of(&signed[0].1),
            indexes: indexes.listed.clone(),
            made_of: indexes.made_of.clone(),
            patches: indexes.patches.clone(),
            content,
        };
        self.make_visible(cx, &state, &before, &indexes, signed).await?;
        Ok(state)
    }

    /// Stages, records and switches, in this order: an interruption before the switch leaves readers with the old state, and the
    /// next publication replaces what was left.
    async fn make_visible(
        &self,
        cx: &Context,
        state: &State,
        before: &[State],
        indexes: &Indexes,
        signed: [(&str, Bytes); 3],
    ) -> Result<(), RepoError> {
        let suite = &state.options.suite;
        let tree = tree::tree(indexes, before, signed)?;
        self.target.stage(cx, suite, state.id(), &tree).await?;
        let record = state.clone();
        self.stored(move |store| store.save(&record)).await?;
        cx.cancel().check()?;
        self.target.switch(cx, suite, state.id()).await?;
        if let Err(error) = self.tidy(cx, state, before).await {
            cx.warn(format!("old trees of suite {suite} are left: {error}"));
        }
        Ok(())
    }

    /// What may as well be done by the next publication: the state becomes reachable by time, old trees go.
    async fn tidy(&self, cx: &Context, state: &State, before: &[State]) -> Result<(), RepoError> {
        let suite = &state.options.suite;
        if state.options.is_by_time() {
            // The one before too: its run may have been interrupted here.
            for state in before.last().into_iter().chain([state]) {
                self.target.expose(cx, suite, state.id(), &state.date.snapshot_id()).await?;
            }
            return Ok(());
        }
        let keep: Vec<StateId> = before.iter().map(State::id).collect();
        self.target.prune(cx, suite, &keep).await
    }

    /// The newest states that readers have seen, oldest first: the last ones, and those that were current within the overlap.
    /// Their indexes stay reachable by hash. Records of states that an interrupted run left unpublished are removed.
    pub(super) async fn recent(&self, cx: &Context, suite: &SuiteName) -> Result<Vec<State>, RepoError> {
        let current = self.target.current(cx, suite).await?;
        let (suite, options, now) = (suite.clone(), self.options, cx.now());
        self.stored(move |store| {
            let numbers = store.numbers(&suite)?;
            let (seen, never): (Vec<StateId>, Vec<StateId>) =
                numbers.into_iter().partition(|number| current.is_some_and(|current| *number <= current));
            never.into_iter().try_for_each(|number| store.forget(&suite, number))?;
            let mut recent: Vec<State> = Vec::new();
            for number in seen.into_iter().rev() {
                // The state being made counts as one; each was current until the next one's date.
                let counts = recent.len() + 1 < options.generations;
                let lately = recent.last().is_none_or(|next| now.since(next.date).as_secs() < options.overlap_seconds);
                if !counts && !lately {
                    break;
                }
                recent.push(store.load(&suite, number)?);
            }
            recent.reverse();
            Ok(recent)
        })
        .await
    }
}

/// Release, Release.gpg and InRelease.
async fn signed_release(
    cx: &Context,
    suite: &SuiteName,
    text: &str,
    signer: &dyn Signer,
) -> Result<[(&'static str, Bytes); 3], RepoError> {
    let (detached, clear) = signer.sign_release(cx, text.as_bytes()).await?;
    // A signer may be any command: what it signed must at least be what it was given.
    if signed_text(&clear).ok().as_deref() != Some(text) {
        let reason = "the signed text is not the one that was to be signed".to_owned();
        return Err(SignError::NotSigned { tool: format!("the signer of suite {suite}"), reason }.into());
    }
    let release = Bytes::copy_from_slice(text.as_bytes());
    Ok([("Release", release), ("Release.gpg", detached.into()), ("InRelease", clear.into())])
}
