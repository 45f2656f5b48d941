//! Where packages come from: index files, suites of archives, folders of packages, states of repositories.

mod archive;
mod debs;
mod index;
mod repository;

pub use archive::ArchiveSource;
pub use debs::{DebFile, DebsSource};
pub use index::{IndexSource, LARGEST_INDEX};
pub use repository::{RepositorySource, RepositoryState};

use super::{IndexCache, PackageIndex, SourceError};
use crate::{
    context::Context,
    control::{Problem, SourceControl, read_sources, utf8},
    digest::Sha256,
};

/// Reading an index of fewer bytes takes less time than keeping it.
const WORTH_KEEPING: u64 = 64 << 10;

/// The source packages of a [`PackageSource`](super::PackageSource).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SourcePackages {
    /// The source packages, in their order.
    pub packages: Vec<SourceControl>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl SourcePackages {
    /// Reads a Sources index. Stanzas that cannot be read are left out, and reported as problems.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (packages, problems) = read_sources(text);
        Self { packages, problems }
    }

    /// Reads a Sources index from its bytes.
    fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, SourceError> {
        let text = utf8(bytes).map_err(|source| SourceError::Index { name: name.to_owned(), source })?;
        Ok(Self::parse(text))
    }
}

/// Reads a Packages index from its bytes, and keeps it in the cache by a digest that stands for these bytes.
fn read(
    cx: &Context,
    name: &str,
    bytes: &[u8],
    keep: Option<(&IndexCache, Sha256)>,
) -> Result<PackageIndex, SourceError> {
    let index = PackageIndex::from_bytes(name, bytes);
    let index = index.map_err(|source| SourceError::Index { name: name.to_owned(), source })?;
    if let Some((cache, digest)) = keep
        && let Err(error) = cache.store(&index, digest)
    {
        cx.warn(format!("index {name} is not kept: {}", crate::error::chain(&error)));
    }
    Ok(index)
}

#[cfg(all(test, feature = "testing"))]
mod tests;
