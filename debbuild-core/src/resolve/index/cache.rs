//! Read indexes kept in files, by the digest of their text: loading one takes a moment, reading 50 MB again does not.

use std::{fs, time::SystemTime};

use super::{
    PackageIndex, Table,
    table::{ALTERNATIVE, Alternative, ROW, Row},
};
use crate::{
    blob::durable,
    digest::Sha256,
    path::{AbsPath, FileError, IoResultExt as _},
};

/// What a file begins with; another form of the tables has another.
const MAGIC: &[u8; 16] = b"debbuild-index 1";
/// How many read indexes are kept: those of a handful of suites and architectures.
const MOST: usize = 32;

/// A folder of read indexes, which may be lost without loss. Several processes may use it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexCache {
    folder: AbsPath,
}

impl IndexCache {
    /// A cache in this folder, which is made when something is put into it.
    #[must_use]
    pub const fn new(folder: AbsPath) -> Self {
        Self { folder }
    }

    /// The index whose text has this digest, if it is there; a damaged or foreign file counts as none.
    #[must_use]
    pub fn load(&self, name: &str, digest: Sha256) -> Option<PackageIndex> {
        let bytes = fs::read(self.file(digest)?).ok()?;
        decode(name, &bytes, digest)
    }

    /// Keeps an index, by the digest of the text that it was read from. One with problems is not kept, so that they are reported
    /// each time. The oldest go beyond a few dozen.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn store(&self, index: &PackageIndex, digest: Sha256) -> Result<(), FileError> {
        let Some(file) = self.file(digest).filter(|_| index.problems.is_empty()) else { return Ok(()) };
        fs::create_dir_all(&self.folder).at("create", &self.folder)?;
        durable::write(&self.folder, &file, &encode(index, digest))?;
        self.prune()
    }

    fn file(&self, digest: Sha256) -> Option<AbsPath> {
        self.folder.child(&digest.to_string()).ok()
    }

    /// Removes all but the newest files; another process may be doing the same.
    fn prune(&self) -> Result<(), FileError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder).at("list", &self.folder)?.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((modified, entry.path()));
        }
        files.sort();
        for (_, file) in files.iter().rev().skip(MOST) {
            drop(fs::remove_file(file));
        }
        Ok(())
    }
}

/// Magic, digest of the text, checksum of all behind it, how long each part is, and the parts.
fn encode(index: &PackageIndex, digest: Sha256) -> Vec<u8> {
    let table = &index.table;
    let rows: Vec<u32> = table.rows.iter().flat_map(Row::numbers).collect();
    let alternatives: Vec<u32> = table.alternatives.iter().flat_map(Alternative::numbers).collect();
    let numbers = [&table.text_ends, &table.names, &rows, &table.lists, &table.group_ends, &alternatives];
    let texts = [&index.text, &table.texts];
    let mut body = Vec::new();
    for len in texts.iter().map(|text| text.len()).chain(numbers.iter().map(|part| part.len())) {
        body.extend((len as u64).to_le_bytes());
    }
    texts.iter().for_each(|text| body.extend(text.as_bytes()));
    numbers.iter().for_each(|part| body.extend(part.iter().flat_map(|number| number.to_le_bytes())));
    let mut bytes = MAGIC.to_vec();
    bytes.extend(digest.as_bytes());
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn decode(name: &str, bytes: &[u8], digest: Sha256) -> Option<PackageIndex> {
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&digest.as_bytes()[..])?;
    let (checksum, body) = rest.split_first_chunk()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut parts = Parts { rest: body, lens: [0; 8], next: 0 };
    parts.lens = parts.header()?;
    let (text, texts) = (parts.text()?, parts.text()?);
    let (text_ends, names) = (parts.numbers()?, parts.numbers()?);
    let rows = parts.numbers()?;
    let (lists, group_ends) = (parts.numbers()?, parts.numbers()?);
    let alternatives = parts.numbers()?;
    let rows = rows.as_chunks::<ROW>().0.iter().map(Row::of_numbers).collect();
    let alternatives = alternatives.as_chunks::<ALTERNATIVE>().0.iter().copied().map(Alternative::of_numbers).collect();
    let table = Table { texts, text_ends, names, rows, lists, group_ends, alternatives };
    parts.rest.is_empty().then(|| PackageIndex::of_table(name, text, table))
}

struct Parts<'b> {
    rest: &'b [u8],
    /// In bytes for the two texts, in numbers for the others.
    lens: [usize; 8],
    next: usize,
}

impl<'b> Parts<'b> {
    fn header(&mut self) -> Option<[usize; 8]> {
        let mut lens = [0; 8];
        for len in &mut lens {
            let (number, rest) = self.rest.split_first_chunk()?;
            self.rest = rest;
            *len = u64::from_le_bytes(*number).try_into().ok()?;
        }
        Some(lens)
    }

    fn bytes(&mut self, unit: usize) -> Option<&'b [u8]> {
        let len = self.lens.get(self.next)?.checked_mul(unit)?;
        self.next += 1;
        let (part, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes(1)?.to_vec()).ok()
    }

    fn numbers(&mut self) -> Option<Vec<u32>> {
        let bytes = self.bytes(size_of::<u32>())?;
        Some(bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect())
    }
}
