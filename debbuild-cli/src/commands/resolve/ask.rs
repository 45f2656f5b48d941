//! The options that say what is asked for and of which system; `install`, `why` and `why-not` have them.

use debbuild_core::{
    name::PackageName,
    relation::Relations,
    resolve::{Install, Recommends},
};

use super::super::Door;
use crate::app::{AppError, PackagesFrom};

/// What comes with the packages that are asked for.
#[derive(Debug, clap::Args)]
pub(super) struct WishArgs {
    /// Recommended packages too: `all`, or `top-level` for what those recommend that are asked for
    #[arg(long, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "all", default_value = "never")]
    recommends: Recommends,
    /// Suggested packages too
    #[arg(long)]
    suggests: bool,
    /// Every essential package too, as in a root file system
    #[arg(long)]
    essential: bool,
}

impl WishArgs {
    pub(super) const fn read(&self, ask: Install) -> Install {
        ask.with_recommends(self.recommends).with_suggests(self.suggests).with_essential(self.essential)
    }
}

/// What is there already, and what may happen to it.
#[derive(Debug, clap::Args)]
pub(super) struct SystemArgs {
    /// What is installed already: a list in dpkg's form, such as /var/lib/dpkg/status; without it nothing is
    #[arg(long, value_name = "FILE")]
    installed: Option<String>,
    /// Installed packages that keep their version, besides those that the list says are held
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "installed")]
    held: Vec<PackageName>,
    /// What must not be there in the end, as Conflicts has it; may be given more than once
    #[arg(long, value_name = "PACKAGES", value_parser = Relations::parse)]
    remove: Vec<Relations>,
    /// Upgrade everything that can be (with the next two: as apt-get upgrade, alone: as apt-get dist-upgrade)
    #[arg(long, requires = "installed")]
    upgrade_all: bool,
    /// Remove nothing
    #[arg(long, requires = "installed")]
    keep_all: bool,
    /// Install nothing that is not there in some version
    #[arg(long, requires = "installed")]
    nothing_new: bool,
}

impl SystemArgs {
    /// Notes what is asked for and of which system.
    pub(super) fn read(&self, door: &Door, from: &mut PackagesFrom, ask: Install) -> Result<Install, AppError> {
        from.installed = self.installed.as_deref().map(|file| door.app.machine().path(file)).transpose()?;
        from.held.clone_from(&self.held);
        let mut changes = ask.changes;
        (changes.upgrade_all, changes.keep_all, changes.nothing_new) =
            (self.upgrade_all, self.keep_all, self.nothing_new);
        Ok(ask.with_remove(together(&self.remove)).with_changes(changes))
    }
}

/// All groups of these.
pub(super) fn together(groups: &[Relations]) -> Relations {
    Relations(groups.iter().flat_map(|relations| relations.0.iter().cloned()).collect())
}
