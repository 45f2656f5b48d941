//! Package databases, tarballs and the command line.

use debbuild_core::{
    arch::Architecture,
    cancel::CancelToken,
    clock::Timestamp,
    lock::{LockedFile, LockedPackage},
    name::PackageName,
    version::Version,
};

use super::*;

pub(crate) fn set(names: &[&str]) -> PackageSet {
    let package = |name: &&str| {
        let file =
            LockedFile { path: format!("{name}.deb"), size: name.len() as u64, sha256: Sha256::of(name.as_bytes()) };
        let (version, arch) = (Version::new("1.0-1").unwrap(), Architecture::new("amd64").unwrap());
        LockedPackage::new(PackageName::new(name).unwrap(), version, arch, "main", file)
    };
    let packages = names.iter().map(package).collect();
    PackageSet { name: "base/iso".to_owned(), packages, epoch: Timestamp::from_seconds(1_700_000_000) }
}

#[test]
fn the_installed_set_is_compared_package_by_package() {
    let status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\nDescription: x\n Package: no\n\n\
                  Package: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n";
    let installed = tarball::parse_status(status);
    assert_eq!(installed.len(), 1);
    same_set(&set(&["dpkg"]), &installed).unwrap();
    let error = same_set(&set(&["dpkg", "apt"]), &installed).unwrap_err();
    assert_eq!(error.to_string(), "the root file system is not the locked set: apt is not installed");
    let other = tarball::parse_status(&status.replace("1.0-1", "2"));
    assert!(same_set(&set(&["dpkg"]), &other).unwrap_err().to_string().contains("dpkg is 2 instead of 1.0-1"));
    assert!(same_set(&set(&[]), &installed).unwrap_err().to_string().contains("dpkg is extra"));
}

#[test]
fn tarballs_keep_what_they_are_given_and_clamp_time() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap().join("a.tar");
    let mut writer = tarball::Writer::new(tarball::create(&path).unwrap(), Timestamp::from_seconds(100));
    let long = "d/".repeat(80) + "file";
    let member = tarball::Member {
        path: long.clone(),
        kind: tar::EntryType::Regular,
        link: None,
        mode: 0o4755,
        uid: 3,
        gid: 4,
        size: 4,
    };
    let xattrs = vec![("SCHILY.xattr.security.capability".to_owned(), vec![1, 0, 2])];
    let extensions = tarball::Extensions { mtime: 500, device: (None, None), xattrs };
    writer.copy(&member, &mut &b"text"[..], &extensions).unwrap();
    writer.link("bin", "usr/bin").unwrap();
    writer.finish().unwrap().into_inner().unwrap();
    let mut seen = Vec::new();
    tarball::walk(&path, &CancelToken::new(), &mut |member, reader, extensions| {
        seen.push((member.clone(), tarball::content(member, reader)?, extensions.clone()));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0].0, seen[0].1.as_slice(), seen[0].2.mtime), (&member, &b"text"[..], 100));
    assert_eq!(seen[0].2.xattrs, extensions.xattrs);
    assert_eq!(seen[1].0.link.as_deref(), Some("usr/bin"));
}

#[cfg(feature = "rootfs")]
#[test]
fn mmdebstrap_gets_exactly_the_set_and_constant_hooks() {
    let request = |finish| RootfsRequest::new(Arc::new(set(&["apt", "dpkg"])), finish);
    let spec = mmdebstrap::argv(&request(Finish::Plain), "/mnt");
    let line = spec.to_string();
    assert!(line.contains(" --include=apt,dpkg "), "{line}");
    assert!(line.ends_with(" locked /mnt/work/rootfs.tar 'deb [trusted=yes] copy:/mnt/repo ./'"), "{line}");
    assert_eq!(spec.env["SOURCE_DATE_EPOCH"], "1700000000");
    assert!(!line.contains("dracut") && !line.contains("/mnt/files"));
    let files = [("etc/a b".to_owned(), SystemFile::Text(String::new()))].into();
    let line = mmdebstrap::argv(&request(Finish::Plain).with_files(files), "/mnt").to_string();
    assert!(line.contains(" /mnt/files \"$1\"") && !line.contains("a b"), "{line}");
    let ostree = mmdebstrap::argv(&request(Finish::Ostree), "/mnt").to_string();
    assert!(ostree.contains("--add ostree"));
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_memory_twin_conforms() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let scratch = AbsPath::new(folder.path()).unwrap();
    let blobs: Arc<dyn debbuild_core::blob::BlobStore> =
        Arc::new(debbuild_core::blob::MemoryStore::new(scratch.join("blobs")));
    for name in ["apt", "dpkg"] {
        blobs.put(&Context::new(), name.into()).await.unwrap();
    }
    let builder = MemoryRootfs::new(Arc::clone(&blobs));
    for finish in [Finish::Plain, Finish::Ostree] {
        let request = RootfsRequest::new(Arc::new(set(&["apt", "dpkg"])), finish);
        let scratch = scratch.join("x").child(finish.name()).unwrap();
        std::fs::create_dir_all(&scratch).unwrap();
        conformance::installs_exactly_the_set(&builder, &request, &scratch).await;
        conformance::puts_files_in_place(&builder, blobs.as_ref(), &request, &scratch).await;
        conformance::refuses_other_content(&builder, blobs.as_ref(), &request, &scratch).await;
    }
}
