//! `debbuild repo`: APT repositories.

mod init;
mod key;
mod list;
mod retain;
mod upload;

use std::num::NonZeroUsize;

use clap::Subcommand;
use debbuild_core::{
    name::{ComponentName, SuiteName},
    path::AbsPath,
    repo::{Repository, State, StateId, Wanted},
    version::Version,
};
use list::show_entries;
use serde_json::Value;

use super::{
    Answer, Done, Door,
    mirror::{ImportArgs, MirrorArgs, import, mirror},
    verify::{CheckArgs, VerifyArgs, check, verify},
};
use crate::{
    app::{
        AppError,
        repo::{AddChange, diff_json, parse_wanted, state_json},
    },
    console::Table,
};

/// Keep and publish APT repositories
#[derive(Debug, clap::Args)]
pub(crate) struct RepoArgs {
    #[command(subcommand)]
    verb: RepoVerb,
}

#[derive(Debug, Subcommand)]
enum RepoVerb {
    /// Make a repository, or a suite of one, or change a suite
    Init(Box<init::InitArgs>),
    /// Stage packages; they are published by `repo publish`
    Add(AddArgs),
    /// Take signed uploads by people who may upload, each once; nothing else of an incoming folder is touched
    Accept(upload::AcceptArgs),
    /// List the uploads that were taken or refused, and why
    Uploads(upload::UploadsArgs),
    /// Publish what is staged as a new signed state, and print its number
    Publish(PublishArgs),
    /// Take packages out of what is staged
    Remove(RemoveArgs),
    /// List the packages of a suite
    List(list::ListArgs),
    /// Check a published suite as a client reads it: signatures, every index, every package; and mend it
    Verify(VerifyArgs),
    /// Check that everything the records name is in the pool
    Check(CheckArgs),
    /// List the states of a suite
    States(SuiteArgs),
    /// Show in which packages two states differ
    Diff(DiffArgs),
    /// Publish the content of an earlier state again
    Switch(SwitchArgs),
    /// Say which states of a suite stay; without options, show it
    Retain(retain::RetainArgs),
    /// Remove the states that no rule keeps, and the files that nothing needs any more
    Gc(retain::GcArgs),
    /// The keys that sign: list them, let one follow another, hand them to clients
    Key(key::KeyArgs),
    /// Mirror an archive, or a part of it, as a suite signed by our own key
    Mirror(MirrorArgs),
    /// Import a suite that reprepro, aptly or dpkg-scanpackages published on this machine
    Import(ImportArgs),
}

/// Which suite of which repository.
#[derive(Debug, clap::Args)]
pub(super) struct SuiteArgs {
    /// The repository's folder
    pub(super) dir: String,
    /// The suite; needed where the repository has several
    #[arg(long, short)]
    pub(super) suite: Option<SuiteName>,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The component
    #[arg(long, short, default_value = "main")]
    component: ComponentName,
    /// Link the files instead of copying them: nobody may write to them afterwards
    #[arg(long)]
    link: bool,
    /// Do not read the paths of these packages' files: they are in no Contents index
    #[arg(long)]
    no_contents: bool,
    /// Keep only so many versions of each package in the suite, and the sources that they need
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
    /// Sections and priorities, in the format of apt-ftparchive's override files
    #[arg(long, value_name = "FILE")]
    overrides: Option<String>,
    /// .deb, .udeb, .dsc and .changes files, and folders with such
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct PublishArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Bring another place to the state that is published already: a bucket (`s3://BUCKET/PREFIX`) or a folder
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Packages; ARCHITECTURE may be `source`
    #[arg(required = true, value_name = "NAME[=VERSION][/ARCHITECTURE]", value_parser = wanted)]
    packages: Vec<Wanted>,
}

fn wanted(text: &str) -> Result<Wanted, String> {
    parse_wanted(text).map_err(|error| error.message())
}

#[derive(Debug, clap::Args)]
struct DiffArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The older state; without, the published one
    from: Option<StateId>,
    /// The newer state; without, what is staged
    to: Option<StateId>,
}

#[derive(Debug, clap::Args)]
struct SwitchArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The state
    state: StateId,
}

