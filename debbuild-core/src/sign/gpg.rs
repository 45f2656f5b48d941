//! Signing by gpg(1) with a key in a home of our own: never the user's keyring, no agent left behind.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{Fingerprint, SignError, Signer};
use crate::{
    blocking,
    command::{Capture, CommandError, CommandRunner, CommandRunnerExt as _, CommandSpec, Stdin},
    context::Context,
    file_lock::FileLock,
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
    /// The key to sign with; if none is named, the only one in the home, made on first use.
    pub key: Option<Fingerprint>,
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
        Self { home, sockets, key: None, user_id, algorithm: KeyAlgorithm::default() }
    }

    /// Signs with this key, which must be in the home.
    #[must_use]
    pub fn with_key(mut self, key: Fingerprint) -> Self {
        self.key = Some(key);
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

#[derive(Debug, Clone)]
struct Key {
    fingerprint: Fingerprint,
    /// When its newest part was made, in seconds: it cannot sign as of an earlier time.
    created: i64,
}

/// Signs by gpg as of the context's clock (or the key's own birth, if that is later). One process at a time uses the home.
#[derive(Debug)]
pub struct GpgSigner {
    runner: Arc<dyn CommandRunner>,
    options: GpgOptions,
    key: OnceCell<Key>,
}

/// The home while this process has it to itself, under a short name.
#[derive(Debug)]
struct Home {
    // Held until the agent has stopped.
    _lock: FileLock,
    folder: tempfile::TempDir,
    link: AbsPath,
}

impl GpgSigner {
    /// A signer; nothing is made or read before the first use.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, options: GpgOptions) -> Self {
        Self { runner, options, key: OnceCell::new() }
    }

    async fn open(&self, cx: &Context) -> Result<Home, SignError> {
        let home = self.options.home.clone();
        blocking::run(move || make_home(&home)).await?;
        let lock = FileLock::acquire(cx, &self.options.home.join(".debbuild-lock")).await?;
        let (home, sockets) = (self.options.home.clone(), self.options.sockets.clone());
        blocking::run(move || {
            let folder = tempfile::Builder::new()
                .prefix("gpg")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(&sockets)
                .at("create a folder in", &sockets)?;
            let link = folder.path().join("h");
            symlink(&home, &link).at("link", &home)?;
            let link = AbsPath::new(&link).map_err(|error| SignError::NoKey(error.to_string()))?;
            Ok(Home { _lock: lock, folder, link })
        })
        .await
    }

    /// Stops the agent; its sockets must not outlive the lock.
    async fn close(&self, home: Home) {
        let spec = CommandSpec::new("gpgconf").with_env("GNUPGHOME", home.link.as_str()).with_args(["--kill", "all"]);
        // Also after a cancellation; an agent that does not answer ends by itself when its folder goes.
        let _stopped = self.runner.output(&Context::new(), &spec).await;
        let _left = blocking::run(move || home.folder.close()).await;
    }

    fn command(&self, home: &Home) -> CommandSpec {
        CommandSpec::new("gpg").with_env("GNUPGHOME", home.link.as_str()).with_args([
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

    /// The key: found in the home, or made there.
    async fn key(&self, cx: &Context) -> Result<Key, SignError> {
        let find = || async {
            let home = self.open(cx).await?;
            let key = self.find_or_make(cx, &home).await;
            self.close(home).await;
            key
        };
        self.key.get_or_try_init(find).await.cloned()
    }

    async fn find_or_make(&self, cx: &Context, home: &Home) -> Result<Key, SignError> {
        let place = &self.options.home;
        let found = self.list(cx, home).await?;
        match (&self.options.key, found.as_slice()) {
            (Some(wanted), keys) => keys
                .iter()
                .find(|key| key.fingerprint == *wanted)
                .cloned()
                .ok_or_else(|| SignError::NoKey(format!("{place} has no secret key {wanted}"))),
            (None, [key]) => Ok(key.clone()),
            (None, []) => self.make(cx, home).await,
            (None, [..]) => Err(SignError::NoKey(format!("{place} has several secret keys: name one"))),
        }
    }

    async fn list(&self, cx: &Context, home: &Home) -> Result<Vec<Key>, SignError> {
        let spec = self.command(home).with_args(["--with-colons", "--list-secret-keys"]);
        let listing = self.runner.output(cx, &spec).await?;
        Ok(parse_listing(&String::from_utf8_lossy(&listing)))
    }

    async fn make(&self, cx: &Context, home: &Home) -> Result<Key, SignError> {
        cx.note(format!("making an archive signing key in {}", self.options.home));
        let algorithm = match self.options.algorithm {
            KeyAlgorithm::Ed25519 => "ed25519",
            KeyAlgorithm::Rsa4096 => "rsa4096",
        };
        let spec = at_time(self.command(home), cx.now().seconds())
            .with_args(["--cert-digest-algo", "SHA512", "--quick-generate-key"])
            .with_args([self.options.user_id.as_str(), algorithm, "sign", "never"]);
        self.runner.output(cx, &spec).await?;
        let folder = self.options.home.clone();
        blocking::run(move || {
            let opened = File::open(&folder).at("open", &folder)?;
            rustix::fs::syncfs(&opened).map_err(std::io::Error::from).at("sync", &folder)
        })
        .await?;
        let missing = || SignError::NoKey(format!("gpg made no key in {}", self.options.home));
        self.list(cx, home).await?.into_iter().next().ok_or_else(missing)
    }

    async fn sign(&self, cx: &Context, how: &[&str], data: &[u8]) -> Result<Vec<u8>, SignError> {
        let key = self.key(cx).await?;
        let home = self.open(cx).await?;
        let signed = self.sign_with(cx, &home, &key, how, data).await;
        self.close(home).await;
        signed
    }

    async fn sign_with(
        &self,
        cx: &Context,
        home: &Home,
        key: &Key,
        how: &[&str],
        data: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let output = AbsPath::new(home.folder.path().join("signed")).map_err(|e| SignError::NoKey(e.to_string()))?;
        let spec = at_time(self.command(home), cx.now().seconds().max(key.created))
            .with_args(["--status-fd", "1", "--digest-algo", "SHA512", "--no-comments", "--no-emit-version"])
            .with_args(["--local-user", key.fingerprint.as_str(), "--output", output.as_str()])
            .with_args(how.iter().copied())
            .with_stdin(Stdin::Bytes(data.to_vec()));
        let mut said = Capture::default();
        let exit = self.runner.run(cx, &spec, &mut said).await?;
        if !exit.success() {
            let tail = String::from_utf8_lossy(&said.stderr).trim().replace('\n', "; ");
            return Err(CommandError::Failed { program: "gpg".to_owned(), exit, tail }.into());
        }
        if !said.stdout.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"[GNUPG:] SIG_CREATED ")) {
            let reason = "it did not say that it made one".to_owned();
            return Err(SignError::NotSigned { tool: "gpg".to_owned(), reason });
        }
        blocking::run(move || fs::read(&output).at("read", &output)).await.map_err(SignError::from)
    }
}

/// The command with gpg's clock standing still at this time (seconds since 1970).
fn at_time(spec: CommandSpec, seconds: i64) -> CommandSpec {
    spec.with_arg(format!("--faked-system-time={}!", seconds.max(0)))
}

fn make_home(home: &AbsPath) -> Result<(), SignError> {
    if !home.as_std().is_dir() {
        fs::create_dir_all(home.parent()).at("create", &home.parent())?;
        match DirBuilder::new().mode(0o700).create(home) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.at("create", home)?,
        }
    }
    let mode = fs::metadata(home).at("look at", home)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(home, Permissions::from_mode(0o700)).at("protect", home)?;
    }
    Ok(())
}

