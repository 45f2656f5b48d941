//! Who signs what is published, as it is configured.

use std::{fs, sync::Arc};

use debbuild_core::{
    context::Context,
    error::Class,
    name::{PackageName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::Repository,
    sign::{
        ExternalOptions, ExternalSigner, Fingerprint, GpgOptions, GpgSigner, KeyRole, Keyring, KeyringPackage, Signer,
        SigningKey, armor,
    },
    version::Version,
};
use serde_json::{Value, json};

use super::{App, AppError, Failure, SignMethod, settings};

/// What a keyring package is called and holds besides the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyringOrder {
    /// The archive; the package is `NAME-archive-keyring`.
    pub name: PackageName,
    /// Its version; without, the time at which the keys changed last.
    pub version: Option<Version>,
    /// Its maintainer.
    pub maintainer: String,
    /// Where clients reach the repository; then a `.sources` file is in the package.
    pub uri: Option<String>,
    /// The folder that it is written to.
    pub into: AbsPath,
}

impl KeyringOrder {
    /// A keyring package for the archive of this name.
    #[must_use]
    pub fn new(name: PackageName, maintainer: impl Into<String>, into: AbsPath) -> Self {
        Self { name, version: None, maintainer: maintainer.into(), uri: None, into }
    }

    /// With this version.
    #[must_use]
    pub fn with_version(mut self, version: Option<Version>) -> Self {
        self.version = version;
        self
    }

    /// With a `.sources` file for this address.
    #[must_use]
    pub fn with_uri(mut self, uri: Option<String>) -> Self {
        self.uri = uri;
        self
    }
}

impl App {
    /// Who signs what this user publishes, as `[sign]` says; its own key is made on first use.
    ///
    /// # Errors
    /// Class `config` when `[sign]` lacks something.
    pub fn signer(&self) -> Result<Arc<dyn Signer>, AppError> {
        if self.settings().sign.method == SignMethod::Command {
            return Ok(Arc::new(ExternalSigner::new(Arc::clone(self.runner()), self.sign_commands()?)));
        }
        Ok(Arc::new(self.gpg_signer()?))
    }

    fn gpg_home(&self) -> Result<AbsPath, AppError> {
        match self.settings().sign.home.as_str() {
            "" => Ok(self.home().join("keys/archive")),
            text => AbsPath::new(text).map_err(|error| self.unusable("sign.home", error.to_string())),
        }
    }

    fn gpg_signer(&self) -> Result<GpgSigner, AppError> {
        // Paths of sockets may have 108 bytes, so their folder cannot lie in the state folder.
        let sockets = AbsPath::new("/tmp").unwrap_or_else(|_| self.home().clone());
        let options = GpgOptions::new(self.gpg_home()?, sockets).with_keys(self.fingerprints()?);
        let options = match self.settings().sign.method {
            SignMethod::Own => options,
            SignMethod::Agent if options.keys.is_empty() => {
                return Err(self.unusable("sign.keys", "name the keys that sign: the home is not debbuild's own"));
            }
            SignMethod::Agent => options.with_running_agent(),
            SignMethod::Command => {
                let failure = Failure::new(Class::Config, "the keys of sign.clear are not managed by debbuild");
                return Err(failure.with_hint("change them where the command has them, then sign.public-key").into());
            }
        };
        Ok(GpgSigner::new(Arc::clone(self.runner()), options))
    }

    fn fingerprints(&self) -> Result<Vec<Fingerprint>, AppError> {
        let read = |text: &String| Fingerprint::new(text).map_err(|e| self.unusable("sign.keys", e.to_string()));
        self.settings().sign.keys.iter().map(read).collect()
    }

