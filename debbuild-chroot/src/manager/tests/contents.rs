//! Unit tests of what is in chroots, and of what differs between two.

use debbuild_core::deb::{
    EntryKind,
    fixture::{entry, tarball},
};
use tar::EntryType as T;

use super::*;
use crate::import::{ImportRequest, ImportSource};

fn status(version: &str) -> String {
    let one = |name: &str, version: &str| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n")
    };
    one("dpkg", "1") + &one("zed", version)
}

async fn system(place: &Place, name: &str, status: &str, more: &[Vec<u8>]) -> Chroot {
    let release = entry(T::Regular, "usr/lib/os-release", "", b"VERSION_CODENAME=s\n");
    let mut entries = vec![release, entry(T::Regular, "./var/lib/dpkg/status", "", status.as_bytes())];
    entries.extend(more.iter().cloned());
    let path = AbsPath::new(place._folder.path().join(name)).unwrap();
    std::fs::write(&path, tarball(&entries)).unwrap();
    let request = ImportRequest::new(ImportSource::Tar(path), Architecture::new("amd64").unwrap());
    place.manager.import(&place.cx, &request).await.unwrap()
}

#[tokio::test]
async fn packages_and_files_that_differ_are_named_with_how() {
    let place = place().await;
    let file = |path: &str, content: &str| entry(T::Regular, path, "", content.as_bytes());
    let link = |path: &str, to: &str| entry(T::Symlink, path, to, b"");
    let before = [
        file("etc/same", "1"),
        file("etc/changed", "1"),
        file("etc/gone", "1"),
        link("etc/way", "a"),
        file("odd", "x"),
    ];
    let after =
        [file("etc/same", "1"), file("etc/changed", "2"), file("etc/new", "1"), link("etc/way", "b"), link("odd", "x")];
    let old = system(&place, "old.tar", &status("1"), &before).await;
    let new = system(&place, "new.tar", &status("2"), &after).await;

    let packages = place.manager.packages(&old).await.unwrap();
    let known: Vec<_> = packages.iter().map(|one| (one.name.as_str(), one.version.as_str(), one.sha256)).collect();
    assert_eq!(known, [("dpkg", "1", None), ("zed", "1", None)]);
    let files = place.manager.files(&place.cx, &old).await.unwrap();
    assert_eq!(files["/etc/same"].sha256, Some(Sha256::of(b"1")));
    assert_eq!((files["/etc/way"].kind, files["/etc/way"].link.as_deref()), (EntryKind::SymbolicLink, Some("a")));

    let diff = place.manager.diff(&place.cx, &old, &new, true).await.unwrap();
    assert_eq!((diff.removed[0].version.as_str(), diff.added[0].version.as_str()), ("1", "2"));
    assert_eq!((diff.removed.len(), diff.added.len()), (1, 1));
    let changes = diff.files.unwrap();
    let told: Vec<_> = changes.iter().map(|one| (one.path.as_str(), one.aspects().join(" "))).collect();
    let told: Vec<_> = told.iter().map(|(path, aspects)| (*path, aspects.as_str())).collect();
    let expected = [
        ("/etc/changed", "content"),
        ("/etc/gone", ""),
        ("/etc/new", ""),
        ("/etc/way", "link"),
        ("/odd", "kind content link"),
        ("/var/lib/dpkg/status", "content"),
    ];
    assert_eq!(told, expected);
    assert!(changes[1].new.is_none() && changes[2].old.is_none());
    let same = place.manager.diff(&place.cx, &old, &old, true).await.unwrap();
    assert_eq!((same.removed.len(), same.added.len(), same.files), (0, 0, Some(Vec::new())));
    assert_eq!(place.manager.diff(&place.cx, &old, &new, false).await.unwrap().files, None);
}
