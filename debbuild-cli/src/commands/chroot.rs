//! `debbuild chroot`: clean places to build in, made once and named by content.

mod layers;
mod record;
mod sessions;
mod show;

use std::time::Duration;

use clap::Subcommand;
use debbuild_chroot::{
    backend::{Session, SessionCommand},
    create::{BootstrapTool, Variant},
    manager::{Chroot, Collected, manifest::SpecRecord},
};
use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    command::Terminal,
    name::{PackageName, SuiteName},
};
use serde_json::{Value, json};

use super::{Answer, Done, Door};
use crate::{
    app::{
        AppError, ChrootWish, chroot_json, chroot_updated_json, chroot_used_json, collected_json,
        units::{parse_duration, parse_size, show_size},
    },
    console::Table,
};

/// The status of `run` and `shell` when debbuild itself failed.
const OWN_FAILURE: u8 = 125;

/// Make, use and remove chroots
#[derive(Debug, clap::Args)]
pub(crate) struct ChrootArgs {
    #[command(subcommand)]
    verb: ChrootVerb,
}

#[derive(Debug, Subcommand)]
enum ChrootVerb {
    /// Make a chroot, or find the one that was made before, and print its id
    Create(CreateArgs),
    /// Install packages on top of a chroot, and print the id of the chroot that this makes
    Install(layers::InstallArgs),
    /// Take a system from elsewhere as a chroot, and print its id
    Import(layers::ImportArgs),
    /// Write a chroot to a file, or to a folder as an OCI image
    Export(layers::ExportArgs),
    /// List the chroots, newest first
    List,
    /// Show a chroot: what was asked for, where it came from, and what is installed
    Show(IdArgs),
    /// Make a new generation of a chroot from its archives as they are now, and print its id
    Update(UpdateArgs),
    /// Show which packages, and which files, differ between two chroots
    Diff(layers::DiffArgs),
    /// Remove a chroot
    Remove(IdArgs),
    /// Remove chroots that newer generations have replaced, or that nobody uses
    Gc(GcArgs),
    /// Run a command in a throw-away session
    Run(RunArgs),
    /// Open a shell in a throw-away session
    Shell(ShellArgs),
    /// Copy a file or folder out of a chroot
    CopyOut(CopyOutArgs),
    /// Begin a session that lasts until it is ended, and print its id
    Begin(sessions::BeginArgs),
    /// List the sessions that last, oldest first
    Sessions,
    /// Keep the files of a session that lasts as they are now
    Snapshot(sessions::SnapshotArgs),
    /// Make the files of a session that lasts as they were at a snapshot
    Rollback(sessions::SnapshotArgs),
    /// End a session that lasts, and remove what it left
    End(sessions::SessionArgs),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The suite; its -updates and -security suites are used too
    #[arg(long, short, required_unless_present_any = ["locked", "profile", "parent"])]
    suite: Option<SuiteName>,
    /// The profile: its name, a file that has one (FILE.toml), or both (FILE.toml#NAME); see `debbuild profile list`
    #[arg(long, short, value_name = "NAME", conflicts_with = "suite")]
    profile: Option<String>,
    /// The architecture; the profile's or this machine's own by default
    #[arg(long)]
    arch: Option<Architecture>,
    /// Make a cross chroot for this host architecture: its packages are known too, and buildd has compilers for it
    #[arg(long, value_name = "ARCH")]
    host: Option<Architecture>,
    /// How much is in it: essential, apt, minbase, buildd, important, standard; the profile's or buildd by default
    #[arg(long, value_parser = variant)]
    variant: Option<Variant>,
    /// More packages
    #[arg(long, value_name = "PACKAGE,..", value_delimiter = ',')]
    include: Vec<PackageName>,
    /// Install on top of this chroot, whose archives and options it has: its id, or at least 12 digits of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["suite", "profile", "arch", "host", "variant", "locked"])]
    parent: Option<String>,
    /// Packages of the parent to take away, with their configuration and what depends on them
    #[arg(long, value_name = "PACKAGE,..", value_delimiter = ',', requires = "parent")]
    remove: Vec<PackageName>,
    /// The tool that makes it: mmdebstrap, or debootstrap, which needs real root
    #[arg(long, value_name = "TOOL", default_value = "mmdebstrap", value_parser = bootstrapper, conflicts_with_all = ["parent", "locked"])]
    bootstrapper: BootstrapTool,
    /// Allow what needs real root: programs of the chroot's packages run as root of this machine then
    #[arg(long)]
    privileged: bool,
    /// Make the chroot of this lock file again, from exactly its files
    #[arg(long, value_name = "FILE", conflicts_with_all = ["suite", "profile", "arch", "host", "include", "variant"])]
    locked: Option<String>,
}

#[derive(Debug, clap::Args)]
struct IdArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
}

#[derive(Debug, clap::Args)]
struct UpdateArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
    /// Allow what needs real root: programs of the chroot's packages run as root of this machine then
    #[arg(long)]
    privileged: bool,
}

