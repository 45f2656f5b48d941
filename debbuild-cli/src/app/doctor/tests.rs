//! Findings and mending, on a scripted machine.

use std::{collections::BTreeMap, sync::Arc};

use debbuild_chroot::limits::Keeper;
use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    command::{Reply, ScriptedRunner},
    path::AbsPath,
};

use super::*;
use crate::app::{BackendName, Machine, Overrides};

fn app(runner: ScriptedRunner, uid: u32) -> App {
    let variables = BTreeMap::from([("HOME".to_owned(), "/nonexistent".to_owned())]);
    let machine = Machine::new(variables, AbsPath::new("/").unwrap(), uid);
    let overrides = Overrides::new().with_set("home", "/tmp/debbuild-doctor-test");
    App::open(machine, &overrides).unwrap().with_runner(Arc::new(runner))
}

#[test]
fn a_range_of_subordinate_ids_is_found_or_proposed_behind_all_others() {
    let text = "alice:100000:65536\nbob:165536:1000\nbroken\n";
    assert_eq!(checks::range(text, "alice", "uid").level, Level::Ok);
    let bob = checks::range(text, "bob", "gid");
    assert_eq!(bob.level, Level::Missing);
    assert_eq!(bob.mend.join(" "), "usermod --add-subgids 166536-232071 bob");
    assert_eq!(checks::range("", "carol", "uid").mend[2], "100000-165535");
}

#[test]
fn a_clock_before_what_was_installed_is_found() {
    let at = |millis| Timestamp::from_millis(millis);
    assert_eq!(sessions::clock_of(at(1_000_000_000), Some(at(1_010_000_000))).level, Level::Ok, "less than a day");
    assert_eq!(sessions::clock_of(at(1_000_000_000), None).level, Level::Ok);
    let behind = sessions::clock_of(at(0), Some(at(1_700_000_000_000)));
    assert_eq!(behind.level, Level::Missing);
    assert!(behind.detail.contains("1970-01-01") && behind.detail.contains("2023-11-14"), "{behind:?}");
}

#[test]
fn what_holds_limits_is_said() {
    let mount = AbsPath::new("/sys/fs/cgroup").unwrap();
    let said = |keeper: Keeper| sessions::limits_of(&keeper).detail;
    assert_eq!(
        said(Keeper::Scope { mount: mount.clone(), user: None, literal: false }),
        "scope: each command gets a scope of systemd's"
    );
    assert_eq!(said(Keeper::Cgroup { folder: mount }), "cgroup: each command gets a control group in /sys/fs/cgroup");
    assert!(said(Keeper::Rlimits).starts_with("rlimits: "));
}

#[test]
fn what_other_architectures_need_is_said_in_turn() {
    let found = sessions::foreign_of("amd64\ni386\narm64\n", "amd64\ni386\n", true);
    assert_eq!((found.level, found.detail.as_str()), (Level::Ok, "amd64 i386 arm64"));
    let unknown = sessions::foreign_of("amd64\ni386\n", "amd64\ni386\n", true);
    assert_eq!((unknown.level, unknown.mend.join(" ").as_str()), (Level::Optional, "update-binfmts --enable"));
    let none = sessions::foreign_of("amd64\n", "amd64\n", false);
    assert_eq!(none.mend.join(" "), "apt-get install qemu-user-static binfmt-support");
}

#[test]
fn each_named_architecture_has_its_emulator_named() {
    let armhf = Architecture::new("armhf").unwrap();
    let found = |all: &str, own: &str, there: bool| {
        let found = sessions::target_of(&armhf, all, own, |name| there.then(|| format!("/usr/bin/{name}")));
        (found.name, found.level, found.detail, found.mend.join(" "))
    };
    let name = || "programs of armhf".to_owned();
    let runs = found("amd64\narmel\narmhf\n", "amd64\n", true);
    assert_eq!(runs, (name(), Level::Ok, "/usr/bin/qemu-arm-static".to_owned(), String::new()));
    let own = found("arm64\narmhf\n", "arm64\narmhf\n", false);
    assert_eq!(own, (name(), Level::Ok, "they run without emulation".to_owned(), String::new()));
    let (_, level, detail, mend) = found("amd64\narm64\narmel\n", "amd64\n", true);
    assert_eq!((level, mend.as_str()), (Level::Optional, "update-binfmts --enable"), "armel does not stand for it");
    assert_eq!(detail, "the kernel does not know that /usr/bin/qemu-arm-static is there");
    let (_, level, detail, mend) = found("amd64\n", "amd64\n", false);
    assert_eq!((level, mend.as_str()), (Level::Optional, "apt-get install qemu-user-static binfmt-support"));
    assert_eq!(detail, "qemu-arm-static is not installed (package qemu-user-static)");
}

