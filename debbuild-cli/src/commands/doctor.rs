//! `debbuild doctor`: is this machine ready?

use debbuild_core::error::Class;

use super::{Answer, Done, Door};
use crate::{
    app::doctor::{Level, Report},
    console::Table,
};

/// Say whether this machine is ready, and how to mend what is not
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Run the mending commands: install packages, create the build user, give ranges of subordinate ids
    #[arg(long)]
    fix: bool,
    /// With --fix: also what only some uses need (OSTree, ISOs, boot tests)
    #[arg(long, requires = "fix")]
    all: bool,
    /// Exit with 6 when something is missing that building needs
    #[arg(long)]
    check: bool,
}

pub(super) async fn doctor(door: &Door, args: &DoctorArgs) -> Answer {
    let mut report = door.app.doctor(&door.cx).await?;
    if args.fix {
        for line in door.app.mend(&door.cx, &report, args.all).await? {
            door.talk.say(&format!("ran: {line}"));
        }
        report = door.app.doctor(&door.cx).await?;
    }
    let root = door.app.machine().is_root();
    door.out.show(&report, |report| text(report, root))?;
    let fail = (args.check || args.fix) && !report.ready;
    Ok(if fail { Done::Failed(Class::Infrastructure) } else { Done::Well })
}

fn text(report: &Report, root: bool) -> String {
    let mut table = Table::new(["", "NEEDED BY", "WHAT", "FOUND"]);
    for finding in &report.findings {
        let mark = match finding.level {
            Level::Ok => "ok",
            Level::Optional => "-",
            _ => "MISSING",
        };
        table.row([mark.to_owned(), finding.group.clone(), finding.name.clone(), finding.detail.clone()]);
    }
    let mut text = table.text();
    for (title, fix, level) in
        [("To build packages", "--fix", Level::Missing), ("For the uses marked '-'", "--fix --all", Level::Optional)]
    {
        let lines = report.mend_lines(level, root);
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}, run (or: debbuild doctor {fix}):\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    text.push_str(if report.ready { "\nThis machine is ready to build packages.\n" } else { "\nNot ready.\n" });
    text
}
