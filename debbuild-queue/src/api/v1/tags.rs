//! Tags: named, versioned sets of builds.

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, context::Context};
use serde::{Deserialize, Serialize};

use super::Reply;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How often it was changed: a version names one exact content.
    pub version: u64,
    /// The tags that it inherits from, the nearest first.
    pub parents: Vec<String>,
    /// Source packages that it does not inherit.
    pub blocked: Vec<String>,
}

/// Tags, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// A build that a tag offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagBuild {
    /// The build's number.
    pub build: i64,
    /// The source package.
    pub source: String,
    /// Its version.
    pub version: String,
    /// The architecture that it was built on.
    pub architecture: String,
    /// The tag that it comes from: this one or one that it inherits from.
    pub from: String,
}

/// What a tag offers, with what it inherits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagContent {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The tag.
    pub tag: Tag,
    /// The builds, by source package and architecture.
    pub builds: Vec<TagBuild>,
}

/// One line of a tag's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// The version of the tag after it.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// `create`, `add`, `remove`, `inherit`, `block` or `publish`.
    pub action: String,
    /// The build it is about.
    pub build: Option<i64>,
    /// The rest, for people.
    pub text: String,
}

/// A tag's history, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagHistory {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The tag's name.
    pub tag: String,
    /// Its changes.
    pub changes: Vec<TagChange>,
}

/// What can be done with tags.
#[async_trait]
pub trait Tags: Send + Sync {
    /// Creates a tag that inherits from these, the nearest first.
    async fn create_tag(&self, cx: &Context, name: &str, parents: &[String]) -> Reply<Tag>;
    /// All tags.
    async fn tags(&self, cx: &Context) -> Reply<TagList>;
    /// One tag with what it offers.
    async fn tag(&self, cx: &Context, name: &str) -> Reply<TagContent>;
    /// Adds a build that succeeded.
    async fn tag_add(&self, cx: &Context, name: &str, build: i64, reason: &str) -> Reply<Tag>;
    /// Takes a build out.
    async fn tag_remove(&self, cx: &Context, name: &str, build: i64, reason: &str) -> Reply<Tag>;
    /// Sets what it inherits from, the nearest first.
    async fn tag_inherit(&self, cx: &Context, name: &str, parents: &[String]) -> Reply<Tag>;
    /// Inherits a source package no longer.
    async fn tag_block(&self, cx: &Context, name: &str, source: &str) -> Reply<Tag>;
    /// Its history after this version, at most `limit` changes.
    async fn tag_history(&self, cx: &Context, name: &str, after: u64, limit: u32) -> Reply<TagHistory>;
}
