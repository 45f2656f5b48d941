//! A whole compose with real tools: from our own repository and Debian, killed and gone on with, reused, and each
//! deliverable judged by the tool that users have for it and booted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    lock::{LockFile, LockedPackage},
    path::AbsPath,
};
use debbuild_suite::{
    boot::{Firmware, boot},
    debbuild::{Ran, Sandbox},
    source::copy_tree,
};

/// What the unit of examples/packages/debbuild-marker says on the console when the system is up.
const UP: &str = "debbuild-marker: system is up";

/// How long a boot by software emulation may take on a busy machine; alone it takes about a minute.
const BOOT: Duration = Duration::from_secs(400);

/// Where our repository is, below the sandbox.
const OURS: &str = "state/repos/ours";

const BLUEPRINT: &str = r#"
packages = ["dbus", "debbuild-marker", "systemd-sysv", "udev", "usr-is-merged"]
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

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    // The build user passes through it to its scratch folders.
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
    sandbox.write("small.toml", &BLUEPRINT.replace("SUITE", codename.trim_matches('"')));
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

async fn check_sums(folder: &AbsPath) {
    let spec = CommandSpec::new("sha256sum").with_args(["--check", "--quiet", "SHA256SUMS"]).with_cwd(folder.clone());
    SystemRunner.output(&Context::new(), &spec).await.unwrap();
    let path = |name: &'static str| folder.join(name).to_string();
    let keyring = path("base/amd64/repo/archive-keyring.gpg");
    tool("gpgv", ["--keyring", &keyring, &path("SHA256SUMS.asc"), &path("SHA256SUMS")]).await;
}

async fn check_repository(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    let repo = folder.join("base/amd64/repo");
    for name in ["state/lists/partial", "cache/archives/partial", "etc"] {
        fs::create_dir_all(scratch.as_std().join(name)).unwrap();
    }
    fs::write(scratch.join("status"), "").unwrap();
    fs::write(
        scratch.join("sources.list"),
        format!("deb [signed-by={repo}/archive-keyring.gpg] copy:{repo} small-1 main\n"),
    )
    .unwrap();
    let option = |text: &str| format!("-o{text}").replace("SCRATCH", scratch.as_str());
    let options = [
        "Dir::Etc::Parts=/dev/null",
        "Dir::Etc::SourceList=SCRATCH/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        "Dir::State=SCRATCH/state",
        "Dir::State::status=SCRATCH/status",
        "Dir::Cache=SCRATCH/cache",
        "APT::Sandbox::User=root",
        "APT::Update::Error-Mode=any",
    ]
    .map(option);
    let apt = |program: &str, args: &[&str]| CommandSpec::new(program).with_args(&options).with_args(args);
    let mut said = Capture::default();
    let exit = SystemRunner.run(&Context::new(), &apt("apt-get", &["update"]), &mut said).await.unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(exit.success() && !text.contains("W:") && !text.contains("E:"), "{text}");
    let known = SystemRunner.output(&Context::new(), &apt("apt-cache", &["dumpavail"])).await.unwrap();
    let known = String::from_utf8_lossy(&known);
    let field = |stanza: &str, name: &str| stanza.lines().find_map(|l| l.strip_prefix(name).map(str::to_owned));
    let stanzas = known.split("\n\n").filter(|stanza| !stanza.trim().is_empty());
    let served = stanzas.map(|s| (field(s, "Package: ").unwrap(), field(s, "SHA256: ").unwrap()));
    let all = lock.packages.iter().chain(lock.additions.values().flatten());
    let locked: BTreeSet<_> = all.map(|package| (package.name.to_string(), package.sha256.to_string())).collect();
    assert_eq!(served.collect::<BTreeSet<_>>(), locked);
}

async fn check_container(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    let image = format!("oci:{folder}/base/amd64/images/oci:1");
    let inspected: serde_json::Value = serde_json::from_str(&tool("skopeo", ["inspect", &image]).await).unwrap();
    assert_eq!((inspected["Architecture"].as_str(), inspected["Os"].as_str()), (Some("amd64"), Some("linux")));
    let bundle = scratch.join("bundle");
    tool("umoci", ["unpack", "--rootless", "--image", &image["oci:".len()..], bundle.as_str()]).await;
    let status = fs::read_to_string(bundle.join("rootfs/var/lib/dpkg/status")).unwrap();
    assert_eq!(installed(&status), expected(lock, "container"));
    assert!(!bundle.join("rootfs/etc/resolv.conf").as_std().exists());
}

