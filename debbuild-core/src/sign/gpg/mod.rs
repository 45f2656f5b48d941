//! Signing by gpg(1): with keys in a home of our own, without an agent left behind, or with those of a running agent.

mod home;
mod keys;

use std::{fs, sync::Arc};

use async_trait::async_trait;
use home::Home;
use keys::Key;
pub use keys::{KeyRole, SigningKey};
use tokio::sync::Mutex;

use super::{Fingerprint, SignError, Signer};
use crate::{
    blocking,
    command::{Capture, CommandError, CommandRunner, CommandRunnerExt as _, CommandSpec, Stdin},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

/// The kind of key that is made. Both get SHA-512 self-signatures, which apt and sqv of trixie accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// EdDSA over Curve25519.
    #[default]
    Ed25519,
    /// RSA of 4096 bits, for old clients.
    Rsa4096,
}

/// Where the key lives, and what it is like when it has to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GpgOptions {
    /// The GnuPG home: made with mode 0700 if it is missing.
    pub home: AbsPath,
    /// A short folder (at most 60 bytes) for a private folder with the agent's sockets, whose paths may have 108 bytes.
    pub sockets: AbsPath,
    /// The keys to sign with; if none is named, those that [`GpgSigner::rotate`] made, or the only one, made on first use.
    pub keys: Vec<Fingerprint>,
    /// Whether the home and its agent are somebody else's: nothing is made, locked or stopped there, and the agent asks for
    /// passphrases as it is used to.
    pub running: bool,
    /// The user id of a new key.
    pub user_id: String,
    /// The kind of a new key.
    pub algorithm: KeyAlgorithm,
}

impl GpgOptions {
    /// The only key of `home`, made on first use; sockets in a private folder below `sockets`.
    #[must_use]
    pub fn new(home: AbsPath, sockets: AbsPath) -> Self {
        let user_id = "debbuild archive signing key".to_owned();
        Self { home, sockets, keys: Vec::new(), running: false, user_id, algorithm: KeyAlgorithm::default() }
    }

    /// Signs with these keys, which must be in the home.
    #[must_use]
    pub fn with_keys(mut self, keys: Vec<Fingerprint>) -> Self {
        self.keys = keys;
        self
    }

    /// Uses the home and its agent as they are, for example a user's own with a hardware token.
    #[must_use]
    pub const fn with_running_agent(mut self) -> Self {
        self.running = true;
        self
    }

    /// Gives a new key this user id.
    #[must_use]
    pub fn with_user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = user_id.into();
        self
    }

    /// Makes a new key of this kind.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }
}

/// Signs by gpg as of the context's clock (or the youngest key's own birth, if that is later). One process at a time uses a
/// home of our own.
#[derive(Debug)]
pub struct GpgSigner {
    runner: Arc<dyn CommandRunner>,
    options: GpgOptions,
    known: Mutex<Option<Vec<Key>>>,
}

impl GpgSigner {
    /// A signer; nothing is made or read before the first use.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, options: GpgOptions) -> Self {
        Self { runner, options, known: Mutex::new(None) }
    }

    fn command(&self, home: &Home) -> CommandSpec {
        let spec = CommandSpec::new("gpg").with_env("GNUPGHOME", home.path().as_str());
        if self.options.running {
            return spec.with_args(["--batch", "--no-tty", "--quiet", "--no-auto-check-trustdb"]);
        }
        spec.with_args([
            "--no-options",
            "--batch",
            "--no-tty",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            "--no-auto-check-trustdb",
            "--trust-model",
            "always",
        ])
    }

    async fn export(&self, cx: &Context, keys: &[Fingerprint]) -> Result<Vec<u8>, SignError> {
        let home = self.open(cx).await?;
        let spec = self.command(&home).with_args(["--export-options", "export-minimal", "--export"]);
        let spec = spec.with_args(keys.iter().map(Fingerprint::as_str));
        let exported = self.runner.output(cx, &spec).await;
        self.close(home).await;
        match exported? {
            bytes if bytes.is_empty() => {
                Err(SignError::NoKey(format!("gpg exported nothing from {}", self.options.home)))
            }
            bytes => Ok(bytes),
        }
    }

    async fn sign(&self, cx: &Context, how: How, data: &[u8]) -> Result<Vec<u8>, SignError> {
        let (home, keys) = self.open_for_signing(cx).await?;
        let signed = self.sign_with(cx, &home, &keys, how, data).await;
        self.close(home).await;
        signed
    }

    async fn sign_with(
        &self,
        cx: &Context,
        home: &Home,
        keys: &[Key],
        how: How,
        data: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let output = home.scratch(how.option())?;
        let youngest = keys.iter().map(|key| key.created).max().unwrap_or(0);
        let spec = at_time(self.command(home), cx.now().seconds().max(youngest))
            .with_args(["--status-fd", "1", "--digest-algo", "SHA512", "--no-comments", "--no-emit-version"])
            .with_args(keys.iter().flat_map(|key| ["--local-user", key.fingerprint.as_str()]))
            .with_args(["--output", output.as_str()])
            .with_args(["--armor", how.option()])
            .with_stdin(Stdin::Bytes(data.to_vec()));
        let mut said = Capture::default();
        let exit = self.runner.run(cx, &spec, &mut said).await?;
        if !exit.success() {
            let tail = String::from_utf8_lossy(&said.stderr).trim().replace('\n', "; ");
            return Err(CommandError::Failed { program: "gpg".to_owned(), exit, tail }.into());
        }
        let made = |line: &&[u8]| line.starts_with(b"[GNUPG:] SIG_CREATED ");
        if said.stdout.split(|byte| *byte == b'\n').filter(made).count() != keys.len() {
            let reason = "it did not say that it made one for each key".to_owned();
            return Err(SignError::NotSigned { tool: "gpg".to_owned(), reason });
        }
        blocking::run(move || fs::read(&output).at("read", &output)).await.map_err(SignError::from)
    }
}

/// Where a signature goes.
#[derive(Debug, Clone, Copy)]
enum How {
    Clear,
    Detached,
}

impl How {
    const fn option(self) -> &'static str {
        match self {
            Self::Clear => "--clearsign",
            Self::Detached => "--detach-sign",
        }
    }
}

/// The command with gpg's clock standing still at this time (seconds since 1970).
fn at_time(spec: CommandSpec, seconds: i64) -> CommandSpec {
    spec.with_arg(format!("--faked-system-time={}!", seconds.max(0)))
}

#[async_trait]
impl Signer for GpgSigner {
    async fn public_key(&self, cx: &Context) -> Result<Vec<u8>, SignError> {
        let keys = self.fingerprints(cx).await?;
        self.export(cx, &keys).await
    }

    async fn fingerprints(&self, cx: &Context) -> Result<Vec<Fingerprint>, SignError> {
        Ok(self.signing(cx).await?.into_iter().map(|key| key.fingerprint).collect())
    }

    async fn clear_sign(&self, cx: &Context, text: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign(cx, How::Clear, text).await
    }

    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign(cx, How::Detached, data).await
    }

    async fn sign_release(&self, cx: &Context, text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), SignError> {
        let (home, keys) = self.open_for_signing(cx).await?;
        let signed = tokio::join!(
            self.sign_with(cx, &home, &keys, How::Detached, text),
            self.sign_with(cx, &home, &keys, How::Clear, text)
        );
        self.close(home).await;
        Ok((signed.0?, signed.1?))
    }
}
