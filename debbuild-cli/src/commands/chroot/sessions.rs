//! `debbuild chroot begin|sessions|snapshot|rollback|end`: sessions that last, and what every session may use.

use std::time::Duration;

use debbuild_chroot::{backend::LastingSession, limits::Limits};
use serde_json::{Value, json};

use super::{Answer, Done, Door};
use crate::{
    app::{
        session_json,
        units::{parse_duration, parse_size},
    },
    console::Table,
};

#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Memory of all its processes together, for example 2G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
    /// Processes and threads of the command; without control groups, of one user
    #[arg(long, value_name = "N")]
    processes: Option<u64>,
    /// Files that one process has open
    #[arg(long, value_name = "N")]
    open_files: Option<u64>,
    /// The largest file that may be written, also a sparse one
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    file_size: Option<u64>,
    /// Processor time of one process, for example 10m
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    cpu_time: Option<Duration>,
    /// All files that the session writes together; they are then kept in memory
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    scratch_size: Option<u64>,
    /// Files, folders and links that the session makes; they are then kept in memory
    #[arg(long, value_name = "N")]
    scratch_files: Option<u64>,
}

impl LimitArgs {
    pub(super) const fn read(&self) -> Limits {
        let limits = Limits::new().with_memory(self.memory).with_processes(self.processes);
        let limits = limits.with_open_files(self.open_files).with_file_size(self.file_size);
        limits.with_cpu_time(self.cpu_time).with_scratch(self.scratch_size, self.scratch_files)
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct BeginArgs {
    /// The chroot: its id, or at least 12 digits of it
    id: String,
    /// Let the session reach the chroot's archives; without this it reaches nothing
    #[arg(long)]
    archives: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct SessionArgs {
    /// The session: its id, or at least 12 digits of it
    session: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct SnapshotArgs {
    /// The session: its id, or at least 12 digits of it
    session: String,
    /// The snapshot
    name: String,
}

pub(super) async fn begin(door: &Door, args: &BeginArgs) -> Answer {
    let session = door.app.chroot_begin(&door.cx, &args.id, args.archives, args.limits.read()).await?;
    show(door, &session)
}

fn show(door: &Door, session: &LastingSession) -> Answer {
    door.out.show(&session_json(session), |_| format!("{}\n", session.id))?;
    Ok(Done::Well)
}

pub(super) async fn list(door: &Door) -> Answer {
    let sessions = door.app.chroot_sessions(&door.cx).await?;
    let wire: Vec<Value> = sessions.iter().map(session_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["SESSION", "CHROOT", "SINCE", "SNAPSHOTS"]);
        for session in &sessions {
            table.row([
                session.id.to_string(),
                session.chroot.to_string().chars().take(12).collect(),
                session.since.to_string(),
                session.snapshots.join(" "),
            ]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

pub(super) async fn snapshot(door: &Door, args: &SnapshotArgs) -> Answer {
    let session = door.app.chroot_snapshot(&door.cx, &args.session, &args.name).await?;
    show(door, &session)
}

pub(super) async fn rollback(door: &Door, args: &SnapshotArgs) -> Answer {
    let session = door.app.chroot_rollback(&door.cx, &args.session, &args.name).await?;
    show(door, &session)
}

pub(super) async fn end(door: &Door, args: &SessionArgs) -> Answer {
    let id = door.app.chroot_end(&door.cx, &args.session).await?;
    door.out.show(&json!({ "ended": id.to_string() }), |_| format!("{id}\n"))?;
    Ok(Done::Well)
}
