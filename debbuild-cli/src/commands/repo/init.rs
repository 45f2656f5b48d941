//! `debbuild repo init`: what a suite is called and holds.

use std::num::NonZeroUsize;

use debbuild_core::{
    arch::Architecture,
    name::{ComponentName, SuiteName},
    repo::IndexFormat,
};

use super::{Answer, Done, Door};
use crate::app::{
    repo::{SuiteChange, suite_json},
    units,
};

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The repository's folder
    dir: String,
    /// The suite
    #[arg(long, short)]
    suite: SuiteName,
    /// A component of the suite; the first suite has `main` where none is named
    #[arg(long, short)]
    component: Vec<ComponentName>,
    /// An architecture of the suite; a new suite has this machine's own where none is named
    #[arg(long, short)]
    architecture: Vec<Architecture>,
    /// The codename; the suite's name where none is given
    #[arg(long)]
    codename: Option<SuiteName>,
    /// The Origin field
    #[arg(long)]
    origin: Option<String>,
    /// The Label field
    #[arg(long)]
    label: Option<String>,
    /// The Description field
    #[arg(long)]
    description: Option<String>,
    /// The Version field
    #[arg(long)]
    version: Option<String>,
    /// The Changelogs field: where changelogs are, with `@CHANGEPATH@`
    #[arg(long, value_name = "URI")]
    changelogs: Option<String>,
    /// Keep each state reachable by its time, for clients at this address with `@SNAPSHOTID@` in it, or `none`
    #[arg(long, value_name = "ADDRESS")]
    snapshots: Option<String>,
    /// The Signed-By field: a key that clients are to accept from now on
    #[arg(long, value_name = "FINGERPRINT")]
    signed_by: Vec<String>,
    /// NotAutomatic: apt installs from it only when asked
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    not_automatic: Option<bool>,
    /// ButAutomaticUpgrades: but upgrades what came from it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    but_automatic_upgrades: Option<bool>,
    /// The formats of indexes: `plain`, `gz`, `xz`, `zst`; a new suite has `gz,zst`
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    formats: Vec<IndexFormat>,
    /// Have Contents indexes; a new suite has
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    contents: Option<bool>,
    /// Have long descriptions in Translation-en instead of Packages; a new suite has
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    translations: Option<bool>,
    /// How many patches of each index stay, by which clients come from earlier states (pdiffs), or `none`
    #[arg(long, value_name = "N", value_parser = pdiffs)]
    pdiffs: Option<Number>,
    /// How many versions of each package stay when more are added, or `all`
    #[arg(long, value_name = "N", value_parser = keep)]
    keep: Option<Number>,
    /// The suite that packages of debug symbols go to instead
    #[arg(long, value_name = "SUITE")]
    debug_suite: Option<SuiteName>,
    /// How long a publication is good (`7d`), or `forever`
    #[arg(long, value_name = "DURATION", value_parser = valid_for)]
    valid_for: Option<ValidFor>,
}

/// Seconds, or for ever.
#[derive(Debug, Clone, Copy)]
struct ValidFor(Option<u64>);

fn valid_for(text: &str) -> Result<ValidFor, String> {
    if text == "forever" {
        return Ok(ValidFor(None));
    }
    units::parse_duration(text).map(|span| ValidFor(Some(span.as_secs()))).map_err(|error| error.to_string())
}

/// A number, or the word in its place.
#[derive(Debug, Clone, Copy)]
struct Number(Option<NonZeroUsize>);

fn number(text: &str, word: &str) -> Result<Number, String> {
    if text == word {
        return Ok(Number(None));
    }
    text.parse().map(|number| Number(Some(number))).map_err(|_| format!("not a number from 1, and not `{word}`"))
}

fn keep(text: &str) -> Result<Number, String> {
    number(text, "all")
}

fn pdiffs(text: &str) -> Result<Number, String> {
    number(text, "none")
}

pub(super) async fn init(door: &Door, args: &InitArgs) -> Answer {
    let mut change = SuiteChange::default();
    change.components.clone_from(&args.component);
    change.architectures.clone_from(&args.architecture);
    change.codename.clone_from(&args.codename);
    change.origin.clone_from(&args.origin);
    change.label.clone_from(&args.label);
    change.description.clone_from(&args.description);
    change.valid_for_seconds = args.valid_for.map(|valid_for| valid_for.0);
    (change.version, change.changelogs) = (args.version.clone(), args.changelogs.clone());
    change.snapshots = args.snapshots.clone().map(|address| (address != "none").then_some(address));
    change.signed_by.clone_from(&args.signed_by);
    (change.not_automatic, change.but_automatic_upgrades) = (args.not_automatic, args.but_automatic_upgrades);
    (change.contents, change.translations) = (args.contents, args.translations);
    change.formats.clone_from(&args.formats);
    (change.pdiffs, change.keep) = (args.pdiffs.map(|pdiffs| pdiffs.0), args.keep.map(|keep| keep.0));
    change.debug_suite.clone_from(&args.debug_suite);
    let dir = door.app.machine().path(&args.dir)?;
    let options = door.app.repo_init(&door.cx, &dir, &args.suite, change).await?;
    door.out.show(&suite_json(&options), |_| {
        let joined = |names: Vec<&str>| names.join(" ");
        let components = joined(options.components.iter().map(AsRef::as_ref).collect());
        let architectures = joined(options.architectures.iter().map(AsRef::as_ref).collect());
        format!("{}: components {components}, architectures {architectures}\n", options.suite)
    })?;
    Ok(Done::Well)
}
