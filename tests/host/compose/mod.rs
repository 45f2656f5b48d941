//! A whole compose with real tools: from our own repository and Debian, killed and gone on with, reused, and each
//! deliverable judged by the tool that users have for it and booted.

mod checks;
mod replay;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    lock::{LockFile, LockedPackage},
    path::AbsPath,
};
use debbuild_suite::{
    boot::{Firmware, boot},
    debbuild::{Ran, Sandbox},
    pool::full,
    source::copy_tree,
};

use checks::{check_container, check_iso, check_ostree, check_repository, check_sums};

/// What the unit of examples/packages/debbuild-marker says on the console when the system is up.
const UP: &str = "debbuild-marker: system is up";

/// How long a boot by software emulation may take on a busy machine; alone it takes about a minute.
const BOOT: Duration = Duration::from_secs(900);

/// Where our repository is, below the sandbox.
const OURS: &str = "state/repos/ours";

const BLUEPRINT: &str = r#"
packages = ["dbus", "debbuild-marker", "iputils-ping", "systemd-sysv", "udev", "usr-is-merged"]
[compose]
short = "Small"
version = "1"
type = "test"
[archives.debian]
host = true
suite = "SUITE"
[archives.ours]
repository = "ours"
suite = "ours"
priority = 700
[variants.base.repository]
[variants.base.container]
packages = ["hello"]
command = ["/bin/sh"]
[variants.base.iso]
packages = ["linux-image-cloud-amd64", "live-boot"]
arguments = ["console=ttyS0"]
compression = 1
[variants.base.ostree]
packages = ["linux-image-cloud-amd64", "ostree-boot", "dracut-core"]
"#;

/// A sandbox with this blueprint as `small.toml`.
fn sandbox(blueprint: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    // The build user passes through it to its scratch folders.
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
    sandbox.write("small.toml", &blueprint.replace("SUITE", codename.trim_matches('"')));
    sandbox
}

async fn tool<const N: usize>(program: &str, args: [&str; N]) -> String {
    let spec = CommandSpec::new(program).with_args(args).with_env("HOME", "/nonexistent");
    let output = SystemRunner.output(&Context::new(), &spec).await;
    String::from_utf8_lossy(&output.unwrap_or_else(|error| panic!("{spec}: {error}"))).into_owned()
}

/// What debbuild prints as JSON.
async fn said<const N: usize>(sandbox: &Sandbox, args: [&str; N]) -> serde_json::Value {
    let ran: Ran = sandbox.run(["--format", "json"].into_iter().chain(args)).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.json()
}

/// The nodes of that compose, by name.
const NODES: [&str; 7] = [
    "base/container",
    "base/iso",
    "base/ostree",
    "base/repository",
    "base/rootfs-container",
    "base/rootfs-iso",
    "base/rootfs-ostree",
];

const COMPOSE: [&str; 5] = ["compose", "run", "small.toml", "--jobs", "2"];

/// Builds our marker package.
async fn marker(sandbox: &Sandbox) -> String {
    let example = AbsPath::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/packages/debbuild-marker")).unwrap();
    let tree = sandbox.path().join("debbuild-marker");
    copy_tree(&example, &tree);
    let spec = CommandSpec::new("dpkg-buildpackage").with_args(["-b", "-us", "-uc"]).with_cwd(tree);
    SystemRunner.output(&Context::new(), &spec).await.unwrap();
    "debbuild-marker_1.0_all.deb".to_owned()
}

/// Makes a package named as one of Debian, of a lower version.
async fn hello(sandbox: &Sandbox, version: &str) -> String {
    let control = format!(
        "Package: hello\nVersion: {version}\nArchitecture: all\nMaintainer: Test <test@debbuild.example>\nDescription: ours\n"
    );
    sandbox.write(&format!("hello-{version}/DEBIAN/control"), &control);
    let tree = format!("{}/hello-{version}", sandbox.path());
    let file = format!("hello_{version}_all.deb");
    tool("dpkg-deb", ["--root-owner-group", "--build", &tree, sandbox.path().descend(&file).unwrap().as_str()]).await;
    file
}

/// Adds packages to our repository and publishes it.
async fn publish(sandbox: &Sandbox, files: &[String]) {
    let add = ["repo", "add", OURS].into_iter().chain(files.iter().map(String::as_str));
    for args in [add.collect(), vec!["repo", "publish", OURS]] {
        let ran = sandbox.run(args).await;
        assert_eq!(ran.status, 0, "{ran:?}");
    }
}

