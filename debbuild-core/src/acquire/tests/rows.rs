//! Bad archives by the rows of the table of bad input: refused with a reason, and nothing is remembered.

use std::time::Duration;

use super::{AcquireError, PACKAGES, World, amd64, main_component};
use crate::{
    acquire::{ReaderOptions, fetch::Fault},
    error::{Class, Classify as _},
};

#[tokio::test]
async fn row_74_an_older_expired_or_future_release_is_refused_with_its_reason() {
    let world = World::new();
    let fixture = world.archive();
    fixture.publish(&world.cx, world.ago(100), None).await.unwrap();
    world.open(&fixture).await.unwrap();
    let ahead = world.now().after(Duration::from_secs(60));
    for (what, date, until, reason) in [
        ("older than last seen", world.ago(200), None, "older"),
        ("expired", world.ago(50), Some(world.ago(10)), "expired"),
        ("dated ahead", ahead, None, "future"),
    ] {
        fixture.publish(&world.cx, date, until).await.unwrap();
        let error = world.open(&fixture).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{what}: {error}");
        let fits = match reason {
            "older" => matches!(error, AcquireError::RolledBack { .. }),
            "expired" => matches!(error, AcquireError::Expired { .. }),
            _ => matches!(error, AcquireError::Future { .. }),
        };
        assert!(fits, "{what}: {error}");
    }
    fixture.publish(&world.cx, world.ago(100), None).await.unwrap();
    world.open(&fixture).await.unwrap();
}

#[tokio::test]
async fn row_75_an_index_that_is_missing_or_has_other_bytes_of_the_same_size_is_refused_and_can_come_later() {
    for (fault, class) in [(Fault::Flip(30), Class::Verification), (Fault::Refused(404), Class::NotFound)] {
        let world = World::new();
        let fixture = world.archive();
        world.publish(&fixture).await;
        let suite = world.open(&fixture).await.unwrap();
        let digest = suite.release().file("main/binary-amd64/Packages.xz").unwrap().sha256;
        let plain = fixture.uri("main/binary-amd64/Packages.xz").unwrap();
        let hashed = fixture.uri(&format!("main/binary-amd64/by-hash/SHA256/{digest}")).unwrap();
        for uri in [&plain, &hashed] {
            if class == Class::NotFound {
                world.fetch.remove(uri);
            } else {
                world.fetch.fail_next(uri.clone(), fault);
            }
        }
        let error = suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(world.reader.store().stat(&world.cx, digest).await.unwrap(), None, "nothing wrong is kept");
        world.publish(&fixture).await;
        assert_eq!(suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap(), PACKAGES);
    }
}

#[tokio::test]
async fn row_76_an_index_that_never_ends_is_read_up_to_its_limit() {
    let world = World::new();
    // Two million stanzas; as a file they are a few kilobytes.
    let endless = "Package: a\n\n".repeat(2_000_000);
    let fixture = world.archive().with_index("main/binary-amd64/Packages", endless.clone());
    world.publish(&fixture).await;
    let archive = fixture.archive(&world.cx).await.unwrap();
    let reader = |most: u64| world.reader.clone().with_options(ReaderOptions::new().with_limits(1 << 20, most));
    let suite = reader(16 << 20).open(&world.cx, &archive).await.unwrap();
    let error = suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    assert!(error.to_string().contains("more than 16777216 bytes"), "{error}");
    let suite = reader(32 << 20).open(&world.cx, &archive).await.unwrap();
    assert_eq!(suite.packages(&world.cx, &main_component(), &amd64()).await.unwrap().len(), endless.len());
}
