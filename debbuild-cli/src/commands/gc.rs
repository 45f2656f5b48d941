//! `debbuild gc`: remove stored bytes that nothing needs.

use debbuild_core::blob::Swept;

use super::{Answer, Done, Door};
use crate::app::units::show_size;

/// Remove stored bytes that nothing needs any more
#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn gc(door: &Door, args: &GcArgs) -> Answer {
    let swept: Swept = door.app.gc(&door.cx, args.dry_run).await?;
    let wire = serde_json::json!({
        "dry_run": args.dry_run,
        "blobs": swept.blobs.len(),
        "bytes": swept.bytes(),
    });
    door.out.show(&wire, |_| {
        let verb = if args.dry_run { "would remove" } else { "removed" };
        format!("{verb} {} blobs, {}\n", swept.blobs.len(), show_size(swept.bytes()))
    })?;
    Ok(Done::Well)
}
