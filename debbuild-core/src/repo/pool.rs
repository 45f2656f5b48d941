//! Where files lie in the pool: `pool/COMPONENT/PREFIX/SOURCE/FILE`, as in Debian's own archive.

use super::{EntryKind, RepoError};
use crate::{
    arch::Architecture,
    name::{ComponentName, FileName, PackageName, PoolPath, SourceName},
    version::Version,
};

/// The folder of a source package: `lib` and one more letter for libraries, else the first letter.
pub(super) fn folder(component: &ComponentName, source: &SourceName) -> Result<PoolPath, RepoError> {
    let name = source.as_str();
    let length = if name.starts_with("lib") && name.len() > 3 { 4 } else { 1 };
    let prefix: String = name.chars().take(length).collect();
    Ok(PoolPath::new(&format!("pool/{component}/{prefix}/{name}"))?)
}

/// A file of that folder.
pub(super) fn file(folder: &PoolPath, name: &FileName) -> Result<PoolPath, RepoError> {
    Ok(PoolPath::new(&format!("{folder}/{name}"))?)
}

/// The file name of a binary package: the version without its epoch.
pub(super) fn binary_name(
    name: &PackageName,
    version: &Version,
    architecture: &Architecture,
    kind: EntryKind,
) -> Result<FileName, RepoError> {
    let ending = if kind == EntryKind::Udeb { "udeb" } else { "deb" };
    Ok(FileName::new(&format!("{name}_{}_{architecture}.{ending}", version.without_epoch()))?)
}
