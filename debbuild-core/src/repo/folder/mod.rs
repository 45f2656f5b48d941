//! A repository in a folder of this machine: the tree of a suite is a symbolic link into immutable trees, replaced by one rename.

mod links;

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Placement, Placing, PublishTarget, RepoError, StateId, TreeContent, TreeFile, parallel};
use crate::{
    blob::durable::sync_file_system,
    blocking,
    cancel::CancelToken,
    context::Context,
    digest::{Hasher, HashingReader, Sha256},
    fail,
    name::{PoolPath, SuiteName},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// Published files are readable by everybody and written by nobody.
const PUBLISHED: u32 = 0o444;

/// Publishes into `DIR/pool` and `DIR/dists`; the trees themselves lie in `DIR/.debbuild/trees/SUITE/NUMBER`.
#[derive(Debug, Clone)]
pub struct FolderTarget {
    dir: AbsPath,
}

impl FolderTarget {
    /// The repository in this folder.
    #[must_use]
    pub const fn new(dir: AbsPath) -> Self {
        Self { dir }
    }

    fn scratch(&self) -> AbsPath {
        self.dir.join(".debbuild/tmp")
    }

    fn trees(&self, suite: &SuiteName) -> Result<AbsPath, RepoError> {
        Ok(self.dir.join(".debbuild/trees").child(&encoded(suite))?)
    }

    fn tree(&self, suite: &SuiteName, state: StateId) -> Result<AbsPath, RepoError> {
        Ok(self.trees(suite)?.child(&state.to_string())?)
    }

    fn link(&self, suite: &SuiteName) -> Result<AbsPath, RepoError> {
        Ok(self.dir.join("dists").descend(suite.as_str())?)
    }

    fn place_all(&self, cancel: &CancelToken, files: &[Placement]) -> Result<(), RepoError> {
        let scratch = self.scratch();
        make_folders(&scratch)?;
        let temporary =
            tempfile::Builder::new().prefix("place").tempdir_in(&scratch).at("create a folder in", &scratch)?;
        let device = fs::metadata(&scratch).at("look at", &scratch)?.dev();
        let mut brought: BTreeMap<&PoolPath, (&Placement, AbsPath)> = BTreeMap::new();
        for (index, placement) in files.iter().enumerate() {
            cancel.check()?;
            match brought.get(&placement.path) {
                Some((other, _)) if other.sha256 == placement.sha256 => continue,
                Some(_) => return Err(RepoError::Conflict { what: placement.path.to_string() }),
                None if is_there(placement, &self.dir.descend(placement.path.as_str())?)? => continue,
                None => {}
            }
            let mut copy = AbsPath::new(temporary.path().join(index.to_string()))?;
            if placement.checked && is_on(device, placement) {
                copy = placement.file.clone();
            } else {
                bring(placement, &copy)?;
            }
            brought.insert(&placement.path, (placement, copy));
        }
        sync_all(&scratch, brought.values().map(|(_, copy)| copy.clone()).collect())?;
        let (mut folders, mut there, mut links) = (Vec::new(), HashSet::new(), Vec::new());
        for (placement, copy) in brought.into_values() {
            let target = self.dir.descend(placement.path.as_str())?;
            new_folders(&target.parent(), &mut there, &mut folders)?;
            folders.push(target.parent());
            links.push((placement, copy, target));
        }
        parallel::map(&links, |(placement, copy, target)| {
            fail::point("place a file");
            // Unlike a rename, a link never replaces what another process has put there meanwhile.
            match fs::hard_link(copy, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_there(placement, target).map(drop),
                linked => Ok(linked.at("create", target)?),
            }
        })?;
        Ok(sync_all(&scratch, folders)?)
    }

    fn stage_tree(&self, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        let target = self.tree(suite, state)?;
        if self.current_state(suite)? == Some(state) {
            return Err(RepoError::Current { suite: suite.clone(), state });
        }
        let scratch = self.scratch();
        make_folders(&scratch)?;
        make_folders(&target.parent())?;
        let temporary =
            tempfile::Builder::new().prefix("stage").tempdir_in(&scratch).at("create a folder in", &scratch)?;
        let root = AbsPath::new(temporary.path().join("tree"))?;
        fs::create_dir(&root).at("create", &root)?;
        let seen = self.seen(suite)?;
        let (mut written, mut folders, mut there) = (Vec::new(), vec![root.clone()], HashSet::new());
        for file in tree {
            let path = root.descend(file.path.as_str())?;
            new_folders(&path.parent(), &mut there, &mut folders)?;
            match &file.content {
                TreeContent::Bytes(bytes) => {
                    write_file(&path, bytes, seen)?;
                    written.push(path);
                }
                TreeContent::SameAs(other) => {
                    fs::hard_link(root.descend(other.as_str())?, &path).at("link", &path)?;
                }
                TreeContent::Earlier(earlier, other) => {
                    let from = self.tree(suite, *earlier)?.descend(other.as_str())?;
                    fs::hard_link(&from, &path).at("link", &from)?;
                }
            }
        }
        written.extend(folders.into_iter().chain(there));
        sync_all(&scratch, written)?;
        fail::point("name a tree");
        if target.as_std().exists() {
            fs::remove_dir_all(&target).at("remove", &target)?;
            fail::point("name a tree again");
        }
        fs::rename(&root, &target).at("rename to", &target)?;
        Ok(sync_folder(&target.parent())?)
    }

    fn switch_tree(&self, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        if !self.tree(suite, state)?.as_std().is_dir() {
            return Err(RepoError::NoState { suite: suite.clone(), state });
        }
        self.current_state(suite)?;
        self.point_suite(&self.link(suite)?, 0, suite, state)
    }

    fn current_state(&self, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        let link = self.link(suite)?;
        let target = match fs::read_link(&link) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(RepoError::Foreign(link.to_string()));
            }
            // Another suite's link or file where a folder of this one's path should be.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(RepoError::Foreign(link.to_string()));
            }
            Err(error) => return Err(error).at("read", &link).map_err(RepoError::from),
        };
        let number = target.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        number.map(Some).ok_or(RepoError::Foreign(link.to_string()))
    }

    fn open(&self, path: &PoolPath) -> Result<Option<(File, AbsPath)>, RepoError> {
        let full = self.dir.descend(path.as_str())?;
        match File::open(&full) {
            Ok(file) => Ok(Some((file, full))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error).at("open", &full).map_err(RepoError::from),
        }
    }
}

