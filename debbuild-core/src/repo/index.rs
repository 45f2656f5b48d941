//! Packages and Sources, plain and compressed, and the tree of a state around them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
};

use bytes::Bytes;

use super::{Entry, EntryKind, IndexFile, RepoError, State, SuiteOptions, TreeContent, TreeFile};
use crate::{
    arch::Architecture,
    cancel::CancelToken,
    digest::Sha256,
    name::{ComponentName, PoolPath},
};

/// The index files of a state: what Release lists, and the bytes.
#[derive(Debug)]
pub(super) struct Indexes {
    pub(super) listed: Vec<IndexFile>,
    content: BTreeMap<PoolPath, Bytes>,
}

/// Makes every index of a suite from its entries, in an order that depends on nothing else.
pub(super) fn indexes(cancel: &CancelToken, options: &SuiteOptions, entries: &[Entry]) -> Result<Indexes, RepoError> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|one, other| one.order().cmp(&other.order()));
    let mut content = BTreeMap::new();
    for component in &options.components {
        for architecture in &options.architectures {
            cancel.check()?;
            let text = stanzas(&sorted, component, Some(architecture));
            add(&mut content, &format!("{component}/binary-{architecture}/Packages"), text)?;
        }
        cancel.check()?;
        add(&mut content, &format!("{component}/source/Sources"), stanzas(&sorted, component, None))?;
    }
    let listed = content
        .iter()
        .map(|(path, bytes): (&PoolPath, &Bytes)| IndexFile {
            path: path.clone(),
            size: bytes.len() as u64,
            sha256: Sha256::of(bytes),
        })
        .collect();
    Ok(Indexes { listed, content })
}

/// The stanzas of a component for an architecture (with those for all), or of its sources.
fn stanzas(sorted: &[&Entry], component: &ComponentName, architecture: Option<&Architecture>) -> String {
    let belongs = |entry: &&&Entry| match (architecture, &entry.architecture) {
        _ if entry.component != *component => false,
        (None, _) => entry.kind == EntryKind::Source,
        (Some(wanted), Some(own)) => entry.kind == EntryKind::Binary && (own == wanted || own.is_all()),
        (Some(_), None) => false,
    };
    let mut text = String::new();
    for entry in sorted.iter().filter(belongs) {
        text.push_str(&entry.stanza);
        text.push('\n');
    }
    text
}

fn add(content: &mut BTreeMap<PoolPath, Bytes>, path: &str, text: String) -> Result<(), RepoError> {
    let plain = Bytes::from(text);
    // Writing into memory does not fail.
    let memory = |source: io::Error| RepoError::Input { file: path.to_owned(), reason: source.to_string() };
    content.insert(PoolPath::new(&format!("{path}.gz"))?, gzip(&plain).map_err(memory)?);
    content.insert(PoolPath::new(&format!("{path}.xz"))?, xz(&plain).map_err(memory)?);
    content.insert(PoolPath::new(path)?, plain);
    Ok(())
}

/// Without name and time, so that the same text gives the same bytes.
fn gzip(text: &[u8]) -> io::Result<Bytes> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}

fn xz(text: &[u8]) -> io::Result<Bytes> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}

/// The path of a file's copy under its hash: readers of an earlier Release still find what that one lists.
pub(super) fn by_hash(path: &PoolPath, sha256: Sha256) -> Result<PoolPath, RepoError> {
    let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = format!("by-hash/SHA256/{sha256}");
    Ok(PoolPath::new(&if folder.is_empty() { below } else { format!("{folder}/{below}") })?)
}

/// The whole tree of a state: indexes, their copies by hash, those of earlier states, and last the signed files.
pub(super) fn tree(
    indexes: Indexes,
    earlier: &[State],
    signed: [(&str, Bytes); 3],
) -> Result<Vec<TreeFile>, RepoError> {
    let mut tree = Vec::new();
    let mut hashes = BTreeSet::new();
    for (path, bytes) in indexes.content {
        let copy = by_hash(&path, Sha256::of(&bytes))?;
        tree.push(TreeFile::new(path.clone(), TreeContent::Bytes(bytes)));
        if hashes.insert(copy.clone()) {
            tree.push(TreeFile::new(copy, TreeContent::SameAs(path)));
        }
    }
    for state in earlier {
        for index in &state.indexes {
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
