//! Checking what was mirrored, what somebody else publishes, and mending a pool.

use std::{fs, io::Write as _};

use super::*;
use crate::{
    blob::SweepOptions,
    name::PoolPath,
    repo::{Finding, ForeignArchive, VerifyOptions},
    sign::Verifier,
};

fn archive(fixture: &ArchiveFixture) -> ArchiveFixture {
    let packages = [
        package(fixture, "app", "1.0", "Built-Using: lib-src (= 2.0)\n"),
        package(fixture, "other", "1.0", "Source: other-src (0.9)\n"),
    ];
    let packages = packages.concat();
    fixture
        .clone()
        .with_index("main/binary-amd64/Packages", packages)
        .with_index("main/source/Sources", source(fixture, "app", "1.0"))
}

fn options() -> MirrorOptions {
    MirrorOptions::new(suite("bookworm"), vec![amd64()]).with_sources(true)
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|one| format!("{}: {}", one.path, one.problem)).collect()
}

#[tokio::test]
async fn sources_that_are_missing_and_files_that_nothing_names_are_noted() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &options()).await.unwrap();
    let report = world.verified(&world.dir(), "bookworm").await;
    assert!(report.is_good(), "{report:?}");
    let index = "dists/bookworm/main/binary-amd64/Packages.zst";
    assert_eq!(
        texts(&report.notes),
        [
            format!("{index}: app 1.0 has parts of source lib-src 2.0, which the suite does not have"),
            format!("{index}: other 1.0 was built from source other-src 0.9, which the suite does not have"),
        ]
    );
    // A suite without any source is one of binary packages only.
    let binaries = options().with_sources(false);
    let other = world.base.join("binaries");
    world.plan(&fixture, &binaries).await.unwrap().apply(&world.cx, &other, &world.signer).await.unwrap();
    assert_eq!(world.verified(&other, "bookworm").await.notes, []);

    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    assert_eq!(repository.check(&world.cx, &suite("bookworm")).await.unwrap().notes, []);
    for stray in ["pool/main/z/stray.deb", "pool/README"] {
        let path = world.dir().descend(stray).unwrap();
        fs::create_dir_all(path.parent()).unwrap();
        fs::write(&path, "stray").unwrap();
    }
    let checked = repository.check(&world.cx, &suite("bookworm")).await.unwrap();
    assert!(checked.is_good(), "{checked:?}");
    let paths: Vec<&str> = checked.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(paths, ["pool/README", "pool/main/z/stray.deb"]);
}

#[tokio::test]
async fn a_pool_is_mended_from_the_store_and_from_an_archive_by_hash() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &options()).await.unwrap();
    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    let opened = world.reader.open(&world.cx, &fixture.archive(&world.cx).await.unwrap()).await.unwrap();
    let pool = |below: &str| world.dir().descend(below).unwrap();
    let (app, tar) = (pool("pool/main/a/app/app_1.0_amd64.deb"), pool("pool/main/a/app/app_1.0.tar.xz"));
    let harm = || {
        fs::remove_file(&app).unwrap();
        fs::remove_file(&tar).unwrap();
        fs::write(&tar, "damaged").unwrap();
    };
    let mended = async |archives: &[crate::acquire::Suite]| {
        let store = world.reader.store();
        mend(&world.cx, &repository, &suite("bookworm"), &**store, archives).await.unwrap()
    };
    assert_eq!(mended(&[]).await, Mended::default(), "a good pool is left alone");
    harm();
    let done = mended(&[]).await;
    assert_eq!((done.mended.len(), done.lost.len()), (2, 0), "the store still has them: {done:?}");
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());

    let later = FixedClock::new(world.clock.now().after(Duration::from_secs(3600)));
    let later = world.cx.clone().with_clock(Arc::new(later));
    world.reader.store().sweep(&later, SweepOptions::new(Duration::ZERO)).await.unwrap();
    harm();
    let done = mended(&[]).await;
    assert_eq!((done.mended.len(), done.lost.len()), (0, 2), "{done:?}");
    assert_eq!(fs::read(&tar).unwrap(), b"damaged", "nothing is taken away that cannot be put back");
    // The archive calls them otherwise; what counts is their hash.
    let done = mended(&[opened]).await;
    assert_eq!((done.mended.len(), done.lost.len()), (2, 0), "{done:?}");
    assert_eq!(fs::read(&app).unwrap(), b"app 1.0");
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());
    let aside: Vec<_> = fs::read_dir(world.dir().join(".debbuild/damaged")).unwrap().collect();
    assert_eq!(aside.len(), 2, "both times the damaged bytes were kept");
}

