//! A whole compose with real tools: reuse, checksums, and each deliverable judged by the tool that users have for it.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, time::Duration};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    lock::{LockFile, LockedPackage},
    path::AbsPath,
};
use debbuild_suite::{
    boot::{Firmware, boot},
    debbuild::{Ran, Sandbox},
};

/// What a system says on its serial line when it is up.
const UP: &str = "login:";

const BLUEPRINT: &str = r#"
packages = ["dbus", "hello", "systemd-sysv", "udev", "usr-is-merged"]
[compose]
short = "Small"
version = "1"
type = "test"
[archives.debian]
host = true
suite = "SUITE"
[variants.base.repository]
[variants.base.container]
command = ["/bin/sh"]
[variants.base.iso]
packages = ["linux-image-cloud-amd64", "live-boot"]
arguments = ["console=ttyS0"]
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

async fn compose(sandbox: &Sandbox) -> serde_json::Value {
    let ran: Ran = sandbox.run(["--format", "json", "compose", "run", "small.toml", "--jobs", "2"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.json()
}

/// `name version` of each.
fn names<'a>(packages: impl IntoIterator<Item = &'a LockedPackage>) -> BTreeSet<String> {
    packages.into_iter().map(|package| format!("{} {}", package.name, package.version)).collect()
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
    let known = String::from_utf8_lossy(&known).replace("\nPriority", "\nStatus: install ok installed\nPriority");
    let all = lock.packages.iter().chain(lock.additions.values().flatten());
    let served: BTreeSet<&str> = known.lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    assert_eq!(served, all.map(|package| package.name.as_str()).collect());
}

async fn check_container(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    let image = format!("oci:{folder}/base/amd64/images/oci:1");
    let inspected: serde_json::Value = serde_json::from_str(&tool("skopeo", ["inspect", &image]).await).unwrap();
    assert_eq!((inspected["Architecture"].as_str(), inspected["Os"].as_str()), (Some("amd64"), Some("linux")));
    let bundle = scratch.join("bundle");
    tool("umoci", ["unpack", "--rootless", "--image", &image["oci:".len()..], bundle.as_str()]).await;
    let status = fs::read_to_string(bundle.join("rootfs/var/lib/dpkg/status")).unwrap();
    assert_eq!(installed(&status), names(&lock.packages));
    assert!(!bundle.join("rootfs/etc/resolv.conf").as_std().exists());
}

async fn check_ostree(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    let repo = format!("--repo={folder}/base/amd64/ostree");
    let reference = "small/1/amd64/base";
    let said = tool("ostree", ["fsck", &repo]).await;
    assert!(said.contains("no errors found"), "{said}");
    let status = tool("ostree", ["cat", &repo, reference, "/usr/lib/sysimage/dpkg/status"]).await;
    let addition = &lock.additions["base/ostree"];
    assert_eq!(installed(&status), names(lock.packages.iter().chain(addition)));
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
    boot(Firmware::Bios, &args.concat(), UP, Duration::from_secs(400)).await.unwrap();
}

async fn check_iso(folder: &AbsPath) {
    let iso = folder.join("base/amd64/iso/Small-1-base-amd64.iso").to_string();
    let torito = tool("xorriso", ["-indev", &iso, "-report_el_torito", "plain"]).await;
    assert!(torito.contains("BIOS  y") && torito.contains("UEFI  y"), "{torito}");
    for firmware in [Firmware::Bios, Firmware::Uefi] {
        let drive = ["-drive".to_owned(), format!("file={iso},format=raw,if=virtio,readonly=on")];
        boot(firmware, &drive, UP, Duration::from_secs(600)).await.unwrap_or_else(|e| panic!("{firmware:?}: {e}"));
    }
}

#[tokio::test]
async fn host_compose_gives_four_deliverables_that_their_own_tools_accept_and_that_boot() {
    let sandbox = sandbox();
    let first = compose(&sandbox).await;
    assert_eq!(first["status"], "FINISHED");
    let folder = AbsPath::new(first["folder"].as_str().unwrap()).unwrap();
    let lock: LockFile = serde_json::from_slice(&fs::read(folder.join("compose.lock")).unwrap()).unwrap();
    check_sums(&folder).await;
    let scratch = sandbox.path().join("check");
    fs::create_dir(&scratch).unwrap();
    check_repository(&folder, &scratch, &lock).await;
    check_container(&folder, &scratch, &lock).await;

    let why = sandbox.run(["compose", "why", "latest-Small-1", "libc6"]).await;
    assert!(why.status == 0 && why.stdout.starts_with("libc6: "), "{why:?}");

    fs::remove_dir_all(folder.parent()).unwrap();
    let second = compose(&sandbox).await;
    for node in second["nodes"].as_array().unwrap() {
        assert_eq!(node["outcome"], "reused", "{node}");
        assert_eq!(node["reason"], "reused: same key", "{node}");
    }
    let folder = AbsPath::new(second["folder"].as_str().unwrap()).unwrap();
    check_ostree(&folder, &scratch, &lock).await;
    check_iso(&folder).await;
}
