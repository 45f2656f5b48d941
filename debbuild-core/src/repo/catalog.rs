//! What is known of packages, kept once by the digest of their .deb or .dsc: control data and lists of files.
//!
//! Two files in `.debbuild`, both only ever appended to: `packages.data` holds zstd frames with their checksums,
//! `packages.index` a row of fixed length for each package. Data are durable before their row is written, and a row that was
//! cut off is passed over, so that after a power loss everything that was acknowledged is there. A later row for the same
//! digest wins.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
};

use super::{RepoError, parallel};
use crate::{
    digest::Sha256,
    fail,
    path::{AbsPath, FileError, IoResultExt as _},
};

/// Digest, offset, and the lengths of the two frames.
const ROW: usize = 32 + 8 + 4 + 4;
/// Stanzas are small: more would cost time and save nothing.
const LEVEL: i32 = 3;

/// The most bytes that a frame may unpack to: the control file or the paths of one package.
const LARGEST: u64 = 1 << 30;

/// What is known of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The digest of the .deb or .dsc.
    pub(super) sha256: Sha256,
    /// The control file, or the .dsc as it is.
    pub(super) text: Vec<u8>,
    /// The paths of its files without a leading `/`, where they were read.
    pub(super) paths: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    offset: u64,
    text: u32,
    paths: u32,
}

/// The catalog as it was when it was opened, and what was appended since.
#[derive(Debug)]
pub(super) struct Catalog {
    data: AbsPath,
    index: AbsPath,
    file: Option<File>,
    rows: HashMap<Sha256, Row>,
}

impl Catalog {
    /// The catalog of the records in this folder (`.debbuild`).
    pub(super) fn open(folder: &AbsPath) -> Result<Self, RepoError> {
        let (data, index) = (folder.join("packages.data"), folder.join("packages.index"));
        let file = match File::open(&data) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            file => Some(file.at("open", &data)?),
        };
        let bytes = match std::fs::read(&index) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes.at("read", &index)?,
        };
        let rows = bytes.chunks_exact(ROW).filter_map(row).collect();
        Ok(Self { data, index, file, rows })
    }

    /// Whether the control data are known.
    pub(super) fn has(&self, sha256: Sha256) -> bool {
        self.rows.contains_key(&sha256)
    }

    /// Whether the list of files is known.
    pub(super) fn has_paths(&self, sha256: Sha256) -> bool {
        self.rows.get(&sha256).is_some_and(|row| row.paths > 0)
    }

    /// The control file, or the .dsc as it is.
    ///
    /// # Errors
    /// [`RepoError::Record`] when it is not known, or damaged.
    pub(super) fn text(&self, sha256: Sha256) -> Result<Vec<u8>, RepoError> {
        let row = self.rows.get(&sha256).ok_or_else(|| self.bad(sha256, "it is not there"))?;
        self.frame(sha256, row.offset, row.text)
    }

    /// The paths of the package's files, sorted; none where they were never read.
    ///
    /// # Errors
    /// [`RepoError::Record`] when they are damaged.
    pub(super) fn paths(&self, sha256: Sha256) -> Result<Option<String>, RepoError> {
        let Some(row) = self.rows.get(&sha256).filter(|row| row.paths > 0) else { return Ok(None) };
        let bytes = self.frame(sha256, row.offset + u64::from(row.text), row.paths)?;
        String::from_utf8(bytes).map(Some).map_err(|_| self.bad(sha256, "its paths are not UTF-8"))
    }

    fn frame(&self, sha256: Sha256, offset: u64, length: u32) -> Result<Vec<u8>, RepoError> {
        let file = self.file.as_ref().ok_or_else(|| self.bad(sha256, "the file is not there"))?;
        let mut packed = vec![0; length as usize];
        file.read_exact_at(&mut packed, offset).at("read", &self.data)?;
        unpack(&packed).map_err(|error| self.bad(sha256, &error.to_string()))
    }

    fn bad(&self, sha256: Sha256, reason: &str) -> RepoError {
        RepoError::Record { path: self.data.clone(), reason: format!("package {sha256}: {reason}; add it again") }
    }

    /// Appends what is known of more packages, durably. The caller holds the lock of the repository.
    pub(super) fn append(&mut self, known: &[Known]) -> Result<(), RepoError> {
        if known.is_empty() {
            return Ok(());
        }
        let opened =
            |path: &AbsPath| OpenOptions::new().create(true).append(true).read(true).open(path).at("open", path);
        let mut data = opened(&self.data)?;
        let start = data.metadata().at("look at", &self.data)?.len();
        let (mut bytes, mut rows, mut added) = (Vec::new(), Vec::new(), Vec::new());
        let packed = parallel::map(known, |one| {
            let paths = one.paths.as_ref().map(|paths| pack(paths.join("\n").as_bytes())).transpose()?;
            Ok((pack(&one.text)?, paths.unwrap_or_default()))
        });
        for (one, (text, paths)) in known.iter().zip(packed.at("compress for", &self.data)?) {
            let offset = start + bytes.len() as u64;
            let length = |part: &[u8]| u32::try_from(part.len()).map_err(|_| self.bad(one.sha256, "it is too large"));
            let row = Row { offset, text: length(&text)?, paths: length(&paths)? };
            bytes.extend(text);
            bytes.extend(paths);
            rows.extend(row_bytes(one.sha256, row));
            added.push((one.sha256, row));
        }
        fail::point("append to the catalog");
        data.write_all(&bytes).and_then(|()| data.sync_all()).at("write", &self.data)?;
        append_rows(&self.index, &rows)?;
        self.file = Some(data);
        self.rows.extend(added);
        Ok(())
    }
}

