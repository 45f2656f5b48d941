//! Blobs in a folder: `sha256/ab/abcd..` for the bytes, `roots/OWNER/NAME` for what keeps them; several processes may use it.
//!
//! Writers hold `lock` shared and a sweep holds it alone, so a sweep never removes what somebody just found or is writing.
//! The age of a blob is its change time: it is renewed when the blob is put again, and hard links do not share a
//! modification time with us that others look at.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Adopt, Adoption, Blob, BlobError, BlobStore, CheckOptions, Checked, SweepOptions, Swept, checked_range,
    durable::{self, Temporary},
    root_part,
};
use crate::{
    blocking,
    cancel::CancelToken,
    clock::Timestamp,
    context::Context,
    digest::{Hasher, Sha256},
    event::Unit,
    path::{AbsPath, IoResultExt as _},
};

/// A store in a folder of this machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FolderStore(Arc<Folders>);

#[derive(Debug)]
pub(super) struct Folders {
    pub(super) blobs: AbsPath,
    pub(super) roots: AbsPath,
    pub(super) scratch: AbsPath,
    damaged: AbsPath,
    pub(super) lock: AbsPath,
    owner: u32,
}

impl FolderStore {
    /// Opens the store in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`BlobError::File`] when a folder cannot be made.
    pub fn open(folder: AbsPath) -> Result<Self, BlobError> {
        fs::create_dir_all(&folder).at("create", &folder)?;
        let owner = fs::metadata(&folder).at("read", &folder)?.uid();
        let folders = Folders {
            blobs: folder.join("sha256"),
            roots: folder.join("roots"),
            scratch: folder.join("tmp"),
            damaged: folder.join("damaged"),
            lock: folder.join("lock"),
            owner,
        };
        for path in [&folders.blobs, &folders.roots, &folders.scratch, &folders.damaged] {
            durable::make_folder(path)?;
        }
        Ok(Self(Arc::new(folders)))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folders) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let folders = Arc::clone(&self.0);
        blocking::run(move || work(&folders)).await
    }
}

/// A blob that is written but has no name yet.
struct Staged {
    temporary: Temporary,
    blob: Blob,
}

impl Folders {
    pub(super) fn path(&self, id: Sha256) -> Result<AbsPath, BlobError> {
        let name = id.to_string();
        Ok(self.blobs.child(&name[..2])?.child(&name)?)
    }

    fn shared(&self) -> Result<File, BlobError> {
        let file = self.lock_file()?;
        file.lock_shared().at("lock", &self.lock)?;
        Ok(file)
    }

    pub(super) fn lock_file(&self) -> Result<File, BlobError> {
        Ok(File::options().create(true).truncate(false).write(true).open(&self.lock).at("open", &self.lock)?)
    }

