//! From a profile to the request for a chroot: its archives found and its files read.

use std::fs;

use debbuild_core::{
    acquire::{
        Archive, ArchiveReader,
        sources::{HostQuery, SignedBy, SourceEntry, host_archives},
    },
    arch::Architecture,
    config::ConfigError,
    context::Context,
    digest::{KeyHasher, Sha256},
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    sign::Keyring,
};

use super::{Profile, ProfileError, Repository};
use crate::{create::Hook, manager::ChrootSpec};

/// What the machine gives to a profile that names no mirrors or no keyrings.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostPart {
    /// The machine's APT sources.
    pub entries: Vec<SourceEntry>,
    /// Whose archives are taken: values of `Origin`.
    pub owners: Vec<String>,
    /// The keyring for entries that name none.
    pub keyring: Keyring,
}

impl HostPart {
    /// These sources.
    #[must_use]
    pub fn new(entries: Vec<SourceEntry>, owners: Vec<String>, keyring: Keyring) -> Self {
        Self { entries, owners, keyring }
    }
}

impl Profile {
    /// The request for a chroot of this profile; `architecture` is the machine's own, for a profile that names none.
    ///
    /// # Errors
    /// [`ProfileError::Named`] for keys and hooks that cannot be read; what opening the machine's archives gave.
    pub async fn spec(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        host: &HostPart,
        architecture: Architecture,
    ) -> Result<ChrootSpec, ProfileError> {
        self.content()?;
        let mut archives = self.own_archives(cx, reader, host).await?;
        let mut priorities = Vec::new();
        for repository in &self.repositories {
            for archive in self.repository(cx, reader, host, repository).await? {
                if archives.iter().any(|known| known.name == archive.name) {
                    let key = format!("repositories.{}", repository.name);
                    let message = "another archive of the profile has this name";
                    return Err(ConfigError::value(&repository.place, key, message).into());
                }
                priorities.extend(repository.priority.map(|priority| (archive.name.clone(), priority)));
                archives.push(archive);
            }
        }
        let mut hooks = Vec::new();
        for (at, file) in self.hooks.iter().enumerate() {
            let text = fs::read_to_string(file).at("read", file);
            let text = text.map_err(|source| self.named(&format!("hooks.{at}"), source))?;
            hooks.push(Hook { name: file.name().to_owned(), text });
        }
        let architecture = self.architecture.clone().unwrap_or(architecture);
        let spec = ChrootSpec::new(self.suite.clone(), architecture, archives)
            .with_host(self.host.clone())
            .with_variant(self.variant)
            .with_include(self.include.clone())
            .with_hooks(hooks)
            .with_priorities(priorities.into_iter().collect())
            .with_environment(self.environment.clone())
            .with_apt_options(self.apt_options.clone());
        Ok(spec)
    }

    /// A digest over all that it says and all that the files hold which it names, short of asking the archives.
    ///
    /// # Errors
    /// [`ProfileError::Named`] for a file that cannot be read.
    pub fn content(&self) -> Result<Sha256, ProfileError> {
        let mut key = KeyHasher::new("profile v1");
        for leaf in self.values() {
            if leaf.key != "description" {
                key.part(&leaf.key, &leaf.value);
            }
        }
        let numbered = |name: &'static str, files: &[AbsPath]| -> Vec<(String, AbsPath)> {
            files.iter().enumerate().map(|(at, file)| (format!("{name}.{at}"), file.clone())).collect()
        };
        let mut files = numbered("keyrings", &self.keyrings);
        files.extend(numbered("hooks", &self.hooks));
        let keys = self.repositories.iter().filter_map(|one| Some((&one.name, one.key.clone()?)));
        files.extend(keys.map(|(name, file)| (format!("repositories.{name}.key"), file)));
        for (name, file) in files {
            let bytes = fs::read(&file).at("read", &file).map_err(|source| self.named(&name, source))?;
            key.part("file", Sha256::of(&bytes).to_string());
        }
        Ok(key.finish())
    }

    fn named(&self, key: &str, source: debbuild_core::path::FileError) -> ProfileError {
        ProfileError::Named { place: self.place(key).clone(), key: key.to_owned(), source }
    }

    /// The suite and its companions.
    async fn own_archives(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        host: &HostPart,
    ) -> Result<Vec<Archive>, ProfileError> {
        let Some(first) = self.mirrors.first() else {
            return self.of_host(cx, reader, host, &self.suite, &self.companions, &self.components).await;
        };
        let endings = std::iter::once("").chain(self.companions.iter().map(String::as_str));
        let mut archives = Vec::new();
        for ending in endings {
            let suite = SuiteName::new(&format!("{}{ending}", self.suite));
            let wrong = |error: debbuild_core::name::NameError| {
                ConfigError::value(self.place("companions"), "companions", error.to_string())
            };
            let suite = suite.map_err(wrong)?;
            let archive = Archive::new(suite.to_string(), first.clone(), suite, self.keyring(host));
            let archive = archive.with_uris(self.mirrors.clone()).with_components(self.components.clone());
            archives.push(archive.with_check_valid_until(self.check_valid_until));
        }
        Ok(archives)
    }

    fn keyring(&self, host: &HostPart) -> Keyring {
        if self.keyrings.is_empty() { host.keyring.clone() } else { Keyring::Files(self.keyrings.clone()) }
    }

    /// The archives of a repository, named after it: one, if the machine's sources do not have its suite more than once.
    async fn repository(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        host: &HostPart,
        repository: &Repository,
    ) -> Result<Vec<Archive>, ProfileError> {
        let Repository { name, uri, suite, components, .. } = repository;
        let components = if components.is_empty() && uri.is_none() { &self.components } else { components };
        let uris = uri.as_ref().map_or_else(|| self.mirrors.clone(), |uri| vec![uri.clone()]);
        let mut archives = match uris.first() {
            None => self.of_host(cx, reader, host, suite, &[], components).await?,
            Some(first) => {
                let archive = Archive::new(name, first.clone(), suite.clone(), self.keyring(host));
                vec![archive.with_uris(uris).with_components(components.clone())]
            }
        };
        for (at, archive) in archives.iter_mut().enumerate() {
            archive.name = if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) };
            if let Some(key) = &repository.key {
                archive.signed_by = Keyring::Files(vec![key.clone()]);
                archive.signers.clear();
            }
            archive.check_valid_until &= self.check_valid_until && repository.check_valid_until;
        }
        Ok(archives)
    }

    /// What the machine's own archives have of a suite, checked with the keys of the profile.
    async fn of_host(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        host: &HostPart,
        suite: &SuiteName,
        endings: &[String],
        components: &[ComponentName],
    ) -> Result<Vec<Archive>, ProfileError> {
        let mut entries = host.entries.clone();
        for entry in &mut entries {
            if !self.keyrings.is_empty() {
                entry.signed_by = SignedBy::default();
                entry.signed_by.files.clone_from(&self.keyrings);
            }
            entry.check_valid_until &= self.check_valid_until;
            if !components.is_empty() {
                entry.components = components.to_vec();
            }
        }
        let query = HostQuery::new(suite.clone(), host.owners.clone(), host.keyring.clone());
        let found = host_archives(cx, reader, &entries, &query.with_endings(endings.to_vec())).await?;
        Ok(found.archives)
    }
}
