//! What is known of packages already, and what the indexes of other archives say of them.
//!
//! What is known of a file is kept by its digest. An archive's index may say something else of it (its section, priority, tags),
//! and something else tomorrow: then the entry has control data of its own, and states before it keep theirs.

use std::fs;

use super::{
    Entry, EntryKind, Input, Override, RepoError,
    catalog::Known,
    ingest::{Ingest, Taken, input_error},
    overrides::is_word,
    seen::Stamp,
    stanza,
};
use crate::{digest::Sha256, error::chain, name::ComponentName};

/// The entry with what an archive gives to it.
pub(super) fn given(mut entry: Entry, given: &Override) -> Entry {
    let word = |text: &Option<String>| text.clone().filter(|word| is_word(word));
    entry.section = word(&given.section).or(entry.section);
    entry.priority = word(&given.priority).or(entry.priority);
    entry
}

impl Ingest<'_> {
    /// The entry of this digest that the suite has already, with what is said of it and given to it now.
    pub(super) fn staged(
        &self,
        component: &ComponentName,
        sha256: Option<Sha256>,
        input: &Input,
    ) -> Result<Option<Taken>, RepoError> {
        let Some((sha256, (entry, is_debug))) = sha256.and_then(|sha256| Some((sha256, self.staged.get(&sha256)?)))
        else {
            return Ok(None);
        };
        let is_whole = entry.kind == EntryKind::Source || !self.contents || self.catalog.has_paths(sha256);
        let said = input.control.as_ref().filter(|_| entry.kind != EntryKind::Source);
        if entry.component != *component || !(is_whole || said.is_some()) || !self.is_in_pool(entry) {
            return Ok(None);
        }
        let mut entry = self.overridden(given((*entry).clone(), &input.given));
        let mut known = Vec::new();
        if let Some(said) = said {
            // What cannot be written into an index is refused now.
            stanza::binary(said, &entry, false).map_err(|error| input_error(&input.file, chain(&error)))?;
            (entry.control, known) = self.known(sha256, said.clone(), None)?;
        }
        Ok(Some(Taken { entry, is_debug: *is_debug, files: Vec::new(), known, read: None }))
    }

    /// Whether the files in the pool are those that were put there. Where that is not known they are placed once more: the
    /// target tells whether it has them.
    fn is_in_pool(&self, entry: &Entry) -> bool {
        entry.files.iter().all(|file| {
            let Ok(path) = self.dir.descend(file.path.as_str()) else { return false };
            let stamp = fs::metadata(&path).map(|metadata| Stamp::of(&metadata));
            stamp.is_ok_and(|stamp| self.seen.digest(&path, &stamp) == Some(file.sha256))
        })
    }

    pub(super) fn overridden(&self, entry: Entry) -> Entry {
        match self.overrides.get(&entry.name) {
            Some(over) => given(entry, over),
            None => entry,
        }
    }

    /// Whether everything that is wanted of a package is known.
    pub(super) fn knows(&self, sha256: Sha256) -> bool {
        self.catalog.has(sha256) && (!self.contents || self.catalog.has_paths(sha256))
    }

    /// What the catalog is to know of a package, and by what its entry finds its control data where they are not those that are
    /// known of its file: what other entries say of it stays.
    pub(super) fn known(
        &self,
        sha256: Sha256,
        control: String,
        paths: Option<Vec<String>>,
    ) -> Result<(Option<Sha256>, Vec<Known>), RepoError> {
        if !self.catalog.has(sha256) {
            return Ok((None, vec![Known { sha256, text: control.into_bytes(), paths }]));
        }
        let (text, mut known) = (self.catalog.text(sha256)?, Vec::new());
        let own = Sha256::of(control.as_bytes());
        let is_other = text != control.as_bytes();
        if is_other && !self.catalog.has(own) {
            known.push(Known { sha256: own, text: control.into_bytes(), paths: None });
        }
        if paths.is_some() {
            known.push(Known { sha256, text, paths });
        }
        Ok((is_other.then_some(own), known))
    }
}