    pub(super) fn size(&self, id: Sha256) -> Result<Option<u64>, BlobError> {
        let path = self.path(id)?;
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path).map_err(Into::into),
        }
    }

    fn stage_reader(&self, from: &mut dyn Read, of: &AbsPath, cancel: &CancelToken) -> Result<Staged, BlobError> {
        let temporary = Temporary::new(&self.scratch)?;
        let mut file = temporary.create()?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            cancel.check()?;
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).at("read", of).map_err(Into::into),
            };
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).at("write", temporary.path())?;
        }
        let size = hasher.size();
        Ok(Staged { temporary, blob: Blob { id: hasher.finish(), size } })
    }

    fn stage(&self, one: &Adoption, cancel: &CancelToken) -> Result<Staged, BlobError> {
        let linked = if one.how == Adopt::Link { self.stage_link(&one.file, cancel)? } else { None };
        let staged = match linked {
            Some(staged) => staged,
            None => {
                let mut file = File::open(&one.file).at("open", &one.file)?;
                self.stage_reader(&mut file, &one.file, cancel)?
            }
        };
        match one.expected {
            Some(expected) if expected != staged.blob.id => {
                Err(BlobError::Mismatch { expected, actual: staged.blob.id })
            }
            _ => Ok(staged),
        }
    }

    /// Links a plain file of the store's own user; another user's file could still be changed by that user.
    fn stage_link(&self, file: &AbsPath, cancel: &CancelToken) -> Result<Option<Staged>, BlobError> {
        let found = fs::symlink_metadata(file).at("read", file)?;
        let temporary = Temporary::new(&self.scratch)?;
        if !found.is_file() || found.uid() != self.owner || fs::hard_link(file, temporary.path()).is_err() {
            return Ok(None);
        }
        let (size, id) = Self::digest(temporary.path(), cancel)?;
        Ok(Some(Staged { temporary, blob: Blob { id, size } }))
    }

    /// Size in bytes and digest of a file.
    pub(super) fn digest(path: &AbsPath, cancel: &CancelToken) -> Result<(u64, Sha256), BlobError> {
        let mut file = File::open(path).at("open", path)?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            cancel.check()?;
            match file.read(&mut buffer).at("read", path)? {
                0 => return Ok((hasher.size(), hasher.finish())),
                count => hasher.update(&buffer[..count]),
            }
        }
    }

    /// Takes damaged bytes away from their name: the blob counts as missing and can be put again.
    pub(super) fn set_aside(&self, id: Sha256, path: &AbsPath) -> Result<(), BlobError> {
        let aside = self.damaged.child(&id.to_string())?;
        Ok(fs::rename(path, &aside).at("set aside", path)?)
    }

    /// Whether the blob is there already; then it counts as young again. With `sync` it is also durable, even where the writer
    /// that gave it its name a moment ago has not come so far.
    fn renew(&self, blob: Blob, sync: bool) -> Result<bool, BlobError> {
        if self.size(blob.id)? != Some(blob.size) {
            return Ok(false);
        }
        let path = self.path(blob.id)?;
        durable::read_only(&path)?;
        if sync {
            File::open(&path).and_then(|file| file.sync_data()).at("sync", &path)?;
            durable::sync_folder(&path.parent())?;
        }
        Ok(true)
    }

    /// Gives one staged blob its name; with `sync` the acknowledgement is durable.
    fn name(&self, staged: Staged, sync: bool) -> Result<Blob, BlobError> {
        let Staged { temporary, blob } = staged;
        if self.renew(blob, sync)? {
            return Ok(blob);
        }
        let path = self.path(blob.id)?;
        durable::make_folder(&path.parent())?;
        durable::read_only(temporary.path())?;
        if sync {
            File::open(temporary.path()).and_then(|file| file.sync_all()).at("sync", temporary.path())?;
        }
        temporary.rename(&path)?;
        if sync {
            durable::sync_folder(&path.parent())?;
        }
        Ok(blob)
    }

    fn adopt_all(&self, files: &[Adoption], cancel: &CancelToken) -> Result<Vec<Blob>, BlobError> {
        let _shared = self.shared()?;
        let staged: Vec<Staged> = files.iter().map(|one| self.stage(one, cancel)).collect::<Result<_, _>>()?;
        // The bytes first, the names second: a power loss in between leaves no name with half its bytes.
        durable::sync_file_system(&self.scratch)?;
        let blobs = staged.into_iter().map(|one| self.name(one, false)).collect::<Result<_, _>>()?;
        durable::sync_file_system(&self.blobs)?;
        Ok(blobs)
    }

    fn read(&self, id: Sha256, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        let path = self.path(id)?;
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(BlobError::NotFound(id)),
            other => other.at("open", &path)?,
        };
        let size = file.metadata().at("read", &path)?.len();
        let part = checked_range(id, size, range)?;
        let whole = part == (0..size);
        file.seek(SeekFrom::Start(part.start)).at("read", &path)?;
        let mut bytes = Vec::new();
        file.take(part.end - part.start).read_to_end(&mut bytes).at("read", &path)?;
        if whole {
            let actual = Sha256::of(&bytes);
            if actual != id {
                self.set_aside(id, &path)?;
                return Err(BlobError::Mismatch { expected: id, actual });
            }
        }
        Ok(bytes.into())
    }

    fn root(&self, owner: &str, name: &str) -> Result<AbsPath, BlobError> {
        Ok(self.roots.child(root_part(owner)?)?.child(root_part(name)?)?)
    }

    fn pin(&self, owner: &str, name: &str, ids: &[Sha256]) -> Result<(), BlobError> {
        let path = self.root(owner, name)?;
        let _shared = self.shared()?;
        if ids.is_empty() {
            return match fs::remove_file(&path) {
                Ok(()) => Ok(durable::sync_folder(&path.parent())?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error).at("remove", &path).map_err(Into::into),
            };
        }
        durable::make_folder(&path.parent())?;
        let mut lines: Vec<String> = ids.iter().map(|id| format!("{id}\n")).collect();
        lines.sort_unstable();
        lines.dedup();
        Ok(durable::write(&self.scratch, &path, lines.concat().as_bytes())?)
    }

    pub(super) fn pinned(path: &AbsPath) -> Result<Vec<Sha256>, BlobError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.at("read", path)?,
        };
        let ids: Result<_, _> = text.lines().map(str::parse).collect();
        ids.map_err(|_| BlobError::DamagedRoot(path.clone()))
    }

    fn sweep(&self, options: SweepOptions, now: Timestamp, cancel: &CancelToken) -> Result<Swept, BlobError> {
        let alone = self.lock_file()?;
        alone.lock().at("lock", &self.lock)?;
        let mut kept = HashSet::new();
        for owner in entries(&self.roots)? {
            for root in entries(&owner)? {
                kept.extend(Self::pinned(&root)?);
            }
        }
        let mut swept = Swept::default();
        for folder in entries(&self.blobs)? {
            for path in entries(&folder)? {
                cancel.check()?;
                let Ok(id) = path.name().parse::<Sha256>() else { continue };
                let found = fs::metadata(&path).at("read", &path)?;
                let changed = Timestamp::from_millis(found.ctime() * 1000 + found.ctime_nsec() / 1_000_000);
                if kept.contains(&id) || now.since(changed) < options.grace {
                    continue;
                }
                if !options.dry_run {
                    fs::remove_file(&path).at("remove", &path)?;
                }
                swept.blobs.push(Blob { id, size: found.len() });
            }
        }
        if !options.dry_run {
            // Nobody else holds the lock, so what lies here was left by a process that was killed.
            for left in entries(&self.scratch)? {
                fs::remove_file(&left).at("remove", &left)?;
            }
        }
        swept.blobs.sort_unstable_by_key(|blob| blob.id);
        Ok(swept)
    }
}