/// Checks the commit; deploys it to a disk, and returns what starts a machine with it.
async fn check_ostree(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) -> Vec<String> {
    let repo = format!("--repo={folder}/base/amd64/ostree");
    let reference = "small/1/amd64/base";
    let said = tool("ostree", ["fsck", &repo]).await;
    assert!(said.contains("no errors found"), "{said}");
    let status = tool("ostree", ["cat", &repo, reference, "/usr/lib/sysimage/dpkg/status"]).await;
    assert_eq!(installed(&status), expected(lock, "ostree"));
    assert!(!tool("ostree", ["ls", &repo, reference, "/var"]).await.contains("/var/"), "/var is empty");

    let sysroot = scratch.join("sysroot");
    fs::create_dir(&sysroot).unwrap();
    let (here, root) = (sysroot.to_string(), format!("--sysroot={sysroot}"));
    let inner = format!("--repo={sysroot}/ostree/repo");
    tool("ostree", ["admin", "init-fs", &here]).await;
    tool("ostree", ["admin", "os-init", &root, "small"]).await;
    tool("ostree", ["config", &inner, "set", "sysroot.bootloader", "none"]).await;
    tool("ostree", ["pull-local", &inner, &repo["--repo=".len()..], reference]).await;
    let kargs = ["--karg=root=/dev/vda", "--karg=rw", "--karg=console=ttyS0"];
    tool("ostree", ["admin", "deploy", &root, "--os=small", kargs[0], kargs[1], kargs[2], reference]).await;
    // Deployments are immutable: nobody could remove the sandbox.
    let deployments = fs::read_dir(sysroot.join("ostree/deploy/small/deploy")).unwrap().flatten();
    for path in deployments.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        tool("chattr", ["-i", path.to_str().unwrap()]).await;
    }
    let disk = scratch.join("disk.img").to_string();
    tool("mke2fs", ["-q", "-t", "ext4", "-d", &here, &disk, "1500M"]).await;
    let entries = fs::read_dir(sysroot.join("boot/loader/entries")).unwrap();
    let entry = fs::read_to_string(entries.flatten().next().unwrap().path()).unwrap();
    let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let args = [
        vec!["-drive".to_owned(), format!("file={disk},format=raw,if=virtio")],
        vec!["-kernel".to_owned(), format!("{sysroot}/boot{}", field("linux "))],
        vec!["-initrd".to_owned(), format!("{sysroot}/boot{}", field("initrd "))],
        vec!["-append".to_owned(), field("options ")],
    ];
    args.concat()
}

/// Checks the ISO, and returns what starts a machine with it.
async fn check_iso(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) -> Vec<String> {
    let iso = folder.join("base/amd64/iso/Small-1-base-amd64.iso").to_string();
    let torito = tool("xorriso", ["-indev", &iso, "-report_el_torito", "plain"]).await;
    assert!(torito.contains("BIOS  y") && torito.contains("UEFI  y"), "{torito}");
    let squashfs = scratch.join("filesystem.squashfs").to_string();
    let extract = ["-osirrox", "on", "-indev", &iso, "-extract", "/live/filesystem.squashfs", &squashfs];
    tool("xorriso", extract).await;
    let status = tool("unsquashfs", ["-cat", &squashfs, "var/lib/dpkg/status"]).await;
    assert_eq!(installed(&status), expected(lock, "iso"));
    vec!["-drive".to_owned(), format!("file={iso},format=raw,if=virtio,readonly=on")]
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

/// The nodes that a compose would make again when a package of the container alone is another.
async fn check_leaf(sandbox: &Sandbox) {
    publish(sandbox, &[hello(sandbox, "1.1").await]).await;
    let plan = said(sandbox, ["compose", "plan", "small.toml"]).await;
    let nodes = plan["nodes"].as_array().unwrap().iter();
    let again = nodes.filter(|node| node["reason"] != "reused: same key");
    let again: BTreeSet<_> = again.map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(again, BTreeSet::from(["base/container", "base/repository", "base/rootfs-container"]), "{plan}");
}

#[tokio::test]
async fn host_compose_gives_four_deliverables_that_their_own_tools_accept_and_that_boot() {
    let sandbox = sandbox();
    let ran = sandbox.run(["repo", "init", OURS, "--suite", "ours"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    publish(&sandbox, &[marker(&sandbox).await, hello(&sandbox, "1.0").await]).await;
    let first = killed_and_gone_on_with(&sandbox).await;
    let folder = AbsPath::new(first["folder"].as_str().unwrap()).unwrap();
    let lock: LockFile = serde_json::from_slice(&fs::read(folder.join("compose.lock")).unwrap()).unwrap();
    check_lock(&lock);
    check_sums(&folder).await;
    let scratch = sandbox.path().join("check");
    fs::create_dir(&scratch).unwrap();
    check_repository(&folder, &scratch, &lock).await;
    check_container(&folder, &scratch, &lock).await;
    let why = sandbox.run(["compose", "why", "latest-Small-1", "libc6"]).await;
    assert!(why.status == 0 && why.stdout.starts_with("libc6: "), "{why:?}");

    fs::remove_dir_all(folder.parent()).unwrap();
    let second = said(&sandbox, COMPOSE).await;
    for node in second["nodes"].as_array().unwrap() {
        assert_eq!(node["outcome"], "reused", "{node}");
        assert_eq!(node["reason"], "reused: same key", "{node}");
    }
    check_leaf(&sandbox).await;
    let folder = AbsPath::new(second["folder"].as_str().unwrap()).unwrap();
    let (ostree, iso) = (check_ostree(&folder, &scratch, &lock).await, check_iso(&folder, &scratch, &lock).await);
    let booted = tokio::join!(
        boot(Firmware::Bios, &ostree, UP, BOOT),
        boot(Firmware::Bios, &iso, UP, BOOT),
        boot(Firmware::Uefi, &iso, UP, BOOT),
    );
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
