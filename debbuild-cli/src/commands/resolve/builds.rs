//! `debbuild resolve build-deps --all` and `debbuild resolve order`: questions about all source packages.

use std::{collections::BTreeSet, fmt::Write as _};

use debbuild_core::{
    error::Class,
    name::SourceName,
    relation::BuildProfile,
    resolve::{
        BrokenSource, Buildability, BuildabilityOptions, UnknownSource,
        order::{Break, Build, Cycle, Order, OrderOptions},
    },
};

use super::{
    Answer, Done, Door, checked,
    from::{FromArgs, from},
};
use crate::app::{OrderAsk, buildability_json, order_json};

#[derive(Debug, clap::Args)]
pub(super) struct OrderArgs {
    /// Source packages; without any, all that there are. What others build is there already
    sources_wanted: Vec<SourceName>,
    /// Build profiles of all builds
    #[arg(long, value_delimiter = ',', value_name = "P,..")]
    profiles: Vec<BuildProfile>,
    /// Do not build architecture-independent packages: they are there already
    #[arg(long)]
    no_arch_all: bool,
    /// Not even essential packages and build-essential are there
    #[arg(long)]
    from_zero: bool,
    /// A Packages file, also compressed, of packages that are there already in that version; what lies beside is there too
    #[arg(long, value_name = "FILE")]
    have: Vec<String>,
    /// Source packages that are built already
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    built: Vec<SourceName>,
    /// Profiles that may be used to break cycles, the preferred first
    #[arg(long, value_name = "P,..", value_delimiter = ',', default_value = "nocheck,nodoc,stage1")]
    break_by: Vec<BuildProfile>,
    /// List the edges of cycles that have up to so many
    #[arg(long, value_name = "N", default_value_t = OrderOptions::new().most_edges)]
    edges: usize,
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn build_deps_all(door: &Door, profiles: BTreeSet<BuildProfile>, args: &FromArgs) -> Answer {
    let options = BuildabilityOptions::new().with_profiles(profiles);
    let found = door.app.buildability(&door.cx, &from(door, args)?, options).await?;
    door.out.show(&buildability_json(&found), |_| unbuildable_text(&found))?;
    Ok(checked(args.check && !found.broken.is_empty()))
}

pub(super) async fn order(door: &Door, args: OrderArgs) -> Answer {
    let machine = door.app.machine();
    let have = args.have.iter().map(|file| machine.path(file)).collect::<Result<Vec<_>, _>>()?;
    let options = OrderOptions::new()
        .with_profiles(args.profiles.into_iter().collect())
        .with_from_zero(args.from_zero)
        .with_built(args.built.into_iter().collect())
        .with_breaking(args.break_by)
        .with_most_edges(args.edges);
    let options = if args.no_arch_all { options.with_any_only() } else { options };
    let ask = OrderAsk::new(options).with_sources(args.sources_wanted).with_have(have);
    let order = door.app.resolve_order(&door.cx, &from(door, &args.from)?, ask).await?;
    door.out.show(&order_json(&order), |_| order_text(&order))?;
    let no = !(order.unbuildable.is_empty() && order.unknown.is_empty() && order.blocked.is_empty());
    Ok(if args.from.check && no { Done::Failed(Class::Dependencies) } else { Done::Well })
}

fn unbuildable_text(found: &Buildability) -> String {
    let mut text = broken_lines(&found.broken);
    text.push_str(&unknown_lines(&found.unknown));
    writeln!(text, "{} of {} source packages cannot be built", found.broken.len(), found.checked).ok();
    text
}

fn broken_lines(broken: &[BrokenSource]) -> String {
    let line = |one: &BrokenSource| format!("{} {}: {}\n", one.source, one.version, one.explanation);
    broken.iter().map(line).collect()
}

fn unknown_lines(unknown: &[UnknownSource]) -> String {
    let line = |one: &UnknownSource| format!("{} {}: not known: {}\n", one.source, one.version, one.reason);
    unknown.iter().map(line).collect()
}

/// The most members, and the most edges, of a cycle that are printed.
const MOST: usize = 50;

fn order_text(order: &Order) -> String {
    let mut text = String::new();
    for (at, builds) in order.stages.iter().enumerate() {
        writeln!(text, "Stage {}", at + 1).ok();
        builds.iter().for_each(|build| text.push_str(&build_line(build)));
    }
    for (at, cycle) in order.cycles.iter().enumerate() {
        cycle_text(&mut text, at + 1, cycle);
    }
    if !(order.unbuildable.is_empty() && order.unknown.is_empty() && order.blocked.is_empty()) {
        text.push_str("\nCannot be built\n");
        text.push_str(&broken_lines(&order.unbuildable));
        text.push_str(&unknown_lines(&order.unknown));
        for one in &order.blocked {
            writeln!(text, "{} {}: it needs {}", one.source, one.version, one.by).ok();
        }
    }
    summary(&mut text, order);
    text
}

fn build_line(build: &Build) -> String {
    let how = match (build.rebuild, build.profiles.is_empty()) {
        (true, _) => " again, in full".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!(" with {}", list(&build.profiles)),
    };
    format!("  {} {}{how}\n", build.source, build.version)
}

fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

fn cycle_text(text: &mut String, number: usize, cycle: &Cycle) {
    let count = cycle.members.len();
    let more = if count > MOST { format!(" and {} more", count - MOST) } else { String::new() };
    writeln!(text, "\nCycle {number}: {}{more}", list(cycle.members.iter().take(MOST))).ok();
    for edge in cycle.edges.iter().take(MOST) {
        let through = edge.through.iter().map(|package| package.as_str()).collect::<Vec<_>>().join(" -> ");
        writeln!(text, "  {} needs {}: {}, by {through}", edge.source, edge.needs, edge.relation).ok();
    }
    let shown = cycle.edges.len().min(MOST);
    if shown < cycle.edge_count {
        writeln!(text, "  and {} more needs", cycle.edge_count - shown).ok();
    }
    for one in &cycle.breaks {
        match one {
            Break::Profiles { source, profiles, relations, .. } => {
                writeln!(text, "  broken: {source} with {}, without {}", list(profiles), list(relations)).ok();
            }
            Break::Alternative { source, relation, instead, .. } => {
                writeln!(text, "  broken: {source} with {instead} for {relation}").ok();
            }
            Break::Existing { source, packages, dropped } => {
                let some = list(dropped.iter().take(MOST));
                let more = dropped.len().saturating_sub(MOST);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                writeln!(text, "  broken: {} of {source} from somewhere else, for {some}{more}", list(packages)).ok();
            }
            _ => {}
        }
    }
}

fn summary(text: &mut String, order: &Order) {
    let builds: usize = order.stages.iter().map(Vec::len).sum();
    let breaks = order.cycles.iter().flat_map(|cycle| &cycle.breaks);
    let existing = breaks.filter(|one| matches!(one, Break::Existing { .. })).count();
    let (builds, stages) = (some(builds, "build"), some(order.stages.len(), "stage"));
    writeln!(text, "\n{builds} in {stages}, {} of them again", order.rebuilds.len()).ok();
    let (cycles, existing) = (some(order.cycles.len(), "cycle"), some(existing, "source package"));
    writeln!(text, "{cycles}; packages of {existing} are needed from somewhere else").ok();
    if !order.outside.is_empty() {
        writeln!(text, "packages of {} must be there", some(order.outside.len(), "other source package")).ok();
    }
    if !order.built.is_empty() {
        writeln!(text, "{} already built", some(order.built.len(), "source package")).ok();
    }
    let not = order.unbuildable.len() + order.unknown.len() + order.blocked.len();
    writeln!(text, "{} cannot be built", some(not, "source package")).ok();
}

/// So many of these.
fn some(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
