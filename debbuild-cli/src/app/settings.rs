//! Settings: the layers of configuration that the contract names, read from this machine into one typed value.

use std::{fs, io, time::Duration};

use debbuild_core::{
    config::{ConfigError, Document, Included, Leaf, Place},
    path::{AbsPath, FileError},
};
use serde::Deserialize;

use super::{AppError, Machine, units};

/// Variables that begin with `DEBBUILD_` but are no settings: switches of the test suite and of the scripts.
fn is_switch(name: &str) -> bool {
    ["DEBBUILD_BIN", "DEBBUILD_UPDATE", "DEBBUILD_INSTALL_RUST"].contains(&name) || name.starts_with("DEBBUILD_TEST_")
}

/// The built-in layer; its keys are all the keys there are.
const DEFAULTS: &str = include_str!("defaults.toml");

/// What this run is configured to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Settings {
    /// The state folder; empty for the default.
    pub home: String,
    /// Where archives and keyrings are found.
    pub archives: ArchiveSettings,
    /// How archives are asked.
    pub gateway: GatewaySettings,
    /// How packages are built.
    pub build: BuildSettings,
    /// How chroots are used.
    pub chroots: ChrootSettings,
    /// Who signs.
    pub sign: SignSettings,
    /// S3-compatible storage.
    pub s3: S3Settings,
    /// How stored bytes are collected.
    pub gc: GcSettings,
}

/// `[archives]`: where archives and keyrings are found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ArchiveSettings {
    /// APT source lists: files or folders.
    pub sources: Vec<String>,
    /// Keyrings for entries without `Signed-By`: files or folders.
    pub keyrings: Vec<String>,
    /// The Origin of the distribution's own archives; empty for the vendors of this machine.
    pub owners: Vec<String>,
    /// A proxy for http and https; empty for none.
    pub proxy: String,
}

/// `[gateway]`: how archives are asked, by the gateway and by whoever reads them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GatewaySettings {
    /// How often one file is tried at one address.
    pub attempts: u32,
    /// How long one file is tried at one address in all.
    #[serde(deserialize_with = "units::duration")]
    pub patience: Duration,
    /// How long a server may be silent, or slower than 100 bytes per second.
    #[serde(deserialize_with = "units::duration")]
    pub timeout: Duration,
    /// The most bytes per second of all transfers together, as a size; empty for no limit.
    pub bandwidth: String,
    /// The most bytes of one file whose size is not known before, as a size; empty for 8 GiB.
    pub file_limit: String,
    /// The most bytes that one session, build or chroot gets, as a size; empty for no limit.
    pub total_limit: String,
    /// The most transfers at a time from one server.
    pub parallel: usize,
    /// Whether a redirect may lead to another host.
    pub foreign_redirects: bool,
}

/// `[build]`: how packages are built.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct BuildSettings {
    /// The ordinary user that builds when debbuild runs as root.
    pub user: String,
}

/// What opens sessions of chroots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BackendName {
    /// Namespaces of an ordinary user.
    Unshare,
    /// systemd-nspawn, as root.
    Nspawn,
    /// schroot, as root.
    Schroot,
}

impl BackendName {
    /// The name that settings and records use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unshare => "unshare",
            Self::Nspawn => "nspawn",
            Self::Schroot => "schroot",
        }
    }
}

/// `[chroots]`: how chroots are used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ChrootSettings {
    /// What opens sessions.
    pub backend: BackendName,
    /// Whether code of packages may run with rights on this machine.
    pub privileged: bool,
}

/// Who signs what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SignMethod {
    /// gpg with keys of debbuild's own.
    Own,
    /// gpg with keys of a home whose agent is somebody else's.
    Agent,
    /// Commands.
    Command,
}

/// `[sign]`: who signs what is published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SignSettings {
    /// Who signs.
    pub method: SignMethod,
    /// The GnuPG home; empty for debbuild's own.
    pub home: String,
    /// Fingerprints of the keys that sign.
    pub keys: Vec<String>,
    /// The command that writes a clear-signed text.
    pub clear: Vec<String>,
    /// The command that writes an armored detached signature.
    pub detached: Vec<String>,
    /// The file with the public keys of the commands.
    pub public_key: String,
}

