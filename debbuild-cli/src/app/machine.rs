//! What the app knows of the machine and the user: the one place that reads environment, working directory and user id.

use std::{collections::BTreeMap, path::Path};

use debbuild_core::{
    error::Class,
    path::{AbsPath, PathError},
};

use super::{AppError, Failure};

/// The surroundings of a run, as values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// The environment; variables that are not UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: AbsPath,
    /// The effective user id.
    pub uid: u32,
}

impl Machine {
    /// A machine as described, for tests and embedders that decide themselves.
    #[must_use]
    pub const fn new(variables: BTreeMap<String, String>, cwd: AbsPath, uid: u32) -> Self {
        Self { variables, cwd, uid }
    }

    /// This machine, now.
    ///
    /// # Errors
    /// When the working directory is gone or is not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment and the working directory")]
    pub fn current() -> Result<Self, AppError> {
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cwd = std::env::current_dir()
            .map_err(|error| Failure::new(Class::Usage, format!("cannot find the working directory: {error}")))?;
        Ok(Self { variables, cwd: AbsPath::new(cwd)?, uid: rustix::process::geteuid().as_raw() })
    }

    /// Whether this is the superuser.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// A path as the user wrote it, made absolute against the working directory.
    ///
    /// # Errors
    /// [`PathError`] for a path with `..` that leads nowhere.
    pub fn path(&self, text: &str) -> Result<AbsPath, PathError> {
        let full = self.cwd.as_std().join(text);
        let climbs = full.components().any(|part| part == std::path::Component::ParentDir);
        if !climbs {
            return AbsPath::new(full);
        }
        // `..` after a symbolic link leads where only the system knows.
        match (full.canonicalize(), full.parent().map(Path::canonicalize), full.file_name()) {
            (Ok(real), _, _) => AbsPath::new(real),
            (_, Some(Ok(folder)), Some(name)) => AbsPath::new(folder.join(name)),
            _ => AbsPath::new(full),
        }
    }

    /// The folder that an XDG variable names, or its default below the home folder.
    #[must_use]
    pub fn folder(&self, variable: &str, below_home: &'static str) -> Option<AbsPath> {
        // The XDG specification has relative paths ignored.
        let named = self.variables.get(variable).and_then(|path| AbsPath::new(path).ok());
        named
            .or_else(|| self.variables.get("HOME").and_then(|home| AbsPath::new(home).ok()).map(|h| h.join(below_home)))
    }
}
