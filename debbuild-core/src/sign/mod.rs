//! OpenPGP by the proven tools: signing by gpg or an external command, verifying by sqv or gpgv.

pub mod armor;
#[cfg(feature = "testing")]
pub mod conformance;
mod detect;
mod external;
mod frame;
mod gpg;
mod gpgv;
mod keyring;
mod memory;
mod sqv;
mod status;
mod workspace;

use std::fmt;

use async_trait::async_trait;
pub use detect::{ToolVerifier, detect};
pub use external::{ExternalOptions, ExternalSigner};
pub use gpg::{GpgOptions, GpgSigner, KeyAlgorithm, KeyRole, SigningKey};
pub use gpgv::GpgvVerifier;
pub use keyring::KeyringPackage;
pub use memory::{MemorySigner, MemoryVerifier};
pub use sqv::SqvVerifier;

use crate::{
    cancel::Cancelled,
    clock::Timestamp,
    command::CommandError,
    context::Context,
    error::{Class, Classify},
    file_lock::FileLockError,
    path::{AbsPath, FileError},
};

/// The fingerprint of an OpenPGP key: 40 (or 64) upper-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Takes 40 or 64 hex digits, in either case, with or without spaces.
    ///
    /// # Errors
    /// [`SignError::Fingerprint`].
    pub fn new(text: &str) -> Result<Self, SignError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
        if matches!(digits.len(), 40 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(digits))
        } else {
            Err(SignError::Fingerprint(text.to_owned()))
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Keys that signatures are checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keyring {
    /// Keyring files (binary or armored) as `Signed-By` names them.
    Files(Vec<AbsPath>),
    /// Keys as bytes (binary or armored), as an embedded `Signed-By` or a lock has them.
    Bytes(Vec<u8>),
}

/// A good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The primary key that made it.
    pub fingerprint: Fingerprint,
    /// When it was made, by the signer's clock, where the verifier says so.
    pub made: Option<Timestamp>,
}

impl Signature {
    /// A good signature by this key.
    #[must_use]
    pub const fn new(fingerprint: Fingerprint, made: Option<Timestamp>) -> Self {
        Self { fingerprint, made }
    }
}

/// Text that a verifier vouches for, and by whose signature. Parsers of signed files take only this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    text: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Verified {
    /// For verifiers only: text with at least one good signature.
    #[must_use]
    pub fn vouch(text: Vec<u8>, signatures: Vec<Signature>) -> Self {
        Self { text, signatures }
    }

    /// The signed text, exactly as the verifier wrote it out.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The good signatures.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

/// Why signing or verifying did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Not a fingerprint.
    #[error("not an OpenPGP fingerprint: {0:?}")]
    Fingerprint(String),
    /// No good signature by a key of the keyring.
    #[error("no good signature on {what}: {reason}")]
    NotVerified {
        /// What was checked.
        what: String,
        /// The verifier's reason.
        reason: String,
    },
    /// There is no key to sign with, or to check against.
    #[error("no key: {0}")]
    NoKey(String),
    /// The keys of this home, or of this command, are made and changed by somebody else.
    #[error("the keys of {0} are not managed by debbuild")]
    Managed(String),
    /// A keyring is not one that OpenPGP tools can read.
    #[error("cannot use keyring {what}: {reason}")]
    Keyring {
        /// The file, or the field that embeds it.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The signing tool ended well but did not give a signature.
    #[error("no signature from {tool}: {reason}")]
    NotSigned {
        /// The tool.
        tool: String,
        /// What was missing.
        reason: String,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The tool could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The lock of the key's home could not be had.
    #[error(transparent)]
    Lock(#[from] FileLockError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Classify for SignError {
    fn class(&self) -> Class {
        match self {
            Self::Fingerprint(_) => Class::Usage,
            Self::NotVerified { .. } => Class::Verification,
            Self::NoKey(_) | Self::Managed(_) | Self::Keyring { .. } => Class::Config,
            Self::NotSigned { .. } => Class::Infrastructure,
            Self::Cancelled(_) => Class::Cancelled,
            Self::Command(error) => error.class(),
            Self::Lock(error) => error.class(),
            Self::File(error) => error.class(),
        }
    }
}

/// Signs with one key, or (while one follows another) with several, which it may not be able to read itself.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public keys of all that sign, binary (not armored), as apt's `Signed-By` files are.
    ///
    /// # Errors
    /// [`SignError`].
    async fn public_key(&self, cx: &Context) -> Result<Vec<u8>, SignError>;

    /// The fingerprints of all keys that sign, oldest first; never empty.
    ///
    /// # Errors
    /// [`SignError`].
    async fn fingerprints(&self, cx: &Context) -> Result<Vec<Fingerprint>, SignError>;

    /// The fingerprint of the key that has signed for longest: what records name.
    ///
    /// # Errors
    /// [`SignError`].
    async fn fingerprint(&self, cx: &Context) -> Result<Fingerprint, SignError> {
        let first = self.fingerprints(cx).await?.into_iter().next();
        first.ok_or_else(|| SignError::NoKey("nothing signs".to_owned()))
    }

    /// The text with the signatures around it, as in InRelease and .dsc files.
    ///
    /// # Errors
    /// [`SignError`].
    async fn clear_sign(&self, cx: &Context, text: &[u8]) -> Result<Vec<u8>, SignError>;

    /// An armored detached signature, as in Release.gpg.
    ///
    /// # Errors
    /// [`SignError`].
    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The armored detached signature and the text with the signatures around it, as Release.gpg and InRelease are: at once,
    /// where starting the tool costs more than signing.
    ///
    /// # Errors
    /// [`SignError`].
    async fn sign_release(&self, cx: &Context, text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), SignError> {
        Ok((self.detach_sign(cx, text).await?, self.clear_sign(cx, text).await?))
    }
}

/// Checks signatures.
#[async_trait]
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Checks a clear-signed text (InRelease, .dsc, .changes) at time `at` (now, or the time kept in a lock).
    ///
    /// # Errors
    /// [`SignError::NotVerified`] unless a key of the ring made a good signature over the whole text.
    async fn verify_clear(
        &self,
        cx: &Context,
        what: &str,
        signed: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError>;

    /// Checks a detached signature over `data`.
    ///
    /// # Errors
    /// [`SignError::NotVerified`] unless a key of the ring made a good signature over `data`.
    async fn verify_detached(
        &self,
        cx: &Context,
        what: &str,
        data: &[u8],
        signature: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError>;
}

#[cfg(test)]
mod tests;
