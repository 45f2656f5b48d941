//! `debbuild resolve replay`: a problem that was kept in a file.

use super::{
    super::{Answer, Door},
    checked, text,
};
use crate::app::replayed_json;

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// A file that `--save-problem` wrote
    file: String,
    /// Exit with 8 when the answer is of another kind than when the problem was kept
    #[arg(long)]
    check: bool,
}

pub(super) async fn replay(door: &Door, args: ReplayArgs) -> Answer {
    let replayed = door.app.resolve_replay(&door.cx, &door.app.machine().path(&args.file)?).await?;
    door.out.show(&replayed_json(&replayed), |_| {
        let told = if replayed.is_same() {
            "The answer is of the kind that it was.\n".to_owned()
        } else {
            format!("The answer was {} when the problem was kept.\n", replayed.expected)
        };
        text(&replayed.answer) + &told
    })?;
    Ok(checked(args.check && !replayed.is_same()))
}
