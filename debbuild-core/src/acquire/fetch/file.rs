//! Files of this machine as an archive: `file:` addresses.

use std::{fs::File, io, io::Read as _, os::unix::fs::MetadataExt as _};

use async_trait::async_trait;

use super::{
    Fetch, FetchError, FetchRequest, Fetched, Validators,
    landing::{Announced, Landed, Landing},
};
use crate::{
    blocking,
    cancel::CancelToken,
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

/// Copies files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileFetch;

#[async_trait]
impl Fetch for FileFetch {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        let (request, to, cancel) = (request.clone(), to.clone(), cx.cancel().clone());
        blocking::run(move || copy(&request, &to, &cancel)).await
    }
}

fn copy(request: &FetchRequest, to: &AbsPath, cancel: &CancelToken) -> Result<Fetched, FetchError> {
    cancel.check()?;
    let uri = request.uri.clone();
    if uri.scheme() != "file" {
        return Err(FetchError::Scheme { scheme: uri.scheme().to_owned(), uri });
    }
    let path = uri.file_path()?;
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FetchError::NotFound { uri }),
        other => other.at("open", &path)?,
    };
    let found = file.metadata().at("read", &path)?;
    if !found.is_file() {
        return Err(FetchError::NotFound { uri });
    }
    let etag = format!("\"{}-{}.{}-{}\"", found.ino(), found.mtime(), found.mtime_nsec(), found.len());
    let validators = Validators::new(Some(etag), None);
    if request.unless == validators {
        return Ok(Fetched::NotModified);
    }
    let announced = Announced { size: Some(found.len()), validators: validators.clone() };
    let mut landing = Landing::open(request, to, 0, announced)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        cancel.check()?;
        match file.read(&mut buffer).at("read", &path)? {
            0 => break,
            count => landing.write(request, &buffer[..count])?,
        }
    }
    match landing.finish(request)? {
        Landed::Good { size, sha256 } => Ok(Fetched::Complete { size, sha256, validators }),
        Landed::StalePartial => Err(FetchError::Unreachable { uri, reason: "the file changed".to_owned() }),
    }
}
