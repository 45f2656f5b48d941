//! The nouns of one build: what is asked for, under which options, and the record of what happened.

mod options;
mod record;

pub use options::{BuildOptions, Network};
pub use record::{
    Artifact, BuildRecord, BuilderInfo, Failure, LimitMeans, LogFile, NetworkUse, Outcome, RECORD_SCHEMA, Resources,
    Stage,
};

use crate::{arch::Architecture, content_id, digest::Sha256, name::SuiteName, path::AbsPath};

content_id! {
    /// The identity of a chroot: a hash over what is installed in it and how it is configured.
    ChrootId
}
content_id! {
    /// Names a build by what it was asked to do: the look-up key of its result.
    RequestKey
}
content_id! {
    /// Names a build by what really went into it.
    BuildKey
}

/// What to build, where, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildRequest {
    /// The .dsc, with its files beside it.
    pub dsc: AbsPath,
    /// The digest of the .dsc: what is built is exactly this.
    pub dsc_sha256: Sha256,
    /// The suite that the result is for.
    pub suite: SuiteName,
    /// The architecture to build on and for.
    pub architecture: Architecture,
    /// The chroot to build in.
    pub chroot: ChrootId,
    /// How.
    pub options: BuildOptions,
}

impl BuildRequest {
    /// A request with the default options.
    #[must_use]
    pub fn new(
        dsc: AbsPath,
        dsc_sha256: Sha256,
        suite: SuiteName,
        architecture: Architecture,
        chroot: ChrootId,
    ) -> Self {
        Self { dsc, dsc_sha256, suite, architecture, chroot, options: BuildOptions::default() }
    }

    /// With these options.
    #[must_use]
    pub fn with_options(mut self, options: BuildOptions) -> Self {
        self.options = options;
        self
    }
}