/// `[s3]`: S3-compatible storage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct S3Settings {
    /// The server; empty for Amazon's own.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// Whether the bucket is a part of the host's name.
    pub virtual_hosted: bool,
    /// The file with access keys.
    pub credentials: String,
    /// The section of that file.
    pub profile: String,
}

/// `[gc]`: how stored bytes are collected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GcSettings {
    /// What is younger stays.
    #[serde(deserialize_with = "units::duration")]
    pub grace: Duration,
}

/// What the command line, or an embedder, says about settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overrides {
    /// One more configuration file, above the others.
    pub config: Option<AbsPath>,
    /// Single keys as (dotted key, text), above everything.
    pub set: Vec<(String, String)>,
}

impl Overrides {
    /// No overrides.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more configuration file.
    #[must_use]
    pub fn with_config(mut self, config: Option<AbsPath>) -> Self {
        self.config = config;
        self
    }

    /// With one key set from text, as `--set KEY=VALUE` does.
    #[must_use]
    pub fn with_set(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.set.push((key.into(), text.into()));
        self
    }
}

/// All layers merged: the typed settings and where each value came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layers {
    pub(super) settings: Settings,
    document: Document,
}

impl Layers {
    /// Reads all layers of this machine.
    pub(super) fn read(machine: &Machine, overrides: &Overrides) -> Result<Self, AppError> {
        let defaults = Document::parse("built-in", DEFAULTS)?;
        let mut document = defaults.clone();
        for file in files(machine) {
            if let Some(layer) = layer(&file, false)? {
                document = document.overlay(layer);
            }
        }
        if let Some(file) = &overrides.config
            && let Some(layer) = layer(file, true)?
        {
            document = document.overlay(layer);
        }
        document = document.overlay(defaults.environment("DEBBUILD_", &machine.variables, &is_switch)?);
        for (key, text) in &overrides.set {
            document = document.overlay(defaults.single(key, text, &Place::named("command line"))?);
        }
        let settings = document.read()?;
        Ok(Self { settings, document })
    }

    pub(super) fn document(&self) -> &Document {
        &self.document
    }

    pub(super) fn leaves(&self) -> Vec<Leaf> {
        self.document.leaves()
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.document.place(key).unwrap_or_else(|| self.document.origin()).clone()
    }
}

/// The configuration files of this machine that may exist, later ones win.
fn files(machine: &Machine) -> Vec<AbsPath> {
    let user = machine.folder("XDG_CONFIG_HOME", ".config");
    let mut files: Vec<AbsPath> = AbsPath::new("/etc/debbuild/config.toml").into_iter().collect();
    files.extend(user.map(|folder| folder.join("debbuild/config.toml")));
    files.push(machine.cwd.join("debbuild.toml"));
    files
}

/// One file with what it includes (paths relative to the file); a missing file is no layer unless it was asked for.
fn layer(file: &AbsPath, must_exist: bool) -> Result<Option<Document>, AppError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) => return Err(FileReadError(FileError { action: "read", path: file.clone(), source: error }).into()),
    };
    let mut load = |origin: &str, name: &str| -> Result<Included, String> {
        let beside = AbsPath::new(origin).map_err(|error| error.to_string())?.parent();
        let path = if name.starts_with('/') { AbsPath::new(name) } else { beside.descend(name) };
        let path = path.map_err(|error| error.to_string())?;
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Included { origin: path.to_string(), text })
    };
    Ok(Some(Document::parse(file.as_str(), &text)?.include("include", &mut load)?))
}

/// A configuration file that cannot be read is a matter of configuration, whatever the reason.
#[derive(Debug, thiserror::Error)]
#[error("configuration file")]
struct FileReadError(#[source] FileError);

impl debbuild_core::error::Classify for FileReadError {
    fn class(&self) -> debbuild_core::error::Class {
        debbuild_core::error::Class::Config
    }
}

/// A setting that has a value of the right kind but cannot be used.
pub(super) fn unusable(layers: &Layers, key: &str, message: impl Into<String>) -> ConfigError {
    ConfigError::value(&layers.place(key), key, message)
}

#[cfg(test)]
mod tests;