#[derive(Debug, clap::Args)]
struct GcArgs {
    /// Also those that nobody used for so long
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    unused_for: Option<Duration>,
    /// Also those that were used longest ago, until the rest are at most this large
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Only say what would be removed, and why
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct UseArgs {
    /// The chroot: its id, or at least 12 digits of it
    #[arg(required_unless_present = "session")]
    id: Option<String>,
    /// Use this session, which lasts and has its archives and limits from its beginning: its id, or at least 12 digits of it
    #[arg(long, value_name = "SESSION", conflicts_with_all = ["id", "archives", "memory", "processes", "open_files", "file_size", "cpu_time", "scratch_size", "scratch_files"])]
    session: Option<String>,
    /// Let the session reach the chroot's archives; without this it reaches nothing
    #[arg(long)]
    archives: bool,
    /// A user of the chroot; root by default
    #[arg(long)]
    user: Option<String>,
    /// The working directory inside
    #[arg(long, default_value = "/")]
    cwd: String,
    /// Variables of the environment, which is otherwise made new
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Copy a file or folder in first, into a folder inside
    #[arg(long, value_name = "FILE:FOLDER", value_parser = pair)]
    copy_in: Vec<(String, String)>,
    /// Copy a file or folder out afterwards, into a folder here
    #[arg(long, value_name = "PATH:FOLDER", value_parser = pair)]
    copy_out: Vec<(String, String)>,
    #[command(flatten)]
    limits: sessions::LimitArgs,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    using: UseArgs,
    /// How long it may run
    #[arg(long, value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// How long it may be silent
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    stalled: Option<Duration>,
    /// Write how it ended, what it used and what held its limits to this file, as JSON
    #[arg(long, value_name = "FILE")]
    record: Option<String>,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct ShellArgs {
    #[command(flatten)]
    using: UseArgs,
}

#[derive(Debug, clap::Args)]
struct CopyOutArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
    /// The file or folder inside
    path: String,
    /// The folder to put it into
    #[arg(default_value = ".")]
    into: String,
}

fn variant(text: &str) -> Result<Variant, String> {
    text.parse().map_err(|error: debbuild_chroot::create::CreateError| error.to_string())
}

fn bootstrapper(text: &str) -> Result<BootstrapTool, String> {
    text.parse().map_err(|error: debbuild_chroot::create::CreateError| error.to_string())
}

fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("there is no = in it")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.rsplit_once(':').ok_or("there is no : in it")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

pub(super) async fn chroot(door: &Door, args: &ChrootArgs) -> Answer {
    match &args.verb {
        ChrootVerb::Create(args) => create(door, args).await,
        ChrootVerb::Install(args) => layers::install(door, args).await,
        ChrootVerb::Import(args) => layers::import(door, args).await,
        ChrootVerb::Export(args) => layers::export(door, args).await,
        ChrootVerb::List => list(door).await,
        ChrootVerb::Show(args) => show::show(door, args).await,
        ChrootVerb::Update(args) => update(door, args).await,
        ChrootVerb::Diff(args) => layers::diff(door, args).await,
        ChrootVerb::Remove(args) => remove(door, args).await,
        ChrootVerb::Gc(args) => gc(door, args).await,
        ChrootVerb::Run(args) => own(door, run(door, args).await),
        ChrootVerb::Shell(args) => own(door, shell(door, args).await),
        ChrootVerb::CopyOut(args) => copy_out(door, args).await,
        ChrootVerb::Begin(args) => sessions::begin(door, args).await,
        ChrootVerb::Sessions => sessions::list(door).await,
        ChrootVerb::Snapshot(args) => sessions::snapshot(door, args).await,
        ChrootVerb::Rollback(args) => sessions::rollback(door, args).await,
        ChrootVerb::End(args) => sessions::end(door, args).await,
    }
}

/// debbuild's own failure must not be taken for the command's.
fn own(door: &Door, answer: Answer) -> Answer {
    answer.or_else(|error| {
        door.talk.error(&error);
        Ok(Done::Status(OWN_FAILURE))
    })
}

async fn create(door: &Door, args: &CreateArgs) -> Answer {
    if let Some(parent) = &args.parent {
        return layers::layer(door, parent, &args.include, &args.remove).await;
    }
    let mut log = door.talk.log();
    let wish = match (&args.profile, &args.suite) {
        (Some(profile), _) => Some(ChrootWish::of_profile(profile)),
        (None, suite) => suite.clone().map(ChrootWish::new),
    };
    let chroot = match (&args.locked, wish) {
        (Some(file), _) => {
            let file = door.app.machine().path(file)?;
            door.app.chroot_create_locked(&door.cx, &file, args.privileged, &mut log).await?
        }
        (None, Some(wish)) => {
            let wish =
                wish.with_architecture(args.arch.clone()).with_variant(args.variant).with_include(args.include.clone());
            let wish = wish.with_host(args.host.clone()).with_bootstrapper(args.bootstrapper, args.privileged);
            door.app.chroot_create(&door.cx, &wish, &mut log).await?
        }
        (None, None) => return Ok(Done::Failed(debbuild_core::error::Class::Usage)),
    };
    drop(log);
    door.out.show(&chroot_json(&chroot), |_| format!("{}\n", chroot.id))?;
    Ok(Done::Well)
}

/// The architecture of a chroot, and that which it builds for where that is another one.
fn architectures(spec: &SpecRecord) -> String {
    spec.host.iter().fold(spec.architecture.to_string(), |own, host| format!("{own} for {host}"))
}

async fn list(door: &Door) -> Answer {
    let manager = door.app.chroots(&door.cx).await?;
    let chroots: Vec<(Chroot, Timestamp)> =
        manager.list()?.into_iter().map(|one| (one.clone(), manager.used(&one))).collect();
    let wire: Vec<Value> = chroots.iter().map(|(chroot, used)| chroot_used_json(chroot, *used)).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["ID", "SUITE", "ARCH", "VARIANT", "PACKAGES", "SIZE", "MADE", "USED"]);
        for (chroot, used) in &chroots {
            let manifest = &chroot.manifest;
            table.row([
                manifest.id.chars().take(12).collect(),
                manifest.spec.suite.to_string(),
                architectures(&manifest.spec),
                manifest.spec.variant.clone(),
                manifest.packages.to_string(),
                show_size(manifest.tarball.size),
                manifest.created.to_string(),
                used.to_string(),
            ]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

async fn update(door: &Door, args: &UpdateArgs) -> Answer {
    let mut log = door.talk.log();
    let updated = door.app.chroot_update(&door.cx, &args.id, args.privileged, &mut log).await?;
    drop(log);
    let wire = chroot_updated_json(&updated);
    door.out.show(&wire, |_| format!("{}\n", updated.chroot.id))?;
    Ok(Done::Well)
}

async fn remove(door: &Door, args: &IdArgs) -> Answer {
    let id = door.app.chroot_remove(&door.cx, &args.id).await?;
    door.out.show(&json!({ "removed": id.to_string() }), |_| format!("{id}\n"))?;
    Ok(Done::Well)
}

async fn gc(door: &Door, args: &GcArgs) -> Answer {
    let gone = door.app.chroot_gc(&door.cx, args.unused_for, args.max_size, args.dry_run).await?;
    let line =
        |one: &Collected| format!("{} {}: last used {}, {}\n", one.id, one.reason, one.used, show_size(one.size));
    door.out.show(&collected_json(&gone, args.dry_run), |_| gone.iter().map(line).collect())?;
    Ok(Done::Well)
}

async fn run(door: &Door, args: &RunArgs) -> Answer {
    let command = SessionCommand::new(args.command.iter().cloned()).with_limits(args.timeout, args.stalled);
    in_session(door, &args.using, command, args.record.as_deref()).await
}

async fn shell(door: &Door, args: &ShellArgs) -> Answer {
    let mut command = SessionCommand::new(["sh", "-c", "exec bash -i || exec sh -i"]);
    if let Some(terminal) = door.app.machine().variables.get("TERM") {
        command = command.with_env("TERM", terminal);
    }
    in_session(door, &args.using, command, None).await
}

async fn in_session(door: &Door, using: &UseArgs, command: SessionCommand, record: Option<&str>) -> Answer {
    let mut session = match (&using.session, &using.id) {
        (Some(session), _) => door.app.chroot_attach(&door.cx, session).await?,
        (None, id) => {
            let id = id.as_deref().unwrap_or_default();
            door.app.chroot_open(&door.cx, id, using.archives, using.limits.read()).await?
        }
    };
    let answer = work(door, &mut *session, using, command, record).await;
    session.close(&door.cx).await?;
    answer
}

async fn work(
    door: &Door,
    session: &mut dyn Session,
    using: &UseArgs,
    command: SessionCommand,
    record: Option<&str>,
) -> Answer {
    for (file, folder) in &using.copy_in {
        let file = door.app.machine().path(file)?;
        door.app.copy_in(&door.cx, session, &file, folder).await?;
    }
    let mut command = command.with_cwd(&using.cwd).with_user(using.user.clone()).with_terminal(Terminal::Inherited);
    for (key, value) in &using.env {
        command = command.with_env(key, value);
    }
    let ended = session.run(&door.cx, &command, &mut debbuild_core::command::Discard).await.map_err(AppError::from);
    record.map_or(Ok(()), |file| record::keep(door, file, &ended, &session.usage()))?;
    let exit = ended?;
    for (path, folder) in &using.copy_out {
        let folder = door.app.machine().path(folder)?;
        door.app.copy_out(&door.cx, session, path, &folder).await?;
    }
    let status = exit.status.and_then(|status| u8::try_from(status).ok());
    Ok(Done::Status(status.unwrap_or(OWN_FAILURE)))
}

async fn copy_out(door: &Door, args: &CopyOutArgs) -> Answer {
    let into = door.app.machine().path(&args.into)?;
    door.app.chroot_copy_out(&door.cx, &args.id, &args.path, &into).await?;
    Ok(Done::Well)
}
