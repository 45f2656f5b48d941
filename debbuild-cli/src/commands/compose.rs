//! `debbuild compose`: distributions from blueprints.

use std::fs;

use clap::Subcommand;
use debbuild_compose::{
    blueprint::Blueprint,
    composer::{ComposeReport, ComposeSummary, NodeOutcome, Planned},
};
use debbuild_core::{error::Class, lock::LockFile, path::IoResultExt as _};
use serde_json::{Value, json};

use super::{Answer, Done, Door};
use crate::{
    app::{AppError, Failure},
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
    /// Compose from this compose.lock instead of resolving
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
            door.out.show(&report_json(&report), |_| format!("{}\n", report.folder))?;
        }
        ComposeVerb::Plan(source) => {
            let (blueprint, lock) = read(door, source)?;
            let planned = door.app.compose_plan(&door.cx, &blueprint, lock).await?;
            door.out.show(&plan_json(&planned), |_| plan_text(&planned))?;
        }
        ComposeVerb::Show(named) => {
            let detail = door.app.compose_show(&named.compose)?;
            let mut wire = summary_json(&detail.summary);
            wire["info"] = json!(detail.info);
            wire["images"] = json!(detail.images);
            door.out.show(&wire, |wire| show_text(&detail.summary, wire))?;
        }
        ComposeVerb::List => {
            let all = door.app.compose_list()?;
            let wire: Vec<Value> = all.iter().map(summary_json).collect();
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
            let wire: Vec<Value> = way
                .iter()
                .map(|step| {
                    let mut value = json!(step.because);
                    value["package"] = json!(step.package);
                    value
                })
                .collect();
            door.out.show(&wire, |_| way.iter().map(|s| format!("{}: {}\n", s.package, s.because)).collect())?;
        }
    }
    Ok(Done::Well)
}

fn read(door: &Door, source: &Source) -> Result<(Blueprint, Option<LockFile>), AppError> {
    let blueprint = Blueprint::read(&door.app.machine().path(&source.blueprint)?)?;
    for name in &source.only {
        let (variant, kind) = name.split_once('/').unwrap_or((name, ""));
        let known = blueprint.variant(variant);
        let found = known.is_some_and(|v| kind.is_empty() || v.deliverables.iter().any(|d| d.kind().name() == kind));
        if !found {
            return Err(Failure::new(Class::NotFound, format!("the blueprint has no {name}")).into());
        }
    }
    let wanted = |variant: &str, kind: &str| {
        source.only.iter().any(|name| name == variant || *name == format!("{variant}/{kind}"))
    };
    let blueprint = match source.only.is_empty() {
        true => blueprint,
        false => blueprint.only(|variant, kind| wanted(variant, kind.name())),
    };
    let Some(file) = &source.locked else { return Ok((blueprint, None)) };
    let path = door.app.machine().path(file)?;
    let bytes = fs::read(&path).at("read", &path)?;
    let lock = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(Class::Usage, format!("{path} is not a lock: {error}")))?;
    Ok((blueprint, Some(lock)))
}

fn outcome(outcome: &NodeOutcome) -> (&'static str, Value) {
    match outcome {
        NodeOutcome::Reused => ("reused", Value::Null),
        NodeOutcome::Made { seconds } => ("made", json!({ "seconds": seconds })),
        NodeOutcome::NotNeeded => ("not-needed", Value::Null),
        NodeOutcome::Failed { class, message } => ("failed", json!({ "class": class.name(), "message": message })),
        _ => ("skipped", Value::Null),
    }
}

fn report_json(report: &ComposeReport) -> Value {
    let node = |node: &debbuild_compose::composer::NodeReport| {
        let (word, detail) = outcome(&node.outcome);
        let (name, key) = (&node.name, node.key.to_string());
        json!({ "name": name, "key": key, "reason": node.reason.to_string(), "outcome": word, "detail": detail })
    };
    json!({
        "id": report.id.to_string(),
        "status": report.status.to_string(),
        "folder": report.folder.as_str(),
        "resumed": report.resumed,
        "nodes": report.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

fn plan_json(planned: &Planned) -> Value {
    let nodes: Vec<Value> = planned
        .nodes()
        .map(|(node, reason)| {
            let (name, key) = (&node.spec.name, node.key.to_string());
            let inputs: Vec<String> = node.spec.inputs.iter().map(|input| input.label()).collect();
            let (phase, options) = (&node.spec.phase, &node.spec.options);
            json!({ "name": name, "phase": phase, "key": key, "inputs": inputs, "options": options, "reason": reason.to_string() })
        })
        .collect();
    json!({ "nodes": nodes, "lock": planned.lock })
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

fn summary_json(summary: &ComposeSummary) -> Value {
    let (id, status) = (summary.id.to_string(), summary.status.to_string());
    json!({ "id": id, "status": status, "folder": summary.folder.as_str() })
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
