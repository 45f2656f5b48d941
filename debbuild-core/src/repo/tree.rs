//! The tree of a state: indexes, copies by hash, signed files.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{RepoError, State, TreeContent, TreeFile, index::Indexes};
use crate::{digest::Sha256, name::PoolPath};

/// The path of a file's copy under its hash: readers of an earlier Release still find what that one lists.
pub(super) fn by_hash(path: &PoolPath, sha256: Sha256) -> Result<PoolPath, RepoError> {
    let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = format!("by-hash/SHA256/{sha256}");
    Ok(PoolPath::new(&if folder.is_empty() { below } else { format!("{folder}/{below}") })?)
}

/// The whole tree of a state: indexes, their copies by hash, those of earlier states, and last the signed files.
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
    for (name, bytes) in signed {
        tree.push(TreeFile::new(PoolPath::new(name)?, TreeContent::Bytes(bytes)));
    }
    Ok(tree)
}
