//! `debbuild task`: what should be built, and what became of it.

mod follow;
mod submit;

use clap::Subcommand;
use debbuild_core::error::Class;
use debbuild_queue::api::v1::{Artifact, Task, TaskFilter, Tasks as _};

use super::{Answer, Done, Door};
use crate::console::Table;

/// Submit builds to the queue, and see what becomes of them
#[derive(Debug, clap::Args)]
pub(crate) struct TaskArgs {
    #[command(subcommand)]
    verb: TaskVerb,
}

#[derive(Debug, Subcommand)]
enum TaskVerb {
    /// Submit source packages to be built, and print the numbers of the tasks
    Submit(submit::SubmitArgs),
    /// List tasks, newest first
    List(ListArgs),
    /// Show a task with its attempts
    Show(OneArgs),
    /// Show what happens to tasks until all have ended
    Watch(follow::WatchArgs),
    /// Print the log of a task
    Log(follow::LogArgs),
    /// Write the files that a task left into a folder: packages, .changes, .buildinfo
    Fetch(FetchArgs),
    /// Cancel a task: at once while it waits, else when its worker hears of it
    Cancel(CancelArgs),
    /// Do an ended task again, as a new task
    Retry(OneArgs),
    /// Say why a task is where it is
    Explain(OneArgs),
    /// Give a task another priority
    Priority(PriorityArgs),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The task's number
    #[arg(value_name = "TASK")]
    task: i64,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only in this state: blocked, ready, leased, succeeded, failed, aborted, cancelled; may be repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,
    /// Only with this text in the label
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Only of this kind
    #[arg(long)]
    kind: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Debug, clap::Args)]
struct FetchArgs {
    /// The task's number
    #[arg(value_name = "TASK")]
    task: i64,
    /// The attempt's number; without it the newest
    #[arg(long)]
    attempt: Option<u32>,
    /// The folder; it is made if it is missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: String,
}

#[derive(Debug, clap::Args)]
struct CancelArgs {
    /// The task's number
    #[arg(value_name = "TASK")]
    task: i64,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct PriorityArgs {
    /// The task's number
    #[arg(value_name = "TASK")]
    task: i64,
    /// Higher goes first; 0 is usual
    #[arg(value_name = "PRIORITY", allow_negative_numbers = true)]
    priority: i32,
}

pub(super) async fn task(door: &Door, args: &TaskArgs) -> Answer {
    match &args.verb {
        TaskVerb::Submit(args) => submit::submit(door, args).await,
        TaskVerb::List(args) => list(door, args).await,
        TaskVerb::Show(args) => show(door, args).await,
        TaskVerb::Watch(args) => follow::watch(door, args).await,
        TaskVerb::Log(args) => follow::log(door, args).await,
        TaskVerb::Fetch(args) => fetch(door, args).await,
        TaskVerb::Cancel(args) => {
            let task = door.app.api().await?.cancel(&door.cx, args.task, &args.reason).await?;
            door.out.show(&task, |task| match task.ended {
                true => format!("task {} is {}\n", task.id, task.state),
                false => format!("task {} will end when its worker hears of it\n", task.id),
            })?;
            Ok(Done::Well)
        }
        TaskVerb::Retry(args) => {
            let task = door.app.api().await?.retry(&door.cx, args.task).await?;
            door.out.show(&task, |task| format!("{}\n", task.id))?;
            Ok(Done::Well)
        }
        TaskVerb::Explain(args) => {
            let told = door.app.api().await?.explain(&door.cx, args.task).await?;
            door.out.show(&told, |told| {
                let lines: String = told.reasons.iter().map(|reason| format!("  {reason}\n")).collect();
                format!("task {} is {}\n{lines}", told.task, told.state)
            })?;
            Ok(Done::Well)
        }
        TaskVerb::Priority(args) => {
            let task = door.app.api().await?.set_priority(&door.cx, args.task, args.priority).await?;
            door.out.show(&task, |task| format!("task {} has priority {}\n", task.id, task.priority))?;
            Ok(Done::Well)
        }
    }
}

async fn list(door: &Door, args: &ListArgs) -> Answer {
    let mut filter = TaskFilter::default();
    filter.states.clone_from(&args.state);
    filter.label.clone_from(&args.label);
    filter.kind.clone_from(&args.kind);
    filter.after.clone_from(&args.after);
    filter.limit = Some(args.limit);
    let page = door.app.api().await?.tasks(&door.cx, &filter).await?;
    door.out.show(&page, |page| {
        let mut table = Table::new(["TASK", "STATE", "PRIORITY", "BY", "SUBMITTED", "WHAT"]);
        for task in &page.tasks {
            table.row([
                task.id.to_string(),
                task.state.clone(),
                task.priority.to_string(),
                task.by.clone(),
                task.submitted_at.to_string(),
                task.label.clone(),
            ]);
        }
        table.text()
    })?;
    if let Some(next) = &page.next {
        door.talk.say(&format!("there are more: --after {next}"));
    }
    Ok(Done::Well)
}

async fn show(door: &Door, args: &OneArgs) -> Answer {
    let task = door.app.api().await?.task(&door.cx, args.task).await?;
    door.out.show(&task, human)?;
    Ok(Done::Well)
}

/// A task for people.
fn human(task: &Task) -> String {
    let mut text = format!("task {}: {}\n", task.id, task.label);
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name}: {value}\n"));
    line("state", task.state.clone());
    line("kind", task.spec.kind.clone());
    line("submitted", format!("{} by {}", task.submitted_at, task.by));
    line("priority", task.priority.to_string());
    if let Some(at) = task.ended_at {
        line("ended", at.to_string());
    }
    if let Some(failure) = &task.failure {
        line("failure", format!("{}: {}", failure.class, failure.message));
    }
    for id in &task.after {
        line("after", id.to_string());
    }
    for (name, other) in [("retry of", task.retry_of), ("retried by", task.retried_by)] {
        if let Some(other) = other {
            line(name, other.to_string());
        }
    }
    for attempt in &task.attempts {
        let failure = attempt.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
        line("attempt", format!("{} {} on {}{failure}", attempt.id, attempt.state, attempt.worker));
    }
    for build in &task.builds {
        line("build", build.to_string());
    }
    text
}

/// The class of a task that did not succeed.
fn class(task: &Task) -> Option<Class> {
    if task.state == "succeeded" {
        return None;
    }
    if task.state == "cancelled" {
        return Some(Class::Cancelled);
    }
    let class = task.failure.as_ref().and_then(|failure| Class::from_name(&failure.class));
    Some(class.unwrap_or(Class::Internal))
}

async fn fetch(door: &Door, args: &FetchArgs) -> Answer {
    let folder = door.app.machine().path(&args.output)?;
    let left = door.app.fetch_artifacts(&door.cx, args.task, args.attempt, &folder).await?;
    let path = |artifact: &Artifact| format!("{folder}/{}\n", artifact.name);
    door.out.show(&left, |left| left.artifacts.iter().map(path).collect::<String>())?;
    Ok(Done::Well)
}
