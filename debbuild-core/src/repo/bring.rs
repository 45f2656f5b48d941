//! An input on its way into the pool: linked or copied to where nobody changes it, and read once, from its first byte to its last.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use super::{Placing, RepoError};
use crate::{
    digest::{Hasher, Sha256},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// Copies are readable by everybody and written by nobody, as they are published.
const PUBLISHED: u32 = 0o444;
/// Most packages are read at once.
const BUFFER: usize = 128 << 10;

/// A file that was read: its size in bytes, its digest, and where it now is for nobody to change.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) file: AbsPath,
}

/// Everything that is read through it is hashed, and written to the copy if one is made.
#[derive(Debug)]
pub(super) struct Reading {
    from: File,
    hasher: Hasher,
    copy: Option<(File, AbsPath)>,
    /// Why the copy could not be written: not the input's fault.
    failed: Option<FileError>,
}

impl io::Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if let Some((copy, path)) = &mut self.copy
            && let Err(error) = copy.write_all(&buffer[..count]).at("write", path)
        {
            self.failed = Some(error);
            return Err(io::Error::other("the copy cannot be written"));
        }
        Ok(count)
    }
}

/// Links or copies `input` to `file`; `look` reads what it wants, the rest is read afterwards. Its answer is given also where
/// that is an error, as the content may turn out to be not what was promised.
///
/// # Errors
/// [`RepoError::File`].
pub(super) fn bring<T>(
    input: &AbsPath,
    file: AbsPath,
    how: Placing,
    look: impl FnOnce(&mut BufReader<Reading>) -> T,
) -> Result<(Brought, T), RepoError> {
    let linked = how == Placing::Link && fs::hard_link(input, &file).is_ok();
    let from = File::open(if linked { &file } else { input }).at("open", input)?;
    let copy = if linked { None } else { Some((File::create_new(&file).at("create", &file)?, file.clone())) };
    let reading = Reading { from, hasher: Hasher::new(), copy, failed: None };
    let mut reader = BufReader::with_capacity(BUFFER, reading);
    let seen = look(&mut reader);
    let read = drain(&mut reader);
    let Reading { hasher, copy, failed, .. } = reader.into_inner();
    if let Some(failed) = failed {
        return Err(failed.into());
    }
    read.at("read", input)?;
    if let Some((copy, path)) = copy {
        copy.set_permissions(Permissions::from_mode(PUBLISHED)).at("set the mode of", &path)?;
    }
    Ok((Brought { size: hasher.size(), sha256: hasher.finish(), file }, seen))
}

fn drain(reader: &mut BufReader<Reading>) -> io::Result<()> {
    loop {
        match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                let count = bytes.len();
                reader.consume(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
