//! What every [`BlobStore`] must do; each check is given an empty store (and a folder to write files into).

use std::{fs, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Adopt, Adoption, BlobError, BlobStore, CheckOptions, Fault, SweepOptions};
use crate::{cancel::CancelToken, clock::FixedClock, context::Context, digest::Sha256, error::Class, path::AbsPath};

/// Bytes come back as they were put, whole, in ranges and as a file; twice put is once stored.
///
/// # Panics
/// When the store does not conform.
pub async fn bytes_come_back(store: &dyn BlobStore) {
    let cx = Context::new();
    let blob = store.put(&cx, Bytes::from_static(b"hello blob")).await.expect("put");
    assert_eq!((blob.id, blob.size), (Sha256::of(b"hello blob"), 10));
    assert_eq!(store.put(&cx, Bytes::from_static(b"hello blob")).await.expect("put again"), blob);
    assert_eq!(store.read(&cx, blob.id, None).await.expect("read"), "hello blob");
    assert_eq!(store.read(&cx, blob.id, Some(6..10)).await.expect("range"), "blob");
    assert_eq!(store.read(&cx, blob.id, Some(10..10)).await.expect("empty range"), "");
    for bad in [6..11, 11..11, Range { start: 3, end: 2 }] {
        let error = store.read(&cx, blob.id, Some(bad)).await;
        assert!(matches!(error, Err(BlobError::Range { size: 10, .. })));
    }
    assert_eq!(store.stat(&cx, blob.id).await.expect("stat"), Some(blob));
    let path = store.local(&cx, blob.id).await.expect("local");
    assert_eq!(fs::read(&path).expect("the file is there"), b"hello blob");
    assert!(fs::metadata(&path).expect("the file is there").permissions().readonly());
    let empty = store.put(&cx, Bytes::new()).await.expect("put nothing");
    assert_eq!(store.read(&cx, empty.id, None).await.expect("read nothing"), "");
}

/// What is not stored is said to be absent, everywhere.
///
/// # Panics
/// When the store does not conform.
pub async fn absent_is_not_found(store: &dyn BlobStore) {
    let (cx, id) = (Context::new(), Sha256::of(b"never put"));
    assert_eq!(store.stat(&cx, id).await.expect("stat"), None);
    assert!(matches!(store.read(&cx, id, None).await, Err(BlobError::NotFound(found)) if found == id));
    assert!(matches!(store.local(&cx, id).await, Err(BlobError::NotFound(found)) if found == id));
}

/// Files are adopted by copy, by link and many at once; one with another digest than promised is not kept.
///
/// # Panics
/// When the store does not conform.
pub async fn files_are_adopted(store: &dyn BlobStore, folder: &AbsPath) {
    let cx = Context::new();
    let file = folder.join("adopt-copy");
    fs::write(&file, b"copied").expect("write");
    let blob = store.adopt(&cx, &file, Adopt::Copy, Some(Sha256::of(b"copied"))).await.expect("adopt");
    fs::write(&file, b"changed afterwards").expect("a copied file may be written to");
    assert_eq!(store.read(&cx, blob.id, None).await.expect("read"), "copied");

    let promised = Sha256::of(b"something else");
    let error = store.adopt(&cx, &file, Adopt::Copy, Some(promised)).await;
    assert!(matches!(error, Err(BlobError::Mismatch { expected, .. }) if expected == promised));
    assert_eq!(store.stat(&cx, Sha256::of(b"changed afterwards")).await.expect("stat"), None);
    assert_eq!(store.stat(&cx, promised).await.expect("stat"), None);

    let mut batch = Vec::new();
    for name in ["adopt-1", "adopt-2", "adopt-3"] {
        let file = folder.join(name);
        fs::write(&file, name).expect("write");
        batch.push(Adoption::new(file).with_how(Adopt::Link).with_expected(Sha256::of(name.as_bytes())));
    }
    let blobs = store.adopt_all(&cx, &batch).await.expect("adopt all");
    assert_eq!(blobs.len(), 3);
    for (blob, name) in blobs.iter().zip(["adopt-1", "adopt-2", "adopt-3"]) {
        assert_eq!(store.read(&cx, blob.id, None).await.expect("read"), name);
    }
    assert!(store.adopt(&cx, &folder.join("absent"), Adopt::Link, None).await.is_err());
}

