//! `debbuild chroot install|diff`: chroots on top of others, and what differs between two.

use debbuild_core::{lock::LockedPackage, name::PackageName};

use super::{Answer, Done, Door};
use crate::app::{chroot_diff_json, chroot_json};

#[derive(Debug, clap::Args)]
pub(super) struct InstallArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
    /// Packages to install
    #[arg(value_name = "PACKAGE")]
    packages: Vec<PackageName>,
    /// Packages to take away, with their configuration and what depends on them
    #[arg(long, value_name = "PACKAGE,..", value_delimiter = ',')]
    remove: Vec<PackageName>,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// One chroot
    old: String,
    /// The other
    new: String,
}

pub(super) async fn install(door: &Door, args: &InstallArgs) -> Answer {
    layer(door, &args.id, &args.packages, &args.remove).await
}

/// Makes a layer and shows it.
pub(super) async fn layer(door: &Door, parent: &str, install: &[PackageName], remove: &[PackageName]) -> Answer {
    let mut log = door.talk.log();
    let chroot = door.app.chroot_layer(&door.cx, parent, install.to_vec(), remove.to_vec(), &mut log).await?;
    drop(log);
    door.out.show(&chroot_json(&chroot), |_| format!("{}\n", chroot.id))?;
    Ok(Done::Well)
}

pub(super) async fn diff(door: &Door, args: &DiffArgs) -> Answer {
    let changes = door.app.chroot_diff(&door.cx, &args.old, &args.new).await?;
    door.out.show(&chroot_diff_json(&changes), |_| {
        let line =
            |mark: &str, one: &LockedPackage| format!("{mark}{} {} {}\n", one.name, one.version, one.architecture);
        let [removed, added] = &changes;
        removed.iter().map(|one| line("-", one)).chain(added.iter().map(|one| line("+", one))).collect()
    })?;
    Ok(Done::Well)
}
