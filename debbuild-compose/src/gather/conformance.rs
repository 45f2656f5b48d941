//! What every [`Gatherer`] must do, given a blueprint that it can satisfy.

use debbuild_core::{blob::BlobStore, context::Context};

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
