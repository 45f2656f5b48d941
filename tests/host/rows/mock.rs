//! What Mock does for chroots, row by row of the table of what must be had.
//!
//! Proved elsewhere: row 6 by `a_second_create_needs_no_network` and `what_is_asked_of_apt_and_sessions_is_part_of_key_record_and_lock` (and its
//! time by the figures of chroots), row 16 by the tests of `limits.rs` and `limits_on_memory_and_disk_are_told_from_compile_errors`.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::Arc,
    time::Duration,
};

use debbuild_chroot::{
    backend::{ChrootBackend as _, SessionCommand, SessionOptions},
    gateway::Mode,
    sbuild::{KnownBases, PackageBuilder as _, SbuildBuilder, SbuildParts},
};
use debbuild_core::{
    blob::{Adopt, BlobStore as _, FolderStore},
    build::{BuildRecord, BuildRequest, Outcome},
    command::{CommandSpec, Discard},
    control::Buildinfo,
    digest::Sha256,
    path::AbsPath,
    task::TaskIo,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
    pool::full,
    source::TestSource,
};
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    Ordinary, answer, backends, buildd, by, common, cut, disk, gone, linked, lock_of, own, passable, system, text, well,
};
use crate::chroot::{Cut, shared};

/// A profile of the newest suite, whose mirror may be behind.
const LATE: &str = "[profiles.late]\ninherits = 'sid'\nvalid-until = false\n";

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_02_a_chroot_of_sid_is_made_where_no_program_but_the_two_that_map_ids_can_gain_rights() {
    // Takes the effect of set-id bits from all programs of the machine but these, where nobody else sees it.
    const FEW: &str = r#"
        for tool in /usr/bin/newuidmap /usr/bin/newgidmap; do mount --bind "$tool" "$tool"; done
        for place in / /usr; do if mountpoint -q "$place"; then mount -o remount,bind,nosuid "$place"; fi; done
        grep -q '^[^ ]* / [^ ]* [^ ]*nosuid' /proc/self/mounts
        exec "$@""#;
    // All of another suite is downloaded.
    if !full() {
        return;
    }
    let bench = Bench::open(cache()).await;
    let before = ["unshare", "--mount", "sh", "-ec", FEW, "sh"];
    let ordinary = Ordinary::new(&bench, if bench.user.switch { &before } else { &[] }).await;
    ordinary.user.write("late.toml", LATE);
    let made = well(ordinary.debbuild(&["chroot", "create", "--profile", "late.toml", "--variant", "apt"]).await);
    let version = ["chroot", "run", made.stdout.trim(), "--", "cat", "/etc/debian_version"];
    let said = well(ordinary.debbuild(&version).await).stdout;
    assert!(said.contains("/sid"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_03_a_real_package_is_built_for_this_suite_and_for_the_newest() {
    // Another suite is downloaded, and two packages are built.
    if !full() {
        return;
    }
    let user = Sandbox::new();
    user.write("late.toml", LATE);
    let fetched = own(&user, &["source", "fetch", "hello", "--suite", "bookworm", "--output", "hello"]).await;
    for (profile, suite) in [("bookworm", "bookworm"), ("late.toml", "sid")] {
        let build = ["build", fetched.trim(), "--chroot-profile", profile, "--disk", "6G"];
        let record = answer(&user, &build).await;
        assert_eq!((text(&record, "outcome"), text(&record, "suite")), ("succeeded", suite), "{record}");
        assert!(record["artifacts"].as_array().unwrap().iter().any(|artifact| artifact["kind"] == "deb"), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_05_no_backend_gives_a_network_and_a_build_that_asks_for_one_is_refused() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (_, chroot) = shared(&bench).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let script = r#"exec 3<>"/dev/tcp/127.0.0.1/$1""#;
    for backend in backends(&bench) {
        let mut session = backend.open(&bench.cx, &chroot.reference(), &SessionOptions::new()).await.unwrap();
        let knock = SessionCommand::new(["bash", "-c", script, "bash", &port]);
        let exit = session.run(&bench.cx, &knock, &mut Discard).await.unwrap();
        assert_ne!(exit.status, Some(0), "{} reached the host", backend.name());
        session.close(&bench.cx).await.unwrap();
    }
    assert!(listener.accept().is_err(), "somebody came from inside");

    let dsc = TestSource::new("reaching").make(user.path()).await;
    let ran = common(&user, &["build", dsc.as_str(), "--chroot", &chroot.id.to_string(), "--network"]).await;
    assert_eq!((ran.status, &ran.error()["class"]), (4, &"not-allowed".into()), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_07_what_was_installed_on_top_is_listed_and_goes_and_what_is_below_is_as_it_was() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (_, chroot) = shared(&bench).await;
    let below = chroot.id.to_string();
    let install = ["chroot", "install", &below, "pv"];
    let top = answer(&user, &install).await;
    let top = text(&top, "id");
    let has = async |id: &str| common(&user, &["chroot", "run", id, "--", "test", "-x", "/usr/bin/pv"]).await.status;
    assert_eq!((has(top).await, has(&below).await), (0, 1));
    let list = answer(&user, &["chroot", "list"]).await;
    let listed = list.as_array().unwrap().iter().find(|one| one["id"] == top).unwrap();
    assert_eq!(text(listed, "parent"), below);
    let shown = answer(&user, &["chroot", "show", &below]).await;
    assert!(shown["layers"].as_array().unwrap().contains(&json!(top)), "{shown}");

    answer(&user, &["chroot", "remove", top]).await;
    let gone = common(&user, &["chroot", "show", top]).await;
    assert_eq!((gone.status, &gone.error()["class"]), (3, &"not-found".into()), "{gone:?}");
    assert_eq!(has(&below).await, 1);
    let bytes = fs::read(&chroot.tarball).unwrap();
    assert_eq!(Sha256::of(&bytes), chroot.manifest.tarball.sha256);
    assert_eq!(text(&answer(&user, &install).await, "id"), top, "the same again");
    answer(&user, &["chroot", "remove", top]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_08_sixteen_at_once_of_one_chroot_wait_for_no_other() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let (all_open, mut sessions) = (Arc::new(Barrier::new(16)), JoinSet::new());
    for _ in 0..16 {
        let (bench, base, all_open) = (bench.clone(), chroot.reference(), Arc::clone(&all_open));
        sessions.spawn(async move {
            let mut session = bench.backend.open(&bench.cx, &base, &SessionOptions::new()).await.unwrap();
            // Nobody would come past it who holds what another one needs.
            tokio::time::timeout(Duration::from_secs(240), all_open.wait()).await.unwrap();
            let work = SessionCommand::new(["dpkg-query", "--show", "dpkg"]);
            let exit = session.run(&bench.cx, &work, &mut Discard).await.unwrap();
            session.close(&bench.cx).await.unwrap();
            exit.success()
        });
    }
    assert!(sessions.join_all().await.into_iter().all(|well| well));
    // Builds take minutes together on a small machine.
    if !full() {
        return;
    }
    let user = Arc::new(Sandbox::new());
    let (id, dsc) = (buildd(&user).await, TestSource::new("sixteen").make(user.path()).await);
    let mut builds = JoinSet::new();
    for _ in 0..16 {
        let (user, id, dsc) = (Arc::clone(&user), id.clone(), dsc.clone());
        builds.spawn(async move {
            let record = answer(&user, &["build", dsc.as_str(), "--chroot", &id]).await;
            let record: BuildRecord = serde_json::from_value(record).unwrap();
            (record.outcome, debs(&record))
        });
    }
    let made = builds.join_all().await;
    assert!(made.iter().all(|one| *one == made[0] && one.0 == Outcome::Succeeded && !one.1.is_empty()), "{made:?}");
}

/// The packages of a record by what is in them.
fn debs(record: &BuildRecord) -> BTreeSet<Sha256> {
    record.artifacts.iter().filter(|artifact| artifact.kind == "deb").map(|artifact| artifact.sha256).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_09_a_build_that_leaves_a_daemon_and_a_killed_tool_leave_no_process_mount_or_folder() {
    // Two builds.
    if !full() {
        return;
    }
    let id = buildd(&Sandbox::new()).await;
    let user = linked(&id);
    let state = user.path().join("state").to_string();
    let daemon = "setsid sh -c 'sleep 98763; true' >/dev/null 2>&1 </dev/null &";
    let ending = TestSource::new("ending").with_build(&format!("{daemon} true")).make(user.path()).await;
    let hang = format!("{daemon} echo ready-$$((40+2)); sleep 98764");
    let hanging = TestSource::new("hanging").with_build(&hang).make(user.path()).await;
    let options = ["--chroot", &id, "--disk", "6G"];
    well(user.run([&["build", ending.as_str()][..], &options].concat()).await);
    gone(&["sleep 98763", &state]).await;
    user.kill_at([&["build", hanging.as_str()][..], &options].concat(), "ready-42").await;
    gone(&["sleep 98763", "sleep 98764", &state]).await;
    // Whatever comes next clears what the dead left.
    own(&user, &["chroot", "list"]).await;
    let left: Vec<_> = fs::read_dir(user.path().join("state/scratch")).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| entry.path().is_file()), "{left:?}");
}

/// Every verb once. Its arguments are debbuild, the state folder, a chroot, and `long` where a new generation may be made too.
const VERBS: &str = r#"
debbuild() { "$program" --quiet --home "$home" chroot "$@"; }
program=$1 home=$2 base=$3 long=$4
status=0; debbuild run "$base" -- false || status=$?
test "$status" -eq 1
top=$(debbuild install "$base" time)
debbuild run "$top" -- test -x /usr/bin/time
echo inside >file
mkdir out
debbuild run "$top" --copy-in file:/srv --copy-out /srv/new:out -- cp /srv/file /srv/new
cmp file out/new
debbuild copy-out "$top" /usr/bin/time out
test -s out/time
test "$(echo 'echo $((6*7))' | setsid --wait "$program" --home "$home" chroot shell "$top")" = 42
if [ "$long" = long ]; then debbuild update "$top"; fi
without=$(debbuild create --parent "$top" --remove time)
if debbuild run "$without" -- test -e /usr/bin/time; then exit 1; fi
debbuild remove "$without"
debbuild remove "$top"
if debbuild show "$top"; then exit 1; fi
"#;

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_10_each_verb_works_in_a_script() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let id = chroot.id.to_string();
    let user = linked(&id);
    // An update makes the chroot below anew, which is not for the state that the tests share.
    let (home, long) = if full() { (user.path().join("state"), "long") } else { (cache(), "") };
    let program = user.command::<&str>([]).program;
    let script = CommandSpec::new("bash").with_args(["-euxo", "pipefail", "-c", VERBS, "verbs"]);
    well(user.spec(user.place(script.with_args([program.as_str(), home.as_str(), &id, long]))).await);
}

/// The packages that were there for a build, by its .buildinfo.
async fn installed(bench: &Bench, record: &BuildRecord) -> BTreeSet<String> {
    let buildinfo = record.artifacts.iter().find(|artifact| artifact.kind == "buildinfo").unwrap();
    let text = bench.blobs.read(&bench.cx, buildinfo.sha256, None).await.unwrap();
    let build = Buildinfo::from_unverified(&text).unwrap();
    build.installed.iter().map(|one| format!("{}={}", one.package, one.version)).collect()
}

/// Builds in a chroot that the tests share, with every cable cut.
async fn offline(user: &Sandbox, id: &str, dsc: &AbsPath) -> BuildRecord {
    let bench = Bench::with_fetch(cache(), Cut::new("")).await;
    let chroot = bench.manager.find(id).unwrap();
    let (suite, architecture) = (chroot.manifest.spec.suite.clone(), chroot.manifest.spec.architecture.clone());
    let (base, bases) = (bench.manager.base(&bench.cx, chroot.id).unwrap(), Arc::new(KnownBases::new()));
    bases.add(suite.clone(), architecture.clone(), base.with_mode(Mode::Offline));
    let scratch = user.path().join("scratch");
    let parts = SbuildParts::new(Arc::clone(&bench.runner), bench.gateway.clone(), bench.user.clone(), scratch);
    let builder = SbuildBuilder::detect(&bench.cx, parts.with_tmpfs(Some(6 << 30)), bases).await.unwrap();
    let request = BuildRequest::new(dsc.clone(), Sha256::of(&fs::read(dsc).unwrap()), suite, architecture, chroot.id);
    let mut log = Discard;
    let mut io = TaskIo { blobs: Arc::clone(&bench.blobs), scratch: user.path().join("attempt"), log: &mut log };
    builder.build(&bench.cx, &request, &mut io).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_17_a_lock_and_what_is_stored_build_the_same_without_a_network_and_a_flipped_byte_is_refused() {
    let bench = Bench::open(cache()).await;
    // Chroots for builds are made, and two packages built. The network namespace around all of it needs root.
    if !full() || !bench.user.switch {
        return;
    }
    let (user, stranger) = (passable(), passable());
    let made = answer(&user, &["chroot", "create", "--suite", "bookworm"]).await;
    let id = text(&made, "id");
    let lock = lock_of(&user, id).await;
    for user in [&user, &stranger] {
        user.write("chroot.lock", &String::from_utf8(lock.to_json().unwrap()).unwrap());
        fs::create_dir(user.path().join("state")).unwrap();
    }
    let create = ["--format", "json", "chroot", "create", "--locked", "chroot.lock"];

    // All that the lock names, with one byte of one package that is another.
    let store = FolderStore::open(stranger.path().join("state/blobs")).unwrap();
    for blob in lock.blobs() {
        let file = bench.blobs.local(&bench.cx, blob).await.unwrap();
        store.adopt(&bench.cx, &file, Adopt::Copy, Some(blob)).await.unwrap();
    }
    let damaged = store.local(&bench.cx, lock.packages[0].sha256).await.unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&damaged, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&damaged, bytes).unwrap();
    let refused = stranger.spec(by(&stranger, cut(&bench), &create)).await;
    assert_ne!(refused.status, 0, "{refused:?}");
    assert_eq!(own(&stranger, &["--format", "json", "chroot", "list"]).await.trim(), "[]");

    symlink(cache().join("blobs"), user.path().join("state/blobs")).unwrap();
    let again = well(user.spec(by(&user, cut(&bench), &create)).await).json();
    assert_eq!((&again["id"], &again["sha256"]), (&made["id"], &made["sha256"]));

    let dsc = TestSource::new("plain").make(user.path()).await;
    let online = answer(&user, &["build", dsc.as_str(), "--chroot", id]).await;
    let online: BuildRecord = serde_json::from_value(online).unwrap();
    let offline = offline(&user, id, &dsc).await;
    assert_eq!(offline.outcome, Outcome::Succeeded, "{:?}", offline.failure);
    assert_eq!(debs(&offline), debs(&online));
    assert_eq!(installed(&bench, &offline).await, installed(&bench, &online).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_row_24_a_collection_says_how_much_it_would_free_and_then_frees_it() {
    const SIZE: usize = 4 << 20;
    let user = passable();
    let bench = Bench::open(cache()).await;
    fs::write(user.path().join("system.tar"), system("system", SIZE)).unwrap();
    own(&user, &["chroot", "import", "system.tar"]).await;
    let state = user.path().join("state");
    let run = async |args: &[&str]| {
        let ran = user.run([&["--format", "json", "--set", "gc.grace=0s"], args].concat()).await;
        well(ran).json()
    };
    let before = disk(&bench, &state).await;
    let chroots = ["chroot", "gc", "--max-size", "0"];
    let said = run(&[&chroots[..], &["--dry-run"]].concat()).await;
    assert!(
        said["chroots"][0]["size"].as_u64().unwrap() > SIZE as u64 && said["chroots"][0]["reason"] == "size",
        "{said}"
    );
    assert_eq!(answer_len(&run(&["chroot", "list"]).await), 1);
    assert_eq!(run(&chroots).await["chroots"], said["chroots"]);

    let would = run(&["gc", "--dry-run"]).await;
    assert!(disk(&bench, &state).await + SIZE as u64 > before, "it is only said");
    let did = run(&["gc"]).await;
    assert_eq!((&did["bytes"], &did["blobs"]), (&would["bytes"], &would["blobs"]));
    let freed = before - disk(&bench, &state).await;
    assert!(did["bytes"].as_u64().unwrap() > SIZE as u64 && freed >= SIZE as u64, "{freed} of {did}");
    assert_eq!((&run(&["gc"]).await["blobs"], answer_len(&run(&["chroot", "list"]).await)), (&json!(0), 0));
}

/// How many a list has.
fn answer_len(list: &serde_json::Value) -> usize {
    list.as_array().unwrap().len()
}
