//! Sessions that last: begun once, then used by one process after the other until somebody ends them.

use std::{fmt, str::FromStr};

use debbuild_core::{build::ChrootId, clock::Timestamp};
use uuid::Uuid;

use super::ChrootError;

/// The identity of a session that lasts: 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Uuid);

impl SessionId {
    /// One that nobody has.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl FromStr for SessionId {
    type Err = ChrootError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| ChrootError::NoSession(text.to_owned()))
    }
}

/// What is known of a session that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastingSession {
    /// Its identity.
    pub id: SessionId,
    /// The chroot that it is of.
    pub chroot: ChrootId,
    /// When it was begun.
    pub since: Timestamp,
    /// Whether it can reach archives.
    pub archives: bool,
    /// The names of its snapshots, oldest first.
    pub snapshots: Vec<String>,
}

impl LastingSession {
    /// A session without snapshots that reaches nothing.
    #[must_use]
    pub const fn new(id: SessionId, chroot: ChrootId, since: Timestamp) -> Self {
        Self { id, chroot, since, archives: false, snapshots: Vec::new() }
    }

    /// With archives in reach, or not.
    #[must_use]
    pub const fn with_archives(mut self, archives: bool) -> Self {
        self.archives = archives;
        self
    }

    /// With these snapshots.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: Vec<String>) -> Self {
        self.snapshots = snapshots;
        self
    }
}
