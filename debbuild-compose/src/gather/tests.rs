//! Gathering from archives in memory, through verification and resolution.

use std::sync::Arc;

use debbuild_core::{
    acquire::{
        ArchiveReader,
        fetch::{MemoryFetch, Uri},
        fixture::ArchiveFixture,
        seen::MemoryLastSeen,
    },
    blob::MemoryStore,
    clock::{FixedClock, Timestamp},
    digest::Sha256,
    name::SuiteName,
    path::AbsPath,
    sign::MemoryVerifier,
};

use super::*;

const BLUEPRINT: &str = "packages = ['apt']
[compose]\nshort = 'T'\nversion = '1'
[archives.test]\nuri = 'http://mirror.example/debian'\nsuite = 'bookworm'
[variants.base.container]
[variants.base.iso]\npackages = ['live-boot']
[variants.base.repository]";

/// Name, further fields.
const PACKAGES: [(&str, &str); 6] = [
    ("dpkg", "Essential: yes\n"),
    ("apt", "Depends: libc6 | musl\n"),
    ("libc6", ""),
    ("musl", "Conflicts: libc6\n"),
    ("live-boot", "Depends: initramfs-tools, libc6\n"),
    ("initramfs-tools", ""),
];

struct World {
    _folder: tempfile::TempDir,
    gatherer: ArchiveGatherer,
    blobs: Arc<dyn debbuild_core::blob::BlobStore>,
    cx: Context,
}

async fn world() -> World {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let scratch = AbsPath::new(folder.path()).unwrap();
    let fetch = MemoryFetch::new();
    let blobs: Arc<dyn debbuild_core::blob::BlobStore> = Arc::new(MemoryStore::new(scratch.clone()));
    let (verifier, seen) = (Arc::new(MemoryVerifier::new()), Arc::new(MemoryLastSeen::new()));
    let reader = ArchiveReader::new(Arc::new(fetch.clone()), verifier, Arc::clone(&blobs), seen, scratch);
    let date = Timestamp::from_seconds(1_750_000_000);
    let cx = Context::new().with_clock(Arc::new(FixedClock::new(date)));
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let mut fixture = ArchiveFixture::new(fetch, base, SuiteName::new("bookworm").unwrap());
    let mut index = String::new();
    for (name, fields) in PACKAGES {
        let (path, bytes) = (format!("pool/{name}.deb"), format!("deb of {name}").into_bytes());
        fixture.put_file(&path, &bytes).unwrap();
        let (size, sha256) = (bytes.len(), Sha256::of(&bytes));
        index.push_str(&format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n"
        ));
    }
    fixture = fixture.with_index("main/binary-amd64/Packages", index);
    fixture.publish(&cx, date, None).await.unwrap();
    let archive = GatherArchive::new(fixture.archive(&cx).await.unwrap(), 500);
    World { _folder: folder, gatherer: ArchiveGatherer::new(reader, vec![archive]), blobs, cx }
}

fn blueprint(text: &str) -> Blueprint {
    Blueprint::parse("/b.toml", text, &mut |_, _| Err(String::new())).unwrap()
}

fn names(packages: &[LockedPackage]) -> Vec<&str> {
    packages.iter().map(|package| package.name.as_str()).collect()
}

#[tokio::test]
async fn the_common_set_is_closed_and_additions_lie_on_top() {
    let world = world().await;
    let gathered = world.gatherer.gather(&world.cx, &blueprint(BLUEPRINT)).await.unwrap();
    let lock = &gathered.lock;
    assert_eq!(names(&lock.packages), ["apt", "dpkg", "libc6"]);
    assert_eq!(names(&lock.additions["base/iso"]), ["initramfs-tools", "live-boot"]);
    assert!(lock.additions["base/container"].is_empty() && lock.additions["base"].is_empty());
    let access = &lock.archives[0];
    assert_eq!((access.name.as_str(), access.indexes.len()), ("test", 1));
    let why = |name: &str| gathered.because[name].to_string();
    assert_eq!(why("dpkg"), "essential");
    assert_eq!(why("live-boot"), "named at /b.toml:10");
    assert_eq!(why("initramfs-tools"), "live-boot has Depends: initramfs-tools");
    let pinned = lock.blobs();
    assert!(pinned.contains(&lock.packages[0].sha256));
    assert_eq!(world.blobs.stat(&world.cx, lock.packages[0].sha256).await.unwrap(), None, "only indexes are read");
}

#[tokio::test]
async fn what_cannot_be_is_said_with_its_place_or_its_reason() {
    let world = world().await;
    let gather = async |text: &str| world.gatherer.gather(&world.cx, &blueprint(text)).await.unwrap_err();
    let error = gather(&BLUEPRINT.replace("'live-boot'", "'live-bot'")).await;
    assert!(matches!(&error, GatherError::NoPackage { place, .. } if place == "/b.toml:10"), "{error}");
    let error = gather(&BLUEPRINT.replace("'live-boot'", "'musl'")).await;
    assert_eq!(error.class(), Class::Dependencies);
    assert!(error.to_string().starts_with("base/iso cannot be installed: "), "{error}");
}

#[tokio::test]
async fn the_archive_gatherer_conforms() {
    let world = world().await;
    conformance::replays_what_is_stored(&world.gatherer, world.blobs.as_ref(), &blueprint(BLUEPRINT)).await;
    conformance::locks_what_it_fetches(&world.gatherer, world.blobs.as_ref(), &blueprint(BLUEPRINT)).await;
}
