//! `debbuild gc`: remove stored bytes that nothing needs.

use std::time::Duration;

use debbuild_chroot::gateway::{CollectOptions, Reason};

use super::{Answer, Done, Door};
use crate::app::{
    garbage_json,
    units::{parse_duration, parse_size, show_size},
};

/// Remove stored bytes that nothing needs any more
#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Let go downloaded files that no request used for longer
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    gateway_older_than: Option<Duration>,
    /// Keep at most this much of downloaded files: those used longest ago go first
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    gateway_size: Option<u64>,
}

pub(super) async fn gc(door: &Door, args: &GcArgs) -> Answer {
    let options = CollectOptions::new().with_older_than(args.gateway_older_than).with_size(args.gateway_size);
    let report = door.app.gc(&door.cx, options.with_dry_run(args.dry_run)).await?;
    door.out.show(&garbage_json(&report), |_| {
        let (verb, lets) = if args.dry_run { ("would remove", "would let go") } else { ("removed", "let go") };
        let mut text = String::new();
        for file in &report.gateway {
            let why = match file.reason {
                Reason::Unused => "not used since",
                _ => "no room, last used",
            };
            text += &format!("{lets} {} ({}, {why} {})\n", file.uri, show_size(file.blob.size), file.used);
        }
        text + &format!("{verb} {} blobs, {}\n", report.swept.blobs.len(), show_size(report.swept.bytes()))
    })?;
    Ok(Done::Well)
}
