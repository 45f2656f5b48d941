//! `debbuild task submit`: source packages become tasks.

use std::time::Duration;

use debbuild_core::{arch::Architecture, build::ChrootId, name::SuiteName};

use super::{Answer, Done, Door, follow};
use crate::app::{SubmitOrder, units};

#[derive(Debug, clap::Args)]
pub(super) struct SubmitArgs {
    /// Paths of .dsc files, or source packages of the suite as NAME or NAME=VERSION
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// The suite to build for
    #[arg(long, short, required_unless_present = "chroot_profile")]
    suite: Option<SuiteName>,
    /// The architecture to build on and for; without it the one of this machine
    #[arg(long, short)]
    arch: Option<Architecture>,
    /// The chroot to build in; without it the newest of the suite when the build begins
    #[arg(long, value_name = "ID")]
    chroot: Option<ChrootId>,
    /// The profile of the chroot to build in, found or made now; the suite is the profile's by default
    #[arg(long, value_name = "NAME", conflicts_with = "chroot")]
    chroot_profile: Option<String>,
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
    let sources = args.sources.iter().map(|source| door.app.build_source_of(source)).collect::<Result<_, _>>()?;
    let suite = door.app.submit_suite(args.suite.clone(), args.chroot_profile.as_deref())?;
    let mut order = SubmitOrder::new(sources, suite);
    order.chroot_profile.clone_from(&args.chroot_profile);
    order.architecture.clone_from(&args.arch);
    order.chroot = args.chroot;
    order.priority = args.priority;
    order.after.clone_from(&args.after);
    order.in_order = args.in_order;
    order.key.clone_from(&args.key);
    order.options.profiles.clone_from(&args.profiles);
    order.options.timeout = args.timeout.or(order.options.timeout);
    order.options.stalled = args.stalled.or(order.options.stalled);
    let done = door.app.submit(&door.cx, &order).await?;
    door.out.show(&done, |done| done.tasks.iter().map(|id| format!("{id}\n")).collect())?;
    if args.wait { follow::until_ended(door, &done.tasks, false).await } else { Ok(Done::Well) }
}