#[test]
fn what_opens_sessions_by_the_settings_must_be_there() {
    let level = |backend, name: &str| {
        let all = tools::look(backend, |_| None).into_iter();
        let found = all.filter(|finding| finding.name == name).map(|finding| (finding.level, finding.mend.join(" ")));
        found.collect::<Vec<_>>()
    };
    let schroot = "apt-get install schroot".to_owned();
    assert_eq!(level(BackendName::Unshare, "schroot"), [(Level::Optional, schroot.clone())]);
    assert_eq!(level(BackendName::Schroot, "schroot"), [(Level::Missing, schroot)]);
    let nspawn = "apt-get install systemd-container".to_owned();
    assert_eq!(level(BackendName::Schroot, "systemd-nspawn"), [(Level::Optional, nspawn.clone())]);
    assert_eq!(level(BackendName::Nspawn, "systemd-nspawn"), [(Level::Missing, nspawn)]);
    assert!(tools::look(BackendName::Schroot, |name| Some(name.to_owned())).iter().all(|one| one.level == Level::Ok));
}

#[tokio::test]
async fn a_perl_without_its_headers_is_found() {
    let look = async |perl: Reply| {
        let runner = ScriptedRunner::new().with("getent passwd debbuild", Reply::fail(2, ""));
        let runner = runner.with("unshare", Reply::ok("")).with("unshare", Reply::ok("")).with("perl -e", perl);
        let report = app(runner, 0).doctor(&Context::new()).await.unwrap();
        report.findings.into_iter().find(|finding| finding.name == "perl's syscall.ph").unwrap()
    };
    assert_eq!(look(Reply::ok("")).await.level, Level::Ok);
    let bare = look(Reply::fail(2, "Can't locate syscall.ph in @INC")).await;
    assert_eq!((bare.level, bare.mend.join(" ").as_str()), (Level::Missing, "apt-get install perl"));
    assert!(bare.detail.contains("Can't locate syscall.ph"), "{bare:?}");
}

#[tokio::test]
async fn what_is_missing_is_found_and_mended_in_one_installation() {
    let passwd = Reply::fail(2, "");
    let runner = ScriptedRunner::new().with("getent passwd debbuild", passwd).with("unshare", Reply::ok(""));
    let mut report = app(runner, 0).doctor(&Context::new()).await.unwrap();
    assert!(!report.ready);
    let user = report.findings.iter().find(|f| f.name == "build user").unwrap();
    assert_eq!(user.mend.join(" "), "useradd --create-home --shell /usr/sbin/nologin debbuild");

    // The tools of the machine that runs this test are its own: these two stand for them.
    report.findings = vec![
        user.clone(),
        Finding::new("builds", "sbuild", Level::Missing, "", &["apt-get", "install", "sbuild"]),
        Finding::new("chroots", "socat", Level::Missing, "", &["apt-get", "install", "socat"]),
        Finding::new("iso", "xorriso", Level::Optional, "", &["apt-get", "install", "xorriso"]),
    ];
    let script =
        || ["update", "install"].iter().fold(ScriptedRunner::new(), |runner, _| runner.with("env", Reply::ok("")));
    let done = app(script().with("env", Reply::ok("")), 0).mend(&Context::new(), &report, false).await.unwrap();
    assert_eq!(
        done,
        [
            "apt-get update",
            "apt-get install -y --no-install-recommends sbuild socat",
            "useradd --create-home --shell /usr/sbin/nologin debbuild"
        ]
    );
    let refused = app(script(), 0).mend(&Context::new(), &report, true).await.unwrap_err();
    assert_eq!(refused.class(), Class::Infrastructure);
    assert!(refused.hint().unwrap().contains("useradd"), "{refused:?}");
    let sudo = ScriptedRunner::new().with("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get", Reply::fail(1, "no"));
    assert!(app(sudo, 1000).mend(&Context::new(), &report, false).await.is_err());
}
