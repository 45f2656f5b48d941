//! A published tree on this machine: where its suite is, what its Release says, and its indexes with their digests checked.

use std::{collections::BTreeMap, fs, io};

use super::{
    MirrorError,
    listing::{self, Index},
};
use crate::{
    acquire::{ENDINGS, decompress},
    arch::Architecture,
    cancel::CancelToken,
    control::{Release, ReleaseFile, paragraphs, signed_text},
    digest::Sha256,
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::EntryKind,
};

/// The most bytes of an index once it is decompressed.
const LARGEST_INDEX: u64 = 2 << 30;

/// How deep below `dists/SUITE` an index may lie: a component may have several parts.
const DEEPEST: usize = 8;

/// What a tree has of a suite, before the indexes are read.
#[derive(Debug)]
pub(super) struct Tree {
    /// What `Filename` and `Directory` are relative to.
    pub(super) root: AbsPath,
    /// The folder that holds the indexes.
    pub(super) dists: AbsPath,
    /// InRelease, or Release with Release.gpg, as they were found.
    pub(super) release: Option<Signed>,
}

/// A Release as it was found.
#[derive(Debug)]
pub(super) enum Signed {
    Clear(Vec<u8>),
    Detached(Vec<u8>, Option<Vec<u8>>),
}

impl Signed {
    /// The text, whoever signed it.
    pub(super) fn unverified(&self) -> Result<Vec<u8>, MirrorError> {
        match self {
            Self::Detached(text, _) => Ok(text.clone()),
            Self::Clear(bytes) => {
                let text = signed_text(bytes);
                let text = text.map_err(|source| MirrorError::Control { what: "InRelease".to_owned(), source })?;
                Ok(text.into_bytes())
            }
        }
    }
}

/// Finds a suite in a tree: `dists/SUITE`, that of the suite or codename in reprepro's `conf/distributions`, or a tree without
/// `dists` whose indexes lie at its root.
pub(super) fn find(from: &AbsPath, suite: &SuiteName) -> Result<Tree, MirrorError> {
    let mut roots = vec![from.clone()];
    roots.extend(reprepro_outdir(from)?);
    let names = [Some(suite.clone()), reprepro_codename(from, suite)?];
    for root in &roots {
        for name in names.iter().flatten() {
            let dists = root.join("dists").descend(name.as_str())?;
            if dists.as_std().is_dir() {
                return Ok(Tree { release: release(&dists)?, root: root.clone(), dists });
            }
        }
    }
    let has_index = |ending: &&str| from.child(&format!("Packages{ending}")).is_ok_and(|path| path.as_std().is_file());
    if ENDINGS.iter().any(has_index) {
        return Ok(Tree { root: from.clone(), dists: from.clone(), release: release(from)? });
    }
    let reason = format!("there is neither dists/{suite} nor an index Packages");
    Err(MirrorError::NoTree { folder: from.clone(), reason })
}

fn release(dists: &AbsPath) -> Result<Option<Signed>, MirrorError> {
    if let Some(clear) = optional(&dists.join("InRelease"))? {
        return Ok(Some(Signed::Clear(clear)));
    }
    let Some(text) = optional(&dists.join("Release"))? else { return Ok(None) };
    Ok(Some(Signed::Detached(text, optional(&dists.join("Release.gpg"))?)))
}

fn optional(path: &AbsPath) -> Result<Option<Vec<u8>>, MirrorError> {
    match fs::read(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        bytes => Ok(Some(bytes.at("read", path)?)),
    }
}

/// reprepro(1): `outdir` in `conf/options`, where `+b/` is the base folder.
fn reprepro_outdir(from: &AbsPath) -> Result<Option<AbsPath>, MirrorError> {
    let Some(bytes) = optional(&from.join("conf/options"))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let named = text.lines().find_map(|line| line.trim().strip_prefix("outdir")).map(str::trim);
    Ok(match named {
        Some(outdir) if outdir.starts_with('/') => Some(AbsPath::new(outdir)?),
        Some(outdir) => Some(from.descend(outdir.trim_start_matches("+b/").trim_start_matches("./"))?),
        None => None,
    })
}

/// The codename of the suite in reprepro's `conf/distributions`: its folder in `dists`.
fn reprepro_codename(from: &AbsPath, suite: &SuiteName) -> Result<Option<SuiteName>, MirrorError> {
    let Some(bytes) = optional(&from.join("conf/distributions"))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let ours = |field: Option<&str>| field == Some(suite.as_str());
    let found = paragraphs(&text).flatten().find(|one| ours(one.get("Suite")) || ours(one.get("Codename")));
    let codename = found.and_then(|one| one.get("Codename").map(str::to_owned));
    Ok(codename.as_deref().map(SuiteName::new).transpose()?)
}

