//! Each deliverable judged by the tool that users have for it.

use std::{collections::BTreeSet, fs};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    digest::Sha256,
    lock::{ArchiveAccess, LockFile},
    path::AbsPath,
};

use super::{expected, installed, tool};

pub(super) async fn check_sums(folder: &AbsPath) {
    let spec = CommandSpec::new("sha256sum").with_args(["--check", "--quiet", "SHA256SUMS"]).with_cwd(folder.clone());
    SystemRunner.output(&Context::new(), &spec).await.unwrap();
    let path = |name: &'static str| folder.join(name).to_string();
    let keyring = path("base/amd64/repo/archive-keyring.gpg");
    tool("gpgv", ["--keyring", &keyring, &path("SHA256SUMS.asc"), &path("SHA256SUMS")]).await;
}

pub(super) async fn check_repository(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
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

pub(super) async fn check_container(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    let image = format!("oci:{folder}/base/amd64/images/oci:1");
    let inspected: serde_json::Value = serde_json::from_str(&tool("skopeo", ["inspect", &image]).await).unwrap();
    assert_eq!((inspected["Architecture"].as_str(), inspected["Os"].as_str()), (Some("amd64"), Some("linux")));
    let bundle = scratch.join("bundle");
    tool("umoci", ["unpack", "--rootless", "--image", &image["oci:".len()..], bundle.as_str()]).await;
    let status = fs::read_to_string(bundle.join("rootfs/var/lib/dpkg/status")).unwrap();
    assert_eq!(installed(&status), expected(lock, "container"));
    assert!(!bundle.join("rootfs/etc/resolv.conf").as_std().exists());
    unpack(folder, scratch, CAPABLE).await;
    check_capability(&scratch.join(CAPABLE)).await;
}

/// Unpacks a part of the image's layer, with capabilities.
pub(super) async fn unpack(folder: &AbsPath, target: &AbsPath, member: &str) {
    let field = |path: &str, document: &str| {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        document.pointer(path).unwrap().as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned()
    };
    let blobs = folder.join("base/amd64/images/oci/blobs/sha256");
    let index = fs::read_to_string(folder.join("base/amd64/images/oci/index.json")).unwrap();
    let manifest = fs::read_to_string(blobs.child(&field("/manifests/0/digest", &index)).unwrap()).unwrap();
    let layer = blobs.child(&field("/layers/0/digest", &manifest)).unwrap();
    let args = ["--xattrs", "--xattrs-include=security.capability", "-xzf", layer.as_str(), "-C", target.as_str()];
    let spec = CommandSpec::new("tar").with_args(args).with_arg(member);
    SystemRunner.output(&Context::new(), &spec).await.unwrap();
}

/// What the systems of a compose have as APT sources, judged by apt: the archives of the blueprint, each with the keyring that
/// the lock names.
pub(super) async fn check_sources(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) {
    unpack(folder, scratch, "etc/apt").await;
    let etc = scratch.join("etc/apt");
    for name in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(scratch.as_std().join(name)).unwrap();
    }
    let options =
        [format!("-oDir::Etc={etc}"), format!("-oDir::State={scratch}/state"), format!("-oDir::Cache={scratch}/cache")];
    let spec = CommandSpec::new("apt-get").with_args(options).with_args(["--print-uris", "update"]);
    let mut said = Capture::default();
    let exit = SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
    assert!(exit.success() && said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let releases: BTreeSet<_> = text.split('\'').filter(|uri| uri.ends_with("/InRelease")).map(str::to_owned).collect();
    let release = |archive: &ArchiveAccess| match archive.name.as_str() {
        "ours" => "https://packages.example/ours/dists/ours/InRelease".to_owned(),
        _ => format!("{}/dists/{}/InRelease", archive.uris[0], archive.suite),
    };
    assert_eq!(releases, lock.archives.iter().map(release).collect());
    for archive in &lock.archives {
        let name = archive.name.split(':').next().unwrap();
        let text = fs::read_to_string(etc.descend(&format!("sources.list.d/{name}.sources")).unwrap()).unwrap();
        let named = text.lines().filter_map(|line| line.strip_prefix("Signed-By: /etc/apt/"));
        let keys: Vec<_> = named.map(|path| Sha256::of(&fs::read(etc.descend(path).unwrap()).unwrap())).collect();
        assert!(keys.contains(&archive.keyring_sha256), "{name}: {text}");
    }
}

/// A program that gets its privilege as a file capability, from its package's maintainer script.
const CAPABLE: &str = "usr/bin/ping";

/// A capability of the whole machine: one of a user namespace would have its `rootid` behind it.
async fn check_capability(file: &AbsPath) {
    assert_eq!(tool("getcap", [file.as_str()]).await, format!("{file} cap_net_raw=ep\n"));
}

/// Checks the commit; deploys it to a disk, and returns what starts a machine with it.
pub(super) async fn check_ostree(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) -> Vec<String> {
    let repo = format!("--repo={folder}/base/amd64/ostree");
    let reference = "small/1/amd64/base";
    let said = tool("ostree", ["fsck", &repo]).await;
    assert!(said.contains("no errors found"), "{said}");
    let status = tool("ostree", ["cat", &repo, reference, "/usr/lib/sysimage/dpkg/status"]).await;
    assert_eq!(installed(&status), expected(lock, "ostree"));
    let capable = tool("ostree", ["ls", "-X", &repo, reference, &format!("/{CAPABLE}")]).await;
    // struct vfs_cap_data of linux/capability.h: revision 2 with the effective bit, then CAP_NET_RAW.
    let data = "b'security.capability', [byte 0x01, 0x00, 0x00, 0x02, 0x00, 0x20, 0x00, 0x00,";
    assert!(capable.contains(data), "{capable}");
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
pub(super) async fn check_iso(folder: &AbsPath, scratch: &AbsPath, lock: &LockFile) -> Vec<String> {
    let iso = folder.join("base/amd64/iso/Small-1-base-amd64.iso").to_string();
    let torito = tool("xorriso", ["-indev", &iso, "-report_el_torito", "plain"]).await;
    assert!(torito.contains("BIOS  y") && torito.contains("UEFI  y"), "{torito}");
    let squashfs = scratch.join("filesystem.squashfs").to_string();
    let extract = ["-osirrox", "on", "-indev", &iso, "-extract", "/live/filesystem.squashfs", &squashfs];
    tool("xorriso", extract).await;
    let status = tool("unsquashfs", ["-cat", &squashfs, "var/lib/dpkg/status"]).await;
    assert_eq!(installed(&status), expected(lock, "iso"));
    let inside = scratch.join("inside");
    tool("unsquashfs", ["-quiet", "-no-progress", "-xattrs", "-dest", inside.as_str(), &squashfs, CAPABLE]).await;
    check_capability(&inside.join(CAPABLE)).await;
    vec!["-drive".to_owned(), format!("file={iso},format=raw,if=virtio,readonly=on")]
}
