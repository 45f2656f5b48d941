//! What the machine itself must have: user namespaces, a build user with a range of subordinate ids, room, archives.

use std::{fs, path::Path, sync::Arc};

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    error::chain,
    sign::detect,
};

use super::{
    Finding, Level,
    sessions::{clock, limits, overlay},
};
use crate::app::{App, AppError, units::show_size};

/// Chroots, stored packages and one build need about this much, in bytes.
const ENOUGH: u64 = 10 << 30;
/// Below this nothing can be made, in bytes.
const TOO_LITTLE: u64 = 2 << 30;
/// The ids that a chroot needs: those up to nobody's, 65534.
const SUBORDINATE_IDS: u64 = 65_536;

const GROUP: &str = "machine";

pub(super) async fn machine(app: &App, cx: &Context) -> Result<Vec<Finding>, AppError> {
    let mut findings = Vec::new();
    let user = if app.machine().is_root() {
        let name = app.settings().build.user.clone();
        findings.push(build_user(app, cx, &name).await);
        Some(name)
    } else {
        own_name(app, cx).await
    };
    cx.cancel().check()?;
    let other = user.as_deref().filter(|_| app.machine().is_root() && findings.iter().all(|f| f.level == Level::Ok));
    findings.push(namespaces(app, cx, other).await);
    cx.cancel().check()?;
    findings.push(overlay(app, cx, other).await);
    findings.push(limits(app, cx).await);
    findings.push(clock(cx));
    match user {
        Some(user) => findings.extend([subordinate(&user, "uid"), subordinate(&user, "gid")]),
        None => findings.push(Finding::new(GROUP, "user name", Level::Missing, "this user id has no name", &[])),
    }
    findings.push(room(app));
    findings.push(verifier(app, cx).await);
    findings.push(perl_headers(app, cx).await);
    findings.extend(archives(app));
    cx.cancel().check()?;
    Ok(findings)
}

/// The tools that check the signatures of archives, which also must be of a version that can.
async fn verifier(app: &App, cx: &Context) -> Finding {
    const NAME: &str = "signature checks";
    let scratch = app.home().join("scratch");
    match detect(cx, Arc::clone(app.runner()), scratch).await {
        Ok(found) => Finding::ok("archives", NAME, found.tools().join(" and ")),
        Err(error) => Finding::new("archives", NAME, Level::Missing, chain(&error), &["apt-get", "install", "gpgv"]),
    }
}

/// mmdebstrap is a Perl program that makes system calls by these two headers. They are in perl's library, and a machine that has
/// only perl-base, or another Perl in its place, has them not.
async fn perl_headers(app: &App, cx: &Context) -> Finding {
    const NAME: &str = "perl's syscall.ph";
    let spec = CommandSpec::new("perl").with_args(["-e", "require 'syscall.ph'; require 'sys/ioctl.ph'"]);
    match app.runner().output(cx, &spec).await {
        Ok(_) => Finding::ok("chroots", NAME, "it can be loaded"),
        Err(error) => {
            let detail = format!("mmdebstrap cannot start without it: {error}");
            Finding::new("chroots", NAME, Level::Missing, detail, &["apt-get", "install", "perl"])
        }
    }
}

/// Whether APT's source lists can be used as they are, and their keyrings are there.
fn archives(app: &App) -> Vec<Finding> {
    const NAME: &str = "APT sources";
    let wrong = |level, detail: String| vec![Finding::new("archives", NAME, level, detail, &[])];
    let list = match app.source_lists() {
        Ok(list) => list,
        Err(error) => return wrong(Level::Missing, error.message()),
    };
    if list.entries.is_empty() {
        let looked = app.settings().archives.sources.join(", ");
        return wrong(Level::Missing, format!("no entry in {looked}: set archives.sources"));
    }
    let detail = format!("{} entries", list.entries.len());
    let mut findings = vec![Finding::ok("archives", NAME, detail)];
    findings.extend(list.problems.iter().flat_map(|problem| wrong(Level::Optional, problem.to_string())));
    for entry in &list.entries {
        for file in entry.signed_by.files.iter().filter(|file| !file.as_std().exists()) {
            let detail = format!("{file} is not there ({})", entry.place());
            findings.push(Finding::new("archives", "keyring", Level::Optional, detail, &[]));
        }
    }
    findings
}

