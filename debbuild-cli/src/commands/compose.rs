//! `debbuild compose`: distributions from blueprints.

use clap::Subcommand;
use debbuild_compose::{
    blueprint::Blueprint,
    composer::{ComposeSummary, Planned},
};
use debbuild_core::lock::LockFile;
use serde_json::Value;

use super::{Answer, Done, Door};
use crate::{
    app::{
        AppError, compose_detail_json, compose_plan_json, compose_report_json, compose_summary_json, compose_why_json,
    },
    console::Table,
};

/// Compose distributions: repository, container image, live ISO and OSTree commit from one lock
#[derive(Debug, clap::Args)]
pub(crate) struct ComposeArgs {
    #[command(subcommand)]
    verb: ComposeVerb,
}

#[derive(Debug, Subcommand)]
enum ComposeVerb {
    /// Compose a blueprint; one that was killed is gone on with. Prints the compose's folder
    Run(RunArgs),
    /// Say which packages and nodes a compose would have, what it would reuse, and why
    Plan(Source),
    /// Show one compose with its deliverables
    Show(Named),
    /// List the composes
    List,
    /// Say why a package is in a compose
    Why(WhyArgs),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The blueprint, a TOML file
    blueprint: String,
    /// Compose from this compose.lock and the stored files, offline, instead of resolving
    #[arg(long, value_name = "FILE")]
    locked: Option<String>,
    /// Only these variants or deliverables
    #[arg(long, value_name = "VARIANT[/KIND]", value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    source: Source,
    /// How many nodes run at once
    #[arg(long, short, default_value_t = 1)]
    jobs: usize,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The compose's id, or a latest- link
    compose: String,
}

#[derive(Debug, clap::Args)]
struct WhyArgs {
    #[command(flatten)]
    named: Named,
    /// The binary package
    package: String,
}

pub(super) async fn compose(door: &Door, args: &ComposeArgs) -> Answer {
    match &args.verb {
        ComposeVerb::Run(args) => {
            let (blueprint, lock) = read(door, &args.source)?;
            let report = door.app.compose_run(&door.cx, &blueprint, lock, args.jobs).await?;
            door.out.show(&compose_report_json(&report), |_| format!("{}\n", report.folder))?;
        }
        ComposeVerb::Plan(source) => {
            let (blueprint, lock) = read(door, source)?;
            let planned = door.app.compose_plan(&door.cx, &blueprint, lock).await?;
            door.out.show(&compose_plan_json(&planned), |_| plan_text(&planned))?;
        }
        ComposeVerb::Show(named) => {
            let detail = door.app.compose_show(&named.compose)?;
            let wire = compose_detail_json(&detail);
            door.out.show(&wire, |wire| show_text(&detail.summary, wire))?;
        }
        ComposeVerb::List => {
            let all = door.app.compose_list()?;
            let wire: Vec<Value> = all.iter().map(compose_summary_json).collect();
            door.out.show(&wire, |_| {
                let mut table = Table::new(["COMPOSE", "STATUS", "FOLDER"]);
                for one in &all {
                    table.row([one.id.to_string(), one.status.to_string(), one.folder.to_string()]);
                }
                table.text()
            })?;
        }
        ComposeVerb::Why(args) => {
            let way = door.app.compose_why(&args.named.compose, &args.package)?;
            let wire = compose_why_json(&way);
            door.out.show(&wire, |_| way.iter().map(|s| format!("{}: {}\n", s.package, s.because)).collect())?;
        }
    }
    Ok(Done::Well)
}

fn read(door: &Door, source: &Source) -> Result<(Blueprint, Option<LockFile>), AppError> {
    let machine = door.app.machine();
    let blueprint = door.app.blueprint(&machine.path(&source.blueprint)?, &source.only)?;
    let lock = source.locked.as_deref().map(|file| door.app.lock_file(&machine.path(file)?)).transpose()?;
    Ok((blueprint, lock))
}

fn plan_text(planned: &Planned) -> String {
    let mut sets = Table::new(["PACKAGES OF", "COUNT", "DATED"]);
    for (name, set) in planned.packages.iter() {
        sets.row([name.to_owned(), set.packages.len().to_string(), set.epoch.to_string()]);
    }
    let mut nodes = Table::new(["NODE", "KEY", "WHY"]);
    for (node, reason) in planned.nodes() {
        nodes.row([node.spec.name.clone(), node.key.to_string()[..12].to_owned(), reason.to_string()]);
    }
    format!("{}\n{}", sets.text(), nodes.text())
}

fn show_text(summary: &ComposeSummary, wire: &Value) -> String {
    let mut text = format!("{}  {}  {}\n", summary.id, summary.status, summary.folder);
    let deliverables = wire["info"]["deliverables"].as_array();
    for one in deliverables.into_iter().flatten() {
        let field = |name: &str| one[name].as_str().unwrap_or_default();
        let state = one["failed"].as_str().map_or("made".to_owned(), |why| format!("failed: {why}"));
        text.push_str(&format!("  {}/{} {}: {state}\n", field("variant"), field("architecture"), field("kind")));
    }
    text
}
