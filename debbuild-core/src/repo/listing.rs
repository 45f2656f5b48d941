//! What the indexes of a state say, as texts made of the records: nothing of the pool or of the published tree is read.

use super::{Entry, EntryKind, RepoError, Repository, State, StateId, parallel, stanza};
use crate::{arch::Architecture, clock::Timestamp, context::Context, name::SuiteName};

impl Repository {
    /// The binary packages of a state, or those that are staged, as the text of one Packages index: of all components, for
    /// these architectures with the packages for all of them; without any, for every architecture.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::NoState`], [`RepoError::Record`].
    pub async fn packages_text(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: Option<StateId>,
        architectures: &[Architecture],
    ) -> Result<String, RepoError> {
        let architectures = architectures.to_vec();
        let wanted = move |entry: &Entry| {
            let is_for = |own: &Architecture| architectures.is_empty() || own.is_all() || architectures.contains(own);
            entry.kind == EntryKind::Binary && entry.architecture.as_ref().is_some_and(is_for)
        };
        self.stanzas(cx, suite, state, wanted).await
    }

    /// The source packages of a state, or those that are staged, as the text of one Sources index.
    ///
    /// # Errors
    /// As [`Repository::packages_text`].
    pub async fn sources_text(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: Option<StateId>,
    ) -> Result<String, RepoError> {
        self.stanzas(cx, suite, state, |entry| entry.kind == EntryKind::Source).await
    }

    /// The state that readers saw at that time, as far as it is kept.
    ///
    /// # Errors
    /// [`RepoError::NoStateAt`], [`RepoError::NoSuite`].
    pub async fn state_at(&self, cx: &Context, suite: &SuiteName, at: Timestamp) -> Result<State, RepoError> {
        let states = self.states(cx, suite).await?;
        let last = states.into_iter().rfind(|state| state.date <= at);
        last.ok_or_else(|| RepoError::NoStateAt { suite: suite.clone(), at })
    }

    async fn stanzas(
        &self,
        cx: &Context,
        suite: &SuiteName,
        state: Option<StateId>,
        wanted: impl Fn(&Entry) -> bool + Send + 'static,
    ) -> Result<String, RepoError> {
        let content = self.content(cx, suite, state).await?;
        let cancel = cx.cancel().clone();
        self.stored(move |store| {
            let mut entries = store.entries(&content)?;
            entries.retain(wanted);
            let catalog = store.catalog()?;
            let stanzas = parallel::map(&entries, |entry| {
                cancel.check()?;
                stanza::stanza(&catalog, entry, false)
            })?;
            Ok(stanzas.join("\n"))
        })
        .await
    }
}
