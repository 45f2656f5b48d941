//! What every [`Gatherer`] must do, given a blueprint that it can satisfy.

use debbuild_core::{
    blob::BlobStore,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
};

use super::Gatherer;
use crate::{blueprint::Blueprint, plan::PackageSets};

/// The same archives give the same lock; the lock fits the blueprint; what is fetched has the locked content.
///
/// # Panics
/// When the gatherer does not conform.
pub async fn locks_what_it_fetches(gatherer: &dyn Gatherer, blobs: &dyn BlobStore, blueprint: &Blueprint) {
    let cx = Context::new();
    let gathered = gatherer.gather(&cx, blueprint).await.expect("gather");
    let again = gatherer.gather(&cx, blueprint).await.expect("gather again");
    assert_eq!(gathered.lock.packages, again.lock.packages);
    assert_eq!(gathered.lock.additions, again.lock.additions);
    let sets = PackageSets::new(blueprint, &gathered.lock, &mut |_| None).expect("the lock fits");
    for (_, set) in sets.iter() {
        assert!(!set.packages.is_empty(), "{} is empty", set.name);
    }
    gatherer.fetch(&cx, &gathered.lock, &gathered.lock.packages).await.expect("fetch");
    for package in &gathered.lock.packages {
        let blob = blobs.stat(&cx, package.sha256).await.expect("stat").expect("the package is stored");
        assert_eq!(blob.size, package.size, "{}", package.name);
    }
}

/// A lock is replayed from what is stored; packages that are not there, or that no archive of the lock has, are refused.
///
/// # Panics
/// When the gatherer does not conform.
pub async fn replays_what_is_stored(gatherer: &dyn Gatherer, blobs: &dyn BlobStore, blueprint: &Blueprint) {
    let cx = Context::new();
    let lock = gatherer.gather(&cx, blueprint).await.expect("gather").lock;
    let missing = lock.additions.values().flatten().next().expect("an addition, which nobody fetched");
    assert_eq!(blobs.stat(&cx, missing.sha256).await.expect("stat"), None);
    let error = gatherer.replay(&cx, &lock, std::slice::from_ref(missing)).await.expect_err("it is not stored");
    assert_eq!(error.class(), Class::NotFound, "{error}");
    gatherer.fetch(&cx, &lock, &lock.packages).await.expect("fetch");
    gatherer.replay(&cx, &lock, &lock.packages).await.expect("replay");
    let mut other = lock.packages[0].clone();
    other.archive = "elsewhere".to_owned();
    let error = gatherer.replay(&cx, &lock, &[other.clone()]).await.expect_err("no archive of the lock has it");
    assert_eq!(error.class(), Class::Usage, "{error}");
    (other.archive, other.sha256) = (lock.packages[0].archive.clone(), Sha256::of(b"other"));
    gatherer.replay(&cx, &lock, &[other]).await.expect_err("it has other content");
}
