//! What every [`Fetch`] must do, given the address of a file with known bytes, one of no file, and a folder to write into.

use std::{fs, os::unix::fs::FileExt as _};

use super::{Arriving, Fetch, FetchError, FetchRequest, Fetched, Uri, Validators};
use crate::{
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    path::AbsPath,
};

fn names(folder: &AbsPath) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

/// Gives the bytes, their size and digest; with the right promise too. `there` must hold `bytes`.
///
/// # Panics
/// When the implementation does not conform.
pub async fn gives_the_bytes(fetch: &dyn Fetch, there: &Uri, bytes: &[u8], folder: &AbsPath) -> Validators {
    let (cx, to) = (Context::new(), folder.join("given"));
    let plain = FetchRequest::new(there.clone());
    let promised = plain.clone().with_content(bytes.len() as u64, Sha256::of(bytes));
    let mut last = Validators::default();
    for request in [plain, promised] {
        match fetch.fetch(&cx, &request, &to).await.expect("the file is there") {
            Fetched::Complete { size, sha256, validators } => {
                assert_eq!((size, sha256), (bytes.len() as u64, Sha256::of(bytes)));
                last = validators;
            }
            other => panic!("expected the file, got {other:?}"),
        }
        assert_eq!(fs::read(&to).expect("written"), bytes);
        fs::remove_file(&to).expect("ours");
    }
    last
}

/// A file that is not there is `not-found`, and nothing is written.
///
/// # Panics
/// When the implementation does not conform.
pub async fn absent_is_not_found(fetch: &dyn Fetch, absent: &Uri, folder: &AbsPath) {
    let error = fetch.fetch(&Context::new(), &FetchRequest::new(absent.clone()), &folder.join("absent")).await;
    assert!(matches!(&error, Err(FetchError::NotFound { uri }) if uri == absent), "{error:?}");
    assert_eq!(names(folder), Vec::<String>::new());
}

/// Other bytes, another size or too many bytes are `verification`, and nothing is left. `there` must hold more than one byte.
///
/// # Panics
/// When the implementation does not conform.
pub async fn promises_are_held(fetch: &dyn Fetch, there: &Uri, bytes: &[u8], folder: &AbsPath) {
    let (cx, to, size) = (Context::new(), folder.join("promised"), bytes.len() as u64);
    let plain = FetchRequest::new(there.clone());
    let wrong = [
        plain.clone().with_content(size, Sha256::of(b"other bytes")),
        plain.clone().with_content(size + 1, Sha256::of(bytes)),
        plain.clone().with_content(size - 1, Sha256::of(bytes)),
        plain.with_limit(size - 1),
    ];
    for request in wrong {
        let error = fetch.fetch(&cx, &request, &to).await.expect_err("a broken promise");
        assert_eq!(error.class(), Class::Verification, "{error}");
        assert_eq!(names(folder), Vec::<String>::new());
    }
}

/// Asked with the validators of the present version, nothing is written.
///
/// # Panics
/// When the implementation does not conform.
pub async fn unchanged_is_not_fetched(fetch: &dyn Fetch, there: &Uri, validators: Validators, folder: &AbsPath) {
    let request = FetchRequest::new(there.clone()).with_unless(validators);
    let answer = fetch.fetch(&Context::new(), &request, &folder.join("unchanged")).await.expect("an answer");
    assert_eq!(answer, Fetched::NotModified);
    assert_eq!(names(folder), Vec::<String>::new());
}

/// Who watches a file arrive sees its size, its version and its bytes. `there` must hold `bytes`.
///
/// # Panics
/// When the implementation does not conform.
pub async fn can_be_read_while_it_arrives(
    fetch: &dyn Fetch,
    there: &Uri,
    bytes: &[u8],
    validators: &Validators,
    folder: &AbsPath,
) {
    let (arriving, to) = (Arriving::new(), folder.join("arriving"));
    let mut watch = arriving.watch();
    assert!(watch.borrow_and_update().file.is_none());
    let request = FetchRequest::new(there.clone()).with_arriving(arriving.clone());
    fetch.fetch(&Context::new(), &request, &to).await.expect("the file is there");
    fs::remove_file(&to).expect("ours");
    assert!(watch.has_changed().expect("the sender is ours"));
    let arrived = arriving.now();
    let length = bytes.len() as u64;
    assert_eq!((arrived.bytes, arrived.size, &arrived.validators), (length, Some(length), validators));
    assert_eq!((arrived.retries, arrived.resumed), (0, 0));
    // It can still be read when its name is gone.
    let mut seen = vec![0; bytes.len()];
    arrived.file.expect("a file").read_exact_at(&mut seen, 0).expect("readable");
    assert_eq!(seen, bytes);
}

/// A cancelled context fetches nothing.
///
/// # Panics
/// When the implementation does not conform.
pub async fn cancelled_fetches_nothing(fetch: &dyn Fetch, there: &Uri, folder: &AbsPath) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    let error = fetch.fetch(&cx, &FetchRequest::new(there.clone()), &folder.join("cancelled")).await;
    assert!(matches!(error, Err(FetchError::Cancelled(_))), "{error:?}");
    assert_eq!(names(folder), Vec::<String>::new());
}
