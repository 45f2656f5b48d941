//! `debbuild repo list`: which versions of which packages are where, as `apt-cache madison` says it.

use debbuild_core::{
    name::PackageName,
    repo::{Entry, EntryKind, StateId},
};
use serde_json::Value;

use super::{Answer, Done, Door, SuiteArgs, open};
use crate::{app::repo::entry_json, console::Table};

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Only packages of these names, newest first
    #[arg(value_name = "PACKAGE")]
    packages: Vec<PackageName>,
    /// A state; without, what is staged
    #[arg(long)]
    state: Option<StateId>,
}

pub(super) async fn list(door: &Door, args: &ListArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let entries = door.app.repo_list(&door.cx, &repository, &suite, args.state, &args.packages).await?;
    let wire: Vec<Value> = entries.iter().map(entry_json).collect();
    door.out.show(&wire, |_| {
        let mut text = String::new();
        for entry in &entries {
            let index = match entry.kind {
                EntryKind::Source => "Sources".to_owned(),
                _ => format!("{} Packages", entry.architecture_name()),
            };
            let place = format!("{} {suite}/{} {index}", repository.dir(), entry.component);
            text.push_str(&format!("{:>10} | {:>10} | {place}\n", entry.name, entry.version));
        }
        text
    })?;
    Ok(Done::Well)
}

/// What was added or removed.
pub(super) fn show_entries(door: &Door, entries: &[Entry]) -> Answer {
    let wire: Vec<Value> = entries.iter().map(entry_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["PACKAGE", "VERSION", "ARCHITECTURE", "COMPONENT", "SOURCE"]);
        for entry in entries {
            let texts = [entry.name.as_str(), entry.version.as_str(), entry.architecture_name()];
            let [name, version, architecture] = texts.map(str::to_owned);
            table.row([name, version, architecture, entry.component.to_string(), entry.source.to_string()]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}
