//! Unpacked bases: a folder with a tree per chroot, which its sessions share, and a lock beside it. Trees whose files belong to the
//! host's own ids (`ID.root`) are others than those of a user's subordinate ids (`ID`).

use std::{
    fs::{self, File},
    io,
};

use debbuild_core::{
    build::ChrootId,
    command::{CommandRunner, CommandSpec, Stdin, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};
use rustix::fs::{FlockOperation, flock};

use super::{ChrootError, ChrootRef};
use crate::confine::{self, BuildUser, Scratch};

/// How much of what tar says is kept, in bytes.
const TAIL: usize = 4096;

/// The lock of an unpacked base: shared by its sessions, exclusive for who removes it.
pub(super) fn lock(bases: &AbsPath, id: ChrootId, how: FlockOperation) -> Result<File, ChrootError> {
    fs::create_dir_all(bases).at("create", bases)?;
    let path = lock_path(bases, id)?;
    let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
    match flock(&file, how) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ChrootError::Busy(id)),
        Err(error) => Err(io::Error::from(error)).at("lock", &path)?,
    }
}

/// The file of that lock.
pub(super) fn lock_path(bases: &AbsPath, id: ChrootId) -> Result<AbsPath, ChrootError> {
    Ok(bases.child(&format!("{id}.use"))?)
}

/// The command that unpacks a base into a folder, as whoever is root there.
pub(super) fn unpacking(base: &ChrootRef, folder: &str) -> CommandSpec {
    // Device nodes cannot be made in a user namespace, and sessions have a /dev of their own.
    let how = ["--extract", "--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs"];
    CommandSpec::new("tar")
        .with_args(how)
        .with_args(["--xattrs-include=*", "--exclude=./dev/*", "--directory", folder])
        .with_stdin(Stdin::File(base.tarball.clone()))
}

/// The name of the tree whose files belong to the host's own ids.
fn privileged(id: ChrootId) -> String {
    format!("{id}.root")
}

/// The unpacked base whose files belong to the host's own ids, made by whoever comes first.
pub(super) async fn of_root(
    cx: &Context,
    runner: &dyn CommandRunner,
    user: &BuildUser,
    bases: &AbsPath,
    base: &ChrootRef,
) -> Result<AbsPath, ChrootError> {
    let tree = bases.child(&privileged(base.id))?;
    if tree.as_std().is_dir() {
        return Ok(tree);
    }
    let scratch = Scratch::create(bases, "unpack", user)?;
    let unpacked = scratch.path().child("tree")?;
    fs::create_dir(&unpacked).at("create", &unpacked)?;
    let mut said = Tail::new(TAIL);
    let exit = runner.run(cx, &unpacking(base, unpacked.as_str()), &mut said).await?;
    let made = if exit.success() {
        publish(&unpacked, &tree)
    } else {
        Err(ChrootError::Unpack { id: base.id, reason: said.text() })
    };
    scratch.remove(cx, runner, user).await?;
    made.map(|()| tree)
}

/// Gives an unpacked base its name, if nobody else was faster.
pub(super) fn publish(unpacked: &AbsPath, tree: &AbsPath) -> Result<(), ChrootError> {
    match fs::rename(unpacked, tree) {
        Ok(()) => Ok(()),
        Err(_) if tree.as_std().is_dir() => Ok(()),
        Err(error) => Err(error).at("rename to", tree)?,
    }
}

/// Removes an unpacked base that nobody uses.
pub(super) async fn forget(
    cx: &Context,
    runner: &dyn CommandRunner,
    user: &BuildUser,
    bases: &AbsPath,
    id: ChrootId,
) -> Result<(), ChrootError> {
    let _hold = lock(bases, id, FlockOperation::NonBlockingLockExclusive)?;
    for tree in [id.to_string(), privileged(id)] {
        confine::remove_tree(cx, runner, user, &bases.child(&tree)?).await?;
    }
    let lock = lock_path(bases, id)?;
    Ok(fs::remove_file(&lock).at("remove", &lock)?)
}
