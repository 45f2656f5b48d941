//! `debbuild task watch` and `task log`: what happens, while it happens.

use std::time::Duration;

use debbuild_core::error::Class;
use debbuild_queue::api::v1::{Event, Tasks as _};

use super::{Answer, Done, Door, class};
use crate::app::AppError;

/// How much of a log is asked for at once, in bytes.
const PIECE: u32 = 256 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// The tasks' numbers
    #[arg(value_name = "TASK", required = true)]
    tasks: Vec<i64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// The task's number
    #[arg(value_name = "TASK")]
    task: i64,
    /// The attempt's number; without it the newest
    #[arg(long)]
    attempt: Option<u32>,
    /// Begin here, in bytes
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// Go on while the log grows
    #[arg(long, short)]
    follow: bool,
}

pub(super) async fn watch(door: &Door, args: &WatchArgs) -> Answer {
    until_ended(door, &args.tasks, true).await
}

/// Shows events until all tasks have ended; the first failure decides the exit code.
pub(super) async fn until_ended(door: &Door, tasks: &[i64], print: bool) -> Answer {
    let mut show = |event: &Event| -> Result<(), AppError> {
        if print {
            door.out.line(event, human)?;
        } else {
            door.talk.say(human(event).trim_end());
        }
        Ok(())
    };
    for task in door.app.watch_tasks(&door.cx, tasks, &mut show).await? {
        if let Some(class) = class(&task) {
            let (id, state) = (task.id, &task.state);
            let message = task.failure.map(|failure| failure.message).unwrap_or_default();
            door.talk.warn(&format!("task {id} {state}: {message}"));
            return Ok(Done::Failed(class));
        }
    }
    Ok(Done::Well)
}

fn human(event: &Event) -> String {
    let subject = event.attempt.as_ref().map_or_else(
        || event.task.map(|task| format!("task {task}")).unwrap_or_default(),
        |attempt| format!("attempt {attempt}"),
    );
    format!("{} {subject} {} {}\n", event.at, event.kind, event.text).replace(" \n", "\n")
}

pub(super) async fn log(door: &Door, args: &LogArgs) -> Answer {
    let api = door.app.api().await?;
    let mut offset = args.offset;
    loop {
        let part = api.log(&door.cx, args.task, args.attempt, offset, PIECE).await?;
        offset += part.bytes.len() as u64;
        door.out.bytes(&part.bytes)?;
        if part.end || (part.bytes.is_empty() && !args.follow) {
            return Ok(Done::Well);
        }
        if part.bytes.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                () = door.cx.cancel().cancelled() => return Ok(Done::Failed(Class::Cancelled)),
            }
        }
    }
}
