//! The folder of finished chroots: what is in it is complete, whenever one looks.

use std::{
    fs::{self, File},
    io,
};

use debbuild_core::{
    blocking,
    build::ChrootId,
    clock::Timestamp,
    digest::Sha256,
    id::SHORTEST_PREFIX,
    lock::LockFile,
    path::{AbsPath, IoResultExt as _},
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{
    Chroot, ManagerError,
    manifest::{MANIFEST_SCHEMA, Manifest},
};
use crate::durable;

/// The file in a chroot's folder that says when it was used last, in milliseconds since 1970.
const USED: &str = "used";
/// How names begin that are not finished yet.
pub(super) const DRAFT: &str = ".draft-";

/// `chroots/`: one folder per chroot, `specs/` with the newest chroot of each request, and drafts.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    folder: AbsPath,
    specs: AbsPath,
}

impl Catalogue {
    pub(super) fn open(folder: AbsPath) -> Result<Self, ManagerError> {
        let specs = folder.join("specs");
        fs::create_dir_all(&specs).at("create", &specs)?;
        Ok(Self { folder, specs })
    }

    /// Held while a request is worked on, so that it is worked on once.
    pub(super) async fn turn(&self, key: Sha256) -> Result<File, ManagerError> {
        let path = self.specs.child(&format!("{key}.lock"))?;
        blocking::run(move || {
            let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
            flock(&file, FlockOperation::LockExclusive).map_err(io::Error::from).at("lock", &path)?;
            Ok(file)
        })
        .await
    }

    /// The newest chroot of a request.
    pub(super) fn newest(&self, key: Sha256) -> Result<Option<Chroot>, ManagerError> {
        let path = self.specs.child(&key.to_string())?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("read", &path)?,
        };
        match text.trim().parse() {
            Ok(id) => self.get(id),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn set_newest(&self, key: Sha256, id: ChrootId) -> Result<(), ManagerError> {
        Ok(durable::write(&self.specs.child(&key.to_string())?, format!("{id}\n").as_bytes())?)
    }

    /// The chroots that requests lead to.
    pub(super) fn current(&self) -> Result<Vec<(Sha256, ChrootId)>, ManagerError> {
        let mut all = Vec::new();
        for name in names(&self.specs)? {
            let Ok(key) = name.parse::<Sha256>() else { continue };
            if let Some(chroot) = self.newest(key)? {
                all.push((key, chroot.id));
            }
        }
        Ok(all)
    }

    pub(super) fn forget_newest(&self, id: ChrootId) -> Result<(), ManagerError> {
        // By name alone: the record of this chroot, or of another, may be damaged.
        for name in names(&self.specs)?.iter().filter(|name| name.parse::<Sha256>().is_ok()) {
            let path = self.specs.child(name)?;
            if fs::read_to_string(&path).at("read", &path)?.trim() == id.to_string() {
                fs::remove_file(&path).at("remove", &path)?;
            }
        }
        Ok(durable::sync_folder(&self.specs)?)
    }

    /// A finished chroot.
    pub(super) fn get(&self, id: ChrootId) -> Result<Option<Chroot>, ManagerError> {
        let folder = self.folder.child(&id.to_string())?;
        let path = folder.join("manifest.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("read", &path)?,
        };
        let manifest: Manifest = read_json(&path, &bytes)?;
        if manifest.schema != MANIFEST_SCHEMA || manifest.id != id.to_string() {
            let reason = "it is of another schema, or of another chroot".to_owned();
            return Err(ManagerError::Record { what: path.to_string(), reason });
        }
        Ok(Some(Chroot { id, manifest, tarball: folder.join("chroot.tar") }))
    }

    /// Notes when a chroot was used. A note that cannot be written only means that it counts as older than it is.
    pub(super) fn note_use(&self, id: ChrootId, at: Timestamp) {
        if let Ok(folder) = self.folder.child(&id.to_string()) {
            let _written = fs::write(folder.join(USED), at.millis().to_string());
        }
    }

    /// When a chroot was used last, if that was noted.
    pub(super) fn used(&self, id: ChrootId) -> Option<Timestamp> {
        let text = fs::read_to_string(self.folder.child(&id.to_string()).ok()?.join(USED)).ok()?;
        text.parse().ok().map(Timestamp::from_millis)
    }

    pub(super) fn lock_of(&self, id: ChrootId) -> Result<LockFile, ManagerError> {
        let path = self.folder.child(&id.to_string())?.join("lock.json");
        read_json(&path, &fs::read(&path).at("read", &path)?)
    }

    /// The ids of the finished chroots, whether their records can be read or not.
    pub(super) fn ids(&self) -> Result<Vec<ChrootId>, ManagerError> {
        let mut ids: Vec<ChrootId> = names(&self.folder)?.into_iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The finished chroots, newest first.
    pub(super) fn list(&self) -> Result<Vec<Chroot>, ManagerError> {
        let ids = self.ids()?.into_iter();
        let mut all = ids.filter_map(|id| self.get(id).transpose()).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|chroot| std::cmp::Reverse((chroot.manifest.created, chroot.id)));
        Ok(all)
    }

    /// The chroot with this id, or the only one whose id begins so.
    pub(super) fn find(&self, text: &str) -> Result<Chroot, ManagerError> {
        let missing = || ManagerError::NotFound(text.to_owned());
        if let Ok(id) = text.parse() {
            return self.get(id)?.ok_or_else(missing);
        }
        if text.len() < SHORTEST_PREFIX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(missing());
        }
        let mut found = self.list()?.into_iter().filter(|chroot| chroot.id.to_string().starts_with(text));
        match (found.next(), found.next()) {
            (Some(chroot), None) => Ok(chroot),
            (None, _) => Err(missing()),
            (Some(_), Some(_)) => Err(ManagerError::Ambiguous(text.to_owned())),
        }
    }

