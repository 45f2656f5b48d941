//! The names in a folder's repository that readers follow: suites, and suites by time, as symbolic links into immutable trees.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::symlink,
    time::SystemTime,
};

use super::{FolderTarget, encoded, make_folders, sync_folder};
use crate::{
    fail,
    name::{PoolPath, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::{RepoError, StateId},
};

impl FolderTarget {
    /// Replaces a link at once. Its folder is `depth` folders below the repository's own.
    pub(super) fn point(&self, link: &AbsPath, depth: usize, below: &str) -> Result<(), RepoError> {
        make_folders(&link.parent())?;
        let scratch = self.scratch();
        make_folders(&scratch)?;
        let temporary =
            tempfile::Builder::new().prefix("switch").tempdir_in(&scratch).at("create a folder in", &scratch)?;
        let fresh = AbsPath::new(temporary.path().join("link"))?;
        symlink(format!("{}{below}", "../".repeat(depth)), &fresh).at("create", &fresh)?;
        fail::point("switch a link");
        fs::rename(&fresh, link).at("rename to", link)?;
        Ok(sync_folder(&link.parent())?)
    }

    fn times(&self) -> AbsPath {
        self.dir.join("snapshots")
    }

    fn timed(&self, time: &str, suite: &SuiteName) -> Result<AbsPath, RepoError> {
        Ok(self.times().child(time)?.join("dists").descend(suite.as_str())?)
    }

    /// Links a state, the other suites as they are and the pool from `snapshots/TIME`. The pool comes first: a suite that can
    /// be read has its packages.
    pub(super) fn expose_tree(&self, suite: &SuiteName, state: StateId, time: &str) -> Result<(), RepoError> {
        if !self.tree(suite, state)?.as_std().is_dir() {
            return Err(RepoError::NoState { suite: suite.clone(), state });
        }
        self.point(&self.times().child(time)?.join("pool"), 2, "pool")?;
        for other in self.suites()? {
            let link = self.timed(time, &other)?;
            if other != *suite
                && !link.as_std().is_symlink()
                && let Some(current) = self.current_state(&other)?
            {
                self.point_suite(&link, 2, &other, current)?;
            }
        }
        self.point_suite(&self.timed(time, suite)?, 2, suite, state)
    }

    /// Points a link in `dists` at a tree; `dists` is `depth` folders below the repository's own.
    pub(super) fn point_suite(
        &self,
        link: &AbsPath,
        depth: usize,
        suite: &SuiteName,
        state: StateId,
    ) -> Result<(), RepoError> {
        let depth = depth + suite.as_str().split('/').count();
        self.point(link, depth, &format!(".debbuild/trees/{}/{state}", encoded(suite)))
    }

    /// The suites that have trees.
    fn suites(&self) -> Result<Vec<SuiteName>, RepoError> {
        let trees = self.dir.join(".debbuild/trees");
        let names = children(&trees)?.into_iter().map(|path| Ok(SuiteName::new(&path.name().replace('%', "/"))?));
        names.collect()
    }

    /// Removes the links by time of a suite whose trees are gone, and times without any suite.
    pub(super) fn forget_times(&self, suite: &SuiteName) -> Result<(), RepoError> {
        for time in children(&self.times())? {
            let link = self.timed(time.name(), suite)?;
            if link.as_std().is_symlink() && !link.as_std().exists() {
                fail::point("remove a link");
                fs::remove_file(&link).at("remove", &link)?;
            }
            // Only empty folders go: what holds another suite stays.
            let mut folder = link.parent();
            while folder != time && fs::remove_dir(&folder).is_ok() {
                folder = folder.parent();
            }
            if !time.join("dists").as_std().exists() {
                let pool = time.join("pool");
                match fs::remove_file(&pool) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at("remove", &pool)?,
                    _ => fs::remove_dir(&time).at("remove", &time)?,
                }
            }
        }
        Ok(())
    }

    /// When what readers see was published. Clients ask for what is newer, in whole seconds: a publication in the same second
    /// would be missed.
    pub(super) fn seen(&self, suite: &SuiteName) -> Result<Option<SystemTime>, RepoError> {
        let path = self.link(suite)?.join("InRelease");
        match fs::metadata(&path).and_then(|found| found.modified()) {
            Ok(seen) => Ok(Some(seen)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error).at("look at", &path).map_err(RepoError::from),
        }
    }

    /// The states that have trees, ascending.
    pub(super) fn kept(&self, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        let trees = self.trees(suite)?;
        let entries = match fs::read_dir(&trees) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.at("read", &trees)?,
        };
        let mut states = Vec::new();
        for entry in entries {
            let name = entry.at("read", &trees)?.file_name();
            states.extend(name.to_str().and_then(|name| name.parse::<StateId>().ok()));
        }
        states.sort_unstable();
        Ok(states)
    }

    /// Removes all trees but these and the current one.
    pub(super) fn prune_trees(&self, suite: &SuiteName, keep: &[StateId]) -> Result<(), RepoError> {
        let current = self.current_state(suite)?;
        for state in self.kept(suite)? {
            if !keep.contains(&state) && Some(state) != current {
                let path = self.tree(suite, state)?;
                fail::point("remove a tree");
                fs::remove_dir_all(&path).at("remove", &path)?;
            }
        }
        self.forget_times(suite)
    }

    /// All files below `pool`.
    pub(super) fn pool_files(&self) -> Result<Vec<(PoolPath, u64)>, RepoError> {
        let (mut files, mut folders) = (Vec::new(), vec!["pool".to_owned()]);
        while let Some(folder) = folders.pop() {
            for path in children(&self.dir.descend(&folder)?)? {
                let found = fs::symlink_metadata(&path).at("look at", &path)?;
                let below = format!("{folder}/{}", path.name());
                if found.is_dir() {
                    folders.push(below);
                } else if found.is_file() {
                    files.push((PoolPath::new(&below)?, found.len()));
                }
            }
        }
        Ok(files)
    }

    /// Removes files of the pool, and folders that they leave empty.
    pub(super) fn remove_files(&self, files: &[PoolPath]) -> Result<(), RepoError> {
        let pool = self.dir.join("pool");
        for file in files {
            let path = self.dir.descend(file.as_str())?;
            fail::point("remove a file");
            match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed.at("remove", &path)?,
            }
            let mut folder = path.parent();
            while folder != pool && folder != self.dir && fs::remove_dir(&folder).is_ok() {
                folder = folder.parent();
            }
        }
        Ok(())
    }
}

/// What is in a folder, by name; a folder that is not there is empty.
fn children(folder: &AbsPath) -> Result<Vec<AbsPath>, RepoError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", folder)?,
    };
    let paths: Result<Vec<AbsPath>, RepoError> =
        entries.map(|entry: io::Result<fs::DirEntry>| Ok(AbsPath::new(entry.at("read", folder)?.path())?)).collect();
    let mut paths = paths?;
    paths.sort();
    Ok(paths)
}
