//! Which chroots nobody needs any more, and why.

use std::{fmt, time::Duration};

use debbuild_core::{build::ChrootId, clock::Timestamp, context::Context};

use super::{Chroot, ChrootManager, ManagerError};
use crate::backend::ChrootError;

/// What is collected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GcOptions {
    /// How long ago a chroot must have been made that newer generations have replaced.
    pub grace: Duration,
    /// Also those that nobody used for so long.
    pub unused_for: Option<Duration>,
    /// Also those that were used longest ago, until all are together at most this large, in bytes.
    pub max_size: Option<u64>,
    /// Whether they are only named.
    pub dry_run: bool,
}

impl GcOptions {
    /// What newer generations have replaced, this long after it was made.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, ..Self::default() }
    }

    /// With those that nobody used for so long.
    #[must_use]
    pub const fn with_unused_for(mut self, unused_for: Option<Duration>) -> Self {
        self.unused_for = unused_for;
        self
    }

    /// With a size that all together keep, in bytes.
    #[must_use]
    pub const fn with_max_size(mut self, max_size: Option<u64>) -> Self {
        self.max_size = max_size;
        self
    }

    /// Whether they are only named.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// Why a chroot goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GcReason {
    /// No request leads to it any more: a newer generation has replaced it.
    Replaced,
    /// Nobody used it for long.
    Unused,
    /// All together are too large, and it was used longest ago.
    Size,
}

impl fmt::Display for GcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replaced => "replaced",
            Self::Unused => "unused",
            Self::Size => "size",
        })
    }
}

/// A chroot that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Its identity.
    pub id: ChrootId,
    /// Why.
    pub reason: GcReason,
    /// The size of its tar archive, in bytes.
    pub size: u64,
    /// When it was used last, or made.
    pub used: Timestamp,
}

impl ChrootManager {
    /// Removes chroots that are not needed any more, clears what the dead left, and says what it removed (with
    /// [`GcOptions::dry_run`]: would remove). Chroots in use stay.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub async fn gc(&self, cx: &Context, options: &GcOptions) -> Result<Vec<Collected>, ManagerError> {
        if !options.dry_run {
            self.reap(cx).await?;
        }
        let mut gone = Vec::new();
        for one in self.candidates(cx, options)? {
            if !options.dry_run {
                match self.remove(cx, one.id).await {
                    Err(ManagerError::Session(ChrootError::Busy(_))) => continue,
                    other => other?,
                }
            }
            gone.push(one);
        }
        Ok(gone)
    }

    fn candidates(&self, cx: &Context, options: &GcOptions) -> Result<Vec<Collected>, ManagerError> {
        let current: Vec<ChrootId> = self.0.catalogue.current()?.into_iter().map(|(_, id)| id).collect();
        let now = cx.now();
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        for chroot in self.0.catalogue.list()? {
            let used = self.used(&chroot);
            let replaced = !current.contains(&chroot.id) && now.since(chroot.manifest.created) > options.grace;
            let unused = options.unused_for.is_some_and(|limit| now.since(used) > limit);
            let reason = match (replaced, unused) {
                (true, _) => Some(GcReason::Replaced),
                (false, true) => Some(GcReason::Unused),
                (false, false) => None,
            };
            let size = chroot.manifest.tarball.size;
            let one = |reason| Collected { id: chroot.id, reason, size, used };
            match reason {
                Some(reason) => gone.push(one(reason)),
                None => left.push(one(GcReason::Size)),
            }
        }
        if let Some(limit) = options.max_size {
            left.sort_by_key(|one| (one.used, one.id));
            let mut total: u64 = left.iter().map(|one| one.size).sum();
            for one in left {
                if total > limit {
                    total -= one.size;
                    gone.push(one);
                }
            }
        }
        Ok(gone)
    }

    /// When a chroot was used last: for a session, a build, or as a base; when it was made if nobody did.
    #[must_use]
    pub fn used(&self, chroot: &Chroot) -> Timestamp {
        self.0.catalogue.used(chroot.id).unwrap_or(chroot.manifest.created).max(chroot.manifest.created)
    }
}
