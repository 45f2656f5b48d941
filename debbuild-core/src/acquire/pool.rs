//! The files of the pool that an index vouches for.

use std::io::{self, BufRead, BufReader};

use super::decompress::{ending, unpack_stream};
use crate::{
    cancel::CancelToken,
    control::{self, Paragraph, ParagraphReader, StreamError},
    digest::Sha256,
};

/// A file of the pool, as an index describes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct PoolFile {
    /// Its path below the archive's root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}

impl PoolFile {
    /// A file of the pool.
    #[must_use]
    pub fn new(path: impl Into<String>, size: u64, sha256: Sha256) -> Self {
        Self { path: path.into(), size, sha256 }
    }
}

/// Every file that a Packages or Sources index names with its sha256, read from a stream; stanzas without one, and those that
/// cannot be read, are passed over.
///
/// # Errors
/// Of the stream.
pub fn pool_files(index: impl BufRead) -> io::Result<Vec<PoolFile>> {
    let (mut paragraphs, mut files) = (ParagraphReader::new(index), Vec::new());
    loop {
        let paragraph = match paragraphs.read() {
            Ok(None) => return Ok(files),
            Ok(Some(paragraph)) => paragraph,
            Err(StreamError::Control(_)) => continue,
            Err(StreamError::Read(error)) => return Err(error),
        };
        if paragraph.get("Filename").is_some() {
            if let Ok(control::Location { filename, size, sha256 }) = control::location(&paragraph) {
                files.push(PoolFile::new(filename.as_str(), size, sha256));
            }
        } else {
            source_files(&paragraph, &mut files);
        }
    }
}

/// The same of an index as archives have it: plain, gz, xz, bz2 or zst by its first bytes, and of at most `limit` bytes of text.
///
/// # Errors
/// Of the stream, of its decoder, of the caller who cancelled, and for more text than that.
pub fn packed_pool_files(mut index: impl BufRead, limit: u64, cancel: &CancelToken) -> io::Result<Vec<PoolFile>> {
    let name = ending(index.fill_buf()?);
    pool_files(BufReader::with_capacity(128 * 1024, unpack_stream(name, index, limit, cancel)?))
}

fn source_files(paragraph: &Paragraph<'_>, files: &mut Vec<PoolFile>) {
    let Some(folder) = paragraph.get("Directory") else { return };
    for line in paragraph.lines("Checksums-Sha256") {
        if let [sum, size, name] = line.split_ascii_whitespace().collect::<Vec<_>>()[..]
            && let (Ok(sha256), Ok(size)) = (sum.parse(), size.parse())
        {
            files.push(PoolFile::new(format!("{folder}/{name}"), size, sha256));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_packed_index_names_what_its_text_names() {
        let digest = Sha256::of(b"x");
        let text = format!(
            "Package: x\nFilename: pool/x.deb\nSize: 1\nSHA256: {digest}\n\nPackage: old\nFilename: pool/old.deb\nSize: 1\n\n\
             Package: x\nDirectory: pool\nChecksums-Sha256:\n {digest} 1 x.dsc\n {digest} 1 x.tar.xz\n\n"
        );
        let expected = ["pool/x.deb", "pool/x.dsc", "pool/x.tar.xz"].map(|path| PoolFile::new(path, 1, digest));
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(text.as_bytes()).unwrap();
        let (xz, limit, cancel) = (xz.finish().unwrap(), text.len() as u64, CancelToken::new());
        for index in [text.as_bytes(), &xz] {
            assert_eq!(packed_pool_files(index, limit, &cancel).unwrap(), expected);
            assert!(packed_pool_files(index, limit - 1, &cancel).is_err());
        }
        assert!(packed_pool_files(&xz[..xz.len() - 4], limit, &cancel).is_err());
        cancel.cancel();
        assert!(packed_pool_files(&xz[..], limit, &cancel).is_err());
    }
}
