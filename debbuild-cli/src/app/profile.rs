//! Profiles of chroots: the files of this machine that define them, and the wish for a chroot by suite or by profile.

use std::{fs, io};

use debbuild_chroot::{
    create::{BootstrapTool, Variant},
    manager::ChrootSpec,
    profile::{Profile, ProfileSet, ProfileSummary},
};
use debbuild_core::{
    acquire::ArchiveReader,
    arch::Architecture,
    context::Context,
    digest::{KeyHasher, Sha256},
    error::Class,
    name::{PackageName, SuiteName},
    path::{AbsPath, FileError, IoResultExt as _},
};

use super::{App, AppError, Failure};

/// What a chroot is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChrootOf {
    /// A suite, from the machine's own archives.
    Suite(SuiteName),
    /// A profile: its name, the file that has it (`FILE.toml`), or both (`FILE.toml#NAME`).
    Profile(String),
}

/// A chroot that somebody wants, as far as a person says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChrootWish {
    /// Of what.
    pub of: ChrootOf,
    /// The architecture; without one the profile's, else the machine's own.
    pub architecture: Option<Architecture>,
    /// The host architecture of a cross chroot; without one the profile's.
    pub host: Option<Architecture>,
    /// How much is in it; without one the profile's, else where packages are built.
    pub variant: Option<Variant>,
    /// More packages.
    pub include: Vec<PackageName>,
    /// The tool that makes it.
    pub bootstrapper: BootstrapTool,
    /// Whether that may be done as real root, where the tool needs it.
    pub privileged: bool,
}

impl ChrootWish {
    /// Where packages of this suite are built, on this machine's architecture.
    #[must_use]
    pub fn new(suite: SuiteName) -> Self {
        Self::new_of(ChrootOf::Suite(suite))
    }

    /// As a profile says.
    #[must_use]
    pub fn of_profile(name: impl Into<String>) -> Self {
        Self::new_of(ChrootOf::Profile(name.into()))
    }

    const fn new_of(of: ChrootOf) -> Self {
        let bootstrapper = BootstrapTool::Mmdebstrap;
        Self { of, architecture: None, host: None, variant: None, include: Vec::new(), bootstrapper, privileged: false }
    }

    /// For another architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: Option<Architecture>) -> Self {
        self.architecture = architecture;
        self
    }

    /// As a cross chroot for this host architecture.
    #[must_use]
    pub fn with_host(mut self, host: Option<Architecture>) -> Self {
        self.host = host;
        self
    }

    /// With another variant.
    #[must_use]
    pub fn with_variant(mut self, variant: Option<Variant>) -> Self {
        self.variant = variant;
        self
    }

    /// With more packages.
    #[must_use]
    pub fn with_include(mut self, include: Vec<PackageName>) -> Self {
        self.include = include;
        self
    }

    /// Made by this tool, if need be as real root where that is allowed.
    #[must_use]
    pub const fn with_bootstrapper(mut self, bootstrapper: BootstrapTool, privileged: bool) -> Self {
        self.bootstrapper = bootstrapper;
        self.privileged = privileged;
        self
    }
}

impl App {
    /// All profiles of this machine in a line each: the built-in ones, and over them those of `/etc/debbuild/profiles.d` and of the
    /// user's `debbuild/profiles.d`.
    ///
    /// # Errors
    /// Class `config`, naming file and line.
    pub fn profiles(&self) -> Result<Vec<ProfileSummary>, AppError> {
        Ok(self.profile_set()?.list()?)
    }

    /// A profile by its name, by a file that has one (`FILE.toml`), or by both (`FILE.toml#NAME`); a file that is named lies over all
    /// others.
    ///
    /// # Errors
    /// Class `usage` when there is none; class `config`, naming file and line.
    pub fn profile(&self, name: &str) -> Result<Profile, AppError> {
        let (file, name) = match name.split_once('#') {
            Some((file, name)) => (Some(file), Some(name)),
            None if name.ends_with(".toml") => (Some(name), None),
            None => (None, Some(name)),
        };
        let mut set = self.profile_set()?;
        let mut name = name.map(str::to_owned);
        if let Some(file) = file {
            let file = self.machine().path(file)?;
            if name.is_none() {
                name = Some(only(&file)?);
            }
            set = set.with_file(&file)?;
        }
        Ok(set.profile(&name.unwrap_or_default())?)
    }