#[tokio::test]
async fn an_archive_of_somebody_else_is_checked_as_a_client_reads_it() {
    let world = world();
    let fixture = archive(&world.fixture()).with_field("Architectures", "all amd64 arm64");
    let fixture = fixture.with_index("main/binary-arm64/Packages", "");
    world.publish(&fixture).await;
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let foreign = ForeignArchive::new(Arc::new(world.fetch.clone()), base.clone(), world.base.join("scratch"));
    let verifier = MemoryVerifier::new();
    let keys = fixture.archive(&world.cx).await.unwrap().signed_by;
    let check = async |keys: &Keyring, options: VerifyOptions| {
        let keys = Some((&verifier as &dyn Verifier, keys));
        foreign.verify(&world.cx, &suite("bookworm"), keys, &options).await.unwrap()
    };
    let report = check(&keys, VerifyOptions::new()).await;
    assert!(report.is_good() && report.files > 8, "{report:?}");
    assert_eq!(report.notes.len(), 2, "the sources that are missing: {report:?}");
    let other = Keyring::Bytes(MemorySigner::new("other").public_key(&world.cx).await.unwrap());
    assert!(!check(&other, VerifyOptions::new()).await.is_good());

    // A package that is not what the index says, and an index that is nowhere: a partial mirror.
    world.fetch.put(base.join("pool/main/x/app_1.0_amd64.deb").unwrap(), "app 1.1");
    world.fetch.remove(&fixture.uri("main/binary-arm64/Packages.xz").unwrap());
    let report = check(&keys, VerifyOptions::new()).await;
    let mut paths: Vec<&str> = report.findings.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths.pop(), Some("pool/main/x/app_1.0_amd64.deb"), "{report:?}");
    assert_eq!(paths, ["dists/bookworm/main/binary-arm64/Packages.xz"], "it is in no form: {report:?}");
    let only = VerifyOptions::new().with_architectures(vec![amd64()]).with_indexes_only(true);
    let report = check(&keys, only).await;
    assert!(report.is_good(), "{report:?}");
    // A copy by hash that has other bytes.
    let opened = world.reader.open(&world.cx, &fixture.archive(&world.cx).await.unwrap()).await.unwrap();
    let digest = opened.release().file("main/binary-amd64/Packages.xz").unwrap().sha256;
    let twin = fixture.uri(&format!("main/binary-amd64/by-hash/SHA256/{digest}")).unwrap();
    world.fetch.put(twin, "other bytes");
    let report = check(&keys, VerifyOptions::new()).await;
    assert_eq!(report.findings.iter().filter(|one| one.path.contains("/by-hash/")).count(), 1, "{report:?}");
    world.clock.advance(Duration::from_secs(10 * 86_400));
    let report = check(&keys, VerifyOptions::new().with_indexes_only(true)).await;
    assert!(texts(&report.findings).iter().any(|one| one.contains("past its Valid-Until")), "{report:?}");
    let left = fs::read_dir(world.base.join("scratch")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("verify")).collect();
    assert!(left.is_empty(), "nothing stays in the folder for transfers: {left:?}");
}

