//! The outputs of nodes, kept by key: a half-made output is never found, and a damaged one is never reused.

use std::{
    collections::BTreeMap,
    fs, io,
    sync::atomic::{AtomicU64, Ordering},
};

use debbuild_core::{
    clock::Timestamp,
    digest::Sha256,
    error::{Class, Classify},
    path::{AbsPath, FileError, IoResultExt as _, PathError},
};
use serde::{Deserialize, Serialize};

use crate::{
    files::{self, Entry},
    plan::{PlanRecord, PlannedNode},
};

static NEXT_DRAFT: AtomicU64 = AtomicU64::new(0);

/// What a node says about its output: digests, names, sizes that metadata repeats.
pub type Facts = BTreeMap<String, String>;

/// The stored output of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredNode {
    /// The folder with the output; nobody may write there.
    pub output: AbsPath,
    /// What the node said about it.
    pub facts: Facts,
    /// How long it took to make, in seconds.
    pub seconds: u64,
    entries: Vec<Entry>,
}

impl StoredNode {
    /// Every file of the output: path below it, size in bytes, digest.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64, Sha256)> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::File { path, size, sha256 } => Some((path.as_str(), *size, *sha256)),
            _ => None,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema: u32,
    name: String,
    phase: String,
    key: Sha256,
    options: BTreeMap<String, String>,
    inputs: BTreeMap<String, Sha256>,
    facts: Facts,
    seconds: u64,
    output: Vec<Entry>,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Something that is not what was stored; it is set aside by the next [`NodeCache::keep`].
    Damaged,
    /// The output, every file checked.
    Stored(Box<StoredNode>),
}

/// A folder of node outputs.
#[derive(Debug, Clone)]
pub struct NodeCache {
    folder: AbsPath,
}

/// A place where a node's output is being made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Draft {
    folder: AbsPath,
    /// Where the output belongs.
    pub output: AbsPath,
}

impl NodeCache {
    /// Opens the cache, which is made if it is missing.
    ///
    /// # Errors
    /// [`CacheError::File`].
    pub fn open(folder: AbsPath) -> Result<Self, CacheError> {
        for name in ["nodes", "drafts", "plans", "epochs"] {
            files::make_folder(&folder.child(name)?)?;
        }
        Ok(Self { folder })
    }

    /// Looks for the output of a key, and checks every file of it.
    ///
    /// # Errors
    /// [`CacheError::File`].
    pub fn find(&self, key: Sha256) -> Result<Found, CacheError> {
        let folder = self.node(key)?;
        let record = match fs::read(folder.join("node.json")) {
            Ok(bytes) => serde_json::from_slice::<Record>(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.as_std().exists() => {
                return Ok(Found::Nothing);
            }
            Err(_) => return Ok(Found::Damaged),
        };
        let output = folder.join("output");
        match (record, files::list(&output)) {
            (Ok(record), Ok(entries)) if record.key == key && record.output == entries => {
                let Record { facts, seconds, .. } = record;
                Ok(Found::Stored(Box::new(StoredNode { output, facts, seconds, entries })))
            }
            _ => Ok(Found::Damaged),
        }
    }

    /// Begins the output of a key; what an earlier draft of the same owner left is removed.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn draft(&self, key: Sha256, owner: &str) -> Result<Draft, CacheError> {
        // The number keeps it apart from a draft of this process whose work was abandoned and may still end.
        let number = NEXT_DRAFT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join("drafts").child(&format!("{key}.{number}.{owner}"))?;
        files::remove(&folder)?;
        let output = folder.join("output");
        files::make_folder(&output)?;
        Ok(Draft { folder, output })
    }

    /// Removes the drafts of an owner: what a killed compose left.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn clear(&self, owner: &str) -> Result<(), CacheError> {
        let drafts = self.folder.join("drafts");
        for entry in fs::read_dir(&drafts).at("list", &drafts)? {
            let name = entry.at("list", &drafts)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(&format!(".{owner}")) {
                files::remove(&drafts.child(&name)?)?;
            }
        }
        Ok(())
    }

    /// Keeps a finished output under the node's key, durably, all of it or nothing.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn keep(&self, draft: Draft, node: &PlannedNode, facts: Facts, seconds: u64) -> Result<StoredNode, CacheError> {
        files::protect(&draft.output)?;
        let entries = files::list(&draft.output)?;
        let record = Record {
            schema: 1,
            name: node.spec.name.clone(),
            phase: node.spec.phase.clone(),
            key: node.key,
            options: node.spec.options.clone(),
            inputs: node.inputs.clone(),
            facts: facts.clone(),
            seconds,
            output: entries.clone(),
        };
        files::write(&draft.folder.join("node.json"), &to_json(&record)?)?;
        files::sync_all_below(&draft.folder)?;
        let folder = self.node(node.key)?;
        files::make_folder(&folder.parent())?;
        if fs::rename(&draft.folder, &folder).is_err() {
            // Another compose made the same meanwhile, and may be reading it; only what is damaged is replaced.
            if let Found::Stored(stored) = self.find(node.key)? {
                files::remove(&draft.folder)?;
                return Ok(*stored);
            }
            let aside = self.folder.join("drafts").child(&format!("{}.old", draft.folder.name()))?;
            files::remove(&aside)?;
            fs::rename(&folder, &aside).at("set aside", &folder)?;
            fs::rename(&draft.folder, &folder).at("keep", &folder)?;
            files::remove(&aside)?;
        }
        files::sync_folder(&folder.parent())?;
        Ok(StoredNode { output: folder.join("output"), facts, seconds, entries })
    }

    /// The plan that was last recorded under a name.
    ///
    /// # Errors
    /// [`CacheError::File`]; a record that cannot be read counts as none.
    pub fn last_plan(&self, name: &str) -> Result<PlanRecord, CacheError> {
        let path = self.folder.join("plans").child(&format!("{name}.json"))?;
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PlanRecord::default()),
            Err(error) => Err(error).at("read", &path).map_err(Into::into),
        }
    }

    /// Records a plan under a name.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn record_plan(&self, name: &str, plan: &PlanRecord) -> Result<(), CacheError> {
        let path = self.folder.join("plans").child(&format!("{name}.json"))?;
        Ok(files::write(&path, &to_json(plan)?)?)
    }

    /// The time under which these packages were composed before.
    #[must_use]
    pub fn epoch(&self, content: Sha256) -> Option<Timestamp> {
        let path = self.folder.join("epochs").child(&content.to_string()).ok()?;
        let seconds = fs::read_to_string(path).ok()?.trim().parse().ok()?;
        Some(Timestamp::from_seconds(seconds))
    }

    /// Remembers the time under which these packages are composed, unless one is remembered already.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn note_epoch(&self, content: Sha256, epoch: Timestamp) -> Result<(), CacheError> {
        let path = self.folder.join("epochs").child(&content.to_string())?;
        if path.as_std().exists() {
            return Ok(());
        }
        Ok(files::write(&path, format!("{}\n", epoch.seconds()).as_bytes())?)
    }

    fn node(&self, key: Sha256) -> Result<AbsPath, CacheError> {
        let name = key.to_string();
        Ok(self.folder.join("nodes").child(&name[..2])?.child(&name)?)
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, CacheError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(CacheError::Json)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Why the cache could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A record cannot be written as JSON.
    #[error("cannot write a record")]
    Json(#[source] serde_json::Error),
}

impl Classify for CacheError {
    fn class(&self) -> Class {
        match self {
            Self::File(_) => Class::Infrastructure,
            Self::Path(error) => error.class(),
            Self::Json(_) => Class::Internal,
        }
    }
}

#[cfg(test)]
mod tests;