/// Reads `--with-colons` lines (GnuPG's doc/DETAILS): field 1 type, 2 validity, 6 creation, 10 fingerprint.
fn parse_listing(listing: &str) -> Vec<Key> {
    let mut keys: Vec<(bool, i64, Option<Fingerprint>)> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or("");
        let created = field(5).parse().unwrap_or(0);
        match (field(0), keys.last_mut()) {
            ("sec", _) => keys.push((!matches!(field(1), "e" | "r" | "d" | "i"), created, None)),
            ("ssb", Some(key)) => key.1 = key.1.max(created),
            ("fpr", Some(key)) if key.2.is_none() => key.2 = Fingerprint::new(field(9)).ok(),
            _ => {}
        }
    }
    keys.into_iter()
        .filter(|(usable, ..)| *usable)
        .filter_map(|(_, created, fingerprint)| Some(Key { fingerprint: fingerprint?, created }))
        .collect()
}

#[async_trait]
impl Signer for GpgSigner {
    async fn public_key(&self, cx: &Context) -> Result<Vec<u8>, SignError> {
        let key = self.key(cx).await?;
        let home = self.open(cx).await?;
        let spec = self.command(&home).with_args(["--export", key.fingerprint.as_str()]);
        let exported = self.runner.output(cx, &spec).await;
        self.close(home).await;
        match exported? {
            bytes if bytes.is_empty() => Err(SignError::NoKey(format!("gpg exported nothing for {}", key.fingerprint))),
            bytes => Ok(bytes),
        }
    }

    async fn fingerprint(&self, cx: &Context) -> Result<Fingerprint, SignError> {
        Ok(self.key(cx).await?.fingerprint)
    }

    async fn clear_sign(&self, cx: &Context, text: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign(cx, &["--clearsign"], text).await
    }

    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign(cx, &["--armor", "--detach-sign"], data).await
    }
}