/// A suite's name as one file name: `%` occurs in no suite.
pub(super) fn encoded(suite: &SuiteName) -> String {
    suite.as_str().replace('/', "%")
}

/// Whether the file is in the pool already; with other content it is a conflict.
fn is_there(placement: &Placement, target: &AbsPath) -> Result<bool, RepoError> {
    let mut file = match File::open(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.at("open", target)?,
    };
    let found = file.metadata().at("look at", target)?;
    let given = fs::metadata(&placement.file).at("look at", &placement.file)?;
    let is_same = placement.checked && (found.dev(), found.ino()) == (given.dev(), given.ino());
    if found.len() == placement.size && (is_same || digest(&mut file, target)?.1 == placement.sha256) {
        return Ok(true);
    }
    Err(RepoError::Conflict { what: placement.path.to_string() })
}

/// Whether the file can be linked into the pool, which is on this device, as it is.
fn is_on(device: u64, placement: &Placement) -> bool {
    placement.how == Placing::Link && fs::metadata(&placement.file).is_ok_and(|found| found.dev() == device)
}

/// Makes a file beside the pool with the content that was promised.
pub(super) fn bring(placement: &Placement, copy: &AbsPath) -> Result<(), RepoError> {
    fail::point("bring a file");
    let linked = placement.how == Placing::Link && fs::hard_link(&placement.file, copy).is_ok();
    let (size, sha256) = if linked {
        digest(&mut File::open(copy).at("open", copy)?, &placement.file)?
    } else {
        let mut reader = HashingReader::new(File::open(&placement.file).at("open", &placement.file)?);
        let mut file = File::create_new(copy).at("create", copy)?;
        io::copy(&mut reader, &mut file).at("copy", &placement.file)?;
        file.set_permissions(Permissions::from_mode(PUBLISHED)).at("set the mode of", copy)?;
        reader.finish()
    };
    let mismatch = |expected: String, actual: String| {
        Err(RepoError::Mismatch { file: placement.file.to_string(), expected, actual })
    };
    if size != placement.size {
        return mismatch(format!("{} bytes", placement.size), format!("{size} bytes"));
    }
    if sha256 != placement.sha256 { mismatch(placement.sha256.to_string(), sha256.to_string()) } else { Ok(()) }
}

/// Size in bytes and digest of the rest of a file.
pub(super) fn digest(file: &mut File, path: &AbsPath) -> Result<(u64, Sha256), FileError> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer).at("read", path)? {
            0 => return Ok((hasher.size(), hasher.finish())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Writes a file, with a time that is later than the one that readers have seen.
fn write_file(path: &AbsPath, bytes: &[u8], seen: Option<SystemTime>) -> Result<(), FileError> {
    fail::point("write a file of a tree");
    let mut file = File::create_new(path).at("create", path)?;
    file.write_all(bytes).at("write", path)?;
    file.set_permissions(Permissions::from_mode(PUBLISHED)).at("set the mode of", path)?;
    let written = file.metadata().and_then(|found| found.modified()).at("look at", path)?;
    match seen.map(|seen| seen + Duration::from_secs(1)).filter(|later| *later > written) {
        Some(later) => file.set_modified(later).at("set the time of", path),
        None => Ok(()),
    }
}

/// Makes a folder and those above it, durably.
pub(super) fn make_folders(path: &AbsPath) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent() != *path => {
            make_folders(&path.parent())?;
            match fs::create_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.at("create", path)?,
            }
        }
        Err(error) => return Err(error).at("create", path),
    }
    sync_folder(&path.parent())
}

