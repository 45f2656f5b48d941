//! `debbuild repo retain` and `debbuild repo gc`: which states stay, and what goes.

use std::fmt::Write as _;

use debbuild_core::repo::{Repository, StateId};

use super::{Answer, Done, Door, SuiteArgs, open};
use crate::app::{
    retain::{RetentionChange, collected_json, retention_json},
    units,
};

#[derive(Debug, clap::Args)]
pub(super) struct RetainArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Keep this many of the newest states, or `all`
    #[arg(long, value_name = "NUMBER", value_parser = last)]
    last: Option<Limit>,
    /// Keep the states that were current within this time (`90d`), or `forever`
    #[arg(long = "for", value_name = "DURATION", value_parser = seconds)]
    span: Option<Limit>,
    /// Keep a state under a name, whatever else is said
    #[arg(long, value_name = "NAME=STATE", value_parser = named)]
    name: Vec<(String, StateId)>,
    /// Keep the state of this name no more
    #[arg(long, value_name = "NAME")]
    forget: Vec<String>,
}

/// A number, or none.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<u64>);

fn last(text: &str) -> Result<Limit, String> {
    if text == "all" {
        return Ok(Limit(None));
    }
    match text.parse() {
        Ok(0) | Err(_) => Err("it must be a number above 0, or `all`".to_owned()),
        Ok(number) => Ok(Limit(Some(number))),
    }
}

fn seconds(text: &str) -> Result<Limit, String> {
    if text == "forever" {
        return Ok(Limit(None));
    }
    units::parse_duration(text).map(|span| Limit(Some(span.as_secs()))).map_err(|error| error.to_string())
}

fn named(text: &str) -> Result<(String, StateId), String> {
    let (name, state) = text.split_once('=').ok_or("it must be NAME=STATE")?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("the name must be one line, not empty".to_owned());
    }
    Ok((name.to_owned(), state.parse().map_err(|_| format!("not a state: {state:?}"))?))
}

#[derive(Debug, clap::Args)]
pub(super) struct GcArgs {
    /// The repository's folder
    dir: String,
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    /// Instead of the folder: another place that it was published to (`s3://BUCKET/PREFIX`, or a folder)
    #[arg(long, value_name = "PLACE")]
    at: Option<String>,
}

pub(super) async fn retain(door: &Door, args: &RetainArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let change = RetentionChange {
        last: args.last.map(|limit| limit.0),
        seconds: args.span.map(|limit| limit.0),
        names: args.name.clone(),
        forget: args.forget.clone(),
    };
    let rule = door.app.repo_retain(&door.cx, &repository, &suite, change).await?;
    door.out.show(&retention_json(&rule), |_| {
        let mut text = match (rule.last, rule.seconds) {
            (None, None) => "all states stay\n".to_owned(),
            (Some(last), None) => format!("the newest {last} states stay\n"),
            (None, Some(seconds)) => format!("states that were current within {seconds} s stay\n"),
            (Some(last), Some(seconds)) => {
                format!("the newest {last} states, and those that were current within {seconds} s, stay\n")
            }
        };
        for (name, state) in &rule.named {
            // Writing into a String does not fail.
            let _written = writeln!(text, "state {state} stays as {name}");
        }
        text
    })?;
    Ok(Done::Well)
}

pub(super) async fn gc(door: &Door, args: &GcArgs) -> Answer {
    let repository = Repository::open(&door.cx, door.app.machine().path(&args.dir)?).await?;
    let collected = door.app.repo_gc(&door.cx, &repository, args.at.as_deref(), args.dry_run).await?;
    door.out.show(&collected_json(&collected), |_| {
        let mut text = String::new();
        for (suite, state) in &collected.states {
            let _written = writeln!(text, "state {state} of suite {suite}");
        }
        for (path, size) in &collected.files {
            let _written = writeln!(text, "{path} ({size} bytes)");
        }
        for (source, version) in &collected.sources {
            let _written = writeln!(text, "source {source} {version} stays: packages need it");
        }
        let verb = if args.dry_run { "would go" } else { "removed" };
        let (files, bytes) = (collected.files.len(), collected.bytes());
        let _written = writeln!(text, "{} states, {files} files, {bytes} bytes {verb}", collected.states.len());
        text
    })?;
    Ok(Done::Well)
}
