//! Absolute UTF-8 paths, and I/O errors that name the path they are about.

use std::{fmt, io, path::Path};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::error::{Class, Classify};

/// An absolute, UTF-8, lexically clean path (no `.` or `..`): the only path type at API boundaries.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AbsPath(Utf8PathBuf);

impl AbsPath {
    /// Takes an absolute path; `.` is dropped.
    ///
    /// # Errors
    /// [`PathError`] when the path is relative, is not UTF-8, or has a `..`.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, PathError> {
        let path = path.as_ref();
        let text = path.to_str().ok_or_else(|| PathError::NotUtf8(path.to_string_lossy().into_owned()))?;
        let path = Utf8Path::new(text);
        if !path.is_absolute() {
            return Err(PathError::Relative(text.to_owned()));
        }
        let mut clean = Utf8PathBuf::new();
        for part in path.components() {
            match part {
                Utf8Component::CurDir => {}
                Utf8Component::ParentDir => return Err(PathError::Parent(text.to_owned())),
                other => clean.push(other),
            }
        }
        Ok(Self(clean))
    }

    /// This path with one plain file or folder name below it.
    ///
    /// # Errors
    /// [`PathError::Name`] when `name` is empty, `.`, `..`, or holds a `/` or NUL: a name from outside never becomes a path.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(PathError::Name(name.to_owned()));
        }
        Ok(Self(self.0.join(name)))
    }

    /// This path with fixed parts below it, joined without checks: for names that the code itself writes.
    #[must_use]
    pub fn join(&self, relative: &'static str) -> Self {
        Self(self.0.join(relative))
    }

    /// This path with a relative path from outside below it, each part checked by [`AbsPath::child`].
    ///
    /// # Errors
    /// [`PathError::Name`] when a part is empty, `.`, `..` or holds NUL, or the path is absolute.
    pub fn descend(&self, relative: &str) -> Result<Self, PathError> {
        relative.split('/').try_fold(self.clone(), |path, part| path.child(part))
    }

    /// The folder that this path lies in; `/` for itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.parent().unwrap_or(&self.0).to_owned())
    }

    /// The last part; empty for `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.file_name().unwrap_or("")
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The path for std's functions.
    #[must_use]
    pub fn as_std(&self) -> &Path {
        self.0.as_std_path()
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        self.as_std()
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A path that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The path is relative.
    #[error("path is not absolute: {0:?}")]
    Relative(String),
    /// The path is not UTF-8.
    #[error("path is not UTF-8: {0:?}")]
    NotUtf8(String),
    /// The path has a `..`.
    #[error("path has a '..': {0:?}")]
    Parent(String),
    /// The name is not a plain file name.
    #[error("not a plain file name: {0:?}")]
    Name(String),
}

impl Classify for PathError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// An I/O failure with the path and what was being done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct FileError {
    /// What was being done, for example `read`.
    pub action: &'static str,
    /// The file or folder.
    pub path: AbsPath,
    /// The system's own answer.
    pub source: io::Error,
}

impl Classify for FileError {
    fn class(&self) -> Class {
        match self.source.kind() {
            io::ErrorKind::NotFound => Class::NotFound,
            io::ErrorKind::PermissionDenied => Class::NotAllowed,
            _ => Class::Infrastructure,
        }
    }
}

/// Gives an I/O result the path it is about.
pub trait IoResultExt<T> {
    /// Names the action (a verb: `read`, `create`) and the path in the error.
    ///
    /// # Errors
    /// The same failure, as a [`FileError`].
    fn at(self, action: &'static str, path: &AbsPath) -> Result<T, FileError>;
}

impl<T> IoResultExt<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &AbsPath) -> Result<T, FileError> {
        self.map_err(|source| FileError { action, path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_never_leave_the_folder() {
        let base = AbsPath::new("/srv/pool").unwrap();
        for bad in ["", ".", "..", "a/b", "/etc/passwd", "a\0b"] {
            assert_eq!(base.child(bad), Err(PathError::Name(bad.to_owned())));
        }
        assert_eq!(base.descend("main/h/hello").unwrap().as_str(), "/srv/pool/main/h/hello");
        for bad in ["../x", "a//b", "/a", "a/../b", ""] {
            assert!(base.descend(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_absolute_clean_paths() {
        assert!(matches!(AbsPath::new("a/b"), Err(PathError::Relative(_))));
        assert!(matches!(AbsPath::new("/a/../b"), Err(PathError::Parent(_))));
        assert_eq!(AbsPath::new("/a/./b/").unwrap().as_str(), "/a/b");
    }
}
