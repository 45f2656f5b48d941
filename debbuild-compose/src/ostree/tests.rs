//! The layout of commits, and ostree's command line.

use std::collections::BTreeMap;

use debbuild_core::cancel::CancelToken;

use super::*;
use crate::rootfs::tarball::{Member, Writer, content, create, walk};

const EPOCH: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn rootfs(path: &AbsPath, kernel: bool) {
    let mut writer = Writer::new(create(path).unwrap(), EPOCH);
    for folder in
        ["", "boot", "dev", "etc", "home", "home/user", "usr", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1"]
    {
        writer.folder(folder).unwrap();
    }
    writer.file("boot/vmlinuz-6.1", b"k").unwrap();
    writer.file("etc/passwd", b"root").unwrap();
    writer.file("etc/hostname", b"builder").unwrap();
    writer.link("bin", "usr/bin").unwrap();
    if kernel {
        writer.file("usr/lib/modules/6.1/vmlinuz", b"k").unwrap();
        writer.file("usr/lib/modules/6.1/initramfs.img", b"i").unwrap();
    }
    for folder in ["var", "var/lib", "var/lib/dpkg", "var/lib/my app", "var/log"] {
        writer.folder(folder).unwrap();
    }
    writer.file("var/lib/dpkg/status", b"Package: x").unwrap();
    writer.file("var/lib/my app/state%", b"s").unwrap();
    writer.file("var/log/dpkg.log", b"l").unwrap();
    writer.link("var/run", "/run").unwrap();
    writer.finish().unwrap().into_inner().unwrap();
}

fn read(path: &AbsPath) -> BTreeMap<String, (Member, Vec<u8>)> {
    let mut found = BTreeMap::new();
    walk(path, &CancelToken::new(), &mut |member, reader, _| {
        let bytes = content(member, reader)?;
        assert!(found.insert(member.path.clone(), (member.clone(), bytes)).is_none(), "{} twice", member.path);
        let parent = member.path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        assert!(found.contains_key(&parent), "{} comes before {parent:?}", member.path);
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn commits_have_the_layout_of_deployments() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    rootfs(&base.join("in.tar"), true);
    let file =
        lay_out(&base.join("in.tar"), EPOCH, create(&base.join("out.tar")).unwrap(), &CancelToken::new()).unwrap();
    file.into_inner().unwrap();
    let members = read(&base.join("out.tar"));
    let text = |path: &str| String::from_utf8(members[path].1.clone()).unwrap();
    assert_eq!(text("usr/etc/passwd"), "root");
    assert_eq!(text("usr/lib/sysimage/dpkg/status"), "Package: x");
    assert_eq!(text("usr/share/factory/var/lib/my app/state%"), "s");
    for gone in
        ["etc", "usr/etc/hostname", "boot/vmlinuz-6.1", "var/lib", "home/user", "usr/share/factory/var/log/dpkg.log"]
    {
        assert!(!members.contains_key(gone), "{gone}");
    }
    for (name, target, _) in [("home", "var/home", ()), ("ostree", "sysroot/ostree", ()), ("bin", "usr/bin", ())] {
        assert_eq!(members[name].0.link.as_deref(), Some(target));
    }
    for empty in ["boot", "proc", "sysroot", "tmp", "var"] {
        assert!(members[empty].0.kind.is_dir());
    }
    let lines = text("usr/lib/tmpfiles.d/debbuild-ostree.conf");
    for line in [
        "d /var/lib 0755 0 0 - -",
        "d /var/lib/my\\x20app 0755 0 0 - -",
        "C /var/lib/my\\x20app/state%% 0644 0 0 - /usr/share/factory/var/lib/my\\x20app/state%%",
        "L /var/lib/dpkg - - - - ../../usr/lib/sysimage/dpkg",
        "L /var/run - - - - /run",
        "d /var/roothome 0700 0 0 - -",
    ] {
        assert!(lines.lines().any(|have| have == line), "{line} is not in\n{lines}");
    }
    assert!(!lines.contains("dpkg.log"));
}

#[test]
fn without_a_kernel_there_is_no_commit() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap().join("in.tar");
    rootfs(&path, false);
    let error = lay_out(&path, EPOCH, Vec::new(), &CancelToken::new()).unwrap_err();
    assert!(matches!(error, RootfsError::Missing { .. }), "{error}");
}

#[test]
fn the_commit_command_says_everything_that_is_in_the_checksum() {
    let request = CommitRequest::new(AbsPath::new("/r.tar").unwrap(), "a/b", EPOCH).with_version("1; rm");
    let path = |text| AbsPath::new(text).unwrap();
    let args = system::commit_args(&request, &path("/repo"), &path("/t.tar"));
    assert_eq!(
        args.join("|"),
        "--repo=/repo|--branch=a/b|--subject=a/b|--timestamp=@1700000000|--fsync=false|--tree=tar=/t.tar|--add-metadata-string=version=1; rm"
    );
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_memory_twin_conforms() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    rootfs(&base.join("in.tar"), true);
    let request = CommitRequest::new(base.join("in.tar"), "a/b", EPOCH);
    conformance::commits_are_reproducible(&MemoryCommits, &request, &base).await;
}
