//! `debbuild fsck` on a state folder with a chroot: real records and bytes, really damaged.

use std::{fs, sync::Arc};

use debbuild_chroot::{
    backend::MemoryBackend,
    confine::BuildUser,
    create::MemoryBootstrapper,
    gateway::Gateway,
    manager::{Chroot, ChrootManager, ChrootSpec, ManagerOptions},
};
use debbuild_core::{
    acquire::{
        ArchiveReader,
        fetch::{MemoryFetch, Uri},
        fixture::ArchiveFixture,
        seen::MemoryLastSeen,
    },
    arch::Architecture,
    blob::{BlobStore, FolderStore},
    clock::Timestamp,
    command::{Discard, SystemRunner},
    context::Context,
    name::SuiteName,
    path::AbsPath,
    sign::MemoryVerifier,
};
use debbuild_suite::debbuild::Sandbox;
use serde_json::Value;

/// Nothing is installed.
const STATUS: &str = "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n";

/// A chroot in the state folder of a user, as the manager makes it; its packages and its archive are of memory.
async fn chroot(user: &Sandbox) -> (ChrootManager, Arc<dyn BlobStore>, Chroot) {
    let (cx, fetch, home) = (Context::new(), MemoryFetch::new(), user.path().join("state"));
    let base = Uri::new("https://mirror.example/debian").unwrap();
    let fixture = ArchiveFixture::new(fetch.clone(), base, SuiteName::new("s").unwrap());
    fixture.publish(&cx, Timestamp::from_seconds(1_700_000_000), None).await.unwrap();
    let work = home.join("work");
    fs::create_dir_all(&work).unwrap();
    let blobs: Arc<dyn BlobStore> = Arc::new(FolderStore::open(home.join("blobs")).unwrap());
    let build_user = BuildUser::detect(&cx, &SystemRunner, "debbuild").await.unwrap();
    let (verifier, seen) = (Arc::new(MemoryVerifier::new()), Arc::new(MemoryLastSeen::new()));
    let reader = ArchiveReader::new(Arc::new(fetch.clone()), verifier, Arc::clone(&blobs), seen, work);
    let gateway = Gateway::new(Arc::new(fetch), Arc::clone(&blobs), &home.join("gateway")).unwrap();
    let tool = Arc::new(MemoryBootstrapper::new(STATUS));
    let (runner, backend) = (Arc::new(SystemRunner), Arc::new(MemoryBackend::new()));
    let options = ManagerOptions::new(&home, build_user, runner, reader, gateway, tool, backend);
    let manager = ChrootManager::new(options).unwrap();
    let archive = fixture.archive(&cx).await.unwrap();
    let spec = ChrootSpec::new(SuiteName::new("s").unwrap(), Architecture::new("amd64").unwrap(), vec![archive]);
    let chroot = manager.create(&cx, &spec, &mut Discard).await.unwrap();
    (manager, blobs, chroot)
}

/// Changes one byte, as a new file: a chroot's archive is a link to its blob.
fn flip(path: &AbsPath) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn faults(report: &Value) -> Vec<(&str, &str, bool)> {
    let all = report["faults"].as_array().unwrap();
    all.iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["problem"].as_str().unwrap(), one["repaired"] == true))
        .collect()
}

#[tokio::test]
async fn damaged_chroots_are_named_and_mended_or_set_aside() {
    let user = Sandbox::new();
    let fsck = async |args: &[&str]| user.run([&["fsck", "--format", "json"], args].concat()).await;
    let (manager, blobs, chroot) = chroot(&user).await;
    let good = fsck(&[]).await;
    assert_eq!((good.status, good.json()["chroots"].as_u64()), (0, Some(1)), "{good:?}");
    let (tarball, lock) = (&chroot.tarball, chroot.tarball.parent().join("lock.json"));
    let before = [fs::read(tarball).unwrap(), fs::read(&lock).unwrap()];

    flip(tarball);
    fs::remove_file(&lock).unwrap();
    let expected = [
        format!("chroot {}: {lock} is missing", chroot.id),
        format!("chroot {}: {tarball} is damaged: its sha256 is ", chroot.id),
    ];
    for (args, status, repaired) in [(&[][..], 1, false), (&["--repair"], 0, true)] {
        let ran = fsck(args).await;
        let report = ran.json();
        let found = faults(&report);
        assert_eq!((ran.status, found.len()), (status, 2), "{ran:?}");
        for (fault, expected) in found.iter().zip(&expected) {
            assert!(fault.1.starts_with(expected), "{fault:?}");
            assert_eq!((fault.0, fault.2), ("chroot", repaired), "{fault:?}");
        }
    }
    assert_eq!(before, [fs::read(tarball).unwrap(), fs::read(&lock).unwrap()], "from the stored bytes");
    assert_eq!(fsck(&[]).await.status, 0);

    // The stored bytes have the same damage: the archive is a link to them.
    let blob = blobs.local(&Context::new(), chroot.manifest.tarball.sha256).await.unwrap();
    flip(&blob);
    fs::remove_file(tarball).unwrap();
    fs::hard_link(&blob, tarball).unwrap();
    let bad = fsck(&[]).await;
    assert_eq!(bad.status, 1, "{bad:?}");
    let report = bad.json();
    let kinds: Vec<&str> = faults(&report).iter().map(|fault| fault.0).collect();
    assert_eq!(kinds, ["damaged", "chroot"], "{report}");
    let aside = fsck(&["--repair"]).await;
    let report = aside.json();
    let found = faults(&report);
    let chroots: Vec<_> = found.iter().filter(|fault| fault.0 == "chroot").collect();
    assert!(chroots.len() == 1 && chroots[0].1.contains("; it was set aside as ") && chroots[0].2, "{report}");
    assert_eq!(aside.status, 0, "nobody needs those bytes any more: {report}");
    assert!(manager.list().unwrap().is_empty());
    let again = fsck(&[]).await;
    assert_eq!((again.status, again.json()["chroots"].as_u64()), (0, Some(0)), "{again:?}");
}
