//! Every way of fetching passes the conformance suite; http also against servers that break off, stall and lie.

mod folder;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod mirrors;
#[cfg(feature = "http")]
mod server;

use std::fs;

use super::{Fault, Fetch, FetchError, FetchRequest, FileFetch, MemoryFetch, SchemeFetch, Uri, conformance};
use crate::{
    context::Context,
    error::{Class, Classify as _},
    path::AbsPath,
};
use folder::Folder;

const BYTES: &[u8] = b"Package: hello\n";

async fn conforms(fetch: &dyn Fetch, there: &Uri, absent: &Uri, folder: &AbsPath) {
    let validators = conformance::gives_the_bytes(fetch, there, BYTES, folder).await;
    conformance::absent_is_not_found(fetch, absent, folder).await;
    conformance::promises_are_held(fetch, there, BYTES, folder).await;
    conformance::can_be_read_while_it_arrives(fetch, there, BYTES, &validators, folder).await;
    conformance::unchanged_is_not_fetched(fetch, there, validators, folder).await;
    conformance::cancelled_fetches_nothing(fetch, there, folder).await;
}

#[tokio::test]
async fn files_conform() {
    let folder = Folder::new();
    let archive = folder.path.join("my archive");
    fs::create_dir(&archive).unwrap();
    fs::write(archive.join("Packages"), BYTES).unwrap();
    let into = folder.path.join("into");
    fs::create_dir(&into).unwrap();
    let base = Uri::of_file(&archive);
    conforms(&FileFetch, &base.join("Packages").unwrap(), &base.join("Sources").unwrap(), &into).await;
    conforms(&SchemeFetch::new(), &base.join("Packages").unwrap(), &base, &into).await;
}

#[tokio::test]
async fn memory_conforms() {
    let folder = Folder::new();
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let (there, absent) = (base.join("Packages").unwrap(), base.join("Sources").unwrap());
    let fetch = MemoryFetch::new();
    fetch.put(there.clone(), BYTES);
    conforms(&fetch, &there, &absent, &folder.path).await;
    fetch.fail_next(there.clone(), Fault::Unreachable);
    fetch.fail_next(there.clone(), Fault::Refused(403));
    let request = FetchRequest::new(there);
    for _ in 0..2 {
        let error = fetch.fetch(&Context::new(), &request, &folder.path.join("x")).await.unwrap_err();
        assert_eq!(error.class(), Class::Infrastructure);
    }
    assert!(fetch.fetch(&Context::new(), &request, &folder.path.join("x")).await.is_ok());
}

#[tokio::test]
async fn an_unknown_scheme_is_a_matter_of_configuration() {
    let folder = Folder::new();
    let request = FetchRequest::new(Uri::new("http://mirror.example/x").unwrap());
    let error = SchemeFetch::new().fetch(&Context::new(), &request, &folder.path.join("x")).await.unwrap_err();
    assert!(matches!(error, FetchError::Scheme { .. }));
    assert_eq!(error.class(), Class::Config);
}
