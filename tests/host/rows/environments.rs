//! Chroots and environments as the best of Debian's tools have them, row by row.
//!
//! Proved elsewhere: row 2 by `a_lock_gives_the_same_chroot_without_network` and `mmdebstrap_conforms`, row 8 by
//! `an_extra_repository_has_its_priority_and_without_its_key_no_chroot_is_made`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::Duration,
};

use debbuild_chroot::{
    backend::{ChrootBackend, ChrootRef, SessionCommand, SessionOptions},
    create::Variant,
    manager::{GcOptions, GcReason},
};
use debbuild_core::{
    blob::SweepOptions,
    clock::FixedClock,
    command::{Capture, CommandSpec, Discard, Stdin},
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    path::AbsPath,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
    pool::full,
    source::TestSource,
};

use super::{
    Ordinary, answer, backends, buildd, by, common, cut, disk, gone, import, linked, lock_of, mirror, own, package,
    passable, profile, publish, text, well,
};
use crate::chroot::{folder, shared};

/// That a chroot's archive is a whole system, and has nothing in the places where something is mounted while it is made.
fn holds_no_mount(tarball: &AbsPath) {
    let mut archive = tar::Archive::new(File::open(tarball).unwrap());
    let entries = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned());
    let paths: Vec<String> = entries.map(|path| path.trim_start_matches("./").to_owned()).collect();
    assert!(paths.iter().any(|path| path == "var/lib/dpkg/status"));
    let mounted = ["proc/", "sys/", "dev/pts/", "dev/shm/", "mnt/", "media/"];
    let below = |path: &&String| mounted.iter().any(|place| path.len() > place.len() && path.starts_with(place));
    assert_eq!(paths.iter().find(below), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_01_an_ordinary_user_makes_a_chroot_that_sbuild_takes_as_it_is() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    holds_no_mount(&chroot.tarball);
    // A chroot for builds is made, and a package is built.
    if !full() {
        return;
    }
    let ordinary = Ordinary::new(&bench, &[]).await;
    // sbuild's own needs are in it: it is asked to look into no archive.
    let create = ["--format", "json", "chroot", "create", "--suite", "bookworm", "--include", "fakeroot"];
    let made = well(ordinary.debbuild(&create).await).json();
    let tarball = text(&made, "tarball");
    holds_no_mount(&AbsPath::new(tarball).unwrap());
    let dsc = TestSource::new("hello").make(ordinary.user.path()).await;
    let (chroot, no) = (format!("--chroot={tarball}"), ["--no-apt-update", "--no-apt-distupgrade", "--no-run-lintian"]);
    let sbuild = ["--chroot-mode=unshare", &chroot, "--dist=bookworm", "--arch-all", no[0], no[1], no[2], dsc.as_str()];
    well(ordinary.run("sbuild", &sbuild).await);
    assert!(ordinary.user.path().join("hello_1.0_all.deb").as_std().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_03_a_recipe_has_one_id_is_found_without_a_network_and_never_changes() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let create = ["chroot", "create", "--suite", "bookworm", "--variant", "apt"];
    let made = answer(&user, &create).await;
    let home = cache();
    let again = [&["--home", home.as_str(), "--format", "json"][..], &create].concat();
    let found = well(user.spec(by(&user, cut(&bench), &again)).await).json();
    assert_eq!((&found["id"], &found["sha256"]), (&made["id"], &made["sha256"]));

    let tarball = text(&made, "tarball");
    assert_eq!(fs::metadata(tarball).unwrap().permissions().mode() & 0o222, 0, "nobody may write to it");
    let other = answer(&user, &["chroot", "install", text(&made, "id"), "tree"]).await;
    assert_ne!(other["id"], made["id"], "one package more is another chroot");
    let bytes = fs::read(tarball).unwrap();
    assert_eq!(Sha256::of(&bytes).to_string(), text(&made, "sha256"), "it is as it was");
    assert_eq!(answer(&user, &create).await["id"], made["id"]);
    answer(&user, &["chroot", "remove", text(&other, "id")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_04_a_refresh_makes_a_new_generation_and_the_old_one_still_builds() {
    // Two chroots for builds are made, and a package is built.
    if !full() {
        return;
    }
    let user = passable();
    let layer = answer(&user, &["chroot", "install", &buildd(&user).await, "fakeroot"]).await;
    let key = mirror(&user, &lock_of(&user, text(&layer, "id")).await).await;
    answer(&user, &["chroot", "remove", text(&layer, "id")]).await;
    profile(&user, "own.toml", "buildd", None, &key);
    let first = own(&user, &["chroot", "create", "--profile", "own.toml", "--include", "fakeroot"]).await;
    let old = first.trim();
    let pending = async |id: &str| {
        let script = "apt-get -qq update && apt-get -s dist-upgrade";
        own(&user, &["chroot", "run", id, "--archives", "--", "sh", "-c", script]).await
    };
    assert!(pending(old).await.contains("\n0 upgraded, 0 newly installed, 0 to remove"));

    publish(&user, "2.0").await;
    assert!(pending(old).await.contains("\n1 upgraded, 0 newly installed, 0 to remove"));
    let update = well(user.run(["--format", "json", "chroot", "update", old]).await).json();
    let new = text(&update, "id");
    assert!(update["changed"] == true && new != old, "{update}");
    let said = pending(new).await;
    assert!(said.contains("\n0 upgraded, 0 newly installed, 0 to remove"), "{said}");
    let dsc = TestSource::new("plain").make(user.path()).await;
    let build = ["--format", "json", "build", dsc.as_str(), "--chroot", old, "--disk", "6G"];
    let record = well(user.run(build).await).json();
    assert_eq!((text(&record, "outcome"), text(&record, "chroot_id")), ("succeeded", old), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_05_what_a_build_leaves_no_other_sees_and_a_killed_driver_leaves_nothing() {
    // Several builds, one after the other.
    if !full() {
        return;
    }
    let id = buildd(&Sandbox::new()).await;
    let user = linked(&id);
    let state = user.path().join("state").to_string();
    let leaking = package(&user, "leaking", "1.0", Some("#!/bin/sh\ntouch /usr/leak\n")).await;
    let write = "test -e /usr/leak && touch /tmp/leak /var/tmp/leak";
    let first = TestSource::new("writing").with_build_depends("leaking").with_build(write).make(user.path()).await;
    let look = "test ! -e /usr/leak && test ! -e /tmp/leak && test ! -e /var/tmp/leak";
    let next = TestSource::new("looking").with_build(look).make(user.path()).await;
    let options = ["--chroot", &id, "--disk", "6G"];
    let build = async |dsc: &AbsPath, more: &[&str]| {
        well(user.run([&["build", dsc.as_str()][..], &options, more].concat()).await);
        gone(&[state.as_str()]).await;
    };
    build(&first, &["--extra-package", leaking.as_str()]).await;
    build(&next, &[]).await;

    // make shows a command before it runs: only what runs has this sum.
    let hang = format!("echo ready-$$((40+2)); sleep 98762; : {state}");
    let hanging = TestSource::new("hanging").with_build(&hang).make(user.path()).await;
    user.kill_at([&["build", hanging.as_str()][..], &options].concat(), "ready-42").await;
    gone(&[state.as_str(), "sleep 98762"]).await;
    build(&next, &[]).await;
    let left: Vec<_> = fs::read_dir(user.path().join("state/scratch")).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| entry.path().is_file()), "no folder of a build is left: {left:?}");
}

/// Builds a source package in a session, and gives the digest of its only package.
async fn built(cx: &Context, backend: &dyn ChrootBackend, base: &ChrootRef, sources: &AbsPath) -> Sha256 {
    let mut session = backend.open(cx, base, &SessionOptions::new()).await.unwrap();
    session.copy_in(cx, sources, "/srv").await.unwrap();
    let script = "cd /srv && dpkg-source --extract same_1.0.dsc tree && cd tree && dpkg-buildpackage -b -us -uc";
    let mut said = Capture::default();
    let exit = session.run(cx, &SessionCommand::new(["sh", "-ec", script]), &mut said).await.unwrap();
    assert!(exit.success(), "{}: {}", backend.name(), String::from_utf8_lossy(&said.stderr));
    let packed = sources.parent().child(&format!("{}.tar", backend.name())).unwrap();
    session.copy_out(cx, "/srv/same_1.0_all.deb", &packed).await.unwrap();
    session.close(cx).await.unwrap();
    let mut archive = tar::Archive::new(File::open(&packed).unwrap());
    let mut bytes = Vec::new();
    archive.entries().unwrap().next().unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    Sha256::of(&bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_06_the_same_source_gives_the_same_package_in_every_backend() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let spec = bench.spec(Variant::Buildd).await;
    let chroot = bench.manager.create(&bench.cx, &spec, &mut Discard).await.unwrap();
    let dsc = TestSource::new("same").make(user.path()).await;
    let pack = CommandSpec::new("tar").with_args(["--create", "--file=sources", "same_1.0.dsc", "same_1.0.tar.xz"]);
    well(user.spec(user.place(pack)).await);
    let mut made = BTreeMap::new();
    for backend in backends(&bench) {
        let sources = user.path().join("sources");
        let digest = built(&bench.cx, &*backend, &chroot.reference(), &sources).await;
        made.insert(backend.name(), digest);
    }
    // As sbuild makes it; that takes longer.
    if full() {
        answer(&user, &["build", dsc.as_str(), "--chroot", &chroot.id.to_string(), "--output", "out"]).await;
        made.insert("sbuild", Sha256::of(&fs::read(user.path().join("out/same_1.0_all.deb")).unwrap()));
    }
    assert_eq!(made.values().collect::<BTreeSet<_>>().len(), 1, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_07_an_architecture_that_does_not_run_is_refused_with_what_to_install() {
    // Stands for a machine without emulation, where nobody else sees it.
    const WITHOUT: &str = r#"mount --bind /bin/false /usr/bin/arch-test && exec "$@""#;
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    if !bench.user.switch {
        return;
    }
    let native = bench.spec(Variant::Essential).await.architecture;
    let other = if native.as_str() == "arm64" { "amd64" } else { "arm64" };
    let home = cache();
    let create = ["--home", home.as_str(), "--format", "json", "chroot", "create", "--suite", "bookworm"];
    // A request that nobody else makes.
    let create = [&create[..], &["--arch", other, "--variant", "essential"]].concat();
    let ran = user.spec(by(&user, &["unshare", "--mount", "sh", "-c", WITHOUT, "sh"], &create)).await;
    let error = ran.error();
    assert_eq!((ran.status, &error["class"]), (6, &"infrastructure".into()), "{ran:?}");
    assert!(text(&error, "message").contains(&format!("programs of {other} do not run on this machine")), "{error}");
    let hint = text(&error, "hint");
    assert!(hint.contains("install arch-test, qemu-user-static") && hint.contains("binfmt-support"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_09_statuses_and_files_pass_unchanged_through_shell_run_and_copies() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (_, chroot) = shared(&bench).await;
    let id = chroot.id.to_string();
    let content: String = (0..50_000).map(|number| format!("{number}\n")).collect();
    user.write("data", &content);
    user.write("back/.keep", "");
    let copies = ["--copy-in", "data:/srv", "--copy-out", "/srv/data:back"];
    let command = ["--", "sh", "-c", "sha256sum </srv/data; exit 7"];
    let ran = common(&user, &[&["chroot", "run", &id][..], &copies, &command].concat()).await;
    assert_eq!((ran.status, &ran.stdout[..64]), (7, Sha256::of(content.as_bytes()).to_string().as_str()), "{ran:?}");
    assert!(fs::read_to_string(user.path().join("back/data")).unwrap() == content, "the same bytes come back");

    // Without a terminal, also where the tests have one.
    let home = cache();
    let shell = by(&user, &["setsid", "--wait"], &["--home", home.as_str(), "chroot", "shell", &id]);
    let ran = user.spec(shell.with_stdin(Stdin::Bytes(b"cat /etc/debian_version; exit 9\n".to_vec()))).await;
    assert!(ran.status == 9 && ran.stdout.starts_with("12."), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_10_a_chroot_of_a_moment_has_the_versions_of_that_moment() {
    // Two chroots are made.
    if !full() {
        return;
    }
    let (bench, user) = (Bench::open(cache()).await, passable());
    let (_, chroot) = shared(&bench).await;
    let key = mirror(&user, &bench.manager.lock(chroot.id).unwrap()).await;
    let states = own(&user, &["--format", "json", "repo", "states", "apt"]).await;
    let states: serde_json::Value = serde_json::from_str(&states).unwrap();
    let then = text(&states[0], "snapshot").to_owned();
    let now = publish(&user, "2.0").await;
    for (moment, version) in [(then.as_str(), "1.0"), (now.as_str(), "2.0")] {
        profile(&user, "moment.toml", "apt", Some(moment), &key);
        let made = own(&user, &["chroot", "create", "--profile", "moment.toml"]).await;
        let show = ["--", "dpkg-query", "--show", "--showformat=${Package} ${Version}\\n"];
        let inside = own(&user, &[&["chroot", "run", made.trim()][..], &show].concat()).await;
        let installed: BTreeSet<&str> = inside.lines().collect();
        assert!(installed.len() > 50 && installed.contains(format!("own {version}").as_str()), "{installed:?}");
        let list = r#"zcat "$1"/dists/bookworm/main/binary-*/Packages.gz | sed -n 's/^Package: //p; s/^Version: //p' | paste -d ' ' - -"#;
        let place = format!("apt/snapshots/{moment}");
        let list = CommandSpec::new("sh").with_args(["-ec", list, "sh", &place]);
        let index = well(user.spec(user.place(list)).await).stdout;
        let index: BTreeSet<&str> = index.lines().collect();
        assert!(installed.is_subset(&index), "{:?}", installed.difference(&index));
        assert_eq!(index.contains("own 2.0"), version == "2.0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_row_11_what_nobody_used_goes_with_its_bytes_and_what_was_used_stays() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const SIZE: usize = 4 << 20;
    let (_folder, home) = folder();
    let bench = Bench::open(home.clone()).await;
    let clock = Arc::new(FixedClock::new(bench.cx.now()));
    let cx = bench.cx.clone().with_clock(Arc::<FixedClock>::clone(&clock));
    let idle = import(&bench, &cx, "idle", SIZE).await;
    let used = import(&bench, &cx, "used", SIZE).await;
    clock.advance(40 * DAY);
    bench.manager.base(&cx, used.id).unwrap();
    clock.advance(DAY);
    let before = disk(&bench, &home).await;
    let options = GcOptions::new(DAY).with_unused_for(Some(30 * DAY));
    for dry in [true, false] {
        let gone = bench.manager.gc(&cx, &options.clone().with_dry_run(dry)).await.unwrap();
        let gone: Vec<_> = gone.iter().map(|one| (one.id, one.reason)).collect();
        assert_eq!(gone, [(idle.id, GcReason::Unused)]);
        assert_eq!(bench.manager.list().unwrap().len(), if dry { 2 } else { 1 });
    }
    assert_eq!(bench.manager.find(&idle.id.to_string()).unwrap_err().class(), Class::NotFound);
    assert_eq!(bench.manager.find(&used.id.to_string()).unwrap(), used);
    let swept = bench.blobs.sweep(&cx, SweepOptions::new(Duration::ZERO)).await.unwrap();
    let freed = before - disk(&bench, &home).await;
    assert!(freed >= SIZE as u64, "{freed} of {swept:?}");
    assert_eq!(bench.manager.check(used.id).await.unwrap(), Vec::<String>::new(), "nothing of the other one is gone");
}
