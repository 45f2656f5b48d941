//! `debbuild resolve why`, `why-not`, `rdeps` and `diff`: reasons.

use std::{str::FromStr, time::Duration};

use debbuild_core::{
    error::Class,
    name::PackageName,
    relation::Relations,
    resolve::{Answer as Resolved, Dependent, Install, Needer, Picture, Rdeps, Versions, Why},
};
use serde_json::Value;

use super::{
    Answer, Door,
    ask::{SystemArgs, WishArgs, together},
    checked, file,
    from::{FromArgs, from},
    text,
};
use crate::{
    app::{
        AppError, Failure, PictureForm, Reasons, changed_json, dependency_name, dependents_json, picture_of,
        reasons_json, units::parse_duration, why_not_json,
    },
    commands::changes::changed_text,
    console::Table,
};

/// What is drawn.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct PictureArgs {
    /// Print a picture in graphviz's language
    #[arg(long)]
    dot: bool,
    /// Print a picture as SVG
    #[arg(long)]
    svg: bool,
}

impl PictureArgs {
    fn form(&self) -> Option<PictureForm> {
        let forms = [(self.dot, PictureForm::Dot), (self.svg, PictureForm::Svg)];
        forms.into_iter().find(|(asked, _)| *asked).map(|(_, form)| form)
    }
}

/// How far to go: a number, or to the end.
#[derive(Debug, Clone, Copy)]
struct Depth(Option<usize>);

