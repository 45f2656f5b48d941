//! Where a transfer lands: a partial file that is hashed while it grows and gets its name only when it is what was promised.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
};

use super::{Arriving, FetchError, FetchRequest, Validators};
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
    arriving: Option<Arriving>,
}

/// What stands at the end of a transfer.
#[derive(Debug)]
pub(super) enum Landed {
    /// The file has its name.
    Good { size: u64, sha256: Sha256 },
    /// What was left of an earlier transfer did not fit; it is gone, and the whole may be asked for.
    StalePartial,
}

/// What a server says of a file before its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    /// The size of the whole in bytes.
    pub(super) size: Option<u64>,
    pub(super) validators: Validators,
}

impl Landing {
    /// Bytes of an earlier transfer; 0 where there are none, or more than the file has.
    #[cfg(feature = "http")]
    pub(super) fn offset(request: &FetchRequest, to: &AbsPath) -> Result<u64, FetchError> {
        let found = fs::metadata(partial(to)?).map_or(0, |found| found.len());
        Ok(if request.size.is_none_or(|size| found < size) { found } else { 0 })
    }

    /// Starts a new partial file, or goes on after the first `offset` bytes of the present one. Whoever reads the earlier
    /// file of a transfer that starts anew keeps its bytes.
    pub(super) fn open(
        request: &FetchRequest,
        to: &AbsPath,
        offset: u64,
        announced: Announced,
    ) -> Result<Self, FetchError> {
        let partial = partial(to)?;
        if offset == 0 {
            drop_file(&partial)?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
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
        let arriving = request.arriving.clone();
        if let Some(arriving) = &arriving {
            let size = request.size.or(announced.size);
            arriving.begin(file.try_clone().at("open", &partial)?, hasher.size(), size, announced.validators);
        }
        Ok(Self { partial, to: to.clone(), file, hasher, resumed: offset > 0, arriving })
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
        self.file.write_all(bytes).at("write", &self.partial)?;
        if let Some(arriving) = &self.arriving {
            arriving.grown(self.hasher.size());
        }
        Ok(())
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
}

/// Throws away what an earlier transfer left.
#[cfg(feature = "http")]
pub(super) fn forget(to: &AbsPath) -> Result<(), FetchError> {
    drop_file(&partial(to)?)
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
