//! A tag published as a suite: exactly the packages that the tag offers, with their sources, in a new signed state.

use debbuild_core::{
    context::Context,
    error::{Class, Classify},
    name::{ComponentName, FileName, NameError, SuiteName},
    repo::{Entry, Input, InputKind, Placing, RepoError, Repository, SourceFile, State},
    sign::Signer,
};

use crate::{
    error::QueueError,
    model::{TagName, UserName},
    queue::Queue,
    tag::{SourceInputs, Tag, TagFiles},
};

/// Where a tag is published.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PublishOptions {
    /// The tag.
    pub tag: TagName,
    /// The repository; it has the suite already.
    pub repository: Repository,
    /// The suite, which belongs to the tag: packages that the tag does not offer leave it.
    pub suite: SuiteName,
    /// The component that all packages are in.
    pub component: ComponentName,
    /// Who publishes.
    pub by: UserName,
}

impl PublishOptions {
    /// Publishes the tag as this suite.
    #[must_use]
    pub fn new(tag: TagName, repository: Repository, suite: SuiteName, component: ComponentName, by: UserName) -> Self {
        Self { tag, repository, suite, component, by }
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Published {
    /// The tag, with the version that notes the publication.
    pub tag: Tag,
    /// The version of the tag whose content this is.
    pub content: u64,
    /// The suite's new state.
    pub state: State,
}

/// Why a tag could not be published. Readers then have the state before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The repository failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A file is not stored.
    #[error(transparent)]
    Blob(#[from] debbuild_core::blob::BlobError),
    /// A file's name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Somebody staged something else in the suite at the same time.
    #[error("suite {0} was changed by somebody else while it was published")]
    Raced(SuiteName),
}

impl Classify for PublishError {
    fn class(&self) -> Class {
        match self {
            Self::Queue(error) => error.class(),
            Self::Repo(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Name(error) => error.class(),
            Self::Raced(_) => Class::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Queue(error) => error.hint(),
            Self::Repo(error) => error.hint(),
            Self::Raced(_) => Some("publish the tag again".to_owned()),
            _ => None,
        }
    }
}

impl Queue {
    /// Publishes what the tag offers now as a new state of the suite, and notes that in the tag's history.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_tag(
        &self,
        cx: &Context,
        options: &PublishOptions,
        signer: &dyn Signer,
    ) -> Result<Published, PublishError> {
        let TagFiles { tag, debs, sources } = self.tag_files(cx, &options.tag).await?;
        let mut inputs = Vec::new();
        for deb in debs {
            let path = self.blobs.local(cx, deb.sha256).await?;
            inputs.push(Input::new(InputKind::Binary, path).with_sha256(deb.sha256));
        }
        for source in sources {
            inputs.push(self.source(cx, source).await?);
        }
        let inputs = inputs.into_iter().map(|input| (options.component.clone(), input)).collect();
        let staged = options.repository.replace(cx, &options.suite, inputs, Placing::Link).await?;
        let state = options.repository.publish(cx, &options.suite, signer).await?;
        let mut published = options.repository.list(cx, &options.suite, Some(state.id())).await?;
        let mut wanted = staged;
        for entries in [&mut published, &mut wanted] {
            entries.sort_by_cached_key(Entry::key);
            entries.dedup();
        }
        if published != wanted {
            return Err(PublishError::Raced(options.suite.clone()));
        }
        let text = format!("version {} as suite {} state {}", tag.version, options.suite, state.number);
        let noted = self.note_publication(cx, &options.tag, &options.by, &text).await?;
        Ok(Published { tag: noted, content: tag.version, state })
    }

    /// A source package of the tag.
    async fn source(&self, cx: &Context, source: SourceInputs) -> Result<Input, PublishError> {
        let mut files = Vec::new();
        for input in source.others {
            let path = self.blobs.local(cx, input.sha256).await?;
            files.push(SourceFile::new(FileName::new(&input.name)?, path));
        }
        let path = self.blobs.local(cx, source.dsc.sha256).await?;
        Ok(Input::new(InputKind::Source, path).with_sha256(source.dsc.sha256).with_files(files))
    }
}
