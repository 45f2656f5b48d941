//! The files of the pool that an index vouches for.

use std::io::{self, BufRead};

use crate::{
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