/// `name version` of each.
fn names<'a>(packages: impl IntoIterator<Item = &'a LockedPackage>) -> BTreeSet<String> {
    packages.into_iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

/// What a deliverable must have installed: the common set and its addition.
fn expected(lock: &LockFile, kind: &str) -> BTreeSet<String> {
    names(lock.packages.iter().chain(&lock.additions[&format!("base/{kind}")]))
}

/// Ours comes from our repository, also where Debian has a higher version; one package is one file everywhere.
fn check_lock(lock: &LockFile) {
    let all = || lock.packages.iter().chain(lock.additions.values().flatten());
    for (name, version) in [("debbuild-marker", "1.0"), ("hello", "1.0")] {
        let found: Vec<_> = all().filter(|package| package.name.as_str() == name).collect();
        assert!(matches!(found[..], [one] if one.archive == "ours" && one.version.as_str() == version), "{found:?}");
    }
    let mut digests = BTreeMap::new();
    for package in all() {
        assert_eq!(*digests.entry(&package.name).or_insert(package.sha256), package.sha256, "{package:?}");
    }
    let kernels = lock.additions.values().flatten().filter(|p| p.name.as_str() == "linux-image-cloud-amd64");
    assert_eq!(kernels.count(), 2);
}

fn installed(status: &str) -> BTreeSet<String> {
    let field = |stanza: &str, name: &str| stanza.lines().find_map(|l| l.strip_prefix(name).map(str::to_owned));
    let stanzas = status.split("\n\n").filter(|stanza| stanza.contains("\nStatus: install ok installed\n"));
    stanzas.map(|s| format!("{} {}", field(s, "Package: ").unwrap(), field(s, "Version: ").unwrap())).collect()
}

/// What is in a folder, hidden or not.
fn inside(folder: &AbsPath) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The command lines of processes that work in the sandbox; gpg's agents end by themselves when it is gone.
fn working(sandbox: &Sandbox) -> Vec<String> {
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(sandbox.path().as_str()) && !line.starts_with("gpg-agent")).collect()
}

