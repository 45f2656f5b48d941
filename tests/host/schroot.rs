//! Sessions by schroot: as all others, kept from the machine, and with nothing in common with the machine's own schroot.

use std::{fs, net::TcpListener, path::Path, sync::Arc};

use debbuild_chroot::backend::{
    ChrootBackend as _, ChrootRef, SchrootBackend, SchrootOptions, Session, SessionCommand, SessionOptions, conformance,
};
use debbuild_core::{
    command::{Capture, Discard},
    error::{Class, Classify as _},
    path::AbsPath,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
    pool::full,
};

use crate::chroot::{folder, knock, shared, until};

/// A backend that keeps everything in a folder of its own.
fn backend(bench: &Bench, place: &AbsPath) -> SchrootBackend {
    let (bases, scratch) = (place.join("bases"), place.join("scratch"));
    SchrootBackend::new(SchrootOptions::new(Arc::clone(&bench.runner), bench.user.clone(), bases, scratch))
}

/// Runs a command, and gives its status and everything it said.
async fn said(bench: &Bench, session: &mut dyn Session, command: &SessionCommand) -> (Option<i32>, String) {
    let mut out = Capture::default();
    let exit = session.run(&bench.cx, command, &mut out).await.unwrap();
    (exit.status, String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

/// A script, to be run by the session's shell.
fn script(text: &str) -> SessionCommand {
    SessionCommand::new(["sh", "-c", text])
}

/// What the machine's own schroot has: chroots, open sessions, mounts.
fn own() -> Vec<String> {
    let state = "/var/lib/schroot";
    let folders = ["/etc/schroot/chroot.d".to_owned(), format!("{state}/session"), format!("{state}/union/overlay")];
    let found =
        folders.iter().map(String::as_str).chain(["/run/schroot"]).filter_map(|folder| fs::read_dir(folder).ok());
    let mut all: Vec<String> = found.flatten().map(|entry| entry.unwrap().path().display().to_string()).collect();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    all.extend(mounts.lines().filter(|line| line.contains("/schroot/")).map(str::to_owned));
    all
}

#[tokio::test]
async fn sessions_by_schroot_conform() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let (_folder, place) = folder();
    let backend = backend(&bench, &place);
    let base = chroot.reference();
    if !bench.user.switch {
        let refused = backend.open(&bench.cx, &base, &SessionOptions::new()).await.unwrap_err();
        assert_eq!(refused.class(), Class::Usage, "{refused}");
        return;
    }
    conformance::statuses_pass(&backend, &base).await;
    conformance::sessions_are_thrown_away(&backend, &base, "/etc/debian_version").await;
    conformance::capabilities_hold(&backend, &base).await;
    conformance::files_travel(&backend, &base, &place).await;
    a_session_is_kept_from_the_machine(&bench, &backend, &base).await;
    conformance::use_is_respected(&backend, &base).await;
    let user = Sandbox::new();
    let run = async |set: &[&str], command: &[&str]| {
        let id = chroot.id.to_string();
        let using = ["--format", "json", "--home", bench.home.as_str(), "--set", "chroots.backend=schroot"];
        user.run([&using, set, &["chroot", "run", &id, "--"], command].concat()).await
    };
    let unsaid = run(&[], &["true"]).await;
    assert_eq!((unsaid.status, &unsaid.error()["class"]), (125, &"config".into()), "{unsaid:?}");
    let said = run(&["--set", "chroots.privileged=true"], &["sh", "-c", "cat /proc/1/comm; exit 9"]).await;
    assert_eq!((said.status, said.stdout.as_str()), (9, "sh\n"), "{said:?}");
}

/// What is declared as isolated: network, processes, IPC, host name, mounts; and what commands get and leave.
async fn a_session_is_kept_from_the_machine(bench: &Bench, backend: &SchrootBackend, base: &ChrootRef) {
    let before = own();
    let mut opened = backend.open(&bench.cx, base, &SessionOptions::new()).await.unwrap();
    let session = &mut *opened;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let exit = session.run(&bench.cx, &knock(port), &mut Discard).await.unwrap();
    assert_ne!(exit.status, Some(0), "the host's loopback was reached");

    let plain = SessionCommand::new(["env"]).with_env("MORE", "a b");
    let (_, text) = said(bench, session, &plain).await;
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "MORE", "PATH"], "{text}");
    let other = SessionCommand::new(["sh", "-c", "id -un; pwd"]).with_user(Some("daemon".to_owned())).with_cwd("/srv");
    assert_eq!(said(bench, session, &other).await, (Some(0), "daemon\n/srv\n".to_owned()));
    assert_eq!(said(bench, session, &script("kill -KILL $$")).await, (Some(137), String::new()), "nothing is added");

    let leave = "setsid sleep 600 >/dev/null 2>&1 & perl -e 'shmget(4711, 10, 01666) // die'; touch /run/left";
    assert_eq!(said(bench, session, &script(leave)).await.0, Some(0));
    assert_eq!(said(bench, session, &SessionCommand::new(["hostname", "other"])).await.0, Some(0));
    let look = r#"cat /proc/[0-9]*/comm 2>/dev/null | grep -x sleep; perl -e 'print shmget(4711, 10, 0) // "gone"'"#;
    let look = format!("{look}; ls /run/left; hostname");
    assert_eq!(said(bench, session, &script(&look)).await, (Some(0), "gone/run/left\nother\n".to_owned()));

    // Who leaves the chroot finds a root with programs and without data, and makes no devices.
    let there = |path: &str| SessionCommand::new(["test", "-e", path]);
    for (path, status) in [
        ("/proc/1/root/usr/bin/schroot", 0),
        ("/proc/1/root/var/lib/dpkg", 1),
        ("/proc/1/root/etc/shadow", 1),
        ("/proc/1/root/home", 1),
        ("/proc/1/root/old", 1),
        ("/etc/debian_chroot", 1),
    ] {
        assert_eq!(said(bench, session, &there(path)).await.0, Some(status), "{path}");
    }
    assert_ne!(said(bench, session, &script("touch /proc/1/root/usr/x || touch /proc/1/root/base/x")).await.0, Some(0));
    assert_ne!(said(bench, session, &SessionCommand::new(["mknod", "/srv/disk", "b", "8", "0"])).await.0, Some(0));
    assert_eq!(own(), before, "the machine's own schroot");
    opened.close(&bench.cx).await.unwrap();
}