/// Roots hold sets of ids under plain names; a sweep removes what no root holds and is old enough, and nothing else.
///
/// # Panics
/// When the store does not conform.
pub async fn roots_keep_blobs(store: &dyn BlobStore) {
    let cx = Context::new();
    let kept = store.put(&cx, Bytes::from_static(b"kept")).await.expect("put");
    let loose = store.put(&cx, Bytes::from_static(b"loose")).await.expect("put");
    let future = Sha256::of(b"not stored yet");
    store.pin(&cx, "chroot", "bookworm_amd64", &[kept.id, future, kept.id]).await.expect("pin");
    let mut held = vec![kept.id, future];
    held.sort_unstable();
    assert_eq!(store.pinned(&cx, "chroot", "bookworm_amd64").await.expect("pinned"), held);
    assert_eq!(store.pinned(&cx, "chroot", "other").await.expect("pinned"), []);
    for bad in ["", "a/b", "..", ".hidden", "a b", "a\nb"] {
        assert!(matches!(store.pin(&cx, bad, "name", &held).await, Err(BlobError::RootName(_))), "{bad:?}");
        assert!(matches!(store.pin(&cx, "owner", bad, &held).await, Err(BlobError::RootName(_))), "{bad:?}");
        assert!(matches!(store.pinned(&cx, "owner", bad).await, Err(BlobError::RootName(_))), "{bad:?}");
    }

    let later = cx.clone().with_clock(Arc::new(FixedClock::new(cx.now().after(Duration::from_secs(7200)))));
    let hours = |count: u64| SweepOptions::new(Duration::from_secs(3600 * count));
    assert_eq!(store.sweep(&later, hours(3)).await.expect("sweep").blobs, []);
    assert_eq!(store.sweep(&later, hours(1).with_dry_run(true)).await.expect("sweep").blobs, [loose]);
    assert_eq!(store.stat(&cx, loose.id).await.expect("stat"), Some(loose));
    let swept = store.sweep(&later, hours(1)).await.expect("sweep");
    assert_eq!((swept.blobs.as_slice(), swept.bytes()), ([loose].as_slice(), 5));
    assert_eq!(store.stat(&cx, loose.id).await.expect("stat"), None);
    assert_eq!(store.read(&cx, kept.id, None).await.expect("read"), "kept");

    store.pin(&cx, "chroot", "bookworm_amd64", &[]).await.expect("unpin");
    store.pin(&cx, "chroot", "never_pinned", &[]).await.expect("unpin nothing");
    assert_eq!(store.sweep(&later, hours(1)).await.expect("sweep").blobs, [kept]);
}

/// A whole read sees damage that `damage` did to the blob; then the blob counts as absent and can be put again.
///
/// # Panics
/// When the store does not conform.
pub async fn damage_is_seen(store: &dyn BlobStore, damage: &(dyn Fn(Sha256) + Send + Sync)) {
    let cx = Context::new();
    let blob = store.put(&cx, Bytes::from_static(b"precious")).await.expect("put");
    damage(blob.id);
    let error = store.read(&cx, blob.id, None).await;
    assert!(matches!(error, Err(BlobError::Mismatch { expected, .. }) if expected == blob.id));
    assert_eq!(store.stat(&cx, blob.id).await.expect("stat"), None);
    store.put(&cx, Bytes::from_static(b"precious")).await.expect("put again");
    assert_eq!(store.read(&cx, blob.id, None).await.expect("read"), "precious");
}

/// A check names what is damaged or missing; with repair the damaged bytes are set aside, and can be put again.
///
/// # Panics
/// When the store does not conform.
pub async fn a_check_names_each_fault(store: &dyn BlobStore, damage: &(dyn Fn(Sha256) + Send + Sync)) {
    let cx = Context::new();
    let (looks, repairs) = (CheckOptions::new(), CheckOptions::new().with_repair(true));
    let good = store.put(&cx, Bytes::from_static(b"good")).await.expect("put");
    let bad = store.put(&cx, Bytes::from_static(b"precious too")).await.expect("put");
    store.pin(&cx, "owner", "name", &[good.id, bad.id]).await.expect("pin");
    let checked = store.check(&cx, looks).await.expect("check");
    assert_eq!((checked.blobs, checked.bytes, checked.class()), (2, 16, None), "{checked:?}");

    damage(bad.id);
    let absent = Sha256::of(b"never put");
    store.pin(&cx, "owner", "other", &[absent]).await.expect("pin");
    let missing = Fault::Missing { id: absent, root: "owner/other".to_owned() };
    for _ in 0..2 {
        let faults = store.check(&cx, looks).await.expect("check").faults;
        assert!(matches!(faults[..], [Fault::Damaged { id, .. }, _] if id == bad.id), "{faults:?}");
        assert_eq!(faults.last(), Some(&missing));
    }
    assert_eq!(store.check(&cx, repairs).await.expect("check").class(), Some(Class::Verification));
    assert_eq!(store.stat(&cx, bad.id).await.expect("stat"), None);
    let faults = store.check(&cx, looks).await.expect("check").faults;
    let set_aside = Fault::Missing { id: bad.id, root: "owner/name".to_owned() };
    assert!(faults.len() == 2 && faults.contains(&missing) && faults.contains(&set_aside), "{faults:?}");
    store.put(&cx, Bytes::from_static(b"precious too")).await.expect("put again");
    store.put(&cx, Bytes::from_static(b"never put")).await.expect("put");
    assert_eq!(store.check(&cx, looks).await.expect("check").faults, []);
}

/// A cancelled context stores nothing.
///
/// # Panics
/// When the store does not conform.
pub async fn cancelled_stores_nothing(store: &dyn BlobStore) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    assert!(matches!(store.put(&cx, Bytes::from_static(b"late")).await, Err(BlobError::Cancelled(_))));
    assert_eq!(store.stat(&Context::new(), Sha256::of(b"late")).await.expect("stat"), None);
}
