//! What every [`PackageBuilder`] must do.

use debbuild_core::{
    blob::BlobStore,
    build::{BuildRequest, ChrootId, Outcome},
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    task::TaskIo,
};

use super::PackageBuilder;

/// A chroot that is not there is an error, not a record.
///
/// # Panics
/// When the builder does not conform.
pub async fn unknown_chroot(builder: &dyn PackageBuilder, request: &BuildRequest, io: &mut TaskIo<'_>) {
    let mut request = request.clone();
    request.chroot = ChrootId::new(Sha256::of(b"no such chroot"));
    let error = builder.build(&Context::new(), &request, io).await.expect_err("an unknown chroot");
    assert_eq!(error.class(), Class::NotFound);
}

/// A cancelled build is aborted, never failed.
///
/// # Panics
/// When the builder does not conform.
pub async fn cancelled(builder: &dyn PackageBuilder, request: &BuildRequest, io: &mut TaskIo<'_>) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let record = builder.build(&Context::new().with_cancel(cancel), request, io).await.expect("a record");
    assert_eq!((record.outcome, record.class()), (Outcome::Aborted, Some(Class::Cancelled)));
}

/// A source that is not the one that was asked for is not built.
///
/// # Panics
/// When the builder does not conform.
pub async fn other_source(builder: &dyn PackageBuilder, request: &BuildRequest, io: &mut TaskIo<'_>) {
    let mut request = request.clone();
    request.dsc_sha256 = Sha256::of(b"another .dsc");
    let record = builder.build(&Context::new(), &request, io).await.expect("a record");
    assert_eq!((record.outcome, record.class()), (Outcome::Failed, Some(Class::Verification)));
    assert_eq!(record.artifacts, []);
}

/// A build that succeeds has artifacts, each in the store as the record says, and its log.
///
/// # Panics
/// When the builder does not conform.
pub async fn success(builder: &dyn PackageBuilder, request: &BuildRequest, blobs: &dyn BlobStore, io: &mut TaskIo<'_>) {
    let cx = Context::new();
    let record = builder.build(&cx, request, io).await.expect("a record");
    assert_eq!((record.outcome, &record.failure), (Outcome::Succeeded, &None));
    assert!(record.artifacts.iter().any(|artifact| artifact.kind == "changes"));
    assert!(record.artifacts.iter().any(|artifact| artifact.kind == "deb"));
    let log = record.log.as_ref().expect("a log");
    let files =
        record.artifacts.iter().map(|artifact| (artifact.sha256, artifact.size)).chain([(log.sha256, log.size)]);
    for (sha256, size) in files {
        let bytes = blobs.read(&cx, sha256, None).await.expect("a kept file");
        assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (sha256, size));
    }
    let json = record.to_json().expect("JSON");
    assert_eq!(serde_json::from_slice::<debbuild_core::build::BuildRecord>(&json).expect("a record"), record);
}