#[tokio::test]
async fn indexes_that_contradict_each_other_or_the_pool_are_named() {
    let world = world();
    let fixture = world.fixture().with_field("Architectures", "all amd64 arm64");
    let size = |stanza: String, size: u64| stanza.replace("\nSize: ", &format!("\nSize: {size}"));
    let md5 = "Description-md5: 5e543256c480ac577d30f76f9120eb74\n";
    let udeb = format!("Source: app\n{}", md5.replace("eb74", "eb76"));
    let all = package(&fixture, "shared", "1.0", "Source: app\n").replace("Architecture: amd64", "Architecture: all");
    let amd64 = [
        package(&fixture, "app", "1.0", md5),
        // The pool has other bytes of this one.
        size(package(&fixture, "lies", "1.0", "Source: app\n"), 9),
        all.clone(),
        "Package: no version\nVersion: 1\nArchitecture: amd64\n\n".to_owned(),
    ];
    let translation = "Package: other\nDescription-md5: 5e543256c480ac577d30f76f9120eb75\nDescription-en: text\n\n";
    let fixture = fixture
        .clone()
        .with_index("main/binary-amd64/Packages", amd64.concat())
        .with_index("main/binary-arm64/Packages", size(all, 1))
        .with_index("main/source/Sources", source(&world.fixture(), "app", "1.0"))
        .with_index("main/debian-installer/binary-amd64/Packages", package(&fixture, "inst-udeb", "1.0", &udeb))
        .with_index("main/i18n/Translation-en", translation)
        .with_index("main/Contents-amd64", "usr/bin/app  misc/app,games/gone\nusr/bin/x  misc/app,x/lost\nnothing\n");
    world.publish(&fixture).await;
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let foreign = ForeignArchive::new(Arc::new(world.fetch.clone()), base, world.base.join("scratch"));
    let report = foreign.verify(&world.cx, &suite("bookworm"), None, &VerifyOptions::new()).await.unwrap();
    let dists = "dists/bookworm/main";
    let (found, odd) = (texts(&report.findings), texts(&report.notes));
    let expected = [
        (format!("{dists}/Contents-amd64.xz: "), "line 3"),
        (format!("{dists}/binary-amd64/Packages.xz: no version: "), "field Package"),
        (format!("{dists}/binary-arm64/Packages.xz: "), "it lists pool/main/x/shared_1.0_amd64.deb with another size"),
        ("pool/main/x/lies_1.0_amd64.deb: ".to_owned(), "it is not the promised file"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (text, (path, problem)) in found.iter().zip(&expected) {
        assert!(text.starts_with(path) && text.contains(problem), "{text}");
    }
    let expected = [
        format!(
            "{dists}/i18n/Translation-en.xz: other: 5e543256c480ac577d30f76f9120eb75 is not the md5 of this description"
        ),
        format!("{dists}/i18n/Translation-en.xz: it lacks the long description of packages: app"),
        format!("{dists}/Contents-amd64.xz: it names packages that the suite does not have: gone and 1 more"),
    ];
    assert_eq!(odd[..], expected, "{odd:#?}");
}

#[tokio::test]
async fn indexes_are_mended_and_what_nobody_has_is_said() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &options()).await.unwrap();
    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    let store = MemoryStore::new(world.base.join("scratch"));
    let harm = |below: &str| {
        let path = world.dir().descend(below).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "damaged").unwrap();
    };
    let (index, deb) = ("dists/bookworm/main/binary-amd64/Packages.gz", "pool/main/a/app/app_1.0_amd64.deb");
    harm(index);
    harm(deb);
    let bad = world.verified(&world.dir(), "bookworm").await;
    assert_eq!(bad.findings.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), [index, deb], "{bad:?}");
    let done = mend(&world.cx, &repository, &suite("bookworm"), &store, &[]).await.unwrap();
    assert_eq!(done.mended.iter().map(PoolPath::as_str).collect::<Vec<_>>(), [index]);
    let [(path, reason)] = &done.lost[..] else { panic!("{done:?}") };
    assert!(path.as_str() == deb && reason.contains("no archive to look in is named"), "{reason}");
    // An archive that lost it too.
    let opened = world.reader.open(&world.cx, &fixture.archive(&world.cx).await.unwrap()).await.unwrap();
    let later = FixedClock::new(world.clock.now().after(Duration::from_secs(3600)));
    let later = world.cx.clone().with_clock(Arc::new(later));
    world.reader.store().sweep(&later, SweepOptions::new(Duration::ZERO)).await.unwrap();
    let at = Uri::new("http://mirror.example/debian/pool/main/x/app_1.0_amd64.deb").unwrap();
    world.fetch.remove(&at);
    let done = mend(&world.cx, &repository, &suite("bookworm"), &**world.reader.store(), &[opened]).await.unwrap();
    let [(path, reason)] = &done.lost[..] else { panic!("{done:?}") };
    assert!(path.as_str() == deb && reason.contains("not found: http://mirror.example/debian/pool"), "{reason}");
    assert_eq!(world.verified(&world.dir(), "bookworm").await.findings.len(), 1);
}

#[tokio::test]
async fn an_index_that_unpacks_to_more_than_the_release_says_is_refused() {
    let world = world();
    let fixture = world.fixture();
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    for _ in 0..256 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let xz = encoder.finish().unwrap();
    assert!(xz.len() < 1 << 20, "small as it comes: {}", xz.len());
    let index = "main/binary-amd64/Packages";
    let text = format!(
        "Codename: bookworm\nArchitectures: amd64\nComponents: main\nDate: {}\nSHA256:\n {} 100 {index}\n {} {} {index}.xz\n",
        world.clock.now().release_date(),
        Sha256::of(b""),
        Sha256::of(&xz),
        xz.len()
    );
    let signed = MemorySigner::new("archive").clear_sign(&world.cx, text.as_bytes()).await.unwrap();
    world.fetch.put(fixture.uri("InRelease").unwrap(), signed);
    world.fetch.put(fixture.uri(&format!("{index}.xz")).unwrap(), xz);
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let foreign = ForeignArchive::new(Arc::new(world.fetch.clone()), base, world.base.join("scratch"));
    let report = foreign.verify(&world.cx, &suite("bookworm"), None, &VerifyOptions::new()).await.unwrap();
    assert_eq!(texts(&report.findings), [format!("dists/bookworm/{index}.xz: it has more than 100 bytes")]);
    let opened = world.reader.open(&world.cx, &fixture.archive(&world.cx).await.unwrap()).await.unwrap();
    let error = opened.pool_files(&world.cx, index).await.unwrap_err();
    assert!(error.to_string().contains("it has more than 100 bytes"), "{error}");
}