pub(super) async fn repo(door: &Door, args: &RepoArgs) -> Answer {
    match &args.verb {
        RepoVerb::Init(args) => init::init(door, args).await,
        RepoVerb::Add(args) => add(door, args).await,
        RepoVerb::Accept(args) => upload::accept(door, args).await,
        RepoVerb::Uploads(args) => upload::uploads(door, args).await,
        RepoVerb::Publish(args) => publish(door, args).await,
        RepoVerb::Remove(args) => remove(door, args).await,
        RepoVerb::List(args) => list::list(door, args).await,
        RepoVerb::Verify(args) => verify(door, args).await,
        RepoVerb::Check(args) => check(door, args).await,
        RepoVerb::States(args) => states(door, args).await,
        RepoVerb::Diff(args) => diff(door, args).await,
        RepoVerb::Switch(args) => switch(door, args).await,
        RepoVerb::Retain(args) => retain::retain(door, args).await,
        RepoVerb::Gc(args) => retain::gc(door, args).await,
        RepoVerb::Key(args) => key::key(door, args).await,
        RepoVerb::Mirror(args) => mirror(door, args).await,
        RepoVerb::Import(args) => import(door, args).await,
    }
}

pub(super) async fn open(door: &Door, args: &SuiteArgs) -> Result<(Repository, SuiteName), AppError> {
    let repository = Repository::open(&door.cx, door.app.machine().path(&args.dir)?).await?;
    let suite = door.app.repo_suite(&door.cx, &repository, args.suite.as_ref()).await?;
    Ok((repository, suite))
}

pub(super) fn paths(door: &Door, texts: &[String]) -> Result<Vec<AbsPath>, AppError> {
    texts.iter().map(|text| Ok(door.app.machine().path(text)?)).collect()
}

async fn add(door: &Door, args: &AddArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let mut change = AddChange::new(args.component.clone());
    (change.link, change.contents, change.keep) = (args.link, !args.no_contents, args.keep);
    change.overrides = args.overrides.as_ref().map(|file| door.app.machine().path(file)).transpose()?;
    let files = paths(door, &args.files)?;
    let entries = door.app.repo_add(&door.cx, &repository, &suite, files, change).await?;
    show_entries(door, &entries)
}

async fn publish(door: &Door, args: &PublishArgs) -> Answer {
    let repository = Repository::open(&door.cx, door.app.machine().path(&args.suite.dir)?).await?;
    let suite = args.suite.suite.as_ref();
    let states = match &args.to {
        Some(to) => door.app.repo_publish_to(&door.cx, &repository, suite, to).await?,
        None => door.app.repo_publish(&door.cx, &repository, suite).await?,
    };
    show_states(door, &states)
}

async fn remove(door: &Door, args: &RemoveArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let removed = repository.remove(&door.cx, &suite, args.packages.clone()).await?;
    show_entries(door, &removed)
}

async fn states(door: &Door, args: &SuiteArgs) -> Answer {
    let (repository, suite) = open(door, args).await?;
    show_states(door, &repository.states(&door.cx, &suite).await?)
}

async fn diff(door: &Door, args: &DiffArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let diff = repository.diff(&door.cx, &suite, args.from, args.to).await?;
    door.out.show(&diff_json(&diff), |_| {
        let mut table = Table::new(["PACKAGE", "ARCHITECTURE", "CHANGE", "REMOVED", "ADDED"]);
        for change in &diff.changes {
            let joined = |versions: &[Version]| versions.iter().map(Version::as_str).collect::<Vec<_>>().join(" ");
            let (name, architecture) = (change.name.to_string(), change.architecture.clone());
            let kind = change.kind().as_str().to_owned();
            table.row([name, architecture, kind, joined(&change.removed), joined(&change.added)]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

async fn switch(door: &Door, args: &SwitchArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let state = repository.switch(&door.cx, &suite, args.state, &*door.app.signer()?).await?;
    show_states(door, &[state])
}

fn show_states(door: &Door, states: &[State]) -> Answer {
    let wire: Vec<Value> = states.iter().map(state_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["SUITE", "STATE", "DATE", "VALID UNTIL", "PACKAGES", "CONTENT OF"]);
        for state in states {
            table.row([
                state.options.suite.to_string(),
                state.number.to_string(),
                state.date.to_string(),
                state.valid_until.map_or_else(|| "forever".to_owned(), |until| until.to_string()),
                state.content.packages.to_string(),
                state.switched_to.map_or_else(String::new, |number| number.to_string()),
            ]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}
