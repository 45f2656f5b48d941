//! The GnuPG home while a signer uses it: our own is locked and its agent stopped afterwards, a running one is left alone.

use std::{
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
};

use super::{GpgOptions, GpgSigner};
use crate::{
    blocking,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    file_lock::FileLock,
    path::{AbsPath, IoResultExt as _},
    sign::SignError,
};

/// The home, under a name that is short enough for the paths of sockets.
#[derive(Debug)]
pub(super) struct Home {
    // Held until the agent has stopped.
    lock: Option<FileLock>,
    folder: tempfile::TempDir,
    path: AbsPath,
}

impl Home {
    /// What `GNUPGHOME` is to be.
    pub(super) fn path(&self) -> &AbsPath {
        &self.path
    }

    /// A file of a private folder that goes with this.
    pub(super) fn scratch(&self, name: &str) -> Result<AbsPath, SignError> {
        AbsPath::new(self.folder.path().join(name)).map_err(|error| SignError::NoKey(error.to_string()))
    }
}

impl GpgSigner {
    pub(super) async fn open(&self, cx: &Context) -> Result<Home, SignError> {
        let lock = if self.options.running {
            None
        } else {
            let home = self.options.home.clone();
            blocking::run(move || make_home(&home)).await?;
            Some(FileLock::acquire(cx, &self.options.home.join(".debbuild-lock")).await?)
        };
        let options = self.options.clone();
        blocking::run(move || {
            let GpgOptions { home, sockets, running, .. } = options;
            let folder = tempfile::Builder::new()
                .prefix("gpg")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(&sockets)
                .at("create a folder in", &sockets)?;
            if running {
                // Its agent listens where GnuPG puts the sockets of this very path.
                return Ok(Home { lock, folder, path: home });
            }
            let link = folder.path().join("h");
            symlink(&home, &link).at("link", &home)?;
            let path = AbsPath::new(&link).map_err(|error| SignError::NoKey(error.to_string()))?;
            Ok(Home { lock, folder, path })
        })
        .await
    }

    /// Stops the agent of a home of our own; its sockets must not outlive the lock.
    pub(super) async fn close(&self, home: Home) {
        if home.lock.is_some() {
            // gpgconf would ask after daemons that signing does not start, each by a process of its own.
            let spec = CommandSpec::new("gpg-connect-agent").with_env("GNUPGHOME", home.path.as_str());
            let spec = spec.with_args(["--no-autostart", "KILLAGENT", "/bye"]);
            // Also after a cancellation; an agent that does not answer ends by itself when its folder goes.
            let _stopped = self.runner.output(&Context::new(), &spec).await;
        }
        let _left = blocking::run(move || home.folder.close()).await;
    }
}

fn make_home(home: &AbsPath) -> Result<(), SignError> {
    if !home.as_std().is_dir() {
        fs::create_dir_all(home.parent()).at("create", &home.parent())?;
        match DirBuilder::new().mode(0o700).create(home) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.at("create", home)?,
        }
    }
    let mode = fs::metadata(home).at("look at", home)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(home, Permissions::from_mode(0o700)).at("protect", home)?;
    }
    Ok(())
}
