//! What this machine can hold limits with: scopes of systemd's, control groups of ours, or the kernel's limits for processes.

use std::{fs, path::Path, time::Duration};

use debbuild_core::{
    build::LimitMeans,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec},
    context::Context,
    path::AbsPath,
};
use rustix::{
    fs::{Access, access},
    process::geteuid,
};
use uuid::Uuid;

/// The folder that there is where systemd is process 1, sd_booted(3).
const BOOTED: &str = "/run/systemd/system";

/// The controllers without which a control group is of no use here.
const NEEDED: [&str; 2] = ["memory", "pids"];

/// How long systemd may take to say whether it can.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says which controllers the control group of this process has. Constant; where control groups are mounted is its argument.
const CONTROLLERS: &str = r#"
while IFS=: read -r number kinds path; do
    [ "$number$kinds" != 0 ] || cat "$1$path/cgroup.controllers"
done </proc/self/cgroup
"#;

/// What holds the limits of commands on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keeper {
    /// systemd makes a scope for each command.
    Scope {
        /// Where control groups are mounted.
        mount: AbsPath,
        /// The user whose manager is asked; none: the system's.
        user: Option<u32>,
        /// Whether systemd-run(1) can be told to leave variables in arguments alone (since 254; before that it always does).
        literal: bool,
    },
    /// Each command gets a control group of version 2.
    Cgroup {
        /// The control group that they are made in.
        folder: AbsPath,
    },
    /// The kernel limits processes, and their memory is looked at from outside.
    Rlimits,
}

impl Keeper {
    /// The strongest that there is, for who runs this process. systemd is asked for a scope, in which nothing is done.
    pub async fn detect(cx: &Context, runner: &dyn CommandRunner) -> Self {
        let Some((mount, own)) = place() else { return Self::Rlimits };
        let root = geteuid().is_root();
        if booted() {
            let user = (!root).then(|| geteuid().as_raw());
            for literal in [true, false] {
                if answers(cx, runner, &mount, scope(user, literal, &look())).await {
                    return Self::Scope { mount, user, literal };
                }
            }
        }
        match groups(&mount, &own, root && booted()) {
            Some(folder) => Self::Cgroup { folder },
            None => Self::Rlimits,
        }
    }

    /// Its name for records.
    #[must_use]
    pub const fn means(&self) -> LimitMeans {
        match self {
            Self::Scope { .. } => LimitMeans::Scope,
            Self::Cgroup { .. } => LimitMeans::Cgroup,
            Self::Rlimits => LimitMeans::Rlimits,
        }
    }
}

/// Where systemd does not make them, the control group in which this process may make others.
pub(super) fn here() -> Option<AbsPath> {
    let (mount, own) = place()?;
    groups(&mount, &own, geteuid().is_root() && booted())
}

/// The first words of a command in a scope, up to and with `--`.
pub(super) fn scope(user: Option<u32>, literal: bool, unit: &str) -> CommandSpec {
    let spec = CommandSpec::new("systemd-run");
    let spec = match user {
        Some(user) => spec.with_arg("--user").with_env("XDG_RUNTIME_DIR", format!("/run/user/{user}")),
        None => spec,
    };
    let spec = if literal { spec.with_arg("--expand-environment=no") } else { spec };
    // By default the whole command line would be its description, in the journal too.
    spec.with_args(["--scope", "--quiet", "--collect", "--property=Delegate=yes", "--description=debbuild"])
        .with_args([format!("--unit={unit}"), "--".to_owned()])
}

/// The name of a scope in which nothing is done.
fn look() -> String {
    format!("debbuild-look-{}", Uuid::new_v4().simple())
}

fn booted() -> bool {
    Path::new(BOOTED).is_dir()
}

/// Where control groups of version 2 are mounted, and that of this process below.
fn place() -> Option<(AbsPath, String)> {
    let mount = mount_of(&fs::read_to_string("/proc/self/mountinfo").ok()?)?;
    let own = own_of(&fs::read_to_string("/proc/self/cgroup").ok()?)?.to_owned();
    Some((mount, own))
}

/// Whether systemd gives this scope, with the controllers.
async fn answers(cx: &Context, runner: &dyn CommandRunner, mount: &AbsPath, scope: CommandSpec) -> bool {
    let spec = scope.with_args(["sh", "-c", CONTROLLERS, "look", mount.as_str()]);
    let said = runner.output(cx, &spec.with_timeout(Some(PATIENCE))).await;
    said.is_ok_and(|said| has_needed(&String::from_utf8_lossy(&said)))
}

/// The control group of this process or the one above, where others may be made. On a machine of systemd's all of them are
/// its own but those that it gave away: root is not stopped there, so it must not begin.
fn groups(mount: &AbsPath, own: &str, foreign: bool) -> Option<AbsPath> {
    if foreign {
        return None;
    }
    let own = match own.trim_start_matches('/') {
        "" => mount.clone(),
        below => mount.descend(below).ok()?,
    };
    let above = (own != *mount).then(|| own.parent());
    [Some(own), above].into_iter().flatten().find(may_hold)
}

fn may_hold(folder: &AbsPath) -> bool {
    let read = |name: &'static str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let allowed = |path: &AbsPath, how: Access| access(path.as_std(), how).is_ok();
    // The topmost of all has no type, and may have processes beside control groups with limits.
    let busy = folder.join("cgroup.type").as_std().exists() && !read("cgroup.procs").is_empty();
    allowed(folder, Access::WRITE_OK | Access::EXEC_OK)
        && allowed(&folder.join("cgroup.procs"), Access::WRITE_OK)
        && passes_on(&read("cgroup.controllers"), &read("cgroup.subtree_control"), busy)
}

/// Whether a control group passes the controllers on, or has them and can be told to.
pub(super) fn passes_on(has: &str, passes: &str, busy: bool) -> bool {
    has_needed(passes) || (!busy && has_needed(has))
}

/// Whether a list of controllers has all that are needed.
pub(super) fn has_needed(controllers: &str) -> bool {
    NEEDED.iter().all(|needed| controllers.split_ascii_whitespace().any(|one| one == *needed))
}

/// Where the whole hierarchy of version 2 is mounted, from proc_pid_mountinfo(5).
pub(super) fn mount_of(mountinfo: &str) -> Option<AbsPath> {
    mountinfo.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        let (root, path) = (fields.next()?, fields.next()?);
        let whole = kind.starts_with("cgroup2 ") && root == "/" && !path.contains('\\');
        if whole { AbsPath::new(path).ok() } else { None }
    })
}

/// The control group of version 2 of a process, from `/proc/PID/cgroup`; none where it is out of sight.
pub(super) fn own_of(text: &str) -> Option<&str> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    (path.starts_with('/') && !path.ends_with(" (deleted)") && !path.split('/').any(|part| part == ".."))
        .then_some(path)
}