impl FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("all", _) => Ok(Self(None)),
            (_, Ok(depth)) => Ok(Self(Some(depth))),
            _ => Err("neither a number nor 'all'".to_owned()),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct WhyArgs {
    /// The package
    package: PackageName,
    /// What was asked for, as Depends has it; may be given more than once
    #[arg(long = "for", value_name = "SEED", value_parser = Relations::parse, required_unless_present_any = ["essential", "installed"])]
    seeds: Vec<Relations>,
    #[command(flatten)]
    wishes: WishArgs,
    #[command(flatten)]
    system: SystemArgs,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct WhyNotArgs {
    /// Packages, as Depends has them: 'hello', 'gcc (>= 4:12)', 'a | b'
    #[arg(value_name = "PACKAGES", required = true, value_parser = Relations::parse)]
    wanted: Vec<Relations>,
    /// Every essential package too, as in a root file system
    #[arg(long)]
    essential: bool,
    /// Any version may be chosen, not only the one that apt would take
    #[arg(long)]
    any_version: bool,
    #[command(flatten)]
    system: SystemArgs,
    /// How long it may take to make the explanation as short as it can be
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    limit: Duration,
    /// Keep the problem in this file, to be asked again (resolve replay)
    #[arg(long, value_name = "FILE")]
    save_problem: Option<String>,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RdepsArgs {
    /// The package, real or virtual
    package: PackageName,
    /// How far to go: 1 is who needs it directly, 2 also who needs those; 'all' is to the end
    #[arg(long, value_name = "N|all", default_value = "1")]
    depth: Depth,
    /// Who recommends it too
    #[arg(long)]
    recommends: bool,
    /// Who suggests it too
    #[arg(long)]
    suggests: bool,
    /// The source packages of the suite too that need it to be built; those of files, folders and repositories are always looked at
    #[arg(long)]
    build_deps: bool,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// An answer of `resolve install --format json`
    before: String,
    /// Another
    after: String,
}

pub(super) async fn why(door: &Door, args: WhyArgs) -> Answer {
    let mut from = from(door, &args.from)?;
    let ask = args.wishes.read(Install::new(together(&args.seeds)));
    let ask = args.system.read(door, &mut from, ask)?;
    let reasons = door.app.resolve_why(&door.cx, &from, ask, args.package).await?;
    let told = match &reasons {
        Reasons::There(why) => why_text(why),
        Reasons::NotThere { package, among } => format!("{package} is not among the {among} packages.\n"),
        Reasons::NoSet(answer) => text(answer),
    };
    show(door, reasons_json(&reasons), told, reasons.picture().as_ref(), &args.picture)?;
    Ok(checked(args.from.check && !matches!(reasons, Reasons::There(_))))
}

pub(super) async fn why_not(door: &Door, args: WhyNotArgs) -> Answer {
    let (mut from, keep) = (from(door, &args.from)?, file(door, args.save_problem.as_deref())?);
    let ask = Install::new(together(&args.wanted)).with_essential(args.essential);
    let ask = args.system.read(door, &mut from, ask)?;
    let versions = if args.any_version { Versions::All } else { Versions::Candidate };
    let answer = door.app.resolve_why_not(&door.cx, &from, ask, versions, args.limit, keep.as_ref()).await?;
    let told = match &answer {
        Resolved::Satisfied(solution) => format!("It can be installed, as {} packages.\n", solution.packages.len()),
        other => text(other),
    };
    show(door, why_not_json(&answer), told, picture_of(&answer).as_ref(), &args.picture)?;
    Ok(checked(args.from.check && !matches!(answer, Resolved::Satisfied(_))))
}

/// Prints what was found, or the picture of it where one is asked for.
fn show(
    door: &Door,
    mut value: Value,
    told: String,
    picture: Option<&Picture>,
    args: &PictureArgs,
) -> Result<(), AppError> {
    let Some(form) = args.form() else { return Ok(door.out.show(&value, |_| told)?) };
    let Some(picture) = picture else {
        return Err(Failure::new(Class::NotFound, format!("there is nothing to draw: {}", told.trim_end())).into());
    };
    let drawn = form.draw(picture);
    value[form.name()] = drawn.clone().into();
    Ok(door.out.show(&value, |_| drawn)?)
}

/// The most chains that are printed.
const CHAINS: usize = 20;

fn why_text(why: &Why) -> String {
    let mut told = format!("{} is there because\n", why.package);
    for chain in why.chains.iter().take(CHAINS) {
        let links: Vec<String> = chain.iter().map(ToString::to_string).collect();
        told.push_str(&format!("  {}\n", links.join(",\n    ")));
    }
    if why.chains.len() > CHAINS {
        told.push_str(&format!("  and {} more relations need it\n", why.chains.len() - CHAINS));
    }
    for link in &why.circular {
        told.push_str(&format!("  ({link}, which is itself there only because of it)\n"));
    }
    told
}

pub(super) async fn rdeps(door: &Door, args: RdepsArgs) -> Answer {
    let ask = Rdeps::new(args.package).with_depth(args.depth.0).with_recommends(args.recommends);
    let ask = ask.with_suggests(args.suggests);
    let found = door.app.resolve_rdeps(&door.cx, &from(door, &args.from)?, ask, args.build_deps).await?;
    door.out.show(&dependents_json(&found), |_| rdeps_text(&found))?;
    Ok(checked(args.from.check && found.is_empty()))
}

fn rdeps_text(found: &[Dependent]) -> String {
    let mut table = Table::new(["DEPTH", "WHO", "VERSION", "BY", "RELATION"]);
    for one in found {
        let (who, version) = match &one.by {
            Needer::Package(by) if by.foreign => {
                (format!("{}:{}", by.package, by.architecture), by.version.to_string())
            }
            Needer::Package(by) => (by.package.to_string(), by.version.to_string()),
            Needer::Source { name, version } => (format!("src:{name}"), version.to_string()),
            _ => continue,
        };
        let mut relation = one.relation.clone();
        if one.through.is_some() {
            relation.push_str(&format!(", which {} provides", one.on));
        }
        if !one.fits {
            relation.push_str(", which it does not satisfy");
        }
        table.row([one.depth.to_string(), who, version, dependency_name(one.kind).to_owned(), relation]);
    }
    format!("{}\n{} relations\n", table.text(), found.len())
}

pub(super) fn diff(door: &Door, args: &DiffArgs) -> Answer {
    let machine = door.app.machine();
    let changed = door.app.resolve_diff(&machine.path(&args.before)?, &machine.path(&args.after)?)?;
    door.out.show(&changed_json(&changed), |_| changed_text(&changed))?;
    Ok(checked(false))
}
