//! `debbuild task submit`: source packages become tasks.

use std::time::Duration;

use debbuild_core::{
    acquire::source::SourceRequest, arch::Architecture, build::ChrootId, name::SuiteName, path::AbsPath,
};
use debbuild_queue::api::v1::{SCHEMA, SubmitTask, SubmitTasks, Tasks as _};

use super::{Answer, Done, Door, follow};
use crate::app::{AppError, BuildSubmission, units};

#[derive(Debug, clap::Args)]
pub(super) struct SubmitArgs {
    /// Paths of .dsc files, or source packages of the suite as NAME or NAME=VERSION
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// The suite to build for
    #[arg(long, short)]
    suite: SuiteName,
    /// The architecture to build on and for; without it the one of this machine
    #[arg(long, short)]
    arch: Option<Architecture>,
    /// The chroot to build in; without it the newest of the suite when the build begins
    #[arg(long, value_name = "ID")]
    chroot: Option<ChrootId>,
    /// Higher goes first; 0 is usual
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// Start only when these tasks have succeeded
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    after: Vec<i64>,
    /// Build them one after the other, each only when the one before succeeded
    #[arg(long)]
    in_order: bool,
    /// Build profiles
    #[arg(long, value_name = "PROFILE", value_delimiter = ',')]
    profiles: Vec<String>,
    /// How long each build may take
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
    timeout: Option<Duration>,
    /// How long each build may be silent
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
    stalled: Option<Duration>,
    /// The same key again submits nothing new
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Wait until all have ended, as `task watch` does
    #[arg(long)]
    wait: bool,
}

pub(super) async fn submit(door: &Door, args: &SubmitArgs) -> Answer {
    let architecture = match &args.arch {
        Some(architecture) => architecture.clone(),
        None => door.app.architecture(&door.cx).await?,
    };
    let mut tasks = Vec::new();
    for (place, source) in args.sources.iter().enumerate() {
        let dsc = dsc(door, args, source).await?;
        let mut wanted = BuildSubmission::new(dsc, args.suite.clone(), architecture.clone()).with_chroot(args.chroot);
        wanted.options.profiles.clone_from(&args.profiles);
        wanted.options.timeout = args.timeout.or(wanted.options.timeout);
        wanted.options.stalled = args.stalled.or(wanted.options.stalled);
        let spec = door.app.build_task(&door.cx, &wanted).await?;
        let label = format!("{} {} {architecture}", wanted.dsc.name().trim_end_matches(".dsc"), args.suite);
        let after_earlier = if args.in_order { place.checked_sub(1).into_iter().collect() } else { Vec::new() };
        tasks.push(SubmitTask { spec, label, priority: args.priority, after: args.after.clone(), after_earlier });
    }
    let key = super::key(args.key.as_deref())?.to_string();
    let request = SubmitTasks { schema: SCHEMA, idempotency_key: key, tasks };
    let done = door.app.api().await?.submit(&door.cx, &request).await?;
    door.out.show(&done, |done| done.tasks.iter().map(|id| format!("{id}\n")).collect())?;
    if args.wait { follow::until_ended(door, &done.tasks, false).await } else { Ok(Done::Well) }
}

/// The .dsc: a path, or fetched from the suite's archives into the scratch folder.
async fn dsc(door: &Door, args: &SubmitArgs, source: &str) -> Result<AbsPath, AppError> {
    if source.ends_with(".dsc") {
        return Ok(door.app.machine().path(source)?);
    }
    let request: SourceRequest = source.parse()?;
    let into = door.app.home().join("scratch/sources").child(&source.replace(['=', ':', '~'], "_"))?;
    Ok(door.app.source_fetch(&door.cx, &request, &args.suite, &into).await?.dsc)
}
