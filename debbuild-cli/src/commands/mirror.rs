//! `debbuild repo mirror` and `debbuild repo import`: other archives read into a repository.

use debbuild_core::{
    acquire::fetch::Uri,
    arch::Architecture,
    mirror::{ImportOptions, LeftOut, Report},
    name::{ComponentName, SuiteName},
    pattern::Pattern,
    repo::Placing,
};

use super::{Answer, Done, Door, repo::paths};
use crate::{
    app::{
        mirror::{MirrorOrder, mirror_plan_json, mirror_report_json},
        units,
    },
    console::Table,
};

#[derive(Debug, clap::Args)]
pub(super) struct MirrorArgs {
    /// The repository's folder; it is made where it is not there
    dir: String,
    /// The suite, as the archive calls it
    #[arg(long, short)]
    suite: SuiteName,
    /// Where the archive is; without, the archives of this machine that make the suite, with its updates and security
    #[arg(long, value_name = "URI")]
    from: Option<Uri>,
    /// A keyring that may sign the archive; without, those of the setting `archives.keyrings`
    #[arg(long, value_name = "FILE", requires = "from")]
    keyring: Vec<String>,
    /// Publish it as this suite; without, under its own name
    #[arg(long, value_name = "SUITE")]
    into: Option<SuiteName>,
    /// A component; without, all that the archive has
    #[arg(long, short)]
    component: Vec<ComponentName>,
    /// An architecture; without, this machine's own
    #[arg(long = "arch", short, value_name = "ARCHITECTURE")]
    architecture: Vec<Architecture>,
    /// Only packages that a pattern selects, as apt-patterns(7) has them: `?name(REGEX)` or `~nREGEX`, ?exact-name, ?section,
    /// ?priority, ?architecture, ?version, ?source-package, ?essential, `P P`, `P | P`, `!P`; given twice: one or the other
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<Pattern>,
    /// Also what the selected packages depend on
    #[arg(long, requires = "filter")]
    with_deps: bool,
    /// Also the sources of the packages
    #[arg(long)]
    sources: bool,
    /// Fetch nothing when more than this would be fetched (`2G`)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    limit: Option<u64>,
    /// Copy into the pool instead of linking the stored bytes
    #[arg(long)]
    copy: bool,
    /// Only say what would be in the mirror
    #[arg(long)]
    dry_run: bool,
}

fn size(text: &str) -> Result<u64, String> {
    units::parse_size(text).map_err(|error| error.to_string())
}

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The repository's folder; it is made where it is not there
    dir: String,
    /// The tree: a folder with `dists` and `pool`, with reprepro's `conf`, or with an index `Packages`
    #[arg(long, value_name = "TREE")]
    from: String,
    /// The suite of the tree
    #[arg(long, short)]
    suite: SuiteName,
    /// Publish it as this suite; without, under its own name
    #[arg(long, value_name = "SUITE")]
    into: Option<SuiteName>,
    /// A keyring that must have signed the tree; without, the tree is taken as your own
    #[arg(long, value_name = "FILE")]
    keyring: Vec<String>,
    /// Link the files instead of copying them: nobody may write to them afterwards
    #[arg(long)]
    link: bool,
}

pub(super) async fn mirror(door: &Door, args: &MirrorArgs) -> Answer {
    let dir = door.app.machine().path(&args.dir)?;
    let mut order = MirrorOrder::new(args.suite.clone());
    order.into.clone_from(&args.into);
    order.from.clone_from(&args.from);
    order.keyrings = paths(door, &args.keyring)?;
    order.components.clone_from(&args.component);
    order.architectures.clone_from(&args.architecture);
    order.filters.clone_from(&args.filter);
    (order.with_deps, order.sources) = (args.with_deps, args.sources);
    (order.limit, order.copy) = (args.limit, args.copy);
    let plan = door.app.mirror_plan(&door.cx, &order).await?;
    if !args.dry_run {
        return show(door, &door.app.mirror_apply(&door.cx, &dir, &plan).await?);
    }
    warn(door, &plan.left_out);
    door.out.show(&mirror_plan_json(&plan), |_| {
        let mut table = Table::new(["PACKAGE", "VERSION", "ARCHITECTURE", "COMPONENT"]);
        for listed in &plan.packages {
            let texts = [listed.name.as_str(), listed.version.as_str(), listed.architecture_name()];
            let [name, version, architecture] = texts.map(str::to_owned);
            table.row([name, version, architecture, listed.component.to_string()]);
        }
        format!("{}{} packages, {}\n", table.text(), plan.packages.len(), units::show_size(plan.bytes()))
    })?;
    Ok(Done::Well)
}

pub(super) async fn import(door: &Door, args: &ImportArgs) -> Answer {
    let machine = door.app.machine();
    let (dir, from) = (machine.path(&args.dir)?, machine.path(&args.from)?);
    let placing = if args.link { Placing::Link } else { Placing::Copy };
    let mut options = ImportOptions::new(from, args.suite.clone(), door.app.architecture(&door.cx).await?);
    options = options.with_into(args.into.as_ref().unwrap_or(&args.suite).clone()).with_placing(placing);
    let keyrings = paths(door, &args.keyring)?;
    show(door, &door.app.repo_import(&door.cx, &dir, &options, keyrings).await?)
}

fn warn(door: &Door, left_out: &[LeftOut]) {
    for one in left_out {
        door.talk.warn(&format!("left out: {}: {}", one.what, one.reason));
    }
}

fn show(door: &Door, report: &Report) -> Answer {
    warn(door, &report.left_out);
    door.out.show(&mirror_report_json(report), |_| {
        let verb = if report.published { "published" } else { "unchanged" };
        let [added, removed, changed] = [&report.added, &report.removed, &report.changed].map(Vec::len);
        let size = units::show_size(report.bytes);
        let (suite, number) = (&report.state.options.suite, report.state.number);
        format!(
            "{suite}: {added} packages added ({size}), {removed} removed, {changed} changed, {} kept; {verb}: state {number}\n",
            report.kept
        )
    })?;
    Ok(Done::Well)
}