/// Told to the process that is to be killed: the folder to work in. It is this test started again.
const DRIVER: &str = "DEBBUILD_TEST_SCHROOT_DRIVER";

fn sleepers() -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == b"sleep\x0098762\0")).count()
}

async fn drive(place: &Path) {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let backend = backend(&bench, &AbsPath::new(place).unwrap());
    let mut session = backend.open(&bench.cx, &chroot.reference(), &SessionOptions::new()).await.unwrap();
    let sleep = script("setsid sleep 98762 & setsid sleep 98762; wait");
    drop(session.run(&bench.cx, &sleep, &mut Discard).await);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process of our own, to be killed by its id")]
async fn a_killed_driver_leaves_no_process_and_no_mount_of_schroot() {
    if let Some(place) = std::env::var_os(DRIVER) {
        return drive(Path::new(&place)).await;
    }
    let bench = Bench::open(cache()).await;
    if !full() || !bench.user.switch {
        return;
    }
    drop(shared(&bench).await);
    let (_folder, place) = folder();
    let before = own();
    let mut driver = std::process::Command::new("/proc/self/exe")
        .args(["--exact", "schroot::a_killed_driver_leaves_no_process_and_no_mount_of_schroot"])
        .env(DRIVER, place.as_str())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the command runs", || sleepers() == 2).await;
    driver.kill().unwrap();
    driver.wait().unwrap();
    until("every process is gone", || sleepers() == 0).await;
    let scratch = place.join("scratch");
    assert!(fs::read_dir(&scratch).unwrap().count() > 0, "kill -9 leaves the folder");
    assert_eq!(backend(&bench, &place).reap(&bench.cx).await.unwrap(), 1);
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    assert_eq!(own(), before, "the machine's own schroot");
}
