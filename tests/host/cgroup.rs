//! Limits by control groups: on a machine of systemd's, in QEMU, hostile commands of root (by scopes) and of an ordinary user (below a
//! control group that was given to it).

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    time::Duration,
};

use debbuild_chroot::create::Variant;
use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, Discard},
    name::PackageName,
    path::AbsPath,
};
use debbuild_suite::{
    bench::{Bench, cache},
    boot::{Firmware, boot},
    debbuild::Sandbox,
    pool::full,
};
use serde_json::Value;

use crate::chroot::shared;

const MIB: u64 = 1 << 20;

/// What the machine has beside Essential: a kernel, systemd, and what debbuild's sessions need.
const PACKAGES: [&str; 10] = [
    "dbus",
    "gpgv",
    "iproute2",
    "linux-image-cloud-amd64",
    "passwd",
    "perl",
    "socat",
    "systemd-sysv",
    "udev",
    "uidmap",
];

/// What the script says at the end.
const DONE: &str = "check: that is all";

/// How long the machine may take, emulated on a busy one.
const LIMIT: Duration = Duration::from_secs(1500);

const UNIT: &str =
    "[Service]\nExecStart=/bin/sh -c 'sh /srv/check 2>&1 | cat'\nStandardOutput=tty\nTTYPath=/dev/ttyS0\n";

const SCRIPT: &str = r#"
say() { echo "check: $*"; }
groups() { find /sys/fs/cgroup -type d -name 'debbuild-session*'; }
left() { sleep 3; say "left $(groups | wc -l)"; }
run() {
    debbuild chroot run "$id" --record "$used" "$@"
    say "used $(cat "$used")"
    rm -f "$used"
}
attack() {
    export HOME=/srv DEBBUILD_HOME=$1
    used=$1-used.json
    id=$(debbuild chroot import /srv/chroot.tar)
    run --memory 256M --processes 100 -- perl -e 'my $held = "x" x (64 << 20)'
    run --memory 128M -- perl -e 'my @held; push @held, "x" x (16 << 20) while 1'
    run --memory 128M --processes 40 --timeout 5m -- sh -c 'bomb() { sleep 60 & bomb | bomb & }; bomb; sleep 20'
    left
    debbuild chroot run "$id" --memory 128M -- sleep 1000 &
    driver=$!
    tries=0
    until groups | grep -q . || [ "$tries" = 120 ]; do tries=$((tries + 1)); sleep 1; done
    say "found $(groups | wc -l)"
    sleep 5
    kill -9 "$driver"
    wait "$driver"
    debbuild chroot list >/dev/null
    left
}
if [ "$1" = own ]; then
    group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
    mkdir "$group/main" && echo 0 >"$group/main/cgroup.procs"
    attack /srv/own/state
    exit
fi
useradd --create-home debbuild
echo debbuild:100000:65536 | tee /etc/subuid >/etc/subgid
mkdir /srv/own /srv/root && chown debbuild /srv/own
attack /srv/root/state
systemd-run --quiet --wait --pipe --uid=debbuild --property=Delegate=yes sh /srv/check own
say "that is all"
"#;

async fn tool(bench: &Bench, program: &str, args: &[&str]) {
    let spec = CommandSpec::new(program).with_args(args.iter().copied());
    let done = bench.runner.output(&bench.cx, &spec).await;
    done.unwrap_or_else(|error| panic!("{spec}: {error}"));
}

/// The file of `/boot` whose name begins so.
fn booted(root: &AbsPath, prefix: &str) -> String {
    let entries = fs::read_dir(root.join("boot")).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.find(|name| name.starts_with(prefix)).unwrap();
    format!("{root}/boot/{name}")
}

/// A disk with the system, debbuild, a chroot and the script; the arguments that start a machine with it.
async fn machine(bench: &Bench, sandbox: &Sandbox) -> Vec<String> {
    let packages = PACKAGES.map(|name| PackageName::new(name).unwrap()).to_vec();
    let spec = bench.spec(Variant::Apt).await.with_include(packages);
    let system = bench.manager.create(&bench.cx, &spec, &mut Discard).await.unwrap();
    let (_, chroot) = shared(bench).await;
    let root = sandbox.path().join("machine");
    fs::create_dir(&root).unwrap();
    let (from, to) = (system.tarball.as_str(), root.as_str());
    tool(bench, "tar", &["--extract", "--numeric-owner", "--xattrs", "--file", from, "--directory", to]).await;
    fs::copy(sandbox.command(["--version"]).program, root.join("usr/local/bin/debbuild")).unwrap();
    fs::copy(&chroot.tarball, root.join("srv/chroot.tar")).unwrap();
    fs::set_permissions(root.join("srv/chroot.tar"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(root.join("srv/check"), SCRIPT).unwrap();
    fs::write(root.join("etc/systemd/system/check.service"), UNIT).unwrap();
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    symlink("../check.service", wants.join("check.service")).unwrap();
    let disk = sandbox.path().join("disk.img").to_string();
    tool(bench, "mke2fs", &["-q", "-t", "ext4", "-d", to, &disk, "4000M"]).await;
    let quiet = "quiet loglevel=1 systemd.show_status=false systemd.mask=serial-getty@ttyS0.service";
    let args = [
        vec!["-drive".to_owned(), format!("file={disk},format=raw,if=virtio,cache=unsafe")],
        vec!["-kernel".to_owned(), booted(&root, "vmlinuz-")],
        vec!["-initrd".to_owned(), booted(&root, "initrd.img-")],
        vec!["-append".to_owned(), format!("root=/dev/vda rw console=ttyS0 {quiet}")],
    ];
    args.concat()
}

/// What follows a word of the script's.
fn after<'a>(said: &'a str, word: &str) -> Vec<&'a str> {
    let lines = said.lines().filter_map(|line| Some(line.split_once(&format!("check: {word} "))?.1.trim()));
    lines.collect()
}

#[tokio::test]
async fn host_limits_are_held_by_control_groups_where_a_machine_has_them() {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !full() || !root || std::env::consts::ARCH != "x86_64" {
        return;
    }
    let (bench, sandbox) = (Bench::open(cache()).await, Sandbox::new());
    let args = machine(&bench, &sandbox).await;
    let said = boot(Firmware::Bios, &args, DONE, LIMIT).await.unwrap_or_else(|error| panic!("{error}"));
    let used: Vec<Value> = after(&said, "used").into_iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(used.len(), 6, "{said}");
    for (used, means) in used.chunks(3).zip(["scope", "cgroup"]) {
        let [well, hog, bomb] = used else { panic!("{said}") };
        let peak = |one: &Value| one["peak_memory"].as_u64().unwrap();
        assert!(used.iter().all(|one| one["limits_by"] == means), "{means}: {said}");
        assert!(well["status"] == 0 && (64 * MIB..256 * MIB).contains(&peak(well)), "{said}");
        assert!(well["cpu_time"].as_f64().unwrap() > 0.0, "{said}");
        assert!(hog["class"] == "memory" && (64 * MIB..=128 * MIB).contains(&peak(hog)), "{said}");
        assert!(bomb["class"].is_null(), "{said}");
    }
    assert!(said.matches("Cannot fork").count() >= 2, "{said}");
    assert!(after(&said, "found").iter().all(|count| *count != "0"), "{said}");
    assert_eq!(after(&said, "left"), ["0"; 4], "{said}");
}
