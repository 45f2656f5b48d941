//! `debbuild deb`: what is in a .deb.

use clap::Subcommand;
use debbuild_core::{
    blocking,
    context::Context,
    deb::{Deb, DebEntry},
};
use serde_json::json;

use super::{Answer, Done, Door};
use crate::{
    app::{AppError, Machine, deb_entry_json, deb_json},
    console::Table,
};

/// Look into .deb files; nothing is unpacked or run
#[derive(Debug, clap::Args)]
pub(crate) struct DebArgs {
    #[command(subcommand)]
    verb: DebVerb,
}

#[derive(Debug, Subcommand)]
enum DebVerb {
    /// Print the control file, and which control files and configuration files there are
    Show(FileArgs),
    /// List the files that it would install, with owners, modes and where links lead
    Contents(FileArgs),
}

#[derive(Debug, clap::Args)]
struct FileArgs {
    /// The .deb
    file: String,
}

pub(super) async fn deb(door: &Door, args: &DebArgs) -> Answer {
    match &args.verb {
        DebVerb::Show(args) => {
            let deb = reading(door, args, |machine, cx, file| machine.deb_show(cx, file)).await?;
            door.out.show(&deb_json(&deb), |_| shown(&deb))?;
        }
        DebVerb::Contents(args) => {
            let (deb, entries) = reading(door, args, |machine, cx, file| machine.deb_contents(cx, file)).await?;
            let files: Vec<_> = entries.iter().map(deb_entry_json).collect();
            let wire = json!({
                "package": deb.package.package.to_string(),
                "version": deb.package.version.to_string(),
                "architecture": deb.package.architecture.to_string(),
                "files": files,
            });
            door.out.show(&wire, |_| listed(&entries))?;
        }
    }
    Ok(Done::Well)
}

/// Reads a file away from the threads that wait.
async fn reading<T: Send + 'static>(
    door: &Door,
    args: &FileArgs,
    read: impl FnOnce(&Machine, &Context, &str) -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let (machine, cx, file) = (door.app.machine().clone(), door.cx.clone(), args.file.clone());
    blocking::run(move || read(&machine, &cx, &file)).await
}

fn shown(deb: &Deb) -> String {
    let names: Vec<&str> = deb.control_files.keys().map(String::as_str).collect();
    let mut text = format!("{}\n\ncontrol files: {}\n", deb.control.trim_end(), names.join(", "));
    for path in deb.conffiles() {
        text.push_str(&format!("configuration file: {path}\n"));
    }
    text
}

fn listed(entries: &[DebEntry]) -> String {
    let mut table = Table::new(["mode", "owner", "size", "path"]);
    for entry in entries {
        let link = entry.link.as_ref().map_or(String::new(), |link| format!(" -> {link}"));
        table.row([
            format!("{:04o}", entry.mode),
            format!("{}/{}", entry.user, entry.group),
            entry.size.to_string(),
            format!("{}{link}", entry.path),
        ]);
    }
    table.text()
}
