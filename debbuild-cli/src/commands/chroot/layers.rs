//! `debbuild chroot install|import|export|diff`: chroots on top of others, from and to elsewhere, and what differs between two.

use debbuild_chroot::manager::{FileChange, InstalledPackage};
use debbuild_core::{
    arch::Architecture,
    name::{PackageName, SuiteName},
};

use super::{Answer, Done, Door};
use crate::app::{ExportForm, chroot_diff_json, chroot_exported_json, chroot_json};

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
pub(super) struct ExportArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
    /// The new file, or the new folder of the image layout
    file: String,
    /// As what: tar, or oci (an OCI image)
    #[arg(long = "as", value_name = "FORM", default_value = "tar", value_parser = form)]
    form: ExportForm,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// One chroot
    old: String,
    /// The other
    new: String,
    /// Compare every file too: kind, mode, owner and content
    #[arg(long)]
    files: bool,
}

fn form(text: &str) -> Result<ExportForm, String> {
    text.parse().map_err(|error: crate::app::Failure| error.to_string())
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

pub(super) async fn export(door: &Door, args: &ExportArgs) -> Answer {
    let to = door.app.machine().path(&args.file)?;
    let exported = door.app.chroot_export(&door.cx, &args.id, args.form, &to).await?;
    door.out.show(&chroot_exported_json(&exported), |_| format!("{}\n", exported.source()))?;
    Ok(Done::Well)
}

pub(super) async fn diff(door: &Door, args: &DiffArgs) -> Answer {
    let diff = door.app.chroot_diff(&door.cx, &args.old, &args.new, args.files).await?;
    door.out.show(&chroot_diff_json(&diff), |_| {
        let line =
            |mark: &str, one: &InstalledPackage| format!("{mark}{} {} {}\n", one.name, one.version, one.architecture);
        let file = |one: &FileChange| match (&one.old, &one.new) {
            (_, None) => format!("-{}\n", one.path),
            (None, _) => format!("+{}\n", one.path),
            _ => format!("!{} {}\n", one.path, one.aspects().join(", ")),
        };
        let removed = diff.removed.iter().map(|one| line("-", one));
        let added = diff.added.iter().map(|one| line("+", one));
        removed.chain(added).chain(diff.files.iter().flatten().map(file)).collect()
    })?;
    Ok(Done::Well)
}
