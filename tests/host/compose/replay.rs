//! A compose made again from its lock: elsewhere, by an ordinary user, without network.

use std::{fs, os::unix::fs::MetadataExt as _};

use debbuild_core::{command::CommandSpec, path::AbsPath};
use debbuild_suite::{
    debbuild::{Ran, Sandbox},
    pool::full,
};

use super::{OURS, checks::check_sources, hello, lock, publish, said, sandbox, sums, tool};

const BLUEPRINT: &str = r#"
packages = ["tiny-kernel", "usr-is-merged"]
[compose]
short = "Again"
version = "1"
type = "test"
[archives.debian]
host = true
suite = "SUITE"
[archives.ours]
repository = "ours"
suite = "ours"
priority = 700
system-uri = "https://packages.example/ours"
[variants.base.repository]
[variants.base.container]
packages = ["apt", "hello"]
[variants.base.iso]
compression = 1
[variants.base.ostree]
"#;

/// Makes a package with what the recipes of ISO and OSTree commit look for: nothing that boots, but made in no time.
async fn kernel(sandbox: &Sandbox) -> String {
    let files = [
        (
            "DEBIAN/control",
            "Package: tiny-kernel\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <test@debbuild.example>\nDescription: ours\n",
        ),
        ("boot/vmlinuz-1", "kernel\n"),
        ("boot/initrd.img-1", "initrd\n"),
        ("usr/lib/modules/1/modules.order", ""),
        ("usr/bin/dracut", "#!/bin/sh\nfor file; do :; done\necho initramfs > \"$file\"\n"),
    ];
    for (name, text) in files {
        sandbox.write(&format!("tiny-kernel/{name}"), text);
    }
    let tree = sandbox.path().join("tiny-kernel");
    tool("chmod", ["+x", tree.join("usr/bin/dracut").as_str()]).await;
    let file = "tiny-kernel_1.0_all.deb".to_owned();
    let target = sandbox.path().child(&file).unwrap();
    tool("dpkg-deb", ["--root-owner-group", "--build", tree.as_str(), target.as_str()]).await;
    file
}

/// The same command line with every cable cut, loopback's too, as the build user, to whom the sandbox must belong.
fn cut(sandbox: &Sandbox, args: &[&str]) -> CommandSpec {
    let spec = sandbox.command(args.iter().copied());
    let program = sandbox.path().join("debbuild");
    let mut outer = CommandSpec::new("unshare").with_args(["--net", "--", "setpriv", "--reuid=debbuild"]);
    outer = outer.with_args(["--regid=debbuild", "--init-groups", "--", program.as_str()]).with_args(spec.args);
    (outer.env, outer.cwd, outer.timeout) = (spec.env, spec.cwd, spec.timeout);
    outer
}

/// Gives the sandbox to the build user, with a copy of the program.
async fn give(sandbox: &Sandbox) {
    let binary = sandbox.command(["version"]).program;
    fs::copy(binary, sandbox.path().join("debbuild")).unwrap();
    tool("chown", ["--recursive", "debbuild:debbuild", sandbox.path().as_str()]).await;
}

#[tokio::test]
async fn a_compose_lock_gives_an_ordinary_user_the_same_files_with_every_cable_cut() {
    // Two composes, one after the other.
    if !full() {
        return;
    }
    let sandbox = sandbox(BLUEPRINT);
    assert_eq!(fs::metadata("/proc/self").unwrap().uid(), 0, "it compares root with an ordinary user");
    let ran = sandbox.run(["repo", "init", OURS, "--suite", "ours"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    publish(&sandbox, &[hello(&sandbox, "1.0").await, kernel(&sandbox).await]).await;
    let first = said(&sandbox, ["compose", "run", "small.toml", "--jobs", "2"]).await;
    let folder = AbsPath::new(first["folder"].as_str().unwrap()).unwrap();
    let (before, locked) = (sums(&folder), lock(&folder));
    fs::copy(folder.join("compose.lock"), sandbox.path().join("compose.lock")).unwrap();

    let scratch = sandbox.path().join("check");
    fs::create_dir(&scratch).unwrap();
    check_sources(&folder, &scratch, &locked).await;

    // Only the blobs and the key stay.
    for name in ["composes", "compose-cache", "repos", "scratch"] {
        fs::remove_dir_all(sandbox.path().join("state").child(name).unwrap()).unwrap();
    }
    give(&sandbox).await;
    let args = ["--format", "json", "compose", "run", "small.toml", "--jobs", "2", "--locked", "compose.lock"];
    let ran: Ran = sandbox.spec(cut(&sandbox, &args)).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let again = ran.json();
    let keys = |report: &serde_json::Value| -> Vec<_> {
        let nodes = report["nodes"].as_array().unwrap().iter();
        nodes.map(|node| (node["name"].clone(), node["key"].clone())).collect()
    };
    assert_eq!(keys(&again), keys(&first));
    let folder = AbsPath::new(again["folder"].as_str().unwrap()).unwrap();
    assert_ne!(fs::metadata(&folder).unwrap().uid(), 0);
    assert_eq!(lock(&folder), locked);
    // Metadata has the id and the day of the compose, and a lock has no reasons; all else is the same, byte for byte.
    let now = sums(&folder);
    assert_eq!(now.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let other: Vec<_> = now.iter().filter(|(path, sum)| before[*path] != **sum).map(|(path, _)| path).collect();
    assert!(now.len() > 100 && other.iter().all(|path| path.starts_with("metadata/")), "{other:?}");
}