    fn profile_set(&self) -> Result<ProfileSet, AppError> {
        let mut folders: Vec<AbsPath> = AbsPath::new("/etc/debbuild/profiles.d").into_iter().collect();
        let user = self.machine().folder("XDG_CONFIG_HOME", ".config");
        folders.extend(user.map(|folder| folder.join("debbuild/profiles.d")));
        let mut set = ProfileSet::shipped()?;
        for folder in folders {
            for file in toml_files(&folder)? {
                set = set.with_file(&file)?;
            }
        }
        Ok(set)
    }

    /// The request that a wish comes to on this machine, for this architecture.
    pub(super) async fn wished(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        wish: &ChrootWish,
        profile: Option<&Profile>,
        architecture: Architecture,
    ) -> Result<ChrootSpec, AppError> {
        let mut spec = match (&wish.of, profile) {
            (ChrootOf::Suite(suite), _) => {
                let host = self.archives(cx, reader, suite).await?;
                ChrootSpec::new(suite.clone(), architecture.clone(), host.archives)
            }
            (ChrootOf::Profile(_), Some(profile)) => {
                profile.spec(cx, reader, &self.host_part(cx)?, architecture.clone()).await?
            }
            (ChrootOf::Profile(name), None) => {
                self.profile(name)?.spec(cx, reader, &self.host_part(cx)?, architecture.clone()).await?
            }
        };
        // What is asked for by itself goes before what the profile says.
        spec.architecture = architecture;
        spec.host = wish.host.clone().or(spec.host);
        let variant = wish.variant.unwrap_or(spec.variant);
        let include = spec.include.iter().chain(&wish.include).cloned().collect();
        Ok(spec.with_variant(variant).with_include(include).with_bootstrapper(wish.bootstrapper))
    }

    /// What a wish comes to on this machine, short of asking the archives: the same lists and profiles give the same key.
    pub(super) fn wish_key(
        &self,
        wish: &ChrootWish,
        profile: Option<&Profile>,
        architecture: &Architecture,
    ) -> Result<Sha256, AppError> {
        let mut include: Vec<&str> = wish.include.iter().map(PackageName::as_str).collect();
        include.sort_unstable();
        let suite = match (&wish.of, profile) {
            (ChrootOf::Suite(suite), _) => suite.as_str(),
            (_, Some(profile)) => profile.suite.as_str(),
            (ChrootOf::Profile(name), None) => name,
        };
        let variant = wish.variant.or(profile.map(|profile| profile.variant)).unwrap_or_default();
        let mut key = KeyHasher::new("chroot wish v1");
        key.part("suite", suite)
            .part("architecture", architecture.as_str())
            .part("variant", variant.name())
            .list("include", include)
            .list("owners", &self.settings().archives.owners)
            .part("sources", format!("{:?}", self.source_lists()?.entries));
        if let Some(host) = &wish.host {
            key.part("host", host.as_str());
        }
        if wish.bootstrapper != BootstrapTool::Mmdebstrap {
            key.part("bootstrapper", wish.bootstrapper.name());
        }
        if let Some(profile) = profile {
            key.part("profile", profile.content()?.to_string());
        }
        Ok(key.finish())
    }
}

/// The one profile that a file defines.
fn only(file: &AbsPath) -> Result<String, AppError> {
    let set = ProfileSet::new().with_file(file)?;
    let names: Vec<&str> = set.names().collect();
    match names.as_slice() {
        [name] => Ok((*name).to_owned()),
        [] => Err(Failure::new(Class::Usage, format!("{file} has no profile")).into()),
        [first, ..] => {
            let message = format!("{file} has several profiles: {}", names.join(", "));
            Err(Failure::new(Class::Usage, message).with_hint(format!("name one: {file}#{first}")).into())
        }
    }
}

/// The `.toml` files of a folder in the order of their names; none where there is no folder.
fn toml_files(folder: &AbsPath) -> Result<Vec<AbsPath>, AppError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FileError { action: "read", path: folder.clone(), source }.into()),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.at("read", folder)?.file_name();
        let taken = name.to_str().filter(|name| name.ends_with(".toml") && !name.starts_with('.'));
        files.extend(taken.and_then(|name| folder.child(name).ok()));
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests;
