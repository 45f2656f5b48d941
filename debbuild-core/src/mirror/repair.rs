//! Mending a repository of ours: what is missing or damaged is made again, or got by its digest from the store or an archive.

use std::collections::{BTreeSet, HashMap};

use super::MirrorError;
use crate::{
    acquire::{AcquireError, PoolFile, Suite},
    blob::{BlobError, BlobStore},
    context::{Context, Step},
    digest::Sha256,
    error::{Class, Classify as _, chain},
    event::Unit,
    name::{PoolPath, SuiteName},
    repo::{self, Placement, Placing, Repository},
};

/// What came of mending a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mended {
    /// Files that are good again.
    pub mended: Vec<PoolPath>,
    /// Files that could not be had, with the reason.
    pub lost: Vec<(PoolPath, String)>,
}

/// Where the files of some archives are, by their digest.
#[derive(Debug)]
struct Known<'a> {
    suite: &'a SuiteName,
    archives: &'a [Suite],
    files: Option<HashMap<Sha256, Vec<(usize, PoolFile)>>>,
}

/// Looks at every file that the records of a suite of ours name, and puts back what is missing or damaged: indexes are made
/// again, packages and what else is lost come from the store, or, by their digest, from these archives, whatever they call them.
///
/// # Errors
/// What reading the repository or the indexes of the archives gives; a file that nobody has is in the answer.
pub async fn mend(
    cx: &Context,
    repository: &Repository,
    suite: &SuiteName,
    store: &dyn BlobStore,
    archives: &[Suite],
) -> Result<Mended, MirrorError> {
    let bad = repository.damaged(cx, suite).await?;
    let step = cx.step("mend the repository", Unit::Items, Some(bad.len() as u64));
    let mended = mend_all(&step, repository, bad, store, Known { suite, archives, files: None }).await;
    step.end(mended)
}

async fn mend_all(
    step: &Step,
    repository: &Repository,
    mut bad: Vec<repo::PoolFile>,
    store: &dyn BlobStore,
    mut known: Known<'_>,
) -> Result<Mended, MirrorError> {
    let (cx, mut done) = (step.context(), Mended::default());
    if bad.iter().any(|file| is_index(&file.path)) {
        let indexes: Vec<repo::PoolFile> = bad.iter().filter(|file| is_index(&file.path)).cloned().collect();
        match repository.remake_indexes(cx, known.suite, &indexes).await {
            Err(error) if error.class() == Class::Cancelled => return Err(error.into()),
            Err(error) => cx.warn(format!("indexes cannot be made again: {}", chain(&error))),
            Ok(again) => done.mended = again,
        }
        let again: BTreeSet<&PoolPath> = done.mended.iter().collect();
        bad.retain(|file| !again.contains(&file.path));
    }
    for repo::PoolFile { path, size, sha256, .. } in bad {
        cx.cancel().check()?;
        let wanted = PoolFile::new(path.as_str(), size, sha256);
        match known.get(cx, store, &wanted).await {
            Ok(None) => {
                let file = store.local(cx, sha256).await?;
                let placement = Placement::new(path.clone(), file, size, sha256, Placing::Copy);
                repository.put_back(cx, &placement).await?;
                done.mended.push(path);
            }
            Ok(Some(reason)) => done.lost.push((path, reason)),
            Err(error) if error.class() == Class::Cancelled => return Err(error),
            Err(error) => done.lost.push((path, chain(&error))),
        }
        step.progress((done.mended.len() + done.lost.len()) as u64);
    }
    Ok(done)
}

fn is_index(path: &PoolPath) -> bool {
    path.as_str().starts_with("dists/")
}

impl Known<'_> {
    /// Brings good bytes into the store, or says why they cannot be had.
    async fn get(
        &mut self,
        cx: &Context,
        store: &dyn BlobStore,
        wanted: &PoolFile,
    ) -> Result<Option<String>, MirrorError> {
        // The pool may share its bytes with the store: only what was read is believed. Damaged ones are set aside by that.
        match store.read(cx, wanted.sha256, None).await {
            Ok(_) => return Ok(None),
            Err(BlobError::NotFound(_) | BlobError::Mismatch { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut reason = match self.archives {
            [] => format!("the store has no bytes with sha256 {}, and no archive to look in is named", wanted.sha256),
            _ => format!("neither the store nor an archive has bytes with sha256 {}", wanted.sha256),
        };
        // A copy of ours has it under the same name: then its indexes need not be read.
        for archive in self.archives {
            let ours = format!("dists/{}/", self.suite);
            let path = match wanted.path.strip_prefix(&ours) {
                Some(below) => format!("dists/{}/{below}", archive.archive().suite),
                None => wanted.path.clone(),
            };
            match archive.file(cx, &PoolFile { path, ..wanted.clone() }).await {
                Ok(_) => return Ok(None),
                Err(error) if error.class() == Class::Cancelled => return Err(error.into()),
                Err(error) if error.class() == Class::NotFound => {}
                Err(error) => reason = chain(&error),
            }
        }
        let archives = self.archives;
        for (origin, file) in self.files(cx).await?.get(&wanted.sha256).into_iter().flatten() {
            match archives[*origin].file(cx, file).await {
                Ok(_) => return Ok(None),
                Err(error) if error.class() == Class::Cancelled => return Err(error.into()),
                Err(error) => reason = chain(&error),
            }
        }
        Ok(Some(reason))
    }

    async fn files(&mut self, cx: &Context) -> Result<&HashMap<Sha256, Vec<(usize, PoolFile)>>, MirrorError> {
        let known = match self.files.take() {
            Some(known) => known,
            None => read(cx, self.archives).await?,
        };
        Ok(self.files.insert(known))
    }
}

/// Reads every Packages and Sources index of the archives.
async fn read(cx: &Context, archives: &[Suite]) -> Result<HashMap<Sha256, Vec<(usize, PoolFile)>>, MirrorError> {
    let mut known: HashMap<Sha256, Vec<(usize, PoolFile)>> = HashMap::new();
    for (origin, suite) in archives.iter().enumerate() {
        for component in suite.components() {
            let all = |folder: &'static str| {
                suite.release().architectures.iter().map(move |name| format!("{folder}binary-{name}/Packages"))
            };
            for index in all("").chain(all("debian-installer/")).chain(["source/Sources".to_owned()]) {
                let files = match suite.pool_files(cx, &format!("{component}/{index}")).await {
                    // Partial mirrors do not have all that their Release lists.
                    Err(AcquireError::NoIndex { .. }) => continue,
                    Err(error) if error.class() == Class::NotFound => continue,
                    files => files?,
                };
                for file in files {
                    known.entry(file.sha256).or_default().push((origin, file));
                }
            }
        }
    }
    Ok(known)
}
