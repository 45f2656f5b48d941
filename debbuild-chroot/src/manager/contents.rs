//! What is in finished chroots, and what differs between two: packages by their locks, files by their archives.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader},
};

use debbuild_core::{
    blob::BlobError,
    blocking,
    cancel::CancelToken,
    context::Context,
    deb::EntryKind,
    digest::{HashingReader, Sha256},
    path::{AbsPath, IoResultExt as _},
};
use tar::EntryType;

use super::{Chroot, ChrootManager, ManagerError, packages};
use crate::layer;

/// A package of a chroot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct InstalledPackage {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub architecture: String,
    /// Its version.
    pub version: String,
    /// The sha256 of its .deb; none in a chroot that was imported.
    pub sha256: Option<Sha256>,
}

impl InstalledPackage {
    /// Whether the other is the same package with the same content, as far as both are known.
    fn is_same(&self, other: &Self) -> bool {
        let named = self.name == other.name && self.architecture == other.architecture && self.version == other.version;
        match (self.sha256, other.sha256) {
            (Some(own), Some(its)) => self.name == other.name && own == its,
            _ => named,
        }
    }
}

/// A file of a chroot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileState {
    /// What it is.
    pub kind: EntryKind,
    /// Its permissions, set-id and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The sha256 of its content; none for what has no content.
    pub sha256: Option<Sha256>,
    /// Where a link leads.
    pub link: Option<String>,
}

/// A file that two chroots do not have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// Its path, from `/` on.
    pub path: String,
    /// What it is in the first; none: it is not there.
    pub old: Option<FileState>,
    /// What it is in the second.
    pub new: Option<FileState>,
}

impl FileChange {
    /// In what a file that both have differs: `kind`, `mode`, `owner`, `content`, `link`.
    #[must_use]
    pub fn aspects(&self) -> Vec<&'static str> {
        let (Some(old), Some(new)) = (&self.old, &self.new) else { return Vec::new() };
        let all = [
            ("kind", old.kind != new.kind),
            ("mode", old.mode != new.mode),
            ("owner", (old.uid, old.gid) != (new.uid, new.gid)),
            ("content", (old.size, old.sha256) != (new.size, new.sha256)),
            ("link", old.link != new.link),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(aspect, _)| aspect).collect()
    }
}

/// What differs between two chroots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ChrootDiff {
    /// Packages that only the first has.
    pub removed: Vec<InstalledPackage>,
    /// Packages that only the second has.
    pub added: Vec<InstalledPackage>,
    /// Files that are not the same in both, in the order of their paths; none where nobody asked for them.
    pub files: Option<Vec<FileChange>>,
}

impl ChrootManager {
    /// The packages of a chroot by name: of its lock, or what dpkg says in one that was imported.
    ///
    /// # Errors
    /// [`ManagerError`] when its lock or its archive cannot be read.
    pub async fn packages(&self, chroot: &Chroot) -> Result<Vec<InstalledPackage>, ManagerError> {
        if chroot.manifest.spec.imported.is_none() {
            let known = self.lock(chroot.id)?.packages.into_iter().map(|package| InstalledPackage {
                name: package.name.to_string(),
                architecture: package.architecture.to_string(),
                version: package.version.to_string(),
                sha256: Some(package.sha256),
            });
            return Ok(known.collect());
        }
        let tarball = chroot.tarball.clone();
        let status = blocking::run(move || layer::status(&tarball)).await?;
        let installed = packages::installed(&status)?.into_iter();
        let mut all: Vec<_> = installed
            .map(|(name, architecture, version)| InstalledPackage { name, architecture, version, sha256: None })
            .collect();
        all.sort_unstable();
        Ok(all)
    }

    /// The files of a chroot by their paths, from `/` on, each with the digest of its content. Its archive is read as a stream.
    ///
    /// # Errors
    /// [`ManagerError::File`] when the archive cannot be read.
    pub async fn files(&self, cx: &Context, chroot: &Chroot) -> Result<BTreeMap<String, FileState>, ManagerError> {
        let (tarball, cancel) = (chroot.tarball.clone(), cx.cancel().clone());
        blocking::run(move || read(&tarball, &cancel)).await
    }

    /// What differs between two chroots: packages, and with `files` every file.
    ///
    /// # Errors
    /// As [`ChrootManager::packages`] and [`ChrootManager::files`].
    pub async fn diff(
        &self,
        cx: &Context,
        old: &Chroot,
        new: &Chroot,
        files: bool,
    ) -> Result<ChrootDiff, ManagerError> {
        let (before, after) = (self.packages(old).await?, self.packages(new).await?);
        let only = |left: &[InstalledPackage], right: &[InstalledPackage]| {
            left.iter().filter(|one| !right.iter().any(|other| one.is_same(other))).cloned().collect()
        };
        let (removed, added) = (only(&before, &after), only(&after, &before));
        let files = if files {
            let (before, after) = tokio::try_join!(self.files(cx, old), self.files(cx, new))?;
            Some(changes(before, after))
        } else {
            None
        };
        Ok(ChrootDiff { removed, added, files })
    }
}

fn changes(mut before: BTreeMap<String, FileState>, after: BTreeMap<String, FileState>) -> Vec<FileChange> {
    let mut all: Vec<FileChange> = after
        .into_iter()
        .map(|(path, new)| FileChange { old: before.remove(&path), path, new: Some(new) })
        .filter(|change| change.old != change.new)
        .collect();
    all.extend(before.into_iter().map(|(path, old)| FileChange { path, old: Some(old), new: None }));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn kind(kind: EntryType) -> Option<EntryKind> {
    Some(match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => EntryKind::File,
        EntryType::Link => EntryKind::HardLink,
        EntryType::Symlink => EntryKind::SymbolicLink,
        EntryType::Char => EntryKind::CharacterDevice,
        EntryType::Block => EntryKind::BlockDevice,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Fifo => EntryKind::Fifo,
        _ => return None,
    })
}

/// The path of an entry, from the root of the system on.
fn absolute(path: &str) -> String {
    format!("/{}", path.trim_start_matches("./").trim_matches('/'))
}

fn read(tarball: &AbsPath, cancel: &CancelToken) -> Result<BTreeMap<String, FileState>, ManagerError> {
    let file = File::open(tarball).at("open", tarball)?;
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 18, file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().at("read", tarball)? {
        cancel.check().map_err(BlobError::from)?;
        let entry = entry.at("read", tarball)?;
        let Some(kind) = kind(entry.header().entry_type()) else { continue };
        let path = absolute(&String::from_utf8_lossy(&entry.path_bytes()));
        let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
        // A hard link names another entry, in the form that its archive has.
        let link = if kind == EntryKind::HardLink { link.as_deref().map(absolute) } else { link };
        let header = entry.header();
        let (mode, uid) = (header.mode().at("read", tarball)? & 0o7777, header.uid().at("read", tarball)?);
        let (gid, size) = (header.gid().at("read", tarball)?, entry.size());
        let sha256 = if kind == EntryKind::File {
            let mut content = HashingReader::new(entry);
            io::copy(&mut content, &mut io::sink()).at("read", tarball)?;
            Some(content.finish().1)
        } else {
            None
        };
        files.insert(path, FileState { kind, mode, uid, gid, size, sha256, link });
    }
    Ok(files)
}