thread_local! {
    /// A coder's memory costs more than a small frame.
    static PACKER: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A frame that says how long its content is.
fn pack(content: &[u8]) -> io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| {
        let packer = match packer {
            Some(packer) => packer,
            None => {
                let packer = packer.insert(zstd::bulk::Compressor::new(LEVEL)?);
                packer.include_checksum(true)?;
                packer
            }
        };
        packer.compress(content)
    })
}

/// The content of a frame that says how long it is.
fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().filter(|length| *length <= LARGEST);
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| io::Error::other("it does not say how long it is"))?;
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(packed, length)
    })
}

/// Rows begin at a multiple of their length, also after one that was cut off.
fn append_rows(index: &AbsPath, rows: &[u8]) -> Result<(), FileError> {
    let is_new = !index.as_std().exists();
    let mut file = OpenOptions::new().create(true).append(true).open(index).at("open", index)?;
    let length = file.metadata().at("look at", index)?.len();
    file.set_len(length - length % ROW as u64).at("shorten", index)?;
    fail::point("append to the index of the catalog");
    file.write_all(rows).and_then(|()| file.sync_all()).at("write", index)?;
    if is_new { super::folder::sync_folder(&index.parent()) } else { Ok(()) }
}

fn row_bytes(sha256: Sha256, row: Row) -> Vec<u8> {
    let (offset, text, paths) = (row.offset.to_le_bytes(), row.text.to_le_bytes(), row.paths.to_le_bytes());
    [&sha256.as_bytes()[..], &offset[..], &text[..], &paths[..]].concat()
}

fn row(bytes: &[u8]) -> Option<(Sha256, Row)> {
    let (sha256, rest) = bytes.split_first_chunk::<32>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (text, paths) = rest.split_first_chunk::<4>()?;
    let row = Row {
        offset: u64::from_le_bytes(*offset),
        text: u32::from_le_bytes(*text),
        paths: u32::from_le_bytes(paths.try_into().ok()?),
    };
    Some((Sha256::from_bytes(*sha256), row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, paths: Option<&[&str]>) -> Known {
        let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        Known { sha256: Sha256::of(name.as_bytes()), text: format!("Package: {name}\n").into_bytes(), paths }
    }

    #[test]
    fn what_was_appended_is_found_again_also_after_a_row_was_cut_off() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        let mut catalog = Catalog::open(&base).unwrap();
        assert!(!catalog.has(Sha256::of(b"one")) && catalog.text(Sha256::of(b"one")).is_err());
        catalog.append(&[known("one", None), known("two", Some(&["a", "b c"]))]).unwrap();
        assert_eq!(catalog.text(Sha256::of(b"two")).unwrap(), b"Package: two\n");
        let index = base.join("packages.index");
        let whole = std::fs::read(&index).unwrap();
        std::fs::write(&index, [&whole[..], &[7; 20]].concat()).unwrap();
        let mut catalog = Catalog::open(&base).unwrap();
        assert_eq!(catalog.paths(Sha256::of(b"two")).unwrap().as_deref(), Some("a\nb c"));
        assert_eq!(catalog.paths(Sha256::of(b"one")).unwrap(), None);
        catalog.append(&[known("one", Some(&[]))]).unwrap();
        let catalog = Catalog::open(&base).unwrap();
        assert!(catalog.has_paths(Sha256::of(b"one")) && catalog.has_paths(Sha256::of(b"two")));
        assert_eq!(catalog.paths(Sha256::of(b"one")).unwrap().as_deref(), Some(""));
    }

    #[test]
    fn damage_is_an_error_and_no_other_text() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        Catalog::open(&base).unwrap().append(&[known("one", None)]).unwrap();
        let data = base.join("packages.data");
        let good = std::fs::read(&data).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            std::fs::write(&data, bad).unwrap();
            let error = Catalog::open(&base).unwrap().text(Sha256::of(b"one"));
            assert!(matches!(error, Err(RepoError::Record { .. })), "byte {at}: {error:?}");
        }
    }
}
