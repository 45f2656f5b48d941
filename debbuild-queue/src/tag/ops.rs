//! What can be done to tags: each change is one transaction that counts the tag's version up and writes its history.

use std::collections::BTreeSet;

use debbuild_core::{build::Outcome, context::Context};

use super::{Content, Layer, Tag, TagAction, TagBuild, TagChange, merge};
use crate::{
    error::QueueError,
    model::{BuildId, EventKind, NewEvent, Subject, TagName, UserName},
    queue::Queue,
    store::Transaction,
};

impl Queue {
    /// Creates a tag that inherits from these, the nearest first.
    ///
    /// # Errors
    /// [`QueueError::TagExists`], [`QueueError::NoTag`].
    pub async fn create_tag(
        &self,
        cx: &Context,
        name: &TagName,
        parents: &[TagName],
        by: &UserName,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        if tx.tag(name).await?.is_some() {
            return Err(QueueError::TagExists(name.clone()));
        }
        for parent in parents {
            known(&mut *tx, parent).await?;
        }
        tx.add_tag(&Tag::new(name.clone(), parents.to_vec())).await?;
        let tag = known(&mut *tx, name).await?;
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Create).with_text(listed(parents));
        note(&mut *tx, &tag, &change).await?;
        tx.commit().await?;
        Ok(tag)
    }

    /// A tag.
    ///
    /// # Errors
    /// [`QueueError::NoTag`].
    pub async fn tag(&self, _cx: &Context, name: &TagName) -> Result<Tag, QueueError> {
        known(&mut *self.store.read().await?, name).await
    }

    /// All tags, by name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tags(&self, _cx: &Context) -> Result<Vec<Tag>, QueueError> {
        Ok(self.store.read().await?.tags().await?)
    }

    /// What a tag offers, with what it inherits, and the version of the tag that this is the content of.
    ///
    /// # Errors
    /// [`QueueError::NoTag`].
    pub async fn tag_content(&self, _cx: &Context, name: &TagName) -> Result<(Tag, Vec<Content>), QueueError> {
        let mut tx = self.store.read().await?;
        let tag = known(&mut *tx, name).await?;
        let mut layers = Vec::new();
        for tag in lineage(&mut *tx, &tag).await? {
            let mut builds = Vec::new();
            for entry in tx.tag_builds(&tag.name).await? {
                builds.push(tx.build(entry.build).await?.ok_or(QueueError::NoBuild(entry.build))?);
            }
            layers.push(Layer::new(tag.name, builds, tag.blocked));
        }
        Ok((tag, merge(&layers)))
    }

    /// The builds that the tag itself holds, in the order in which they were added.
    ///
    /// # Errors
    /// [`QueueError::NoTag`].
    pub async fn tag_builds(&self, _cx: &Context, name: &TagName) -> Result<Vec<TagBuild>, QueueError> {
        let mut tx = self.store.read().await?;
        known(&mut *tx, name).await?;
        Ok(tx.tag_builds(name).await?)
    }

    /// Adds a build that succeeded.
    ///
    /// # Errors
    /// [`QueueError::NoTag`], [`QueueError::NoBuild`], [`QueueError::Unsuccessful`], [`QueueError::Tagged`].
    pub async fn tag_add(
        &self,
        cx: &Context,
        name: &TagName,
        build: BuildId,
        by: &UserName,
        reason: &str,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        let tag = next(&mut *tx, name).await?;
        let found = tx.build(build).await?.ok_or(QueueError::NoBuild(build))?;
        if found.record.outcome != Outcome::Succeeded {
            return Err(QueueError::Unsuccessful(build));
        }
        if tx.tag_builds(name).await?.iter().any(|entry| entry.build == build) {
            return Err(QueueError::Tagged { build, tag: name.clone() });
        }
        tx.add_tag_build(name, TagBuild::new(build, tag.version)).await?;
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Add);
        self.keep(tx, tag, change.with_build(build).with_text(reason)).await
    }

    /// Takes a build out; its history stays.
    ///
    /// # Errors
    /// [`QueueError::NoTag`], [`QueueError::NotTagged`].
    pub async fn tag_remove(
        &self,
        cx: &Context,
        name: &TagName,
        build: BuildId,
        by: &UserName,
        reason: &str,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        let tag = next(&mut *tx, name).await?;
        if tx.tag_builds(name).await?.iter().all(|entry| entry.build != build) {
            return Err(QueueError::NotTagged { build, tag: name.clone() });
        }
        tx.remove_tag_build(name, build).await?;
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Remove);
        self.keep(tx, tag, change.with_build(build).with_text(reason)).await
    }

    /// Sets what the tag inherits from, the nearest first.
    ///
    /// # Errors
    /// [`QueueError::NoTag`], [`QueueError::Cycle`].
    pub async fn tag_inherit(
        &self,
        cx: &Context,
        name: &TagName,
        parents: &[TagName],
        by: &UserName,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        let mut tag = next(&mut *tx, name).await?;
        for parent in parents {
            let parent = known(&mut *tx, parent).await?;
            if lineage(&mut *tx, &parent).await?.iter().any(|one| one.name == *name) {
                return Err(QueueError::Cycle(name.clone()));
            }
        }
        tag.parents = parents.to_vec();
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Inherit).with_text(listed(parents));
        self.keep(tx, tag, change).await
    }

    /// Inherits a source package no longer.
    ///
    /// # Errors
    /// [`QueueError::NoTag`]; [`QueueError::Malformed`] when it is blocked already.
    pub async fn tag_block(
        &self,
        cx: &Context,
        name: &TagName,
        source: &str,
        by: &UserName,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        let mut tag = next(&mut *tx, name).await?;
        if tag.blocked.iter().any(|blocked| blocked == source) {
            return Err(QueueError::Malformed(format!("tag {name} blocks {source} already")));
        }
        tag.blocked.push(source.to_owned());
        tag.blocked.sort();
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Block).with_text(source);
        self.keep(tx, tag, change).await
    }

    /// The tag's history after this version, oldest first; at most `limit` lines.
    ///
    /// # Errors
    /// [`QueueError::NoTag`].
    pub async fn tag_history(
        &self,
        _cx: &Context,
        name: &TagName,
        after: u64,
        limit: u32,
    ) -> Result<Vec<TagChange>, QueueError> {
        let mut tx = self.store.read().await?;
        known(&mut *tx, name).await?;
        Ok(tx.tag_history(name, after, limit.clamp(1, 1000)).await?)
    }

    /// Notes in the history that the tag was published.
    ///
    /// # Errors
    /// [`QueueError::NoTag`].
    pub async fn note_publication(
        &self,
        cx: &Context,
        name: &TagName,
        by: &UserName,
        text: &str,
    ) -> Result<Tag, QueueError> {
        let mut tx = self.store.write().await?;
        let tag = next(&mut *tx, name).await?;
        let change = TagChange::new(tag.version, cx.now(), by.clone(), TagAction::Publish).with_text(text);
        self.keep(tx, tag, change).await
    }

    async fn keep(&self, mut tx: Box<dyn Transaction>, tag: Tag, change: TagChange) -> Result<Tag, QueueError> {
        tx.put_tag(&tag).await?;
        note(&mut *tx, &tag, &change).await?;
        tx.commit().await?;
        Ok(tag)
    }
}

