//! What a dishonest, broken or confused archive gives: an error of the right class, and nothing is remembered.

use std::{sync::Arc, time::Duration};

use super::{AcquireError, PACKAGES, World, amd64, main_component};
use crate::{
    acquire::{
        PoolFile,
        fetch::{Fault, Uri},
        fixture::ArchiveFixture,
    },
    digest::Sha256,
    error::{Class, Classify as _},
    name::SuiteName,
    sign::{Fingerprint, MemorySigner},
};

#[tokio::test]
async fn a_flipped_byte_anywhere_is_a_matter_of_verification() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/x.deb", b"a package").unwrap();
    world.publish(&fixture).await;
    for at in [60, 120, 250] {
        world.fetch.fail_next(fixture.uri("InRelease").unwrap(), Fault::Flip(at));
        let error = world.open(&fixture).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{at}: {error}");
    }
    let suite = world.open(&fixture).await.unwrap();
    let by_hash = world.fetch.asked().len();
    let packages = fixture.uri("main/binary-amd64/Packages.xz").unwrap();
    let digest = suite.release().file("main/binary-amd64/Packages.xz").unwrap().sha256;
    let hashed = fixture.uri(&format!("main/binary-amd64/by-hash/SHA256/{digest}")).unwrap();
    for uri in [&packages, &hashed] {
        world.fetch.fail_next(uri.clone(), Fault::Flip(30));
    }
    let error = suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    assert_eq!(world.fetch.asked()[by_hash..], [hashed, packages]);
    assert!(suite.packages(&world.cx, &main_component(), &amd64()).await.is_ok());

    let uri = suite.archive().uris[0].join(&deb.path).unwrap();
    for fault in [Fault::Flip(3), Fault::Truncate(4)] {
        world.fetch.fail_next(uri.clone(), fault);
        let error = suite.file(&world.cx, &deb).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{error}");
        assert_eq!(world.reader.store().stat(&world.cx, deb.sha256).await.unwrap(), None);
    }
    assert!(suite.file(&world.cx, &deb).await.is_ok());
}

#[tokio::test]
async fn an_older_release_is_refused_and_not_remembered() {
    let world = World::new();
    let fixture = world.archive();
    let publish = async |ago| fixture.publish(&world.cx, world.ago(ago), None).await.unwrap();
    publish(100).await;
    world.open(&fixture).await.unwrap();
    publish(200).await;
    for _ in 0..2 {
        let error = world.open(&fixture).await.unwrap_err();
        assert!(matches!(error, AcquireError::RolledBack { .. }), "{error}");
        assert_eq!(error.class(), Class::Verification);
        assert!(error.hint().is_some());
    }
    publish(50).await;
    world.open(&fixture).await.unwrap();
}

#[tokio::test]
async fn a_refused_release_does_not_move_the_memory() {
    let world = World::new();
    let fixture = world.archive();
    fixture.publish(&world.cx, world.ago(100), None).await.unwrap();
    world.open(&fixture).await.unwrap();
    // Dated ahead: were it remembered before it is checked, the honest one would be refused from now on.
    fixture.publish(&world.cx, world.now().after(Duration::from_secs(7200)), None).await.unwrap();
    let error = world.open(&fixture).await.unwrap_err();
    assert!(matches!(error, AcquireError::Future { .. }), "{error}");
    assert_eq!(error.class(), Class::Verification);
    fixture.publish(&world.cx, world.ago(100), None).await.unwrap();
    world.open(&fixture).await.unwrap();
}

#[tokio::test]
async fn an_expired_release_is_refused_unless_the_archive_is_kept_for_ever() {
    let world = World::new();
    let fixture = world.archive();
    fixture.publish(&world.cx, world.ago(100), Some(world.ago(10))).await.unwrap();
    let error = world.open(&fixture).await.unwrap_err();
    assert!(matches!(error, AcquireError::Expired { .. }), "{error}");
    assert_eq!(error.class(), Class::Verification);
    let archive = fixture.archive(&world.cx).await.unwrap().with_check_valid_until(false);
    let suite = world.reader.open(&world.cx, &archive).await.unwrap();
    assert!(!suite.access().expiry_checked);
}

