//! `debbuild fsck`: check everything that is stored.

use super::{Answer, Done, Door};
use crate::app::{fsck::state_check_json, units::show_size};

/// Check every stored byte, root, chroot and artifact of the state folder
#[derive(Debug, clap::Args)]
pub(crate) struct FsckArgs {
    /// Set damaged bytes aside, remove what killed writers left, fetch again what came from an archive, and mend chroots
    #[arg(long)]
    repair: bool,
}

pub(super) async fn fsck(door: &Door, args: &FsckArgs) -> Answer {
    let check = door.app.fsck(&door.cx, args.repair).await?;
    door.out.show(&state_check_json(&check), |_| {
        let mut text = String::new();
        for fault in &check.faults {
            let end = if fault.repaired { " (repaired)" } else { "" };
            text.push_str(&format!("{}{end}\n", fault.problem));
        }
        let (blobs, chroots, artifacts) = (check.blobs, check.chroots, check.artifacts);
        let size = show_size(check.bytes);
        let faults = check.faults.len();
        text.push_str(&format!(
            "{blobs} blobs read ({size}), {chroots} chroots, {artifacts} artifacts: {faults} faults\n"
        ));
        text
    })?;
    Ok(check.class().map_or(Done::Well, Done::Failed))
}
