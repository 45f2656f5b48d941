//! `debbuild worker`: who does the work.

use clap::Subcommand;
use debbuild_queue::{
    api::v1::{Worker, Workers as _},
    model::WorkerName,
};

use super::{Answer, Done, Door};
use crate::{
    app::{WorkerRun, worked_json},
    console::Table,
};

/// Run workers and see what they do
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    verb: WorkerVerb,
}

#[derive(Debug, Subcommand)]
enum WorkerVerb {
    /// Work on this machine until interrupted
    Run(RunArgs),
    /// List the workers
    List,
    /// Show a worker
    Show(OneArgs),
    /// Give a worker nothing new
    Drain(OneArgs),
    /// Give a worker work again, also when it was in quarantine
    Enable(OneArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The worker's name
    #[arg(long, default_value = "local")]
    name: WorkerName,
    /// How many tasks it does at once
    #[arg(long, default_value_t = 1)]
    slots: usize,
    /// Stop when there is nothing left that it could do
    #[arg(long)]
    until_idle: bool,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The worker's name
    #[arg(value_name = "WORKER")]
    name: String,
}

pub(super) async fn worker(door: &Door, args: &WorkerArgs) -> Answer {
    let shown = match &args.verb {
        WorkerVerb::Run(args) => return run(door, args).await,
        WorkerVerb::List => return list(door).await,
        WorkerVerb::Show(args) => door.app.api().await?.worker(&door.cx, &args.name).await?,
        WorkerVerb::Drain(args) => door.app.api().await?.drain(&door.cx, &args.name).await?,
        WorkerVerb::Enable(args) => door.app.api().await?.enable(&door.cx, &args.name).await?,
    };
    door.out.show(&shown, human)?;
    Ok(Done::Well)
}

async fn run(door: &Door, args: &RunArgs) -> Answer {
    let run = WorkerRun::new(args.name.clone(), args.until_idle).with_slots(args.slots);
    let executors = door.app.executors(&door.cx).await?;
    let report = door.app.run_worker(&door.cx, &run, executors).await?;
    let wire = worked_json(&args.name, &report);
    door.out.show(&wire, |_| {
        let (attempts, replayed, abandoned) = (report.attempts, report.replayed, report.abandoned);
        format!("{attempts} attempts, {replayed} results handed in late, {abandoned} given up after a crash\n")
    })?;
    Ok(Done::Well)
}

async fn list(door: &Door) -> Answer {
    let list = door.app.api().await?.workers(&door.cx).await?;
    door.out.show(&list, |list| {
        let mut table = Table::new(["WORKER", "MODE", "SEEN", "ATTEMPTS", "CAN"]);
        for worker in &list.workers {
            table.row([
                worker.name.clone(),
                mode(worker),
                worker.seen_at.to_string(),
                worker.attempts.join(" "),
                can(worker),
            ]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

fn human(worker: &Worker) -> String {
    let attempts = worker.attempts.join(" ");
    format!(
        "worker {}\n  mode: {}\n  can: {}\n  seen: {}\n  attempts: {attempts}\n",
        worker.name,
        mode(worker),
        can(worker),
        worker.seen_at
    )
}

fn mode(worker: &Worker) -> String {
    match worker.quarantined_until {
        Some(until) => format!("{}, quarantined until {until}", worker.mode),
        None => worker.mode.clone(),
    }
}

fn can(worker: &Worker) -> String {
    let architectures = worker.capabilities.architectures.iter().map(ToString::to_string);
    architectures.chain(worker.capabilities.features.iter().cloned()).collect::<Vec<_>>().join(" ")
}
