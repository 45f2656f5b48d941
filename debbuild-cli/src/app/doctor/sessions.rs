//! What sessions and chroots of other architectures need of the machine: overlays, a clock that goes, a kernel that runs the programs.

use std::fs;

use debbuild_chroot::limits::Keeper;
use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
};

use super::{Finding, Level, tools::find};
use crate::app::App;

/// How file systems say that they are an overlay (statfs(2)).
const OVERLAY: u64 = 0x794c_7630;

/// What apt and dpkg write last: the clock cannot be before it by more than a day.
const WRITTEN: &str = "/var/lib/dpkg/status";
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

const GROUP: &str = "other architectures";

/// Architectures that are often built for on machines of others.
const TARGETS: [&str; 3] = ["arm64", "armhf", "armel"];

/// Mounts an overlay where nobody else sees it. Constant.
const TRY: &str = "mount -t tmpfs tmpfs /mnt && mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root && \
                   mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work,userxattr /mnt/root";

/// Whether sessions can have overlays, as the user who will need them.
pub(super) async fn overlay(app: &App, cx: &Context, other: Option<&str>) -> Finding {
    const NAME: &str = "overlays";
    let home = app.home();
    let there = home.as_std().ancestors().find(|folder| folder.exists());
    if there
        .is_some_and(|folder| rustix::fs::statfs(folder).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(OVERLAY)))
    {
        let detail =
            format!("{home} lies on an overlay, on which no other can lie: what sessions write is kept in memory");
        return Finding::new("chroots", NAME, Level::Optional, detail, &[]);
    }
    let mut argv = match other {
        Some(user) => vec!["setpriv", "--reuid", user, "--regid", user, "--init-groups"],
        None => Vec::new(),
    };
    argv.extend(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", TRY]);
    let spec = CommandSpec::new(argv.remove(0)).with_args(argv);
    match app.runner().output(cx, &spec).await {
        Ok(_) => Finding::ok("chroots", NAME, "they can be mounted in user namespaces"),
        Err(error) => {
            let detail = format!("sessions begin with a copy of their chroot, in memory: {error}");
            Finding::new("chroots", NAME, Level::Optional, detail, &[])
        }
    }
}

/// What limits of sessions and builds will be held by.
pub(super) async fn limits(app: &App, cx: &Context) -> Finding {
    limits_of(&Keeper::detect(cx, &**app.runner()).await)
}

/// As [`limits`], of what was found.
pub(super) fn limits_of(keeper: &Keeper) -> Finding {
    let how = match keeper {
        Keeper::Scope { user: None, .. } => "each command gets a scope of systemd's".to_owned(),
        Keeper::Scope { .. } => "each command gets a scope of the user's systemd".to_owned(),
        Keeper::Cgroup { folder } => format!("each command gets a control group in {folder}"),
        _ => "no control group of version 2 can be made: memory is looked at ten times a second".to_owned(),
    };
    Finding::ok("chroots", "limits", format!("{}: {how}", keeper.means().name()))
}

/// Whether the clock is not before what was installed last: signatures would be of the future then.
pub(super) fn clock(cx: &Context) -> Finding {
    let written = fs::metadata(WRITTEN).and_then(|meta| meta.modified()).ok();
    let written = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Timestamp::from_millis);
    clock_of(cx.now(), written)
}

/// As [`clock`], of times.
pub(super) fn clock_of(now: Timestamp, written: Option<Timestamp>) -> Finding {
    match written {
        Some(written) if now.millis() < written.millis().saturating_sub(DAY_MILLIS) => {
            let detail = format!("it is {now} by the clock, but packages were installed at {written}");
            Finding::new("machine", "clock", Level::Missing, detail, &[])
        }
        _ => Finding::ok("machine", "clock", now.to_string()),
    }
}

/// Which architectures' programs run here, as arch-test(1) finds, and each of [`TARGETS`] by itself; nothing where that is not
/// installed.
pub(super) async fn foreign(app: &App, cx: &Context) -> Vec<Finding> {
    if find("arch-test").is_none() {
        return Vec::new();
    }
    let all = app.runner().output(cx, &CommandSpec::new("arch-test")).await.unwrap_or_default();
    let own = app.runner().output(cx, &CommandSpec::new("arch-test").with_arg("-n")).await.unwrap_or_default();
    let (all, own) = (String::from_utf8_lossy(&all), String::from_utf8_lossy(&own));
    let mut findings = vec![foreign_of(&all, &own, find("qemu-aarch64-static").is_some())];
    let targets = TARGETS.iter().filter_map(|name| Architecture::new(name).ok());
    findings.extend(targets.map(|target| target_of(&target, &all, &own, find)));
    findings
}

/// As [`foreign`], of what arch-test said of all architectures and of those that need no emulation, and of whether QEMU is there.
pub(super) fn foreign_of(all: &str, own: &str, emulator: bool) -> Finding {
    const NAME: &str = "programs that run here";
    let runs = all.split_whitespace().collect::<Vec<_>>();
    let foreign = runs.iter().any(|one| !own.split_whitespace().any(|native| native == *one));
    let detail = runs.join(" ");
    match (foreign, emulator) {
        (true, _) => Finding::ok(GROUP, NAME, detail),
        (false, true) => {
            let detail = format!("{detail}: the kernel does not know that QEMU is there");
            Finding::new(GROUP, NAME, Level::Optional, detail, &["update-binfmts", "--enable"])
        }
        (false, false) => {
            let mend = ["apt-get", "install", "qemu-user-static", "binfmt-support"];
            Finding::new(GROUP, NAME, Level::Optional, format!("{detail}: QEMU is not installed"), &mend)
        }
    }
}

/// Whether programs of one architecture run here, and by what: as [`foreign_of`], with what says where a program is.
pub(super) fn target_of(target: &Architecture, all: &str, own: &str, find: impl Fn(&str) -> Option<String>) -> Finding {
    let name = format!("programs of {target}");
    let runs = |list: &str| list.split_whitespace().any(|one| one == target.as_str());
    let emulator = target.emulator().unwrap_or_default();
    match (runs(own), runs(all), find(&emulator)) {
        (true, ..) => Finding::ok(GROUP, &name, "they run without emulation"),
        (false, true, found) => Finding::ok(GROUP, &name, found.unwrap_or(emulator)),
        (false, false, Some(found)) => {
            let detail = format!("the kernel does not know that {found} is there");
            Finding::new(GROUP, &name, Level::Optional, detail, &["update-binfmts", "--enable"])
        }
        (false, false, None) => {
            let mend = ["apt-get", "install", "qemu-user-static", "binfmt-support"];
            let detail = format!("{emulator} is not installed (package qemu-user-static)");
            Finding::new(GROUP, &name, Level::Optional, detail, &mend)
        }
    }
}
