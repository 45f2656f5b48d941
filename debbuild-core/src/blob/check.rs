//! What a check of a whole store finds.

use std::fmt;

use crate::{digest::Sha256, error::Class, path::AbsPath};

/// How a store is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Set damaged bytes aside, so that the blob counts as missing and can be put again, and remove what killed writers left.
    pub repair: bool,
}

impl CheckOptions {
    /// Only looks.
    #[must_use]
    pub const fn new() -> Self {
        Self { repair: false }
    }

    /// Whether damaged bytes are set aside and leavings removed.
    #[must_use]
    pub const fn with_repair(mut self, repair: bool) -> Self {
        self.repair = repair;
        self
    }
}

/// Something wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes of a blob are not those of its name.
    Damaged {
        /// The blob.
        id: Sha256,
        /// The digest of its bytes.
        actual: Sha256,
    },
    /// A root names a blob that is not stored.
    Missing {
        /// The blob.
        id: Sha256,
        /// The root, as `OWNER/NAME`.
        root: String,
    },
    /// A root holds something else than ids: nothing is swept until it is mended.
    DamagedRoot {
        /// The root, as `OWNER/NAME`.
        root: String,
    },
    /// Something that is no blob lies among the blobs.
    Foreign {
        /// Where.
        path: AbsPath,
    },
    /// A writer that was killed left this behind.
    Leaving {
        /// Where.
        path: AbsPath,
        /// Its size in bytes.
        size: u64,
    },
}

impl Fault {
    /// The blob that is not there as it should be, if it is about one.
    #[must_use]
    pub const fn blob(&self) -> Option<Sha256> {
        match self {
            Self::Damaged { id, .. } | Self::Missing { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Its name in answers for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "damaged",
            Self::Missing { .. } => "missing",
            Self::DamagedRoot { .. } => "damaged-root",
            Self::Foreign { .. } => "foreign",
            Self::Leaving { .. } => "leaving",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { id, actual } => write!(f, "blob {id} is damaged: its bytes are those of {actual}"),
            Self::Missing { id, root } => write!(f, "blob {id} is missing, and root {root} needs it"),
            Self::DamagedRoot { root } => write!(f, "root {root} is damaged"),
            Self::Foreign { path } => write!(f, "{path} is no blob"),
            Self::Leaving { path, size } => write!(f, "{path} was left by a writer that was killed ({size} bytes)"),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// How many blobs were read.
    pub blobs: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// What is wrong, in order.
    pub faults: Vec<Fault>,
}

impl Checked {
    /// The class of what is wrong, if anything is.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        (!self.faults.is_empty()).then_some(Class::Verification)
    }
}
