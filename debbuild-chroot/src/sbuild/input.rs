//! The source package on its way into the scratch folder: every file is checked while it is copied.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
};

use debbuild_core::{
    build::{BuildRequest, Failure},
    control::SourceControl,
    digest::{Hasher, Sha256},
    error::{Class, Classify as _, chain},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// The stage in which a bad source is found.
const STAGE: &str = "fetch-src";
/// The largest .dsc that is read, in bytes.
const DSC_LIMIT: u64 = 1 << 20;

/// Copies the source package into `folder` and returns what its .dsc says.
///
/// # Errors
/// The failure for the record: `verification` when a file is not what the request or the .dsc says, `source` when the .dsc cannot
/// be read, `infrastructure` when copying fails.
pub(super) fn stage(request: &BuildRequest, folder: &AbsPath) -> Result<SourceControl, Failure> {
    let file = |error: FileError| {
        let class = if error.class() == Class::NotFound { Class::NotFound } else { Class::Infrastructure };
        fail(class, chain(&error))
    };
    let name = request.dsc.name();
    let to = folder.child(name).map_err(|error| fail(Class::Source, error.to_string()))?;
    let (size, sha256) = copy(&request.dsc, &to, DSC_LIMIT).map_err(file)?;
    if sha256 != request.dsc_sha256 {
        let message = format!("{name} has sha256 {sha256}, the request says {}", request.dsc_sha256);
        return Err(fail(Class::Verification, message));
    }
    if size > DSC_LIMIT {
        return Err(fail(Class::Source, format!("{name} is larger than {DSC_LIMIT} bytes")));
    }
    let bytes = fs::read(&to).at("read", &to).map_err(file)?;
    let control = SourceControl::from_unverified(&bytes)
        .map_err(|error| fail(Class::Source, format!("{name} cannot be read: {}", chain(&error))))?;
    for entry in &control.files {
        let (from, to) = (request.dsc.parent().child(entry.name.as_str()), folder.child(entry.name.as_str()));
        let (from, to) =
            from.and_then(|from| Ok((from, to?))).map_err(|error| fail(Class::Source, error.to_string()))?;
        let found = copy(&from, &to, entry.size).map_err(file)?;
        if found != (entry.size, entry.sha256) {
            return Err(fail(Class::Verification, format!("{} is not what {name} says", entry.name)));
        }
    }
    Ok(control)
}

/// Copies at most `limit` bytes and one more, hashing on the way.
pub(super) fn copy(from: &AbsPath, to: &AbsPath, limit: u64) -> Result<(u64, Sha256), FileError> {
    let mut reader = File::open(from).at("open", from)?.take(limit.saturating_add(1));
    let mut writer = File::create_new(to).at("create", to)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).at("read", from),
        };
        if count == 0 {
            return Ok((hasher.size(), hasher.finish()));
        }
        hasher.update(&buffer[..count]);
        writer.write_all(&buffer[..count]).at("write", to)?;
    }
}

fn fail(class: Class, message: String) -> Failure {
    let mut failure = Failure::new(class, message);
    failure.stage = Some(STAGE.to_owned());
    failure
}
