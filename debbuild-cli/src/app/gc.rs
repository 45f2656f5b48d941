//! Collecting what nothing needs any more.

use debbuild_core::{
    blob::{SweepOptions, Swept},
    context::Context,
};

use super::{App, AppError};

impl App {
    /// Removes stored bytes that no root holds and that are older than the setting `gc.grace`.
    ///
    /// # Errors
    /// Those of the blob store.
    pub async fn gc(&self, cx: &Context, dry_run: bool) -> Result<Swept, AppError> {
        if !self.home().as_std().exists() {
            return Ok(Swept::default());
        }
        let options = SweepOptions::new(self.settings().gc.grace).with_dry_run(dry_run);
        Ok(self.blobs()?.sweep(cx, options).await?)
    }
}
