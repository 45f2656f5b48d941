//! `debbuild resolve`: questions about dependencies.

mod ask;
mod builds;
mod closure;
mod edsp;
mod from;
mod reasons;
mod replay;

use clap::Subcommand;
use debbuild_core::{
    error::Class,
    path::AbsPath,
    relation::{BuildProfile, Relations},
    resolve::{Answer as Resolved, Broken, Install, Installability, Selected, Solution, Unknown},
};

use ask::{SystemArgs, WishArgs, together};
use from::{FromArgs, from};

use super::{Answer, Done, Door};
use crate::{
    app::{AppError, SourceOf, answer_json, installability_json, units::show_size},
    console::Table,
};

/// Ask what would be installed, and why something cannot be
#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    #[command(subcommand)]
    verb: ResolveVerb,
}

#[derive(Debug, Subcommand)]
enum ResolveVerb {
    /// Print what would be installed for packages, and what would change on a system
    Install(Box<InstallArgs>),
    /// Print what would be installed to build a source package, or all that cannot be built
    BuildDeps(BuildDepsArgs),
    /// Print the packages that cannot be installed
    Installability(InstallabilityArgs),
    /// Print in what order source packages must be built, with the cycles among them and how they are broken
    Order(Box<builds::OrderArgs>),
    /// Check whether all that is in repositories can be installed and built, and say what they need of others
    Closure(Box<closure::ClosureArgs>),
    /// Print why a package would be installed: every relation that needs it, and how one comes there
    Why(Box<reasons::WhyArgs>),
    /// Print why packages cannot be installed: no more than is needed to see it
    WhyNot(Box<reasons::WhyNotArgs>),
    /// Print who needs a package
    Rdeps(Box<reasons::RdepsArgs>),
    /// Print what differs between two answers
    Diff(reasons::DiffArgs),
    /// Answer what apt asks a solver (apt-get --solver debbuild)
    Edsp(edsp::EdspArgs),
    /// Ask a problem again that was kept in a file
    Replay(replay::ReplayArgs),
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Packages, as Depends has them: 'hello', 'gcc (>= 4:12)', 'a | b'
    #[arg(required_unless_present_any = ["remove", "upgrade_all", "essential"], value_parser = Relations::parse)]
    seeds: Vec<Relations>,
    #[command(flatten)]
    wishes: WishArgs,
    #[command(flatten)]
    system: SystemArgs,
    /// Keep the problem in this file, to be asked again (resolve replay)
    #[arg(long, value_name = "FILE")]
    save_problem: Option<String>,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
struct BuildDepsArgs {
    /// A .dsc file, or NAME[=VERSION] of a source package
    #[arg(required_unless_present = "all")]
    source: Option<String>,
    /// Check all source packages, and print those whose build dependencies cannot be installed
    #[arg(long, conflicts_with = "source")]
    all: bool,
    /// Build profiles
    #[arg(long, value_delimiter = ',', value_name = "P,..")]
    profiles: Vec<BuildProfile>,
    /// Keep the problem in this file, to be asked again (resolve replay)
    #[arg(long, value_name = "FILE")]
    save_problem: Option<String>,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
struct InstallabilityArgs {
    /// Explain each with no more than is needed to see it
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn resolve(door: &Door, args: ResolveArgs) -> Answer {
    match args.verb {
        ResolveVerb::Install(args) => install(door, *args).await,
        ResolveVerb::BuildDeps(args) => build_deps(door, args).await,
        ResolveVerb::Installability(args) => installability(door, args).await,
        ResolveVerb::Order(args) => builds::order(door, *args).await,
        ResolveVerb::Closure(args) => closure::closure(door, *args).await,
        ResolveVerb::Why(args) => reasons::why(door, *args).await,
        ResolveVerb::WhyNot(args) => reasons::why_not(door, *args).await,
        ResolveVerb::Rdeps(args) => reasons::rdeps(door, *args).await,
        ResolveVerb::Diff(args) => reasons::diff(door, &args),
        ResolveVerb::Edsp(args) => edsp::edsp(door, args).await,
        ResolveVerb::Replay(args) => replay::replay(door, args).await,
    }
}

async fn install(door: &Door, args: InstallArgs) -> Answer {
    let mut from = from(door, &args.from)?;
    let ask = args.wishes.read(Install::new(together(&args.seeds)));
    let ask = args.system.read(door, &mut from, ask)?;
    let keep = file(door, args.save_problem.as_deref())?;
    let answer = door.app.resolve_install(&door.cx, &from, ask, keep.as_ref()).await?;
    show(door, &answer, args.from.check)
}

async fn build_deps(door: &Door, args: BuildDepsArgs) -> Answer {
    let profiles = args.profiles.into_iter().collect();
    let source = match &args.source {
        None => return builds::build_deps_all(door, profiles, &args.from).await,
        Some(file) if file.ends_with(".dsc") => SourceOf::Dsc(door.app.machine().path(file)?),
        Some(name) => SourceOf::Named(name.parse()?),
    };
    let (from, keep) = (from(door, &args.from)?, file(door, args.save_problem.as_deref())?);
    let answer = door.app.resolve_build_deps(&door.cx, &from, &source, profiles, keep.as_ref()).await?;
    show(door, &answer, args.from.check)
}

/// A file that may be named.
fn file(door: &Door, named: Option<&str>) -> Result<Option<AbsPath>, AppError> {
    Ok(named.map(|file| door.app.machine().path(file)).transpose()?)
}

async fn installability(door: &Door, args: InstallabilityArgs) -> Answer {
    let found = door.app.installability(&door.cx, &from(door, &args.from)?, args.explain).await?;
    door.out.show(&installability_json(&found), |_| broken_text(&found))?;
    Ok(checked(args.from.check && !found.broken.is_empty()))
}

const fn checked(no: bool) -> Done {
    if no { Done::Failed(Class::Dependencies) } else { Done::Well }
}

fn show(door: &Door, answer: &Resolved, check: bool) -> Answer {
    door.out.show(&answer_json(answer), |_| text(answer))?;
    Ok(checked(check && !matches!(answer, Resolved::Satisfied(_))))
}

fn text(answer: &Resolved) -> String {
    match answer {
        Resolved::Satisfied(solution) if is_of_system(solution) => changes_text(solution),
        Resolved::Satisfied(solution) => {
            let mut table = Table::new(["PACKAGE", "VERSION", "ARCHITECTURE", "FROM"]);
            for selected in &solution.packages {
                let package = &selected.package;
                table.row([
                    package.package.to_string(),
                    package.version.to_string(),
                    package.architecture.to_string(),
                    selected.origin.to_string(),
                ]);
            }
            let (count, size) = (solution.packages.len(), show_size(solution.download_size()));
            let installed = show_size(solution.installed_size().saturating_mul(1024));
            format!("{}\n{count} packages, {size} to download, {installed} installed\n", table.text())
        }
        Resolved::Unsatisfiable(why) => format!("It cannot be installed:\n  {}\n", why.sentences.join("\n  ")),
        Resolved::Unknown(why) => format!("It is not known: {why}\n"),
        _ => "It is not known.\n".to_owned(),
    }
}

/// Whether something was there before.
fn is_of_system(solution: &Solution) -> bool {
    !solution.removed.is_empty() || solution.packages.iter().any(|selected| selected.installed.is_some())
}

/// What changes on a system.
fn changes_text(solution: &Solution) -> String {
    let mut table = Table::new(["CHANGE", "PACKAGE", "ARCHITECTURE", "BEFORE", "AFTER", "FROM"]);
    let none = || "-".to_owned();
    let mut counts = [0_usize; 4];
    for selected in solution.packages.iter().filter(|selected| !selected.is_unchanged()) {
        let Selected { package, origin, installed, .. } = selected;
        let (at, change) = match installed {
            None => (0, "install"),
            Some(before) if package.version.compare(before).is_gt() => (1, "upgrade"),
            Some(_) => (2, "downgrade"),
        };
        counts[at] += 1;
        let before = installed.as_ref().map_or_else(none, ToString::to_string);
        let [name, architecture] = [package.package.to_string(), package.architecture.to_string()];
        table.row([change.to_owned(), name, architecture, before, package.version.to_string(), origin.to_string()]);
    }
    for gone in &solution.removed {
        counts[3] += 1;
        let [name, architecture, before] =
            [&gone.package as &dyn ToString, &gone.architecture, &gone.version].map(|value| value.to_string());
        table.row(["remove".to_owned(), name, architecture, before, none(), none()]);
    }
    let [new, up, down, gone] = counts;
    let same = solution.packages.len() - new - up - down;
    let size = show_size(solution.download_size());
    let table = if new + up + down + gone == 0 { String::new() } else { format!("{}\n", table.text()) };
    format!(
        "{table}{new} to install, {up} to upgrade, {down} to downgrade, {gone} to remove, {same} stay; {size} to download\n"
    )
}

fn broken_text(found: &Installability) -> String {
    let mut text = String::new();
    for Broken { package, version, architecture, explanation, .. } in &found.broken {
        text.push_str(&format!("{package} {version} {architecture}: {explanation}\n"));
    }
    if !found.unknown.is_empty() {
        text.push_str("\nNot known:\n");
    }
    for Unknown { package, version, architecture, reason, .. } in &found.unknown {
        text.push_str(&format!("{package} {version} {architecture}: {reason}\n"));
    }
    text.push_str(&format!("{} of {} packages cannot be installed\n", found.broken.len(), found.checked));
    text
}
