//! Packages, Sources, Contents and Translation-en, plain and compressed, made of pieces that are made once.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
};

use bytes::Bytes;

use super::{
    Entry, EntryKind, IndexFile, IndexFormat, RepoError, State, SuiteOptions, TreeContent,
    catalog::Catalog,
    chunk::{self, Chunk, ChunkStore},
    contents, parallel,
    pdiff::Patch,
    segment, stanza,
};
use crate::{
    arch::Architecture,
    cancel::CancelToken,
    digest::{KeyHasher, Sha256},
    name::PoolPath,
};

/// The index files of a state: what Release lists, and the content of those that are stored.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    pub(super) listed: Vec<IndexFile>,
    pub(super) made_of: BTreeMap<PoolPath, Sha256>,
    pub(super) content: BTreeMap<PoolPath, TreeContent>,
    /// The patches that lead to them, by the path of the plain file.
    pub(super) patches: BTreeMap<PoolPath, Vec<Patch>>,
    /// The new ones among them.
    pub(super) scripts: BTreeMap<PoolPath, Bytes>,
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
    /// The current state: what did not change since is taken from its tree.
    pub(super) before: Option<&'a State>,
}

/// What is said about each entry; the text is the name of that in keys, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Stanza,
    ShortStanza,
    Translation,
    Contents,
}

/// An index and the entries that are in it.
struct Part<'a> {
    path: PoolPath,
    says: Says,
    entries: Vec<&'a Entry>,
}

impl Says {
    const fn key(self) -> &'static str {
        match self {
            Self::Stanza => "stanzas/1",
            Self::ShortStanza => "short stanzas/1",
            Self::Translation => "translations/1",
            Self::Contents => "contents/1",
        }
    }
}

