//! The secrets of a lease: the fencing token, of which stores keep only the hash, and the identity of a worker process.

use std::{fmt, str::FromStr};

use debbuild_core::{
    digest::Sha256,
    error::{Class, Classify},
};

/// The fencing token of a lease: 128 random bits. Whoever shows it may speak for the attempt; stores keep its hash only.
#[derive(Clone, PartialEq, Eq)]
pub struct LeaseToken([u8; 16]);

impl LeaseToken {
    /// A new token from the system's random source.
    #[must_use]
    pub fn random() -> Self {
        // A version 4 UUID has 122 random bits; the hash of two of them has all 128.
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        let mut token = [0; 16];
        token.copy_from_slice(&Sha256::of(&seed).as_bytes()[..16]);
        Self(token)
    }

    /// What a store keeps and compares.
    #[must_use]
    pub fn hash(&self) -> Sha256 {
        Sha256::of(&self.0)
    }

    /// The secret itself as 32 hex digits: for the worker's own spool only, never for logs.
    #[must_use]
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseToken(..)")
    }
}

impl FromStr for LeaseToken {
    type Err = LeaseTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut token = [0; 16];
        hex::decode_to_slice(text, &mut token).map_err(|_| LeaseTokenError)?;
        Ok(Self(token))
    }
}

/// Text that is not a lease token. The text is not shown: it may be a mistyped secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lease token of 32 hex digits")]
pub struct LeaseTokenError;

impl Classify for LeaseTokenError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// One start of a worker process: a worker that is restarted under its old name is another instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerInstance(uuid::Uuid);

impl WorkerInstance {
    /// A new instance.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }
}

impl fmt::Display for WorkerInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for WorkerInstance {
    type Err = super::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| super::NameError { kind: "worker instance", text: text.to_owned() })
    }
}
