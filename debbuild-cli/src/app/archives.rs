//! The archives of this machine: APT's own source lists and keyrings, read here and understood by core.

use std::{fs, io, sync::Arc};

use debbuild_chroot::profile::HostPart;
use debbuild_core::{
    acquire::{
        ArchiveReader,
        fetch::{HttpOptions, SchemeFetch, Uri},
        seen::FolderLastSeen,
        sources::{HostArchives, HostQuery, SourceList, host_archives, vendors},
    },
    context::Context,
    error::Class,
    name::SuiteName,
    path::{AbsPath, FileError, IoResultExt as _},
    sign::{Keyring, ToolVerifier, detect},
};

use super::{App, AppError, Failure, settings::unusable, units::parse_size};

/// Who made this machine's distribution, dpkg(1): the Origin of the archives that own its suites.
const VENDORS: &str = "/etc/dpkg/origins/default";

impl App {
    /// A folder below the state folder, made where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &'static str) -> Result<AbsPath, AppError> {
        let folder = self.home().join(name);
        fs::create_dir_all(&folder).at("create", &folder)?;
        Ok(folder)
    }

    /// Checks signatures, with the tools that this machine has.
    ///
    /// # Errors
    /// Class `infrastructure` when there is no tool.
    pub async fn verifier(&self, cx: &Context) -> Result<ToolVerifier, AppError> {
        Ok(detect(cx, Arc::clone(self.runner()), self.folder("scratch")?).await?)
    }

    /// Reads archives into the blob store.
    ///
    /// # Errors
    /// When the state folder cannot be made, or there is no tool to check signatures.
    pub async fn reader(&self, cx: &Context) -> Result<ArchiveReader, AppError> {
        let verifier = self.verifier(cx).await?;
        let seen = FolderLastSeen::open(self.home().join("seen"))?;
        let fetch = SchemeFetch::with_http(self.http()?)?;
        let scratch = self.folder("scratch")?;
        Ok(ArchiveReader::new(Arc::new(fetch), Arc::new(verifier), self.blobs()?, Arc::new(seen), scratch))
    }

    /// How archives are asked, by the settings.
    ///
    /// # Errors
    /// Class `config` when the proxy's address is none, or the bandwidth no size.
    pub fn http(&self) -> Result<HttpOptions, AppError> {
        let proxy = match self.settings().archives.proxy.as_str() {
            "" => None,
            text => Some(Uri::new(text).map_err(|e| unusable(&self.layers, "archives.proxy", e.to_string()))?),
        };
        let gateway = &self.settings().gateway;
        let bandwidth = self.size_of("gateway.bandwidth", &gateway.bandwidth)?;
        let options = HttpOptions::new().with_attempts(gateway.attempts).with_patience(gateway.patience);
        let connect = options.connect_timeout.min(gateway.timeout);
        let least = options.least_speed;
        let options = options.with_timeouts(connect, gateway.timeout).with_least_speed(least, gateway.timeout);
        let options = options.with_bandwidth(bandwidth);
        let options = options.with_parallel(gateway.parallel).with_foreign_redirects(gateway.foreign_redirects);
        Ok(options.with_proxy(proxy))
    }

    /// The size in bytes that a setting has as text; none where it is empty.
    pub(super) fn size_of(&self, key: &str, text: &str) -> Result<Option<u64>, AppError> {
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(parse_size(text).map_err(|error| unusable(&self.layers, key, error.to_string()))?))
    }

    /// What this machine's APT source lists say, in the order of the setting `archives.sources`.
    ///
    /// # Errors
    /// When a file cannot be read; one that is not there is passed over.
    pub fn source_lists(&self) -> Result<SourceList, AppError> {
        let mut list = SourceList::default();
        for file in self.files("archives.sources", &self.settings().archives.sources, &["list", "sources"])? {
            let text = fs::read_to_string(&file).at("read", &file)?;
            list = list.merged(SourceList::read(file.as_str(), &text));
        }
        Ok(list)
    }

    /// The keyring for entries that name none.
    ///
    /// # Errors
    /// When a folder of the setting `archives.keyrings` cannot be read.
    pub fn keyring(&self) -> Result<Keyring, AppError> {
        Ok(Keyring::Files(self.files("archives.keyrings", &self.settings().archives.keyrings, &["gpg", "asc"])?))
    }

    /// The archives that make a suite, from this machine's own source lists: with its updates and security suites.
    ///
    /// # Errors
    /// Class `config` when no entry of the suite's own vendor has it; else what opening an archive gave.
    pub async fn archives(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        suite: &SuiteName,
    ) -> Result<HostArchives, AppError> {
        let host = self.host_part(cx)?;
        let query = HostQuery::new(suite.clone(), host.owners, host.keyring);
        Ok(host_archives(cx, reader, &host.entries, &query).await?)
    }

    /// What this machine's APT sources give; what in them cannot be used is a warning.
    pub(super) fn host_part(&self, cx: &Context) -> Result<HostPart, AppError> {
        let list = self.source_lists()?;
        for problem in &list.problems {
            cx.warn(problem.to_string());
        }
        Ok(HostPart::new(list.entries, self.owners()?, self.keyring()?))
    }

    /// Whose archives are taken: the setting, else the vendors of this machine.
    fn owners(&self) -> Result<Vec<String>, AppError> {
        let named = &self.settings().archives.owners;
        if !named.is_empty() {
            return Ok(named.clone());
        }
        let hint = "name them: --set archives.owners=Debian";
        match fs::read_to_string(VENDORS) {
            Ok(text) => Ok(vendors(&text)),
            Err(error) => {
                let message = format!("cannot tell whose archives to take: {VENDORS}: {error}");
                Err(Failure::new(Class::Config, message).with_hint(hint).into())
            }
        }
    }

    /// The files that a setting names, folders read in the order of their names for files with these endings, as APT does.
    fn files(&self, key: &str, named: &[String], endings: &[&str]) -> Result<Vec<AbsPath>, AppError> {
        let mut files = Vec::new();
        for text in named {
            let path = AbsPath::new(text).map_err(|error| unusable(&self.layers, key, error.to_string()))?;
            match fs::read_dir(&path) {
                Ok(entries) => {
                    let mut inside = Vec::new();
                    for entry in entries {
                        let name = entry.at("read", &path)?.file_name();
                        let taken = name.to_str().filter(|name| {
                            let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
                            !stem.is_empty() && endings.contains(&ending)
                        });
                        inside.extend(taken.and_then(|name| path.child(name).ok()));
                    }
                    inside.sort_unstable();
                    files.extend(inside);
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => files.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError { action: "read", path, source }.into()),
            }
        }
        Ok(files)
    }
}