/// Kills a compose in mid phase and runs it again.
async fn killed_and_gone_on_with(sandbox: &Sandbox) -> serde_json::Value {
    let args = ["--format", "json"].into_iter().chain(COMPOSE);
    sandbox.kill_at(args, r#""what":"base/iso""#).await;
    let composes = sandbox.path().join("state/composes");
    let left = inside(&composes);
    assert!(left.iter().all(|name| name.starts_with('.')), "a killed compose is visible: {left:?}");
    let hidden = left.iter().find(|name| name.starts_with(".Small-")).unwrap();
    let report = said(sandbox, COMPOSE).await;
    assert_eq!((&report["status"], &report["resumed"]), (&"FINISHED".into(), &true.into()));
    assert_eq!(report["id"], hidden[1..]);
    let node = report["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "base/rootfs-iso").unwrap();
    assert_eq!(node["outcome"], "reused", "what was made before the kill is not made again");
    for folder in ["state/compose-cache/drafts", "state/scratch/rootfs"] {
        assert_eq!(inside(&sandbox.path().descend(folder).unwrap()), [""; 0], "{folder}");
    }
    assert_eq!(working(sandbox), [""; 0]);
    let left = inside(&composes);
    assert!(!left.contains(hidden) && left.contains(&hidden[1..].to_owned()), "{left:?}");
    report
}

/// What SHA256SUMS of a compose says, by path.
fn sums(folder: &AbsPath) -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    text.lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect()
}

fn lock(folder: &AbsPath) -> LockFile {
    serde_json::from_slice(&fs::read(folder.join("compose.lock")).unwrap()).unwrap()
}

/// Composes again after the output folder was deleted: everything is reused, and people are told so.
async fn check_deleted(sandbox: &Sandbox, first: &AbsPath) -> AbsPath {
    let before = sums(first);
    fs::remove_dir_all(first).unwrap();
    let ran = sandbox.run(COMPOSE).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    for node in NODES {
        assert!(ran.stderr.contains(&format!("{node}: reused: same key")), "{node}: {ran:?}");
    }
    assert!(!ran.stderr.contains(": rerun: ") && !ran.stderr.contains(": run: "), "{ran:?}");
    let folder = AbsPath::new(ran.stdout.trim()).unwrap();
    let kept = |sums: BTreeMap<String, String>| -> Vec<_> {
        sums.into_iter().filter(|(path, _)| path.starts_with("base/")).collect()
    };
    assert_eq!(kept(sums(&folder)), kept(before));
    folder
}

/// Composes when a package of the container alone has a new version: what is made of it is made again, with the reason, and
/// has it; everything else is reused, byte for byte.
async fn check_leaf(sandbox: &Sandbox, before: &AbsPath, scratch: &AbsPath) {
    publish(sandbox, &[hello(sandbox, "1.1").await]).await;
    let plan = sandbox.run(["compose", "plan", "small.toml"]).await;
    let changed = "rerun: input packages of base/container changed";
    let told = plan.stdout.lines().filter(|line| line.contains(changed)).map(|line| line.split(' ').next().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ["base/rootfs-container"], "{plan:?}");

    let report = said(sandbox, COMPOSE).await;
    let field = |node: &serde_json::Value, name: &str| node[name].as_str().unwrap().to_owned();
    let nodes: BTreeMap<_, _> = report["nodes"].as_array().unwrap().iter().map(|n| (field(n, "name"), n)).collect();
    for (name, node) in &nodes {
        let wanted = match name.as_str() {
            "base/repository" => ("made", "rerun: input packages of base/repository changed"),
            "base/rootfs-container" => ("made", changed),
            "base/container" => ("made", "rerun: input base/rootfs-container changed"),
            _ => ("reused", "reused: same key"),
        };
        assert_eq!((&*field(node, "outcome"), &*field(node, "reason")), wanted, "{name}");
    }
    assert_eq!(nodes.keys().collect::<Vec<_>>(), NODES);

    let folder = AbsPath::new(report["folder"].as_str().unwrap()).unwrap();
    let lock = lock(&folder);
    let has = expected(&lock, "container");
    assert!(has.contains("hello 1.1") && !has.contains("hello 1.0"), "{has:?}");
    check_container(&folder, scratch, &lock).await;
    check_repository(&folder, scratch, &lock).await;
    let (before, now) = (sums(before), sums(&folder));
    for kind in ["iso", "ostree"] {
        let of = |sums: &BTreeMap<String, String>| -> Vec<_> {
            let within = format!("base/amd64/{kind}/");
            sums.clone().into_iter().filter(|(path, _)| path.starts_with(&within)).collect()
        };
        assert!(!of(&now).is_empty() && of(&now) == of(&before), "{kind}");
    }
}

#[tokio::test]
async fn host_compose_gives_four_deliverables_that_their_own_tools_accept_and_that_boot() {
    let sandbox = sandbox(BLUEPRINT);
    let ran = sandbox.run(["repo", "init", OURS, "--suite", "ours"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    publish(&sandbox, &[marker(&sandbox).await, hello(&sandbox, "1.0").await]).await;
    let first = killed_and_gone_on_with(&sandbox).await;
    let folder = AbsPath::new(first["folder"].as_str().unwrap()).unwrap();
    let lock = lock(&folder);
    check_lock(&lock);
    check_sums(&folder).await;
    let scratch = sandbox.path().join("check");
    fs::create_dir(&scratch).unwrap();
    check_repository(&folder, &scratch, &lock).await;
    check_container(&folder, &scratch, &lock).await;
    let why = sandbox.run(["compose", "why", "latest-Small-1", "libc6"]).await;
    assert!(why.status == 0 && why.stdout.starts_with("libc6: "), "{why:?}");

    let folder = check_deleted(&sandbox, &folder).await;
    let again = scratch.join("leaf");
    fs::create_dir(&again).unwrap();
    check_leaf(&sandbox, &folder, &again).await;
    let (ostree, iso) = (check_ostree(&folder, &scratch, &lock).await, check_iso(&folder, &scratch, &lock).await);
    // A third one beside them is for the long form.
    let uefi = async { if full() { boot(Firmware::Uefi, &iso, UP, BOOT).await } else { Ok(String::new()) } };
    let booted = tokio::join!(boot(Firmware::Bios, &ostree, UP, BOOT), boot(Firmware::Bios, &iso, UP, BOOT), uefi);
    for (what, result) in [("OSTree", booted.0), ("ISO by BIOS", booted.1), ("ISO by UEFI", booted.2)] {
        result.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[tokio::test]
async fn host_boot_without_a_system_is_an_error_with_its_reason() {
    let error = boot(Firmware::Bios, &[], UP, Duration::from_secs(3)).await.unwrap_err();
    assert!(error.to_string().contains("qemu-system-x86_64"), "{error}");
    let error = boot(Firmware::Bios, &["-nonsense".to_owned()], UP, BOOT).await.unwrap_err();
    assert!(error.tail.contains("nonsense"), "{error}");
}
