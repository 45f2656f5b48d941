//! What a session cannot pack: the folders over which it has mounts, which are taken from the parent as they are.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write},
};

use debbuild_core::path::{AbsPath, IoResultExt as _};

use super::LayerError;

/// The folders over which sessions have mounts.
const MOUNTED: [&str; 4] = ["dev", "proc", "run", "sys"];

/// The most that a database of packages may have, in bytes.
const MOST: u64 = 256 << 20;

/// The path of an entry without `./` and `/` around it.
fn plain(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    text.trim_start_matches("./").trim_matches('/').to_owned()
}

fn is_mounted(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    MOUNTED.contains(&first)
}

/// Writes the entries of those folders, byte for byte.
pub(super) fn mounted(parent: &AbsPath, to: &mut impl Write) -> Result<(), LayerError> {
    let mut archive = tar::Archive::new(File::open(parent).at("open", parent)?);
    let (mut pieces, mut end) = (Vec::new(), 0);
    for entry in archive.entries_with_seek().at("read", parent)? {
        let entry = entry.at("read", parent)?;
        // What stands before an entry belongs to it: long names, extended headers.
        let start = end;
        let size = entry.header().entry_size().at("read", parent)?;
        end = entry.raw_file_position().saturating_add(size.div_ceil(512).saturating_mul(512));
        if is_mounted(&plain(&entry.path_bytes())) {
            pieces.push((start, end - start));
        }
    }
    let mut file = File::open(parent).at("open", parent)?;
    for (start, size) in pieces {
        file.seek(SeekFrom::Start(start)).at("read", parent)?;
        let copied = io::copy(&mut (&mut file).take(size), to).at("copy from", parent)?;
        if copied != size {
            Err(io::Error::from(io::ErrorKind::UnexpectedEof)).at("read", parent)?;
        }
    }
    Ok(())
}

/// The dpkg status in a tar archive.
pub(crate) fn status(tarball: &AbsPath) -> Result<String, LayerError> {
    let mut archive = tar::Archive::new(File::open(tarball).at("open", tarball)?);
    for entry in archive.entries_with_seek().at("read", tarball)? {
        let entry = entry.at("read", tarball)?;
        if plain(&entry.path_bytes()) == "var/lib/dpkg/status" {
            let mut text = String::new();
            entry.take(MOST).read_to_string(&mut text).at("read", tarball)?;
            return Ok(text);
        }
    }
    Err(LayerError::NoStatus)
}