impl Making<'_> {
    /// Makes every index of the suite, from its entries and nothing else.
    pub(super) fn indexes(&self) -> Result<Indexes, RepoError> {
        let mut indexes = Indexes::default();
        let mut stores = HashSet::new();
        for part in self.parts()? {
            self.cancel.check()?;
            self.index(&part, &mut indexes)?;
            stores.insert(part.path);
        }
        indexes.listed.sort_by(|one, other| one.path.cmp(&other.path));
        self.chunks.sweep_indexes(&stores)?;
        Ok(indexes)
    }

    fn parts(&self) -> Result<Vec<Part<'_>>, RepoError> {
        let mut parts = Vec::new();
        for component in &self.options.components {
            let own = |kind| self.entries.iter().filter(move |e| e.component == *component && e.kind == kind);
            let mut add = |path: String, says, entries| {
                parts.push(Part { path: PoolPath::new(&format!("{component}/{path}"))?, says, entries });
                Ok::<_, RepoError>(())
            };
            let packages = if self.options.translations { Says::ShortStanza } else { Says::Stanza };
            let has_udebs = own(EntryKind::Udeb).next().is_some();
            for architecture in &self.options.architectures {
                let belongs = |entry: &&Entry| is_for(entry, architecture);
                let debs: Vec<&Entry> = own(EntryKind::Binary).filter(belongs).collect();
                let udebs: Vec<&Entry> = own(EntryKind::Udeb).filter(belongs).collect();
                if self.options.contents {
                    add(format!("Contents-{architecture}"), Says::Contents, debs.clone())?;
                    if has_udebs {
                        add(format!("Contents-udeb-{architecture}"), Says::Contents, udebs.clone())?;
                    }
                }
                add(format!("binary-{architecture}/Packages"), packages, debs)?;
                if has_udebs {
                    // The installer has no translations.
                    add(format!("debian-installer/binary-{architecture}/Packages"), Says::Stanza, udebs)?;
                }
            }
            add("source/Sources".to_owned(), Says::Stanza, own(EntryKind::Source).collect())?;
            if self.options.translations {
                add("i18n/Translation-en".to_owned(), Says::Translation, own(EntryKind::Binary).collect())?;
            }
        }
        Ok(parts)
    }

    fn index(&self, part: &Part<'_>, indexes: &mut Indexes) -> Result<(), RepoError> {
        let runs = parallel::map(&segment::runs(&part.entries), |run| {
            Ok::<_, RepoError>((self.key(part.says, &part.entries[run.clone()]), run.clone()))
        })?;
        let mut all = KeyHasher::new(part.says.key());
        all.list("formats", self.options.formats.iter().map(|format| format.ending()));
        all.list("runs", runs.iter().map(|(key, _)| key.as_bytes()));
        let made_of = all.finish();
        indexes.made_of.insert(part.path.clone(), made_of);
        if self.take_from_before(&part.path, made_of, indexes) {
            return Ok(());
        }
        let store = self.chunks.index(&part.path)?;
        let made = if part.says == Says::Contents {
            let pieces = contents::pieces(self.cancel, self.catalog, &part.entries)?;
            parallel::map(&pieces, |text| {
                self.cancel.check()?;
                let key = Sha256::of(text.as_bytes());
                Ok::<_, RepoError>((key, store.get_or_make(key, &self.options.formats, || Ok(text.clone()))?))
            })?
        } else {
            parallel::map(&runs, |(key, run)| {
                self.cancel.check()?;
                let text = || self.text(part.says, &part.entries[run.clone()]);
                Ok::<_, RepoError>((*key, store.get_or_make(*key, &self.options.formats, text)?))
            })?
        };
        let (keys, chunks): (HashSet<_>, Vec<_>) = made.into_iter().unzip();
        store.sweep(&keys)?;
        self.files(&part.path, &chunks, indexes)
    }

    /// What a run of entries is made into.
    fn key(&self, says: Says, entries: &[&Entry]) -> Sha256 {
        let mut key = KeyHasher::new(says.key());
        key.part("entries", segment::text(entries));
        if says == Says::Contents {
            let is_known = |entry: &&Entry| entry.files.first().is_some_and(|file| self.catalog.has_paths(file.sha256));
            key.part("known", entries.iter().map(|entry| u8::from(is_known(entry))).collect::<Vec<u8>>());
        }
        key.finish()
    }

    fn text(&self, says: Says, entries: &[&Entry]) -> Result<String, RepoError> {
        let mut text = String::new();
        let mut descriptions = BTreeSet::new();
        for entry in entries {
            if says == Says::Translation {
                let Some((md5, stanza)) = stanza::translation(self.catalog, entry)? else { continue };
                // A run has all entries of a name.
                if !descriptions.insert((&entry.name, md5)) {
                    continue;
                }
                text.push_str(&stanza);
            } else {
                text.push_str(&stanza::stanza(self.catalog, entry, says == Says::ShortStanza)?);
            }
            text.push('\n');
        }
        Ok(text)
    }

    /// Takes the files of an index from the current state, if they were made of the same.
    fn take_from_before(&self, path: &PoolPath, made_of: Sha256, indexes: &mut Indexes) -> bool {
        let Some(before) = self.before.filter(|state| state.made_of.get(path) == Some(&made_of)) else { return false };
        let is_one = |index: &&IndexFile| {
            let ending = index.path.as_str().strip_prefix(path.as_str());
            ending.is_some_and(|ending| ending.is_empty() || ending.starts_with('.') && !ending.contains('/'))
        };
        for index in before.indexes.iter().filter(is_one) {
            indexes.listed.push(index.clone());
            if index.stored {
                let content = TreeContent::Earlier(before.id(), index.path.clone());
                indexes.content.insert(index.path.clone(), content);
            }
        }
        true
    }

    /// The files of an index: the plain one is always listed, as its digest is what clients end up with.
    fn files(&self, path: &PoolPath, chunks: &[Chunk], indexes: &mut Indexes) -> Result<(), RepoError> {
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
        let damaged = |source: io::Error| RepoError::Input { file: path.to_string(), reason: source.to_string() };
        for (format, (size, sha256, bytes)) in formats.iter().zip(made.map_err(damaged)?) {
            let path = PoolPath::new(&format!("{path}{}", format.ending()))?;
            indexes.listed.push(IndexFile { path: path.clone(), size, sha256, stored: bytes.is_some() });
            if let Some(bytes) = bytes {
                indexes.content.insert(path, TreeContent::Bytes(bytes));
            }
        }
        Ok(())
    }
}

/// Packages for all architectures are in the indexes of each.
fn is_for(entry: &Entry, architecture: &Architecture) -> bool {
    entry.architecture.as_ref().is_some_and(|own| own == architecture || own.is_all())
}
