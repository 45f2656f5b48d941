//! What no request used for long, and what was used longest ago where all is too large, is let go.

use std::{sync::Arc, time::Duration};

use debbuild_core::{
    blob::SweepOptions,
    clock::{FixedClock, Timestamp},
    context::Context,
};

use super::{INDEX, POOL, Place, uri};
use crate::gateway::{AllowedArchive, GatewayOptions, GcOptions, GcReason, Mode};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An old package, an index of the day after, and the old package used again on the third day; now is the fourth.
async fn three_days(place: &Place) -> Context {
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_700_000_000)));
    let cx = Context::new().with_clock(Arc::clone(&clock) as _);
    let archive = AllowedArchive::new("debian", uri("x").to_string().trim_end_matches("/x").parse().unwrap());
    let options = GatewayOptions::new(vec![archive]);
    let door = place.gateway().open(&cx, &place.path().join("gateway.sock"), options).unwrap();
    place.upstream.put(uri("pool/unused.deb"), "unused package");
    for path in ["pool/unused.deb", INDEX, POOL] {
        assert_eq!(place.get(path).await.status, 200);
    }
    clock.advance(DAY);
    assert_eq!(place.get(INDEX).await.status, 200);
    clock.advance(DAY);
    assert_eq!(place.get(POOL).await.status, 200);
    clock.advance(DAY);
    drop(door.close().await);
    cx
}

fn names(gone: &[crate::gateway::Collected]) -> Vec<(String, GcReason)> {
    gone.iter().map(|one| (one.uri.as_str().rsplit('/').next().unwrap().to_owned(), one.reason)).collect()
}

#[tokio::test]
async fn what_was_not_used_for_long_goes_and_its_bytes_with_the_next_sweep() {
    let place = Place::new();
    let cx = three_days(&place).await;
    let gateway = place.gateway();
    let options = GcOptions::new().with_unused_for(Some(DAY * 5 / 2));
    let expected = [("unused.deb".to_owned(), GcReason::Unused)];
    let would = gateway.gc(&cx, options.with_dry_run(true)).await.unwrap();
    assert_eq!(names(&would), expected);
    assert_eq!(would[0].used, Timestamp::from_seconds(1_700_000_000));
    assert_eq!(gateway.origins().unwrap().len(), 3, "only said");
    assert_eq!(gateway.gc(&cx, options).await.unwrap(), would);
    assert_eq!(gateway.gc(&cx, options).await.unwrap(), []);
    let swept = place.blobs.sweep(&Context::new(), SweepOptions::new(Duration::ZERO)).await.unwrap();
    assert_eq!(swept.blobs, [would[0].blob]);

    let door = place.open(|options| options.with_mode(Mode::Offline));
    assert_eq!(place.get(POOL).await.status, 200);
    assert_eq!(place.get("pool/unused.deb").await.status, 502, "it is not kept any more");
    drop(door.close().await);
    let door = place.open(|options| options);
    assert_eq!(place.get("pool/unused.deb").await.body, b"unused package", "and can be had again");
    drop(door);
}

#[tokio::test]
async fn what_was_used_longest_ago_makes_room() {
    let place = Place::new();
    let cx = three_days(&place).await;
    let gateway = place.gateway();
    // Used last: "a package" (9 bytes), before it "an index" (8), before that "unused package" (14).
    for (size, left) in [(31, vec![]), (30, vec!["unused.deb"]), (16, vec!["unused.deb", "InRelease"])] {
        let options = GcOptions::new().with_max_size(Some(size)).with_dry_run(true);
        let gone = names(&gateway.gc(&cx, options).await.unwrap());
        assert_eq!(gone, left.iter().map(|name| ((*name).to_owned(), GcReason::Size)).collect::<Vec<_>>(), "{size}");
    }
    let both = GcOptions::new().with_unused_for(Some(DAY * 5 / 2)).with_max_size(Some(9));
    let gone = names(&gateway.gc(&cx, both).await.unwrap());
    assert_eq!(gone, [("unused.deb".to_owned(), GcReason::Unused), ("InRelease".to_owned(), GcReason::Size)]);
    assert_eq!(gateway.gc(&cx, GcOptions::new()).await.unwrap(), [], "no wish, nothing goes");
}

#[tokio::test]
async fn one_content_under_two_addresses_takes_its_room_once() {
    let place = Place::new();
    let twin = "pool/main/h/hello/twin_1_amd64.deb";
    place.upstream.put(uri(twin), "a package");
    let door = place.open(|options| options);
    assert_eq!((place.get(POOL).await.status, place.get(twin).await.status), (200, 200));
    drop(door.close().await);
    let options = GcOptions::new().with_max_size(Some(9));
    assert_eq!(place.gateway().gc(&Context::new(), options).await.unwrap(), []);
    let gone = place.gateway().gc(&Context::new(), options.with_max_size(Some(8))).await.unwrap();
    assert_eq!(gone.len(), 2);
}
