//! Where a transfer lands: a partial file that is hashed while it grows and gets its name only when it is what was promised.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
};

use super::{FetchError, FetchRequest};
use crate::{
    digest::{Hasher, Sha256},
    path::{AbsPath, IoResultExt as _},
};

/// A partial file that is being written.
#[derive(Debug)]
pub(super) struct Landing {
    partial: AbsPath,
    to: AbsPath,
    file: File,
    hasher: Hasher,
    resumed: bool,
}

/// What stands at the end of a transfer.
#[derive(Debug)]
pub(super) enum Landed {
    /// The file has its name.
    Good { size: u64, sha256: Sha256 },
    /// What was left of an earlier transfer did not fit; it is gone, and the whole may be asked for.
    StalePartial,
}

impl Landing {
    /// Bytes of an earlier transfer from which this one can go on; 0 where there are none.
    #[cfg(feature = "http")]
    pub(super) fn offset(request: &FetchRequest, to: &AbsPath) -> Result<u64, FetchError> {
        let found = match fs::metadata(partial(to)?) {
            Ok(found) if request.sha256.is_some() => found.len(),
            _ => 0,
        };
        Ok(if request.size.is_none_or(|size| found < size) { found } else { 0 })
    }

    /// Starts a new partial file, or goes on after the first `offset` bytes of the present one.
    pub(super) fn open(to: &AbsPath, offset: u64) -> Result<Self, FetchError> {
        let partial = partial(to)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(offset == 0);
        let mut file = options.open(&partial).at("create", &partial)?;
        let mut hasher = Hasher::new();
        if offset > 0 {
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match file.read(&mut buffer).at("read", &partial)? {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
        }
        Ok(Self { partial, to: to.clone(), file, hasher, resumed: offset > 0 })
    }

    /// Bytes there so far.
    pub(super) const fn size(&self) -> u64 {
        self.hasher.size()
    }

    /// Takes more bytes, up to what the request allows.
    pub(super) fn write(&mut self, request: &FetchRequest, bytes: &[u8]) -> Result<(), FetchError> {
        let most = request.most();
        if self.size().saturating_add(bytes.len() as u64) > most {
            drop_file(&self.partial)?;
            return Err(too_large(request));
        }
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes).at("write", &self.partial)?)
    }

    /// Checks what came and gives it its name; a file that is not what was promised is removed.
    pub(super) fn finish(self, request: &FetchRequest) -> Result<Landed, FetchError> {
        let (size, sha256) = (self.hasher.size(), self.hasher.finish());
        let wrong = match (request.size, request.sha256) {
            (Some(expected), _) if expected != size => Some(format!("expected {expected} bytes, got {size}")),
            (_, Some(expected)) if expected != sha256 => Some(format!("expected sha256 {expected}, got {sha256}")),
            _ => None,
        };
        if let Some(reason) = wrong {
            drop_file(&self.partial)?;
            if self.resumed {
                return Ok(Landed::StalePartial);
            }
            return Err(FetchError::Mismatch { uri: request.uri.clone(), reason });
        }
        fs::rename(&self.partial, &self.to).at("rename to", &self.to)?;
        Ok(Landed::Good { size, sha256 })
    }

    /// After a broken transfer: what came is kept only where a later one can go on from it.
    #[cfg(feature = "http")]
    pub(super) fn abandon(self, request: &FetchRequest) -> Result<(), FetchError> {
        if request.sha256.is_none() { drop_file(&self.partial) } else { Ok(()) }
    }
}

/// The error for more bytes than the request allows.
pub(super) fn too_large(request: &FetchRequest) -> FetchError {
    let uri = request.uri.clone();
    match request.size {
        Some(size) => FetchError::Mismatch { uri, reason: format!("expected {size} bytes, got more") },
        None => FetchError::TooLarge { uri, limit: request.limit },
    }
}

fn partial(to: &AbsPath) -> Result<AbsPath, FetchError> {
    Ok(to.parent().child(&format!("{}.partial", to.name()))?)
}

fn drop_file(path: &AbsPath) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Ok(Err(error).at("remove", path)?),
        _ => Ok(()),
    }
}
