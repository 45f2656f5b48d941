//! Which states of a repository stay, and what goes.

use debbuild_core::{
    context::Context,
    name::SuiteName,
    repo::{Collected, Repository, Retention, StateId},
};
use serde_json::{Value, json};

use super::{App, AppError};

/// A change of the rule by which states of a suite stay; what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionChange {
    /// Keep this many of the newest; `Some(None)`: the number does not matter.
    pub last: Option<Option<u64>>,
    /// Keep those that were current within so many seconds; `Some(None)`: the age does not matter.
    pub seconds: Option<Option<u64>>,
    /// Keep these states under these names.
    pub names: Vec<(String, StateId)>,
    /// These names are kept no more.
    pub forget: Vec<String>,
}

impl App {
    /// Changes the rule by which states of a suite stay, and returns it.
    ///
    /// # Errors
    /// Those of [`Repository::set_retention`].
    pub async fn repo_retain(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        change: RetentionChange,
    ) -> Result<Retention, AppError> {
        let old = repository.retention(cx, suite).await?;
        let mut rule = old.clone();
        rule.last = change.last.unwrap_or(rule.last);
        rule.seconds = change.seconds.unwrap_or(rule.seconds);
        rule.named.extend(change.names);
        for name in &change.forget {
            rule.named.remove(name);
        }
        if rule != old {
            repository.set_retention(cx, suite, rule.clone()).await?;
        }
        Ok(rule)
    }

    /// Removes what no state and no package needs: from the repository, or from another place that it was published to.
    ///
    /// # Errors
    /// Those of [`Repository::collect`] and [`Repository::collect_at`].
    pub async fn repo_gc(
        &self,
        cx: &Context,
        repository: &Repository,
        at: Option<&str>,
        dry_run: bool,
    ) -> Result<Collected, AppError> {
        match at {
            Some(at) => Ok(repository.collect_at(cx, &*self.publish_target(at)?, dry_run).await?),
            None => Ok(repository.collect(cx, dry_run).await?),
        }
    }
}

/// A rule as every door shows it.
#[must_use]
pub fn retention_json(rule: &Retention) -> Value {
    let named: serde_json::Map<String, Value> =
        rule.named.iter().map(|(name, state)| (name.clone(), json!(state.get()))).collect();
    json!({ "last": rule.last, "seconds": rule.seconds, "names": named })
}

/// What was removed, as every door shows it.
#[must_use]
pub fn collected_json(collected: &Collected) -> Value {
    let states = collected.states.iter().map(|(suite, state)| json!({ "suite": suite, "state": state.get() }));
    let files = collected.files.iter().map(|(path, size)| json!({ "path": path, "size": size }));
    let sources = collected.sources.iter().map(|(source, version)| json!({ "source": source, "version": version }));
    json!({
        "states": states.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "bytes": collected.bytes(),
        "kept_sources": sources.collect::<Vec<_>>(),
    })
}
