//! What can be added to a repository: .deb, .udeb, .dsc with its files, .changes with everything it lists; and how.

use std::num::NonZeroUsize;

use super::{Override, Overrides, Placing, RepoError};
use crate::{
    digest::Sha256,
    name::{ComponentName, FileName},
    path::AbsPath,
};

/// What an input file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// A binary package (.deb), or one of the installer (.udeb).
    Binary,
    /// A source package (.dsc); the files it lists lie beside it, or where [`Input::with_files`] says.
    Source,
    /// A .changes; the files it lists lie beside it. Its packages are added, its other files are not.
    Changes,
}

/// A file of a source package that does not lie beside its .dsc.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceFile {
    /// The name that the .dsc lists.
    pub name: FileName,
    /// Where it is.
    pub file: AbsPath,
}

impl SourceFile {
    /// The file of this name is there.
    #[must_use]
    pub const fn new(name: FileName, file: AbsPath) -> Self {
        Self { name, file }
    }
}

/// A file to add. Its name does not matter: in the pool it is called as its control data say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The file; a blob's path will do.
    pub file: AbsPath,
    /// What it is.
    pub kind: InputKind,
    /// The digest that it must have, where that is known.
    pub sha256: Option<Sha256>,
    /// The control file of a .deb, where that is known: then the .deb is not opened. Where an index says something else of the
    /// same file than is known, this is what the suite says from now on.
    pub control: Option<String>,
    /// The section and the priority that an archive gives to a source.
    pub given: Override,
    /// The files of a source package that do not lie beside its .dsc.
    pub files: Vec<SourceFile>,
}

impl Input {
    /// This file.
    #[must_use]
    pub const fn new(kind: InputKind, file: AbsPath) -> Self {
        let given = Override { section: None, priority: None };
        Self { file, kind, sha256: None, control: None, given, files: Vec::new() }
    }

    /// This file, by the ending of its name.
    ///
    /// # Errors
    /// [`RepoError::Input`] when it is none of .deb, .udeb, .dsc and .changes.
    pub fn by_name(file: AbsPath) -> Result<Self, RepoError> {
        let kind = match file.name().rsplit_once('.').map(|(_, ending)| ending) {
            Some("deb" | "udeb") => InputKind::Binary,
            Some("dsc") => InputKind::Source,
            Some("changes") => InputKind::Changes,
            _ => {
                let reason = "it is no .deb, .udeb, .dsc or .changes".to_owned();
                return Err(RepoError::Input { file: file.to_string(), reason });
            }
        };
        Ok(Self::new(kind, file))
    }

    /// With the digest that it must have.
    #[must_use]
    pub const fn with_sha256(mut self, sha256: Sha256) -> Self {
        self.sha256 = Some(sha256);
        self
    }

    /// With the control file of the .deb.
    #[must_use]
    pub fn with_control(mut self, control: impl Into<String>) -> Self {
        self.control = Some(control.into());
        self
    }

    /// With the section and the priority that an archive gives to the source.
    #[must_use]
    pub fn with_given(mut self, given: Override) -> Self {
        self.given = given;
        self
    }

    /// With files of the source package that do not lie beside its .dsc.
    #[must_use]
    pub fn with_files(mut self, files: Vec<SourceFile>) -> Self {
        self.files = files;
        self
    }
}

/// How packages are added.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AddOptions {
    /// The component.
    pub component: ComponentName,
    /// Copy or link.
    pub how: Placing,
    /// Whether the paths of their files are read, where the suite has Contents indexes.
    pub contents: bool,
    /// How many versions of each package in the suite stay, in place of the suite's own number.
    pub keep: Option<NonZeroUsize>,
    /// Sections and priorities that they get; a package that is there already gets them too.
    pub overrides: Overrides,
}

impl AddOptions {
    /// Into this component, copied, with Contents, everything stays, nothing is overridden.
    #[must_use]
    pub fn new(component: ComponentName) -> Self {
        Self { component, how: Placing::Copy, contents: true, keep: None, overrides: Overrides::default() }
    }

    /// Copied or linked.
    #[must_use]
    pub const fn with_how(mut self, how: Placing) -> Self {
        self.how = how;
        self
    }

    /// With the paths of their files, or without.
    #[must_use]
    pub const fn with_contents(mut self, contents: bool) -> Self {
        self.contents = contents;
        self
    }

    /// Keeping so many versions of each package.
    #[must_use]
    pub const fn with_keep(mut self, versions: Option<NonZeroUsize>) -> Self {
        self.keep = versions;
        self
    }

    /// With these sections and priorities.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }
}