async fn known(tx: &mut dyn Transaction, name: &TagName) -> Result<Tag, QueueError> {
    tx.tag(name).await?.ok_or_else(|| QueueError::NoTag(name.clone()))
}

/// The tag with the version that a change gives it.
async fn next(tx: &mut dyn Transaction, name: &TagName) -> Result<Tag, QueueError> {
    let tag = known(tx, name).await?;
    Ok(Tag { version: tag.version + 1, ..tag })
}

async fn note(tx: &mut dyn Transaction, tag: &Tag, change: &TagChange) -> Result<(), QueueError> {
    tx.add_tag_change(&tag.name, change).await?;
    let build = change.build.map(|build| format!(" {build}")).unwrap_or_default();
    let text = format!("{}: {}{build}", change.by, change.action.name());
    let event = NewEvent::new(change.at, Subject::Tag(tag.name.clone()), EventKind::TagChanged, text);
    Ok(tx.add_event(&event).await?)
}

/// The tag and all that it inherits from: depth first, in the order of parents, each once.
async fn lineage(tx: &mut dyn Transaction, tag: &Tag) -> Result<Vec<Tag>, QueueError> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut left = vec![tag.clone()];
    while let Some(tag) = left.pop() {
        if !seen.insert(tag.name.clone()) {
            continue;
        }
        for parent in tag.parents.iter().rev() {
            left.push(known(tx, parent).await?);
        }
        found.push(tag);
    }
    Ok(found)
}

fn listed(names: &[TagName]) -> String {
    names.iter().map(TagName::as_str).collect::<Vec<_>>().join(" ")
}