/// Reads every Packages and Sources index of a tree: those that the Release lists, each checked against it, or, where there is
/// no Release, those that lie there. Also gives every `Translation-en`.
pub(super) fn indexes(
    tree: &Tree,
    release: Option<&Release>,
    cancel: &CancelToken,
) -> Result<(Vec<Index>, Vec<String>), MirrorError> {
    let mut found: BTreeMap<String, (AbsPath, Option<ReleaseFile>)> = BTreeMap::new();
    for ending in ENDINGS.iter().rev() {
        for (path, listed) in candidates(tree, release, ending)? {
            let file = tree.dists.descend(&path)?;
            if file.as_std().is_file() {
                let stem = path.strip_suffix(ending).unwrap_or(&path).to_owned();
                found.insert(stem, (file, listed));
            }
        }
    }
    let (mut indexes, mut translations) = (Vec::new(), Vec::new());
    for (stem, (file, listed)) in found {
        cancel.check()?;
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", &stem));
        if name == "Translation-en" {
            translations.push(read(&file, listed, cancel)?);
            continue;
        }
        let Some((component, architecture)) = place(folder, name) else { continue };
        let kind = if name == "Packages" { EntryKind::Binary } else { EntryKind::Source };
        let text = read(&file, listed, cancel)?;
        indexes.push(Index { kind, component, architecture, text, origin: 0, what: file.to_string() });
    }
    Ok((indexes, translations))
}

/// The index files with this ending, by their paths below the folder of the indexes.
fn candidates(
    tree: &Tree,
    release: Option<&Release>,
    ending: &str,
) -> Result<Vec<(String, Option<ReleaseFile>)>, MirrorError> {
    let wanted = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        ["Packages", "Sources", "Translation-en"].iter().any(|stem| name == format!("{stem}{ending}"))
    };
    if let Some(release) = release {
        let listed = release.files.iter().filter(|(path, _)| wanted(path.as_str()));
        return Ok(listed.map(|(path, file)| (path.to_string(), Some(*file))).collect());
    }
    let mut all = Vec::new();
    walk(&tree.dists, "", tree.dists == tree.root, 0, &mut all)?;
    Ok(all.into_iter().filter(|path| wanted(path)).map(|path| (path, None)).collect())
}

fn walk(folder: &AbsPath, below: &str, flat: bool, depth: usize, found: &mut Vec<String>) -> Result<(), MirrorError> {
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let is_folder = entry.file_type().at("look at", folder)?.is_dir();
        if !is_folder {
            found.push(path);
        } else if !flat && depth < DEEPEST {
            walk(&folder.child(&name)?, &path, flat, depth + 1, found)?;
        }
    }
    Ok(())
}

/// The component and architecture of an index, by the folder that it lies in; installer packages are not ours.
fn place(folder: &str, name: &str) -> Option<(ComponentName, Option<Architecture>)> {
    if folder.is_empty() {
        // A flat archive: one index for all architectures.
        return Some((ComponentName::new("main").ok()?, None));
    }
    let (component, last) = folder.rsplit_once('/')?;
    if component.split('/').any(|part| part == "debian-installer") {
        return None;
    }
    let component = ComponentName::new(component).ok()?;
    match name {
        "Packages" => Some((component, Some(Architecture::new(last.strip_prefix("binary-")?).ok()?))),
        _ => (last == "source").then_some((component, None)),
    }
}

fn read(path: &AbsPath, listed: Option<ReleaseFile>, cancel: &CancelToken) -> Result<String, MirrorError> {
    let bytes = fs::read(path).at("read", path)?;
    if let Some(listed) = listed {
        let (size, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
        if (size, sha256) != (listed.size, listed.sha256) {
            let reason = format!("expected {} of {} bytes, found {sha256} of {size}", listed.sha256, listed.size);
            return Err(MirrorError::Mismatch { path: path.clone(), reason });
        }
    }
    let text = decompress(path.name(), &bytes, LARGEST_INDEX, cancel);
    cancel.check()?;
    let text = text.map_err(|error| MirrorError::Index { path: path.clone(), reason: error.to_string() })?;
    listing::text(path.as_str(), &text)
}
