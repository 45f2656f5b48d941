//! `debbuild resolve`: questions about dependencies.

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
    resolve::{Answer as Resolved, Broken, Install, Installability, Recommends, Unknown},
};

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
    /// Print what would be installed for packages
    Install(InstallArgs),
    /// Print what would be installed to build a source package
    BuildDeps(BuildDepsArgs),
    /// Print the packages that cannot be installed
    Installability(InstallabilityArgs),
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
    #[arg(required = true, value_parser = Relations::parse)]
    seeds: Vec<Relations>,
    /// Recommended packages too
    #[arg(long)]
    recommends: bool,
    /// Every essential package too, as in a root file system
    #[arg(long)]
    essential: bool,
    /// Keep the problem in this file, to be asked again (resolve replay)
    #[arg(long, value_name = "FILE")]
    save_problem: Option<String>,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
struct BuildDepsArgs {
    /// A .dsc file, or NAME[=VERSION] of a source package
    source: String,
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
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn resolve(door: &Door, args: ResolveArgs) -> Answer {
    match args.verb {
        ResolveVerb::Install(args) => install(door, args).await,
        ResolveVerb::BuildDeps(args) => build_deps(door, args).await,
        ResolveVerb::Installability(args) => installability(door, args).await,
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
    let seeds = Relations(args.seeds.into_iter().flat_map(|relations| relations.0).collect());
    let recommends = if args.recommends { Recommends::Install } else { Recommends::Ignore };
    let ask = Install::new(seeds).with_recommends(recommends).with_essential(args.essential);
    let keep = file(door, args.save_problem.as_deref())?;
    let answer = door.app.resolve_install(&door.cx, &from(door, &args.from)?, ask, keep.as_ref()).await?;
    show(door, &answer, args.from.check)
}

async fn build_deps(door: &Door, args: BuildDepsArgs) -> Answer {
    let source = if args.source.ends_with(".dsc") {
        SourceOf::Dsc(door.app.machine().path(&args.source)?)
    } else {
        SourceOf::Named(args.source.parse()?)
    };
    let profiles = args.profiles.into_iter().collect();
    let (from, keep) = (from(door, &args.from)?, file(door, args.save_problem.as_deref())?);
    let answer = door.app.resolve_build_deps(&door.cx, &from, &source, profiles, keep.as_ref()).await?;
    show(door, &answer, args.from.check)
}

/// A file that may be named.
fn file(door: &Door, named: Option<&str>) -> Result<Option<AbsPath>, AppError> {
    Ok(named.map(|file| door.app.machine().path(file)).transpose()?)
}

async fn installability(door: &Door, args: InstallabilityArgs) -> Answer {
    let found = door.app.installability(&door.cx, &from(door, &args.from)?).await?;
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