    /// Makes a chroot appear, complete and durable. One that is there already stays as it is.
    pub(super) fn publish(&self, manifest: &Manifest, lock: &[u8], tarball: &AbsPath) -> Result<(), ManagerError> {
        let folder = self.folder.child(&manifest.id)?;
        let draft = self.folder.child(&format!("{DRAFT}{}", Uuid::new_v4().simple()))?;
        fs::create_dir(&draft).at("create", &draft)?;
        let to = draft.join("chroot.tar");
        if fs::hard_link(tarball, &to).is_err() {
            fs::copy(tarball, &to).and_then(|_| File::open(&to)?.sync_all()).at("copy to", &to)?;
        }
        durable::write(&draft.join("lock.json"), lock)?;
        let path = draft.join("manifest.json");
        let mut bytes = serde_json::to_vec_pretty(manifest).map_err(io::Error::other).at("write", &path)?;
        bytes.push(b'\n');
        durable::write(&path, &bytes)?;
        match fs::rename(&draft, &folder) {
            Ok(()) => Ok(durable::sync_folder(&self.folder)?),
            Err(_) if folder.as_std().is_dir() => Ok(fs::remove_dir_all(&draft).at("remove", &draft)?),
            Err(error) => Err(error).at("rename to", &folder)?,
        }
    }

    /// Makes a chroot disappear at once, then removes it.
    pub(super) fn remove(&self, id: ChrootId) -> Result<(), ManagerError> {
        let folder = self.folder.child(&id.to_string())?;
        let draft = self.folder.child(&format!("{DRAFT}{}", Uuid::new_v4().simple()))?;
        fs::rename(&folder, &draft).at("remove", &folder)?;
        durable::sync_folder(&self.folder)?;
        Ok(fs::remove_dir_all(&draft).at("remove", &draft)?)
    }

    /// Makes a chroot disappear at once, and keeps what is left of it: gives the folder.
    pub(super) fn set_aside(&self, id: ChrootId) -> Result<AbsPath, ManagerError> {
        let folder = self.folder.child(&id.to_string())?;
        let aside = self.folder.child(&format!("damaged-{id}-{}", Uuid::new_v4().simple()))?;
        fs::rename(&folder, &aside).at("set aside", &folder)?;
        durable::sync_folder(&self.folder)?;
        Ok(aside)
    }

    /// Removes drafts that a power cut left; younger ones may be somebody's work.
    pub(super) fn sweep(&self) -> Result<(), ManagerError> {
        const OLD: std::time::Duration = std::time::Duration::from_secs(3600);
        for name in names(&self.folder)?.iter().filter(|name| name.starts_with(DRAFT)) {
            let path = self.folder.child(name)?;
            let age = fs::metadata(&path).and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > OLD) {
                fs::remove_dir_all(&path).at("remove", &path)?;
            }
        }
        Ok(())
    }
}

fn names(folder: &AbsPath) -> Result<Vec<String>, ManagerError> {
    let entries = fs::read_dir(folder).at("list", folder)?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    Ok(names.collect::<io::Result<_>>().at("list", folder)?)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &AbsPath, bytes: &[u8]) -> Result<T, ManagerError> {
    let bad = |error: serde_json::Error| ManagerError::Record { what: path.to_string(), reason: error.to_string() };
    serde_json::from_slice(bytes).map_err(bad)
}
