//! Packages and Sources, plain and compressed, and the tree of a state around them.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
};

use bytes::Bytes;

use super::{
    Entry, EntryKind, IndexFile, IndexFormat, RepoError, State, SuiteOptions, TreeContent, TreeFile,
    catalog::Catalog,
    chunk::{self, Chunk, ChunkStore},
    parallel, segment, stanza,
};
use crate::{
    cancel::CancelToken,
    digest::{KeyHasher, Sha256},
    name::PoolPath,
};

/// The index files of a state: what Release lists, and the bytes of those that are stored.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    pub(super) listed: Vec<IndexFile>,
    content: BTreeMap<PoolPath, Bytes>,
}

/// What indexes are made of.
#[derive(Debug)]
pub(super) struct Making<'a> {
    pub(super) cancel: &'a CancelToken,
    pub(super) options: &'a SuiteOptions,
    /// In their order.
    pub(super) entries: &'a [Entry],
    pub(super) catalog: &'a Catalog,
    pub(super) chunks: &'a ChunkStore,
}

/// An index and the entries that are in it.
type Part<'a> = (String, Vec<&'a Entry>);

impl Making<'_> {
    /// Makes every index of the suite, from its entries and nothing else.
    pub(super) fn indexes(&self) -> Result<Indexes, RepoError> {
        let mut indexes = Indexes::default();
        let mut used = HashSet::new();
        for (path, entries) in self.parts() {
            self.cancel.check()?;
            let chunks = self.chunks(&entries, &mut used)?;
            self.files(&path, &chunks, &mut indexes)?;
        }
        indexes.listed.sort_by(|one, other| one.path.cmp(&other.path));
        self.chunks.sweep(&used)?;
        Ok(indexes)
    }

    /// Packages of each component and architecture, with the packages for all architectures; Sources of each component.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for component in &self.options.components {
            let own = |entry: &&Entry| entry.component == *component;
            for architecture in &self.options.architectures {
                let belongs = |entry: &&Entry| {
                    let is_for = entry.architecture.as_ref().is_some_and(|own| own == architecture || own.is_all());
                    own(entry) && entry.kind == EntryKind::Binary && is_for
                };
                let path = format!("{component}/binary-{architecture}/Packages");
                parts.push((path, self.entries.iter().filter(belongs).collect()));
            }
            let sources = self.entries.iter().filter(|entry| own(entry) && entry.kind == EntryKind::Source);
            parts.push((format!("{component}/source/Sources"), sources.collect()));
        }
        parts
    }

    /// The pieces of an index; only those are made that were not made before.
    fn chunks(&self, entries: &[&Entry], used: &mut HashSet<Sha256>) -> Result<Vec<Chunk>, RepoError> {
        let runs = segment::runs(entries);
        let made = parallel::map(&runs, |run| {
            self.cancel.check()?;
            let entries = &entries[run.clone()];
            let mut key = KeyHasher::new("stanzas/1");
            key.part("entries", segment::text(entries));
            let key = key.finish();
            let text = || {
                let mut text = String::new();
                for entry in entries {
                    text.push_str(&stanza::stanza(self.catalog, entry)?);
                    text.push('\n');
                }
                Ok(text)
            };
            Ok::<_, RepoError>((key, self.chunks.get_or_make(key, &self.options.formats, text)?))
        })?;
        let (keys, chunks): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        used.extend(keys);
        Ok(chunks)
    }

    /// The files of an index: the plain one is always listed, as its digest is what clients end up with.
    fn files(&self, path: &str, chunks: &[Chunk], indexes: &mut Indexes) -> Result<(), RepoError> {
        let mut formats = vec![IndexFormat::Plain];
        formats.extend(self.options.formats.iter().filter(|format| **format != IndexFormat::Plain));
        let stored = self.options.formats.contains(&IndexFormat::Plain);
        let made = parallel::map(&formats, |format| {
            if *format == IndexFormat::Plain && !stored {
                return chunk::measure(chunks).map(|(size, sha256)| (size, sha256, None));
            }
            let bytes = chunk::join(chunks, *format)?;
            Ok((bytes.len() as u64, Sha256::of(&bytes), Some(Bytes::from(bytes))))
        });
        let damaged = |source: io::Error| RepoError::Input { file: path.to_owned(), reason: source.to_string() };
        for (format, (size, sha256, bytes)) in formats.iter().zip(made.map_err(damaged)?) {
            let path = PoolPath::new(&format!("{path}{}", format.ending()))?;
            indexes.listed.push(IndexFile { path: path.clone(), size, sha256, stored: bytes.is_some() });
            if let Some(bytes) = bytes {
                indexes.content.insert(path, bytes);
            }
        }
        Ok(())
    }
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
    let last = earlier.last();
    for index in indexes.listed.iter().filter(|index| index.stored) {
        let Some(bytes) = indexes.content.get(&index.path) else { continue };
        let copy = by_hash(&index.path, index.sha256)?;
        // What did not change is the same file: states that stay cost little.
        let content = match last.filter(|last| last.indexes.contains(index)) {
            Some(last) => TreeContent::Earlier(last.id(), index.path.clone()),
            None => TreeContent::Bytes(bytes.clone()),
        };
        tree.push(TreeFile::new(index.path.clone(), content));
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
