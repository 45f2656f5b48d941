//! `debbuild chroot install|import|diff`: chroots on top of others and from elsewhere, and what differs between two.

use debbuild_core::{
    arch::Architecture,
    lock::LockedPackage,
    name::{PackageName, SuiteName},
};

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
pub(super) struct ImportArgs {
    /// A tar archive, compressed or not; or an OCI image by its digest, of a layout (a folder, or an archive of one) as
    /// oci:PATH@sha256:DIGEST, of a registry as docker://NAME@sha256:DIGEST
    source: String,
    /// The suite that it is of; by default what it says of itself
    #[arg(long, short)]
    suite: Option<SuiteName>,
    /// The architecture that it must be of, and that is taken of an image that has several
    #[arg(long)]
    arch: Option<Architecture>,
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

pub(super) async fn import(door: &Door, args: &ImportArgs) -> Answer {
    let chroot = door.app.chroot_import(&door.cx, &args.source, args.suite.clone(), args.arch.clone()).await?;
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