pub(super) fn entries(folder: &AbsPath) -> Result<Vec<AbsPath>, BlobError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).at("list", folder)? {
        paths.push(AbsPath::new(entry.at("list", folder)?.path())?);
    }
    Ok(paths)
}

#[async_trait]
impl BlobStore for FolderStore {
    async fn put(&self, cx: &Context, bytes: Bytes) -> Result<Blob, BlobError> {
        let cancel = cx.cancel().clone();
        self.blocking(move |store| {
            cancel.check()?;
            let _shared = store.shared()?;
            let blob = Blob { id: Sha256::of(&bytes), size: bytes.len() as u64 };
            if store.renew(blob, true)? {
                return Ok(blob);
            }
            let temporary = Temporary::new(&store.scratch)?;
            temporary.create()?.write_all(&bytes).at("write", temporary.path())?;
            store.name(Staged { temporary, blob }, true)
        })
        .await
    }

    async fn adopt(
        &self,
        cx: &Context,
        file: &AbsPath,
        how: Adopt,
        expected: Option<Sha256>,
    ) -> Result<Blob, BlobError> {
        let (one, cancel) = (Adoption { file: file.clone(), how, expected }, cx.cancel().clone());
        self.blocking(move |store| {
            cancel.check()?;
            let _shared = store.shared()?;
            let staged = store.stage(&one, &cancel)?;
            store.name(staged, true)
        })
        .await
    }

    async fn adopt_all(&self, cx: &Context, files: &[Adoption]) -> Result<Vec<Blob>, BlobError> {
        let (files, cancel) = (files.to_vec(), cx.cancel().clone());
        self.blocking(move |store| store.adopt_all(&files, &cancel)).await
    }

    async fn read(&self, _cx: &Context, id: Sha256, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        self.blocking(move |store| store.read(id, range)).await
    }

    async fn local(&self, _cx: &Context, id: Sha256) -> Result<AbsPath, BlobError> {
        self.blocking(move |store| match store.size(id)? {
            Some(_) => store.path(id),
            None => Err(BlobError::NotFound(id)),
        })
        .await
    }

    async fn stat(&self, _cx: &Context, id: Sha256) -> Result<Option<Blob>, BlobError> {
        self.blocking(move |store| Ok(store.size(id)?.map(|size| Blob { id, size }))).await
    }

    async fn pin(&self, _cx: &Context, owner: &str, name: &str, ids: &[Sha256]) -> Result<(), BlobError> {
        let (owner, name, ids) = (owner.to_owned(), name.to_owned(), ids.to_vec());
        self.blocking(move |store| store.pin(&owner, &name, &ids)).await
    }

    async fn pinned(&self, _cx: &Context, owner: &str, name: &str) -> Result<Vec<Sha256>, BlobError> {
        let path = self.0.root(owner, name)?;
        self.blocking(move |_| Folders::pinned(&path)).await
    }

    async fn check(&self, cx: &Context, options: CheckOptions) -> Result<Checked, BlobError> {
        let step = cx.step("check stored bytes", Unit::Bytes, None);
        let inner = step.context().clone();
        let checked = self.blocking(move |store| store.check(&inner, options)).await;
        step.end(checked)
    }

    async fn sweep(&self, cx: &Context, options: SweepOptions) -> Result<Swept, BlobError> {
        let (now, cancel) = (cx.now(), cx.cancel().clone());
        self.blocking(move |store| store.sweep(options, now, &cancel)).await
    }
}
