//! Collecting what nothing needs any more.

use debbuild_chroot::gateway::{Collected, GcOptions};
use debbuild_core::{
    blob::{SweepOptions, Swept},
    context::Context,
};

use super::{App, AppError};

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GarbageReport {
    /// Whether it was only said.
    pub dry_run: bool,
    /// Stored bytes that no root held. A dry run does not count those that only the let go files hold.
    pub swept: Swept,
    /// Downloaded files that the gateway let go, those used longest ago first.
    pub gateway: Vec<Collected>,
}

impl App {
    /// Lets go downloaded files by these options, and removes stored bytes that no root holds and that are older than the
    /// setting `gc.grace`.
    ///
    /// # Errors
    /// Those of the gateway's notes and of the blob store.
    pub async fn gc(&self, cx: &Context, gateway: GcOptions) -> Result<GarbageReport, AppError> {
        let dry_run = gateway.dry_run;
        if !self.home().as_std().exists() {
            return Ok(GarbageReport { dry_run, ..GarbageReport::default() });
        }
        let wished = gateway.unused_for.is_some() || gateway.max_size.is_some();
        let gone = if wished { self.gateway()?.gc(cx, gateway).await? } else { Vec::new() };
        let options = SweepOptions::new(self.settings().gc.grace).with_dry_run(dry_run);
        Ok(GarbageReport { dry_run, swept: self.blobs()?.sweep(cx, options).await?, gateway: gone })
    }
}
