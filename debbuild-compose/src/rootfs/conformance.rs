//! What every [`RootfsBuilder`] must do, given a request that it can satisfy.

use std::{fs, sync::Arc};

use debbuild_core::{blob::BlobStore, command::Discard, context::Context, digest::Sha256, path::AbsPath};

use super::{RootfsBuilder, RootfsError, RootfsRequest, same_set, tarball};
use crate::sources::SystemFile;

/// Exactly the locked set is installed, and the same request gives the same bytes.
///
/// # Panics
/// When the builder does not conform.
pub async fn installs_exactly_the_set(builder: &dyn RootfsBuilder, request: &RootfsRequest, scratch: &AbsPath) {
    let cx = Context::new();
    let (first, second) = (scratch.join("first.tar"), scratch.join("second.tar"));
    builder.build(&cx, request, &mut Discard, &first).await.expect("it builds");
    let installed = tarball::installed(&first, cx.cancel()).expect("the tarball can be read");
    same_set(&request.packages, &installed).expect("exactly the set");
    builder.build(&cx, request, &mut Discard, &second).await.expect("it builds again");
    let digest = |path: &AbsPath| Sha256::of(&fs::read(path).expect("the tarball is there"));
    assert_eq!(digest(&first), digest(&second));
}

/// A package that is not stored, or has other content, stops the build before anything is installed.
///
/// # Panics
/// When the builder does not conform.
pub async fn refuses_other_content(
    builder: &dyn RootfsBuilder,
    blobs: &dyn BlobStore,
    request: &RootfsRequest,
    scratch: &AbsPath,
) {
    let cx = Context::new();
    let mut set = (*request.packages).clone();
    let package = set.packages.first_mut().expect("the set has a package");
    package.sha256 = Sha256::of(b"never stored");
    assert_eq!(blobs.stat(&cx, package.sha256).await.expect("stat"), None);
    let request = RootfsRequest::new(Arc::new(set), request.finish);
    let tarball = scratch.join("refused.tar");
    let error = builder.build(&cx, &request, &mut Discard, &tarball).await.expect_err("it is not the locked content");
    assert!(matches!(error, RootfsError::Blob(_) | RootfsError::Content { .. }), "{error}");
    assert!(!tarball.as_std().exists());
}

/// Files of the request are in the tarball, of root's and readable for all.
///
/// # Panics
/// When the builder does not conform.
pub async fn puts_files_in_place(
    builder: &dyn RootfsBuilder,
    blobs: &dyn BlobStore,
    request: &RootfsRequest,
    scratch: &AbsPath,
) {
    let cx = Context::new();
    let blob = blobs.put(&cx, "keys".into()).await.expect("put");
    let files = [("text", SystemFile::Text("text".to_owned())), ("more/keys", SystemFile::Stored(blob.id))];
    let files = files.map(|(path, file)| (format!("etc/debbuild-test/{path}"), file));
    let target = scratch.join("files.tar");
    builder.build(&cx, &request.clone().with_files(files.into()), &mut Discard, &target).await.expect("it builds");
    let mut found = Vec::new();
    tarball::walk(&target, cx.cancel(), &mut |member, reader, _| {
        if let Some(path) = member.path.strip_prefix("etc/debbuild-test/")
            && member.kind.is_file()
        {
            let content = tarball::content(member, reader)?;
            found.push((path.to_owned(), content, member.mode & 0o7777, member.uid, member.gid));
        }
        Ok(())
    })
    .expect("the tarball can be read");
    found.sort();
    let wanted = [("more/keys", "keys"), ("text", "text")];
    let wanted = wanted.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec(), 0o644, 0, 0));
    assert_eq!(found, wanted);
}
