//! The tree of a state: its files, which are indexes, copies by hash and signed files.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{RepoError, State, StateId, index::Indexes};
use crate::{digest::Sha256, name::PoolPath};

/// A file of the tree of a suite, named below `dists/SUITE/`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeFile {
    /// Its path, for example `main/binary-amd64/Packages.xz`.
    pub path: PoolPath,
    /// Its content.
    pub content: TreeContent,
}

impl TreeFile {
    /// A file with this content.
    #[must_use]
    pub const fn new(path: PoolPath, content: TreeContent) -> Self {
        Self { path, content }
    }
}

/// Where the content of a file of a tree comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeContent {
    /// These bytes.
    Bytes(Bytes),
    /// The bytes of another file of the same tree.
    SameAs(PoolPath),
    /// The bytes of a file of the tree of an earlier state.
    Earlier(StateId, PoolPath),
}

/// The path of a file's copy under its hash: readers of an earlier Release still find what that one lists.
pub(super) fn by_hash(path: &PoolPath, sha256: Sha256) -> Result<PoolPath, RepoError> {
    let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = format!("by-hash/SHA256/{sha256}");
    Ok(PoolPath::new(&if folder.is_empty() { below } else { format!("{folder}/{below}") })?)
}

/// The whole tree of a state: indexes, their copies by hash, those of earlier states, patches, and last the signed files.
pub(super) fn tree(
    indexes: &Indexes,
    earlier: &[State],
    signed: [(&str, Bytes); 3],
) -> Result<Vec<TreeFile>, RepoError> {
    let mut tree = Vec::new();
    let mut hashes = BTreeSet::new();
    for index in indexes.listed.iter().filter(|index| index.stored) {
        let Some(content) = indexes.content.get(&index.path) else { continue };
        let copy = by_hash(&index.path, index.sha256)?;
        tree.push(TreeFile::new(index.path.clone(), content.clone()));
        if hashes.insert(copy.clone()) {
            tree.push(TreeFile::new(copy, TreeContent::SameAs(index.path.clone())));
        }
    }
    for state in earlier {
        for index in state.indexes.iter().filter(|index| index.stored) {
            let copy = by_hash(&index.path, index.sha256)?;
            if hashes.insert(copy.clone()) {
                tree.push(TreeFile::new(copy, TreeContent::Earlier(state.id(), index.path.clone())));
            }
        }
    }
    let mut named = BTreeSet::new();
    for (path, script) in &indexes.scripts {
        named.insert(path);
        tree.push(TreeFile::new(path.clone(), TreeContent::Bytes(script.clone())));
    }
    // Patches are asked for by name, also by readers of an earlier Release. The newest state has all that still lead somewhere.
    for state in earlier.iter().rev() {
        for patch in state.patches.values().flatten().filter(|patch| named.insert(&patch.path)) {
            tree.push(TreeFile::new(patch.path.clone(), TreeContent::Earlier(state.id(), patch.path.clone())));
        }
    }
    for (name, bytes) in signed {
        tree.push(TreeFile::new(PoolPath::new(name)?, TreeContent::Bytes(bytes)));
    }
    Ok(tree)
}
