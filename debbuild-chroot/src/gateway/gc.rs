//! Letting go what no request used for long, and what was used longest ago where all is too large.

use std::{cmp::Reverse, fmt, time::Duration};

use debbuild_core::{acquire::fetch::Uri, blob::Blob, clock::Timestamp, context::Context};

use super::{Gateway, GatewayError};

/// What of the kept files stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GcOptions {
    /// What no request used for so long goes.
    pub unused_for: Option<Duration>,
    /// What was used longest ago goes, until all together are at most this large, in bytes.
    pub max_size: Option<u64>,
    /// Only say what would go.
    pub dry_run: bool,
}

impl GcOptions {
    /// Everything stays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without what no request used for so long.
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

    /// Only says what would go.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// Why a file is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GcReason {
    /// No request used it for long enough.
    Unused,
    /// All together are too large, and it was used longest ago.
    Size,
}

impl fmt::Display for GcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unused => "unused",
            Self::Size => "size",
        })
    }
}

/// A file that is let go. Its bytes are freed by the store's sweep, where nobody else holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Where it came from.
    pub uri: Uri,
    /// Its content.
    pub blob: Blob,
    /// When it was last used.
    pub used: Timestamp,
    /// Why it goes.
    pub reason: GcReason,
}

impl Gateway {
    /// Lets go what no request used for long, and what was used longest ago where all is too large; gives what went, or would
    /// go, in the order of its last use. A content that is kept under several addresses counts once, and takes room while one stays.
    ///
    /// # Errors
    /// [`GatewayError::File`], [`GatewayError::Blob`].
    pub async fn gc(&self, cx: &Context, options: GcOptions) -> Result<Vec<Collected>, GatewayError> {
        let mut all = self.cache.all()?;
        all.sort_by_key(|found| (Reverse(found.used), found.url.clone()));
        let (now, mut room) = (cx.now(), options.max_size.unwrap_or(u64::MAX));
        let (mut staying, mut gone) = (std::collections::BTreeSet::new(), Vec::new());
        let mut full = false;
        for found in all {
            let unused = options.unused_for.is_some_and(|limit| now.since(found.used) > limit);
            let size = if staying.contains(&found.blob.id) { 0 } else { found.blob.size };
            full |= !unused && size > room;
            if !unused && (!full || size == 0) {
                room -= size;
                staying.insert(found.blob.id);
                continue;
            }
            let reason = if unused { GcReason::Unused } else { GcReason::Size };
            gone.push((found, reason));
        }
        gone.reverse();
        if !options.dry_run {
            for (found, _) in &gone {
                cx.cancel().check()?;
                self.cache.release(cx, &*self.blobs, found).await?;
            }
        }
        let collected = gone.into_iter().map(|(found, reason)| {
            let (uri, blob, used) = (found.url, found.blob, found.used);
            Collected { uri, blob, used, reason }
        });
        Ok(collected.collect())
    }
}