/// Tries what chroots need, as the user who will need it; where it fails, the kernel's switches say why.
async fn namespaces(app: &App, cx: &Context, other: Option<&str>) -> Finding {
    const NAME: &str = "user namespaces";
    let mut argv = match other {
        Some(user) => vec!["setpriv", "--reuid", user, "--regid", user, "--init-groups"],
        None => Vec::new(),
    };
    argv.extend(["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "true"]);
    let spec = CommandSpec::new(argv.remove(0)).with_args(argv);
    let Err(error) = app.runner().output(cx, &spec).await else {
        return Finding::ok(GROUP, NAME, "they can be made");
    };
    let switches = [
        ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ];
    let reason = switches.iter().find(|(file, bad, _)| fs::read_to_string(file).is_ok_and(|text| text.trim() == *bad));
    match reason {
        Some((file, bad, setting)) => {
            Finding::new(GROUP, NAME, Level::Missing, format!("{file} is {bad}"), &["sysctl", "-w", setting])
        }
        None => Finding::new(GROUP, NAME, Level::Missing, error.to_string(), &[]),
    }
}

async fn build_user(app: &App, cx: &Context, name: &str) -> Finding {
    const NAME: &str = "build user";
    let spec = CommandSpec::new("getent").with_args(["passwd", name]);
    let Ok(entry) = app.runner().output(cx, &spec).await else {
        let mend = ["useradd", "--create-home", "--shell", "/usr/sbin/nologin", name];
        return Finding::new(GROUP, NAME, Level::Missing, format!("there is no user {name}"), &mend);
    };
    match String::from_utf8_lossy(&entry).split(':').nth(2) {
        Some("0") => Finding::new(GROUP, NAME, Level::Missing, format!("{name} is root: set build.user"), &[]),
        Some(id) => Finding::ok(GROUP, NAME, format!("{name}, id {id}")),
        None => Finding::new(GROUP, NAME, Level::Missing, "getent gave no entry", &[]),
    }
}

async fn own_name(app: &App, cx: &Context) -> Option<String> {
    let spec = CommandSpec::new("getent").with_arg("passwd").with_arg(app.machine().uid.to_string());
    let entry = app.runner().output(cx, &spec).await.ok()?;
    String::from_utf8(entry).ok()?.split(':').next().map(str::to_owned)
}

/// The range of subordinate user or group ids of a user, subuid(5).
fn subordinate(user: &str, kind: &str) -> Finding {
    let file = format!("/etc/sub{kind}");
    let text = fs::read_to_string(&file).unwrap_or_default();
    range(&text, user, kind)
}

/// As [`subordinate`], of the file's text.
pub(super) fn range(text: &str, user: &str, kind: &str) -> Finding {
    let name = format!("subordinate {kind}s");
    let mut end = 100_000;
    let mut best = 0;
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(owner), Some(Ok(start)), Some(Ok(count))) =
            (fields.next(), fields.next().map(str::parse::<u64>), fields.next().map(str::parse::<u64>))
        else {
            continue;
        };
        end = end.max(start.saturating_add(count));
        if owner == user {
            best = best.max(count);
        }
    }
    if best >= SUBORDINATE_IDS {
        return Finding::ok(GROUP, &name, format!("{user} has {best}"));
    }
    let detail = format!("{user} has {best} in /etc/sub{kind}, needs {SUBORDINATE_IDS}");
    let range = format!("{end}-{}", end + SUBORDINATE_IDS - 1);
    let option = format!("--add-sub{kind}s");
    Finding::new(GROUP, &name, Level::Missing, detail, &["usermod", &option, &range, user])
}

/// The room where state is kept: of the folder, or of the one it will be made in.
fn room(app: &App) -> Finding {
    const NAME: &str = "disk space";
    let home = app.home();
    let Some(there) = home.as_std().ancestors().find(|folder| folder.exists()) else {
        return Finding::new(GROUP, NAME, Level::Missing, format!("no folder of {home} exists"), &[]);
    };
    let free = match rustix::fs::statvfs(there) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => return Finding::new(GROUP, NAME, Level::Missing, format!("{}: {error}", there.display()), &[]),
    };
    let detail = format!("{} free for {home}", show_size(free));
    match free {
        _ if !writable(there) => Finding::new(GROUP, NAME, Level::Missing, format!("{home} cannot be written"), &[]),
        free if free < TOO_LITTLE => Finding::new(GROUP, NAME, Level::Missing, detail, &[]),
        free if free < ENOUGH => Finding::new(GROUP, NAME, Level::Optional, detail, &[]),
        _ => Finding::ok(GROUP, NAME, detail),
    }
}

fn writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}
