//! Letting go what no request used for long, or what is more than there is room for.

use std::{cmp::Reverse, fmt, time::Duration};

use debbuild_core::{acquire::fetch::Uri, blob::Blob, clock::Timestamp, context::Context};

use super::{Gateway, GatewayError};

/// What of the kept files stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CollectOptions {
    /// What was not used for longer goes.
    pub older_than: Option<Duration>,
    /// The most bytes that stay: what was used longest ago goes first.
    pub size: Option<u64>,
    /// Only say what would go.
    pub dry_run: bool,
}

impl CollectOptions {
    /// Everything stays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without what was not used for longer.
    #[must_use]
    pub const fn with_older_than(mut self, age: Option<Duration>) -> Self {
        self.older_than = age;
        self
    }

    /// With at most this many bytes.
    #[must_use]
    pub const fn with_size(mut self, bytes: Option<u64>) -> Self {
        self.size = bytes;
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
pub enum Reason {
    /// No request used it for long enough.
    Unused,
    /// Files that were used since fill the room.
    Room,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unused => "unused",
            Self::Room => "room",
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
    pub reason: Reason,
}

impl Gateway {
    /// Lets go what no request used for long and what is more than there is room for; gives what went, or would go, in the
    /// order of its last use. A content that is kept under several addresses counts once, and takes room while one stays.
    ///
    /// # Errors
    /// [`GatewayError::File`], [`GatewayError::Blob`].
    pub async fn collect(&self, cx: &Context, options: CollectOptions) -> Result<Vec<Collected>, GatewayError> {
        let mut all = self.cache.all()?;
        all.sort_by_key(|found| (Reverse(found.used), found.url.clone()));
        let (now, mut room) = (cx.now(), options.size.unwrap_or(u64::MAX));
        let (mut staying, mut gone) = (std::collections::BTreeSet::new(), Vec::new());
        let mut full = false;
        for found in all {
            let unused = options.older_than.is_some_and(|age| now.since(found.used) > age);
            let size = if staying.contains(&found.blob.id) { 0 } else { found.blob.size };
            full |= !unused && size > room;
            if !unused && (!full || size == 0) {
                room -= size;
                staying.insert(found.blob.id);
                continue;
            }
            let reason = if unused { Reason::Unused } else { Reason::Room };
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
