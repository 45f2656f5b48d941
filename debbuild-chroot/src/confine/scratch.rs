//! Scratch folders of confined work: held by a lock while their maker lives, cleared by the next start if it died.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{PermissionsExt as _, chown},
};

use debbuild_core::{
    blocking,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{BuildUser, ConfineError, SOCKET};

/// The file beside a scratch folder whose lock says that its maker lives.
const LOCK: &str = ".lock";

/// Where a scratch folder is seen inside: a path that every host has (base-files ships it) and that it is not below itself.
pub(super) fn inside(scratch: &AbsPath) -> &'static str {
    if scratch.as_std().starts_with("/mnt") { "/media" } else { "/mnt" }
}

/// A folder for one confined piece of work, owned by the build user; others can pass through it but not list it.
#[derive(Debug)]
pub struct Scratch {
    path: AbsPath,
    // Released by the kernel when this process ends, however it ends.
    lock: File,
}

impl Scratch {
    /// Makes a new folder `LABEL-UUID` below `base` (which is made if it is missing).
    ///
    /// # Errors
    /// [`ConfineError::File`], [`ConfineError::Path`] for a label that is not a plain name.
    pub fn create(base: &AbsPath, label: &str, user: &BuildUser) -> Result<Self, ConfineError> {
        Self::make(base, label, user, FlockOperation::NonBlockingLockExclusive)
    }

    /// The same with a shared lock: who else takes it keeps the folder when its maker ends.
    ///
    /// # Errors
    /// As [`Scratch::create`].
    pub fn create_shared(base: &AbsPath, label: &str, user: &BuildUser) -> Result<Self, ConfineError> {
        Self::make(base, label, user, FlockOperation::NonBlockingLockShared)
    }

    /// A folder that nobody holds any more, to be removed; none while somebody does.
    ///
    /// # Errors
    /// [`ConfineError::File`] when there is none.
    pub fn claim(path: &AbsPath) -> Result<Option<Self>, ConfineError> {
        let lock_path = lock_of(path)?;
        let lock = File::open(&lock_path).at("open", &lock_path)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { path: path.clone(), lock })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(io::Error::from(error)).at("lock", &lock_path)?,
        }
    }

    fn make(base: &AbsPath, label: &str, user: &BuildUser, how: FlockOperation) -> Result<Self, ConfineError> {
        fs::create_dir_all(base).at("create", base)?;
        open_for_passing(base)?;
        let name = format!("{label}-{}", Uuid::new_v4().simple());
        let path = base.child(&name)?;
        let lock_path = base.child(&format!("{name}{LOCK}"))?;
        // Locked before it has its name, so that a reaper never sees it unlocked.
        let draft = base.child(&format!("{name}.new"))?;
        let lock = File::create_new(&draft).at("create", &draft)?;
        flock(&lock, how).map_err(io::Error::from).at("lock", &draft)?;
        fs::rename(&draft, &lock_path).at("rename", &draft)?;
        fs::create_dir(&path).at("create", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o711)).at("change the mode of", &path)?;
        if user.switch {
            chown(&path, Some(user.uid), Some(user.gid)).at("change the owner of", &path)?;
        }
        Ok(Self { path, lock })
    }

    /// The folder, as the host sees it.
    #[must_use]
    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    /// The file whose lock says that somebody holds it.
    ///
    /// # Errors
    /// [`ConfineError::Path`] never, in fact.
    pub fn lock_path(&self) -> Result<AbsPath, ConfineError> {
        lock_of(&self.path)
    }

    /// A path in it, as confined commands see it.
    #[must_use]
    pub fn inside(&self, name: &str) -> String {
        format!("{}/{name}", inside(&self.path))
    }

    /// Where the gateway's socket belongs, as the host sees it.
    ///
    /// # Errors
    /// [`ConfineError::Path`] never, in fact.
    pub fn socket(&self) -> Result<AbsPath, ConfineError> {
        Ok(self.path.child(SOCKET)?)
    }

    /// Gives a file or folder that this process made in the folder to the build user.
    ///
    /// # Errors
    /// [`ConfineError::File`].
    pub fn give(&self, path: &AbsPath, user: &BuildUser) -> Result<(), ConfineError> {
        if user.switch {
            chown(path, Some(user.uid), Some(user.gid)).at("change the owner of", path)?;
        }
        Ok(())
    }

    /// Removes the folder with everything in it, whoever owns it.
    ///
    /// # Errors
    /// [`ConfineError`].
    pub async fn remove(self, cx: &Context, runner: &dyn CommandRunner, user: &BuildUser) -> Result<(), ConfineError> {
        remove_tree(cx, runner, user, &self.path).await?;
        remove_lock(&self.path)?;
        drop(self.lock);
        Ok(())
    }
}

