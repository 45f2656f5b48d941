//! Chroots on top of others: packages that are installed on a finished one, or taken away from it.

use debbuild_chroot::manager::Chroot;
use debbuild_core::{command::OutputSink, context::Context, error::Class, name::PackageName};

use super::{App, AppError, Failure};

impl App {
    /// The chroot that is a finished one with these packages on top, and without those taken away; made if there is none.
    ///
    /// # Errors
    /// Class `usage` when nothing changes, or when the parent cannot have layers; class `not-found` when it or a package is not there.
    pub async fn chroot_layer(
        &self,
        cx: &Context,
        parent: &str,
        install: Vec<PackageName>,
        remove: Vec<PackageName>,
        log: &mut dyn OutputSink,
    ) -> Result<Chroot, AppError> {
        if install.is_empty() && remove.is_empty() {
            let message = "a layer installs packages or takes some away: none is named";
            return Err(Failure::new(Class::Usage, message).into());
        }
        let manager = self.chroots(cx).await?;
        let parent = manager.find(parent)?;
        let spec = manager.layer_of(cx, &parent, install, remove).await?;
        self.working_user(cx).await?;
        Ok(manager.create(cx, &spec, log).await?)
    }
}
