//! Reading of lock files: what this version does not know is refused, with its place in the file.

use serde::Deserialize;

use super::{LOCK_SCHEMA, LockFile};
use crate::error::{Class, Classify};

/// Why a text is not a lock that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It is not JSON, has a field that no lock has, or a value that cannot be; the message names line and column.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// It is of another version of the schema.
    #[error("its schema is {found}, and this version reads {}", LOCK_SCHEMA)]
    Schema {
        /// The version of its schema.
        found: u64,
    },
}

impl Classify for LockError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// What every version of the schema has.
#[derive(Deserialize)]
struct Head {
    schema: u64,
}

impl LockFile {
    /// Reads a lock file.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, LockError> {
        // First of all: what else is in a file of another version may be anything.
        let Head { schema } = serde_json::from_slice(bytes)?;
        if schema != u64::from(LOCK_SCHEMA) {
            return Err(LockError::Schema { found: schema });
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}