/// From so many files or folders on one call for the whole file system, which also waits for what others wrote there, costs
/// less than one for each.
const MANY: usize = 4096;

/// Makes the content of all these files and the names in all these folders durable; they lie on the file system of `scratch`.
pub(super) fn sync_all(scratch: &AbsPath, mut paths: Vec<AbsPath>) -> Result<(), FileError> {
    paths.sort_unstable();
    paths.dedup();
    fail::point("sync files and folders");
    if paths.len() > MANY {
        return sync_file_system(scratch);
    }
    let sync = |path: &AbsPath| File::open(path).and_then(|file| file.sync_all()).at("sync", path);
    parallel::map_waiting(&paths, sync).map(drop)
}

/// Makes a folder and those above it, if they are not known to be `there`; adds those whose names are to be made durable.
fn new_folders(path: &AbsPath, there: &mut HashSet<AbsPath>, changed: &mut Vec<AbsPath>) -> Result<(), FileError> {
    if !there.insert(path.clone()) {
        return Ok(());
    }
    let mut made = fs::create_dir(path);
    if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) && path.parent() != *path {
        new_folders(&path.parent(), there, changed)?;
        made = fs::create_dir(path);
    }
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => {
            changed.push(path.parent());
            made.at("create", path)
        }
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &AbsPath) -> Result<(), FileError> {
    fail::point("sync a folder");
    File::open(path).and_then(|folder| folder.sync_all()).at("sync", path)
}

#[async_trait]
impl PublishTarget for FolderTarget {
    async fn place(&self, cx: &Context, files: &[Placement]) -> Result<(), RepoError> {
        let (this, cancel, files) = (self.clone(), cx.cancel().clone(), files.to_vec());
        blocking::run(move || this.place_all(&cancel, &files)).await
    }

    async fn stage(&self, _: &Context, suite: &SuiteName, state: StateId, tree: &[TreeFile]) -> Result<(), RepoError> {
        let (this, suite, tree) = (self.clone(), suite.clone(), tree.to_vec());
        blocking::run(move || this.stage_tree(&suite, state, &tree)).await
    }

    async fn switch(&self, _: &Context, suite: &SuiteName, state: StateId) -> Result<(), RepoError> {
        let (this, suite) = (self.clone(), suite.clone());
        blocking::run(move || this.switch_tree(&suite, state)).await
    }

    async fn current(&self, _: &Context, suite: &SuiteName) -> Result<Option<StateId>, RepoError> {
        let (this, suite) = (self.clone(), suite.clone());
        blocking::run(move || this.current_state(&suite)).await
    }

    async fn trees(&self, _: &Context, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        let (this, suite) = (self.clone(), suite.clone());
        blocking::run(move || this.kept(&suite)).await
    }

    async fn prune(&self, _: &Context, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        let (this, suite, keep) = (self.clone(), suite.clone(), keep.to_vec());
        blocking::run(move || this.prune_trees(&suite, &keep)).await
    }

    async fn pool(&self, _: &Context) -> Result<Vec<(PoolPath, u64)>, RepoError> {
        let this = self.clone();
        blocking::run(move || this.pool_files()).await
    }

    async fn remove(&self, _: &Context, files: &[PoolPath]) -> Result<(), RepoError> {
        let (this, files) = (self.clone(), files.to_vec());
        blocking::run(move || this.remove_files(&files)).await
    }

    fn timed(&self, suite: &SuiteName, time: &str) -> Result<PoolPath, RepoError> {
        Ok(PoolPath::new(&format!("snapshots/{time}/dists/{suite}"))?)
    }

    async fn expose(&self, _: &Context, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError> {
        let (this, suite, time) = (self.clone(), suite.clone(), time.to_owned());
        blocking::run(move || this.expose_tree(&suite, state, &time)).await
    }

    async fn read(&self, _: &Context, path: &PoolPath) -> Result<Option<Bytes>, RepoError> {
        let (this, path) = (self.clone(), path.clone());
        blocking::run(move || {
            let Some((mut file, full)) = this.open(&path)? else { return Ok(None) };
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).at("read", &full)?;
            Ok(Some(bytes.into()))
        })
        .await
    }

    async fn stat(&self, _: &Context, path: &PoolPath) -> Result<Option<(u64, Sha256)>, RepoError> {
        let (this, path) = (self.clone(), path.clone());
        blocking::run(move || {
            let Some((mut file, full)) = this.open(&path)? else { return Ok(None) };
            Ok(Some(digest(&mut file, &full)?))
        })
        .await
    }
}
