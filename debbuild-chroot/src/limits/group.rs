//! Commands in control groups of their own: how they get in, what their groups say at the end, and that no group stays.

use std::{ffi::OsString, fs, io, time::Duration};

use debbuild_core::{
    build::LimitMeans,
    command::{CommandRunner, CommandSpec},
    context::Context,
    path::AbsPath,
};
use tokio::time::sleep;

use super::{
    Limits,
    keeper::{Keeper, here, scope},
};

const ENTER: &str = include_str!("group.sh");

/// What the names of our control groups and scopes begin with; the name of the scratch folder follows.
const PREFIX: &str = "debbuild-";

/// Processes of a session's command that are ours: nsenter(1), unshare(1), and process 1 of its namespace.
const OURS: u64 = 3;

/// How often a control group whose processes are being killed is tried, and how long after each other.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// The control groups of the commands of one scratch folder, which run one after the other.
#[derive(Debug)]
pub(crate) struct Group {
    keeper: Keeper,
    name: String,
    report: AbsPath,
    count: u32,
}

/// What a control group said of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Report {
    /// The most memory, in bytes.
    pub(crate) peak_memory: Option<u64>,
    /// Processor time.
    pub(crate) cpu_time: Option<Duration>,
    /// Whether the kernel killed it because its memory was not enough.
    pub(crate) killed: bool,
}

impl Group {
    /// Control groups for the commands of this scratch folder; none where nothing is limited that they hold, or there are none.
    pub(crate) async fn find(
        cx: &Context,
        runner: &dyn CommandRunner,
        limits: &Limits,
        scratch: &AbsPath,
    ) -> Option<Self> {
        if limits.memory.is_none() && limits.processes.is_none() {
            return None;
        }
        Self::of(Keeper::detect(cx, runner).await, scratch)
    }

    /// As [`Group::find`], held by this.
    pub(super) fn of(keeper: Keeper, scratch: &AbsPath) -> Option<Self> {
        let name = format!("{PREFIX}{}", scratch.name());
        let report = scratch.join("used");
        (keeper != Keeper::Rlimits).then_some(Self { keeper, name, report, count: 0 })
    }

    /// What it is, for records.
    pub(crate) const fn means(&self) -> LimitMeans {
        self.keeper.means()
    }

    /// The next command, in a control group of its own. Environment, standard input and terminal stay.
    pub(crate) fn wrap(&mut self, mut spec: CommandSpec, limits: &Limits) -> CommandSpec {
        self.count += 1;
        // What is known of the command before is no news.
        drop(fs::remove_file(&self.report));
        let die = ["--pdeathsig", "KILL", "--"];
        let (outer, mount, folder) = match &self.keeper {
            Keeper::Scope { mount, user, literal } => {
                let unit = format!("{}-{}", self.name, self.count);
                (scope(*user, *literal, &unit).with_arg("setpriv").with_args(die), mount.as_str(), "")
            }
            Keeper::Cgroup { folder } => (CommandSpec::new("setpriv").with_args(die), "", folder.as_str()),
            Keeper::Rlimits => return spec,
        };
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let processes = limits.processes.map(|processes| processes.saturating_add(OURS));
        let outer = outer
            .with_args(["sh", "-c", ENTER, "limits", mount, folder, &self.name, self.report.as_str()])
            .with_args([text(limits.memory), text(processes)]);
        let program = std::mem::replace(&mut spec.program, outer.program);
        let rest = std::mem::take(&mut spec.args);
        spec.args = outer.args.into_iter().chain([OsString::from(program)]).chain(rest).collect();
        for (key, value) in outer.env {
            spec.env.entry(key).or_insert(value);
        }
        spec
    }

    /// What the last command used. Afterwards its control group is gone, also where what made it was killed.
    pub(crate) async fn end(&self) -> Report {
        if let Keeper::Cgroup { folder } = &self.keeper
            && let Ok(own) = folder.child(&self.name)
        {
            clear(&own).await;
        }
        Report::read(&fs::read_to_string(&self.report).unwrap_or_default())
    }
}

impl Report {
    /// Reads the lines `peak BYTES`, those of `memory.events` and those of `cpu.stat`.
    pub(super) fn read(text: &str) -> Self {
        let value = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        Self {
            peak_memory: value("peak"),
            cpu_time: value("usage_usec").map(Duration::from_micros),
            killed: value("oom_kill").is_some_and(|count| count > 0),
        }
    }
}

/// Removes the control groups that commands of these scratch folders left, whose makers are dead.
pub(crate) async fn reap(dead: &[AbsPath]) {
    if dead.is_empty() {
        return;
    }
    let Some(folder) = here() else { return };
    for scratch in dead {
        if let Ok(own) = folder.child(&format!("{PREFIX}{}", scratch.name())) {
            clear(&own).await;
        }
    }
}

/// Kills what is in a control group and removes it. Nothing there is fine; what cannot be removed stays.
async fn clear(group: &AbsPath) {
    for _ in 0..TRIES {
        match fs::remove_dir(group) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
        // It may be gone by now.
        drop(fs::write(group.join("cgroup.kill"), "1"));
        sleep(PAUSE).await;
    }
}