    fn sign_commands(&self) -> Result<ExternalOptions, AppError> {
        let sign = &self.settings().sign;
        for (key, argv) in [("sign.clear", &sign.clear), ("sign.detached", &sign.detached)] {
            if argv.is_empty() {
                return Err(self.unusable(key, "the command is missing"));
            }
        }
        let file = AbsPath::new(&sign.public_key).map_err(|e| self.unusable("sign.public-key", e.to_string()))?;
        let keys = armor::dearmor(&fs::read(&file).at("read", &file)?)
            .map_err(|error| self.unusable("sign.public-key", error.to_string()))?;
        let mut fingerprints = self.fingerprints()?.into_iter();
        let first = fingerprints.next().ok_or_else(|| self.unusable("sign.keys", "name the keys that sign"))?;
        let options = ExternalOptions::new(keys, first, sign.clear.clone(), sign.detached.clone());
        let options = fingerprints.fold(options, ExternalOptions::with_key);
        // A command of the user's own may need the user's surroundings: a token's socket, a home.
        let pass = ["HOME", "GNUPGHOME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "PATH"];
        let known = pass.into_iter().filter_map(|key| Some((key, self.machine().variables.get(key)?)));
        Ok(known.fold(options, |options, (key, value)| options.with_env(key, value)))
    }

    fn unusable(&self, key: &str, message: impl Into<String>) -> AppError {
        settings::unusable(&self.layers, key, message).into()
    }

    /// The public keys of [`App::signer`], unless there is none yet.
    ///
    /// # Errors
    /// Class `config` when nothing was ever signed here.
    pub async fn signing_keys(&self, cx: &Context) -> Result<Keyring, AppError> {
        if self.settings().sign.method == SignMethod::Own && !self.gpg_home()?.as_std().is_dir() {
            let failure = Failure::new(Class::Config, "nothing was published from this state folder, so it has no key");
            return Err(failure.with_hint("name a keyring: --keyring FILE").into());
        }
        Ok(Keyring::Bytes(self.signer()?.public_key(cx).await?))
    }

    /// The keys that sign, those that did, and others of the same home. None is made.
    ///
    /// # Errors
    /// Those of [`App::signer`].
    pub async fn keys(&self, cx: &Context) -> Result<Vec<SigningKey>, AppError> {
        match self.settings().sign.method {
            SignMethod::Command => {
                Ok(self.fingerprints()?.into_iter().map(|key| SigningKey::new(key, KeyRole::Signing)).collect())
            }
            SignMethod::Own if !self.gpg_home()?.as_std().is_dir() => Ok(Vec::new()),
            _ => Ok(self.gpg_signer()?.keys(cx).await?),
        }
    }

    /// Makes one more key, which signs beside the others until those are retired.
    ///
    /// # Errors
    /// Class `config` when the keys are not debbuild's own.
    pub async fn key_rotate(&self, cx: &Context) -> Result<Fingerprint, AppError> {
        Ok(self.gpg_signer()?.rotate(cx).await?)
    }

    /// Lets a key sign no more.
    ///
    /// # Errors
    /// Class `config` when it does not sign, or is the only one that does.
    pub async fn key_retire(&self, cx: &Context, key: &Fingerprint) -> Result<(), AppError> {
        Ok(self.gpg_signer()?.retire(cx, key).await?)
    }

    /// Builds a keyring package with all keys that sign a suite and those that did, and returns its path.
    ///
    /// # Errors
    /// Class `usage` when no version is named and it is not known when the keys changed.
    pub async fn keyring_package(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        order: KeyringOrder,
    ) -> Result<AbsPath, AppError> {
        let keys = self.signer()?.public_key(cx).await?;
        let removed = match self.settings().sign.method {
            SignMethod::Own => self.gpg_signer()?.retired_keys(cx).await?,
            _ => Vec::new(),
        };
        let changed = self.keys(cx).await?.into_iter().filter(|key| key.role != KeyRole::Unused);
        let changed = changed.filter_map(|key| key.since).max_by_key(|since| since.millis());
        let version = match (order.version, changed) {
            (Some(version), _) => version,
            (None, Some(changed)) => Version::new(&changed.snapshot_id().replace('T', ".").replace('Z', ""))?,
            (None, None) => {
                let failure = Failure::new(Class::Usage, "it is not known when the keys changed");
                return Err(failure.with_hint("name the version of the package: --version VERSION").into());
            }
        };
        let path = KeyringPackage::keyring_path(&order.name);
        let sources = match &order.uri {
            Some(uri) => Some(repository.sources_file(cx, suite, uri, &path).await?),
            None => None,
        };
        let made = changed.unwrap_or_else(|| cx.now());
        let package = KeyringPackage::new(order.name, version, order.maintainer, made, keys);
        let package = package.with_removed_keys(removed).with_sources(sources);
        Ok(package.build(cx, self.runner(), &self.home().join("scratch"), &order.into).await?)
    }
}

/// A key as every door shows it.
#[must_use]
pub fn key_json(key: &SigningKey) -> Value {
    json!({
        "fingerprint": key.fingerprint.as_str(),
        "role": key.role.as_str(),
        "created": key.created,
        "since": key.since,
    })
}
