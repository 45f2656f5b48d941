//! Tags: named, versioned sets of builds, with inheritance and a history that only grows.

mod files;
mod inherit;
mod ops;
#[cfg(feature = "resolve")]
mod source;

use debbuild_core::clock::Timestamp;
pub(crate) use files::{SourceInputs, TagFiles};
pub use inherit::{Content, Layer, merge};
#[cfg(feature = "resolve")]
pub use source::TagSource;

use crate::model::{BuildId, TagName, UserName};

debbuild_core::number_id! {
    /// The number of a tag.
    TagId
}

/// A tag, as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tag {
    /// Its number.
    pub id: TagId,
    /// Its name.
    pub name: TagName,
    /// How often it was changed: 1 when it was created. A version names one exact content for ever.
    pub version: u64,
    /// The tags that it inherits from, the nearest first.
    pub parents: Vec<TagName>,
    /// Source packages that it does not inherit.
    pub blocked: Vec<String>,
}

impl Tag {
    /// A tag that is about to be created.
    #[must_use]
    pub fn new(name: TagName, parents: Vec<TagName>) -> Self {
        Self { id: TagId::new(0), name, version: 1, parents, blocked: Vec::new() }
    }
}

/// A build in a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TagBuild {
    /// The build.
    pub build: BuildId,
    /// The version of the tag that brought it.
    pub since: u64,
}

impl TagBuild {
    /// A build that came with this version.
    #[must_use]
    pub const fn new(build: BuildId, since: u64) -> Self {
        Self { build, since }
    }
}

/// What was done to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TagAction {
    /// It was created.
    Create,
    /// A build was added.
    Add,
    /// A build was taken out.
    Remove,
    /// Its parents were set.
    Inherit,
    /// A source package is no longer inherited.
    Block,
    /// It was published as a suite.
    Publish,
}

impl TagAction {
    /// The name in stores and wire forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Inherit => "inherit",
            Self::Block => "block",
            Self::Publish => "publish",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Create, Self::Add, Self::Remove, Self::Inherit, Self::Block, Self::Publish]
            .into_iter()
            .find(|action| action.name() == name)
    }
}

/// One line of a tag's history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagChange {
    /// The version of the tag after it.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserName,
    /// What.
    pub action: TagAction,
    /// The build it is about.
    pub build: Option<BuildId>,
    /// The rest: parents, a source package, a suite and its state, a reason.
    pub text: String,
}

impl TagChange {
    /// A line of history.
    #[must_use]
    pub fn new(version: u64, at: Timestamp, by: UserName, action: TagAction) -> Self {
        Self { version, at, by, action, build: None, text: String::new() }
    }

    /// About this build.
    #[must_use]
    pub fn with_build(mut self, build: BuildId) -> Self {
        self.build = Some(build);
        self
    }

    /// With this text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

#[cfg(test)]
mod tests;