/// Mapped users reach what lies below by name, and see no names: mode 0711.
fn open_for_passing(base: &AbsPath) -> Result<(), ConfineError> {
    let mode = fs::metadata(base).at("look at", base)?.permissions().mode() & 0o777;
    if mode & 0o011 != 0o011 {
        fs::set_permissions(base, Permissions::from_mode(mode | 0o011)).at("change the mode of", base)?;
    }
    Ok(())
}

fn lock_of(path: &AbsPath) -> Result<AbsPath, ConfineError> {
    Ok(path.parent().child(&format!("{}{LOCK}", path.name()))?)
}

fn remove_lock(path: &AbsPath) -> Result<(), ConfineError> {
    let lock = lock_of(path)?;
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &lock)?,
        _ => Ok(()),
    }
}

/// Removes a file or folder with everything in it, also what mapped users own. Nothing there is fine. Does not leave its file system.
///
/// # Errors
/// [`ConfineError`].
pub async fn remove_tree(
    cx: &Context,
    runner: &dyn CommandRunner,
    user: &BuildUser,
    path: &AbsPath,
) -> Result<(), ConfineError> {
    let plain = path.clone();
    let removed = blocking::run(move || match fs::remove_dir_all(&plain) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(&plain),
        other => other,
    });
    match removed.await {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !exists(path) => return Ok(()),
        Err(_) => {}
    }
    let mut args = user.become_args();
    args.extend(["unshare", "--user", "--map-root-user", "--map-auto", "--"].map(str::to_owned));
    args.extend(["rm", "--recursive", "--force", "--one-file-system", "--", path.as_str()].map(str::to_owned));
    let spec = CommandSpec::new("setpriv").with_args(args);
    let answer = runner.output(cx, &spec).await;
    // The folder itself may lie in one that the build user cannot write: what is left is empty and ours.
    let path = path.clone();
    let left =
        blocking::run(move || if exists(&path) { fs::remove_dir(&path).at("remove", &path) } else { Ok(()) }).await;
    match (left, answer) {
        (Ok(()), _) => Ok(()),
        (Err(_), Err(error)) => Err(error.into()),
        (Err(error), Ok(_)) => Err(error.into()),
    }
}

fn exists(path: &AbsPath) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes the scratch folders below `base` whose makers are dead, and says which. Folders of living ones stay.
///
/// # Errors
/// [`ConfineError`]; the others are still looked at by the next call.
pub async fn reap(
    cx: &Context,
    runner: &dyn CommandRunner,
    user: &BuildUser,
    base: &AbsPath,
) -> Result<Vec<AbsPath>, ConfineError> {
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("list", base)?,
    };
    let mut dead = Vec::new();
    for entry in entries {
        let name = entry.at("list", base)?.file_name();
        let Some(label) = name.to_str().and_then(|name| name.strip_suffix(LOCK)) else { continue };
        let lock_path = base.child(&format!("{label}{LOCK}"))?;
        let lock = match File::open(&lock_path) {
            Ok(lock) => lock,
            // Its owner has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).at("open", &lock_path)?,
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let path = base.child(label)?;
        remove_tree(cx, runner, user, &path).await?;
        remove_lock(&path)?;
        dead.push(path);
    }
    Ok(dead)
}