#[tokio::test]
async fn other_keys_other_suites_and_no_signature_are_refused() {
    let world = World::new();
    let cases = [
        world.archive().with_signer(Arc::new(MemorySigner::new("somebody else"))),
        world.archive().with_field("Codename", "trixie").with_field("Suite", "stable"),
        world.archive().with_field("Codename", "bookworm/../../x"),
    ];
    for fixture in cases {
        world.publish(&fixture).await;
        let error = world.open(&fixture).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{error}");
    }
    let fixture = world.archive();
    world.publish(&fixture).await;
    let archive = fixture.archive(&world.cx).await.unwrap();
    let other = Fingerprint::new(&"AB".repeat(20)).unwrap();
    let error = world.reader.open(&world.cx, &archive.clone().with_signers(vec![other])).await.unwrap_err();
    assert!(matches!(error, AcquireError::Signer { .. }), "{error}");
    world.fetch.put(fixture.uri("InRelease").unwrap(), "Codename: bookworm\n");
    let error = world.open(&fixture).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
}

#[tokio::test]
async fn absent_and_unreachable_are_told_apart() {
    let world = World::new();
    let fixture = world.archive();
    assert_eq!(world.open(&fixture).await.unwrap_err().class(), Class::NotFound);
    world.publish(&fixture).await;
    world.fetch.fail_next(fixture.uri("InRelease").unwrap(), Fault::Unreachable);
    assert_eq!(world.open(&fixture).await.unwrap_err().class(), Class::Infrastructure);
    let suite = world.open(&fixture).await.unwrap();
    assert_eq!(suite.index(&world.cx, "contrib/binary-amd64/Packages").await.unwrap_err().class(), Class::NotFound);
    let gone = PoolFile::new("pool/gone.deb", 4, Sha256::of(b"gone"));
    assert_eq!(suite.file(&world.cx, &gone).await.unwrap_err().class(), Class::NotFound);
    world.fetch.fail_next(suite.archive().uris[0].join("pool/gone.deb").unwrap(), Fault::Refused(403));
    assert_eq!(suite.file(&world.cx, &gone).await.unwrap_err().class(), Class::Infrastructure);
    for path in ["../../etc/passwd", "/etc/passwd", "pool//x"] {
        let wicked = PoolFile::new(path, 4, Sha256::of(b"gone"));
        assert!(matches!(suite.file(&world.cx, &wicked).await, Err(AcquireError::Uri(_))), "{path}");
    }
}

#[tokio::test]
async fn the_next_mirror_serves_what_the_first_cannot() {
    let world = World::new();
    let fixture = world.archive();
    let deb = fixture.put_file("pool/x.deb", b"x").unwrap();
    world.publish(&fixture).await;
    let archive = fixture.archive(&world.cx).await.unwrap();
    let dead = Uri::new("http://dead.example/debian").unwrap();
    world.fetch.put(dead.join("pool/x.deb").unwrap(), "y");
    let uris = vec![dead, archive.uris[0].clone()];
    let suite = world.reader.open(&world.cx, &archive.with_uris(uris)).await.unwrap();
    assert_eq!(suite.file(&world.cx, &deb).await.unwrap().id, deb.sha256);
}

#[tokio::test]
async fn a_mirror_that_lags_behind_or_lies_is_passed_over_where_another_one_holds() {
    let world = World::new();
    let uris = ["http://first.example/debian", "http://second.example/debian"].map(|uri| Uri::new(uri).unwrap());
    let [first, second] = uris.clone().map(|base| {
        let suite = SuiteName::new("bookworm").unwrap();
        ArchiveFixture::new(world.fetch.clone(), base, suite).with_index("main/binary-amd64/Packages", PACKAGES)
    });
    let archive = first.archive(&world.cx).await.unwrap().with_uris(uris.to_vec());
    let publish = async |mirror: &ArchiveFixture, ago| mirror.publish(&world.cx, world.ago(ago), None).await.unwrap();
    publish(&first, 100).await;
    world.reader.open(&world.cx, &archive).await.unwrap();

    publish(&first, 200).await;
    let error = world.reader.open(&world.cx, &archive).await.unwrap_err();
    assert!(matches!(error, AcquireError::RolledBack { .. }), "the lie says more than what is not there: {error}");
    publish(&second, 90).await;
    let suite = world.reader.open(&world.cx, &archive).await.unwrap();
    assert_eq!(suite.release().date, world.ago(90));

    publish(&first, 80).await;
    world.fetch.fail_next(first.uri("InRelease").unwrap(), Fault::Flip(60));
    let suite = world.reader.open(&world.cx, &archive).await.unwrap();
    assert_eq!(suite.release().date, world.ago(90), "what does not hold counts for nothing");
    let suite = world.reader.open(&world.cx, &archive).await.unwrap();
    assert_eq!(suite.release().date, world.ago(80));
}
