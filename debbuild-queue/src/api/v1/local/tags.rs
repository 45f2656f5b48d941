//! Tags, in process.

use async_trait::async_trait;
use debbuild_core::context::Context;

use super::Local;
use crate::{
    api::v1::{Reply, SCHEMA, Tag, TagBuild, TagChange, TagContent, TagHistory, TagList, Tags},
    model::{BuildId, TagName},
    tag,
};

impl From<tag::Tag> for Tag {
    fn from(tag: tag::Tag) -> Self {
        Self {
            schema: SCHEMA,
            id: tag.id.get(),
            name: tag.name.to_string(),
            version: tag.version,
            parents: tag.parents.iter().map(ToString::to_string).collect(),
            blocked: tag.blocked,
        }
    }
}

impl From<tag::TagChange> for TagChange {
    fn from(change: tag::TagChange) -> Self {
        Self {
            version: change.version,
            at: change.at,
            by: change.by.to_string(),
            action: change.action.name().to_owned(),
            build: change.build.map(BuildId::get),
            text: change.text,
        }
    }
}

fn offered(content: tag::Content) -> TagBuild {
    TagBuild {
        build: content.build.id.get(),
        source: content.build.record.source,
        version: content.build.record.version,
        architecture: content.build.record.architecture,
        from: content.from.to_string(),
    }
}

fn names(names: &[String]) -> Reply<Vec<TagName>> {
    Ok(names.iter().map(|name| TagName::new(name.as_str())).collect::<Result<_, _>>()?)
}

#[async_trait]
impl Tags for Local {
    async fn create_tag(&self, cx: &Context, name: &str, parents: &[String]) -> Reply<Tag> {
        Ok(self.queue.create_tag(cx, &TagName::new(name)?, &names(parents)?, &self.user).await?.into())
    }

    async fn tags(&self, cx: &Context) -> Reply<TagList> {
        let tags = self.queue.tags(cx).await?;
        Ok(TagList { schema: SCHEMA, tags: tags.into_iter().map(Tag::from).collect() })
    }

    async fn tag(&self, cx: &Context, name: &str) -> Reply<TagContent> {
        let (tag, content) = self.queue.tag_content(cx, &TagName::new(name)?).await?;
        Ok(TagContent { schema: SCHEMA, tag: tag.into(), builds: content.into_iter().map(offered).collect() })
    }

    async fn tag_add(&self, cx: &Context, name: &str, build: i64, reason: &str) -> Reply<Tag> {
        let name = TagName::new(name)?;
        Ok(self.queue.tag_add(cx, &name, BuildId::new(build), &self.user, reason).await?.into())
    }

    async fn tag_remove(&self, cx: &Context, name: &str, build: i64, reason: &str) -> Reply<Tag> {
        let name = TagName::new(name)?;
        Ok(self.queue.tag_remove(cx, &name, BuildId::new(build), &self.user, reason).await?.into())
    }

    async fn tag_inherit(&self, cx: &Context, name: &str, parents: &[String]) -> Reply<Tag> {
        Ok(self.queue.tag_inherit(cx, &TagName::new(name)?, &names(parents)?, &self.user).await?.into())
    }

    async fn tag_block(&self, cx: &Context, name: &str, source: &str) -> Reply<Tag> {
        Ok(self.queue.tag_block(cx, &TagName::new(name)?, source, &self.user).await?.into())
    }

    async fn tag_history(&self, cx: &Context, name: &str, after: u64, limit: u32) -> Reply<TagHistory> {
        let changes = self.queue.tag_history(cx, &TagName::new(name)?, after, limit).await?;
        let changes = changes.into_iter().map(TagChange::from).collect();
        Ok(TagHistory { schema: SCHEMA, tag: name.to_owned(), changes })
    }
}
