//! The commands: one file per noun with its arguments and its function.

mod build;
mod changes;
mod chroot;
mod completions;
mod compose;
mod config;
mod deb;
mod doctor;
mod fsck;
mod gc;
mod lock;
mod mirror;
mod profile;
mod repo;
mod resolve;
mod source;
mod tag;
mod task;
mod verify;
mod version;
mod worker;

use std::sync::Arc;

use clap::Subcommand;
use debbuild_core::{context::Context, error::Class};

use crate::{
    app::{App, AppError},
    console::{Printer, Talk},
};

/// Everything a command works with.
#[derive(Debug)]
pub(crate) struct Door {
    /// The use cases.
    pub(crate) app: App,
    /// Cancellation by Ctrl-C, progress on standard error.
    pub(crate) cx: Context,
    /// Standard output: data.
    pub(crate) out: Printer,
    /// Standard error: talk.
    pub(crate) talk: Arc<Talk>,
}

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Well.
    Well,
    /// The work itself failed and the command has said so: a failed build is an answer, not an error.
    Failed(Class),
    /// With the status of the command that it ran for the user.
    Status(u8),
}

/// What a command's function returns.
pub(crate) type Answer = Result<Done, AppError>;

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(Box<build::BuildArgs>),
    Chroot(Box<chroot::ChrootArgs>),
    Completions(completions::CompletionsArgs),
    Compose(compose::ComposeArgs),
    Config(config::ConfigArgs),
    Deb(deb::DebArgs),
    Doctor(doctor::DoctorArgs),
    Fsck(fsck::FsckArgs),
    Gc(gc::GcArgs),
    Lock(lock::LockArgs),
    Man(completions::ManArgs),
    Profile(profile::ProfileArgs),
    Repo(repo::RepoArgs),
    Resolve(resolve::ResolveArgs),
    Source(source::SourceArgs),
    Tag(tag::TagArgs),
    Task(task::TaskArgs),
    Version(version::VersionArgs),
    Worker(worker::WorkerArgs),
}

/// Commands that need neither settings nor state, and so work where those are broken.
pub(crate) fn without_app(out: &Printer, command: &Command) -> Option<Answer> {
    match command {
        Command::Completions(args) => Some(completions::completions(out, args)),
        Command::Man(args) => Some(completions::man(args)),
        _ => None,
    }
}

/// Runs a command.
pub(crate) async fn run(door: &Door, command: Command) -> Answer {
    match command {
        Command::Build(args) => build::build(door, &args).await,
        Command::Chroot(args) => chroot::chroot(door, &args).await,
        Command::Completions(args) => completions::completions(&door.out, &args),
        Command::Compose(args) => compose::compose(door, &args).await,
        Command::Config(args) => config::config(door, &args),
        Command::Deb(args) => deb::deb(door, &args).await,
        Command::Doctor(args) => doctor::doctor(door, &args).await,
        Command::Fsck(args) => fsck::fsck(door, &args).await,
        Command::Gc(args) => gc::gc(door, &args).await,
        Command::Lock(args) => lock::lock(door, &args).await,
        Command::Man(args) => completions::man(&args),
        Command::Profile(args) => profile::profile(door, &args),
        Command::Repo(args) => repo::repo(door, &args).await,
        Command::Resolve(args) => resolve::resolve(door, args).await,
        Command::Source(args) => source::source(door, &args).await,
        Command::Tag(args) => tag::tag(door, &args).await,
        Command::Task(args) => task::task(door, &args).await,
        Command::Version(args) => version::version(door, &args),
        Command::Worker(args) => worker::worker(door, &args).await,
    }
}
