//! `debbuild build`: one source package, here and now.

use debbuild_core::{
    arch::Architecture,
    build::{BuildRecord, Network},
    name::SuiteName,
};

use super::{Answer, Done, Door};
use crate::app::{
    AppError, BuildOrder,
    units::{parse_duration, parse_size},
};

/// Build a source package in a clean chroot, and print what came of it
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// A .dsc with its files beside it, or a source package of this machine's archives
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The suite to build for; its newest chroot is used, and made if there is none
    #[arg(long, short)]
    suite: Option<SuiteName>,
    /// The architecture to build on and for; this machine's if none is named
    #[arg(long)]
    arch: Option<Architecture>,
    /// The chroot to build in
    #[arg(long, value_name = "ID")]
    chroot: Option<String>,
    /// The profile of the chroot to build in, made if there is none; the suite is the profile's then
    #[arg(long, value_name = "NAME", conflicts_with = "chroot")]
    chroot_profile: Option<String>,
    /// Where to put packages, log, lock and result.json
    #[arg(long, short, value_name = "DIR")]
    output: Option<String>,
    /// Build profiles, separated by commas
    #[arg(long, value_delimiter = ',')]
    profiles: Vec<String>,
    /// A local .deb that build dependencies may come from
    #[arg(long, value_name = "FILE")]
    extra_package: Vec<String>,
    /// Do not build architecture-independent packages
    #[arg(long)]
    no_arch_all: bool,
    /// How long the build may take
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<std::time::Duration>,
    /// How long it may be silent
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    stalled: Option<std::time::Duration>,
    /// How much memory each of its processes may use
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
    /// How much disk it may use (the chroot is unpacked in memory then)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    disk: Option<u64>,
    /// Let package code use the network
    #[arg(long)]
    network: bool,
}

pub(super) async fn build(door: &Door, args: &BuildArgs) -> Answer {
    let order = order(door, args)?;
    let record = door.app.build(&door.cx, &order, &mut door.talk.log()).await?;
    door.out.show(&record, human)?;
    Ok(record.class().map_or(Done::Well, Done::Failed))
}

fn order(door: &Door, args: &BuildArgs) -> Result<BuildOrder, AppError> {
    let machine = door.app.machine();
    let source = door.app.build_source_of(&args.source)?;
    let mut order = BuildOrder::new(source);
    order.suite.clone_from(&args.suite);
    order.architecture.clone_from(&args.arch);
    order.chroot.clone_from(&args.chroot);
    order.chroot_profile.clone_from(&args.chroot_profile);
    order.output = args.output.as_deref().map(|folder| machine.path(folder)).transpose()?;
    let options = &mut order.options;
    options.profiles.clone_from(&args.profiles);
    options.extra_packages = args.extra_package.iter().map(|file| machine.path(file)).collect::<Result<_, _>>()?;
    options.arch_all = !args.no_arch_all;
    options.timeout = args.timeout.or(options.timeout);
    options.stalled = args.stalled.or(options.stalled);
    options.memory = args.memory;
    options.disk = args.disk;
    options.network = if args.network { Network::On } else { Network::Off };
    Ok(order)
}

fn human(record: &BuildRecord) -> String {
    let mut text = format!("{} {} {}: {}\n", record.source, record.version, record.architecture, record.outcome.name());
    if let Some(failure) = &record.failure {
        let line = failure.log_line.map(|line| format!(" (line {line} of the log)")).unwrap_or_default();
        text.push_str(&format!("  {}: {}{line}\n", failure.class, failure.message));
    }
    for artifact in &record.artifacts {
        text.push_str(&format!("  {}  {}\n", artifact.sha256, artifact.name));
    }
    text
}
