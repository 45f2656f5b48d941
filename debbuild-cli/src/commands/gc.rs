//! `debbuild gc`: remove stored bytes that nothing needs.

use std::time::Duration;

use debbuild_chroot::gateway::GcOptions;

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
    /// Let go downloaded files that no request used for so long
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    gateway_unused_for: Option<Duration>,
    /// Let go downloaded files that were used longest ago, until the rest are at most this large
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    gateway_max_size: Option<u64>,
}

pub(super) async fn gc(door: &Door, args: &GcArgs) -> Answer {
    let options = GcOptions::new().with_unused_for(args.gateway_unused_for).with_max_size(args.gateway_max_size);
    let report = door.app.gc(&door.cx, options.with_dry_run(args.dry_run)).await?;
    door.out.show(&garbage_json(&report), |_| {
        let (verb, lets) = if args.dry_run { ("would remove", "would let go") } else { ("removed", "let go") };
        let mut text = String::new();
        for file in &report.gateway {
            let size = show_size(file.blob.size);
            text += &format!("{lets} {} {}: last used {}, {size}\n", file.uri, file.reason, file.used);
        }
        text + &format!("{verb} {} blobs, {}\n", report.swept.blobs.len(), show_size(report.swept.bytes()))
    })?;
    Ok(Done::Well)
}
