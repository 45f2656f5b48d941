//! Compressed pieces of indexes: each is made once, kept by what it was made of, and joined with others to whole files.
//!
//! apt reads the members of a gzip file and the frames of a zstd file one after the other, but only the first stream of an xz
//! file; so xz blocks are joined into one stream (the .xz file format, section 2).

use std::{
    collections::HashSet,
    fs,
    io::{self, Write as _},
};

use super::{IndexFormat, RepoError};
use crate::{
    digest::{Hasher, Sha256},
    fail,
    name::PoolPath,
    path::{AbsPath, IoResultExt as _},
};

/// 60 MB a second on one core, and nearly as small as xz.
const ZSTD_LEVEL: i32 = 9;
const XZ_LEVEL: u32 = 6;
const MAGIC: &[u8; 8] = b"dbchunk1";
/// Magic, four lengths, and the sum of everything before and after it.
const HEADER: usize = 8 + 4 * 8 + 4;
/// The header and the footer of an xz stream each have this many bytes.
const XZ_EDGE: usize = 12;

/// A piece of an index in the formats that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The length of the text in bytes.
    plain: u64,
    /// Always there: it stands for the text.
    zstd: Vec<u8>,
    gzip: Vec<u8>,
    /// The block of a stream, without the stream's edges and index.
    xz: Vec<u8>,
    /// The record of the block in a stream's index.
    xz_record: Vec<u8>,
}

impl Chunk {
    /// Compresses a text.
    pub(super) fn make(text: &[u8], formats: &[IndexFormat]) -> io::Result<Self> {
        let wants = |format| formats.contains(&format);
        let mut packer = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        packer.include_checksum(true)?;
        let (xz, xz_record) = if wants(IndexFormat::Xz) { xz_block(text)? } else { Default::default() };
        Ok(Self {
            plain: text.len() as u64,
            zstd: packer.compress(text)?,
            gzip: if wants(IndexFormat::Gzip) { gzip(text)? } else { Vec::new() },
            xz,
            xz_record,
        })
    }

    fn has(&self, formats: &[IndexFormat]) -> bool {
        let made = |format: &IndexFormat| match format {
            IndexFormat::Gzip => !self.gzip.is_empty(),
            IndexFormat::Xz => !self.xz.is_empty(),
            IndexFormat::Plain | IndexFormat::Zstd => true,
        };
        formats.iter().all(made)
    }

    fn parts(&self) -> [&[u8]; 4] {
        [&self.zstd, &self.gzip, &self.xz, &self.xz_record]
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend(self.plain.to_le_bytes());
        // The length of the last part is what is left.
        for part in &self.parts()[..3] {
            bytes.extend((part.len() as u64).to_le_bytes());
        }
        let mut sum = flate2::Crc::new();
        sum.update(&bytes);
        self.parts().iter().for_each(|part| sum.update(part));
        bytes.extend(sum.sum().to_le_bytes());
        self.parts().iter().for_each(|part| bytes.extend(*part));
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (header, parts) = bytes.split_at_checked(HEADER)?;
        let (lengths, sum) = header.split_at(HEADER - 4);
        let mut found = flate2::Crc::new();
        found.update(lengths);
        found.update(parts);
        if !lengths.starts_with(MAGIC) || found.sum().to_le_bytes() != sum {
            return None;
        }
        let number = |at: usize| Some(u64::from_le_bytes(*lengths.get(8 + at * 8..)?.first_chunk::<8>()?));
        let length = |at: usize| usize::try_from(number(at)?).ok();
        let (zstd, rest) = parts.split_at_checked(length(1)?)?;
        let (gzip, rest) = rest.split_at_checked(length(2)?)?;
        let (xz, xz_record) = rest.split_at_checked(length(3)?)?;
        let [zstd, gzip, xz, xz_record] = [zstd, gzip, xz, xz_record].map(<[u8]>::to_vec);
        Some(Self { plain: number(0)?, zstd, gzip, xz, xz_record })
    }
}

/// Without name and time, so that the same text gives the same bytes.
pub(super) fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

/// The one block of a stream, and its record in the stream's index; empty for an empty text, whose stream has no block.
fn xz_block(text: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), XZ_LEVEL);
    encoder.write_all(text)?;
    let stream = encoder.finish()?;
    let odd = || io::Error::other("the encoder made no stream of one block");
    let (body, footer) = stream.split_last_chunk::<XZ_EDGE>().ok_or_else(odd)?;
    let [_, _, _, _, one, two, three, four, ..] = *footer;
    let index = (u32::from_le_bytes([one, two, three, four]) as usize + 1) * 4;
    let (blocks, index) = body.split_at_checked(body.len().saturating_sub(index)).ok_or_else(odd)?;
    let block = blocks.get(XZ_EDGE..).ok_or_else(odd)?;
    match index {
        [0, 0, ..] => Ok((Vec::new(), Vec::new())),
        // After the number of records come two numbers, whose last byte has no high bit, padding and a sum.
        [0, 1, record @ ..] => {
            let ends = record.iter().enumerate().filter(|(_, byte)| **byte < 0x80).nth(1).ok_or_else(odd)?.0;
            Ok((block.to_vec(), record[..=ends].to_vec()))
        }
        _ => Err(odd()),
    }
}

/// One stream of all blocks: header, blocks, index, footer.
fn xz_stream(chunks: &[Chunk]) -> io::Result<Vec<u8>> {
    let empty = liblzma::write::XzEncoder::new(Vec::new(), XZ_LEVEL).finish()?;
    let header = empty.get(..XZ_EDGE).ok_or_else(|| io::Error::other("the encoder made no stream"))?;
    let blocks: Vec<&Chunk> = chunks.iter().filter(|chunk| !chunk.xz.is_empty()).collect();
    let mut index = vec![0];
    let mut count = blocks.len();
    while count >= 0x80 {
        index.push((count & 0x7f) as u8 | 0x80);
        count >>= 7;
    }
    index.push(count as u8);
    blocks.iter().for_each(|chunk| index.extend(&chunk.xz_record));
    index.resize(index.len().next_multiple_of(4), 0);
    let sum = |bytes: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        sum.sum().to_le_bytes()
    };
    index.extend(sum(&index));
    let backward = u32::try_from(index.len() / 4 - 1).map_err(io::Error::other)?;
    // The stream's flags are the header's.
    let end = [&backward.to_le_bytes()[..], &header[6..8]].concat();
    let mut stream = header.to_vec();
    blocks.iter().for_each(|chunk| stream.extend(&chunk.xz));
    stream.extend(index);
    stream.extend(sum(&end));
    stream.extend(end);
    stream.extend(b"YZ");
    Ok(stream)
}

/// The pieces as one file of this format; an index without pieces is one of an empty text.
pub(super) fn join(chunks: &[Chunk], format: IndexFormat) -> io::Result<Vec<u8>> {
    match format {
        IndexFormat::Xz => xz_stream(chunks),
        IndexFormat::Zstd if chunks.is_empty() => Ok(Chunk::make(b"", &[])?.zstd),
        IndexFormat::Gzip if chunks.is_empty() => gzip(b""),
        IndexFormat::Zstd => Ok(chunks.iter().map(|chunk| &chunk.zstd[..]).collect::<Vec<_>>().concat()),
        IndexFormat::Gzip => Ok(chunks.iter().map(|chunk| &chunk.gzip[..]).collect::<Vec<_>>().concat()),
        IndexFormat::Plain => chunks.iter().map(plain).collect::<io::Result<Vec<_>>>().map(|texts| texts.concat()),
    }
}

/// Size in bytes and digest of the text of all pieces, never more than one of them in memory.
pub(super) fn measure(chunks: &[Chunk]) -> io::Result<(u64, Sha256)> {
    let mut hasher = Hasher::new();
    for chunk in chunks {
        hasher.update(&plain(chunk)?);
    }
    Ok((hasher.size(), hasher.finish()))
}

fn plain(chunk: &Chunk) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(&chunk.zstd, usize::try_from(chunk.plain).map_err(io::Error::other)?)
}

/// The pieces of a suite that were made before, by key. It is a cache: what is damaged or missing is made again.
#[derive(Debug)]
pub(super) struct ChunkStore {
    folder: AbsPath,
}

impl ChunkStore {
    pub(super) const fn new(folder: AbsPath) -> Self {
        Self { folder }
    }

    /// The pieces of one index.
    pub(super) fn index(&self, path: &PoolPath) -> Result<Self, RepoError> {
        Ok(Self { folder: self.folder.child(&path.as_str().replace('/', "%"))? })
    }

    /// Removes the pieces of every index but these.
    pub(super) fn sweep_indexes(&self, keep: &HashSet<PoolPath>) -> Result<(), RepoError> {
        for (path, name) in self.children()? {
            if !keep.iter().any(|index| index.as_str().replace('/', "%") == name) {
                fs::remove_dir_all(&path).at("remove", &path)?;
            }
        }
        Ok(())
    }

    fn children(&self) -> Result<Vec<(AbsPath, String)>, RepoError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.at("read", &self.folder)?,
        };
        let child = |entry: io::Result<fs::DirEntry>| {
            let path = AbsPath::new(entry.at("read", &self.folder)?.path())?;
            let name = path.name().to_owned();
            Ok((path, name))
        };
        entries.map(child).collect()
    }

    /// The piece with this key in these formats, made of `text` where it is not there.
    pub(super) fn get_or_make(
        &self,
        key: Sha256,
        formats: &[IndexFormat],
        text: impl FnOnce() -> Result<String, RepoError>,
    ) -> Result<Chunk, RepoError> {
        let path = self.folder.child(&key.to_string())?;
        let stored = fs::read(&path).ok().and_then(|bytes| Chunk::from_bytes(&bytes));
        if let Some(chunk) = stored.filter(|chunk| chunk.has(formats)) {
            return Ok(chunk);
        }
        let chunk = Chunk::make(text()?.as_bytes(), formats).at("compress for", &path)?;
        fs::create_dir_all(&self.folder).at("create", &self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).at("create a file in", &self.folder)?;
        file.write_all(&chunk.to_bytes()).at("write", &path)?;
        fail::point("name a chunk");
        file.persist(&path).map_err(|error| error.error).at("rename to", &path)?;
        Ok(chunk)
    }

    /// Removes every piece but these.
    pub(super) fn sweep(&self, keep: &HashSet<Sha256>) -> Result<(), RepoError> {
        for (path, name) in self.children()? {
            if name.parse().is_ok_and(|key| keep.contains(&key)) {
                continue;
            }
            fs::remove_file(&path).at("remove", &path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{acquire::decompress, cancel::CancelToken};

    const ALL: [IndexFormat; 4] = [IndexFormat::Plain, IndexFormat::Gzip, IndexFormat::Xz, IndexFormat::Zstd];

    #[test]
    fn joined_pieces_are_the_whole_text_in_every_format() {
        for texts in
            [vec![], vec!["Package: a\n\n".to_owned()], (0..300).map(|n| format!("Package: {n}\n\n")).collect()]
        {
            let chunks: Vec<Chunk> = texts.iter().map(|text| Chunk::make(text.as_bytes(), &ALL).unwrap()).collect();
            let text = texts.concat();
            assert_eq!(measure(&chunks).unwrap(), (text.len() as u64, Sha256::of(text.as_bytes())));
            for format in ALL {
                let bytes = join(&chunks, format).unwrap();
                let name = format!("Packages{}", format.ending());
                let read = decompress(&name, &bytes, 1 << 20, &CancelToken::new()).unwrap();
                assert_eq!(String::from_utf8(read).unwrap(), text, "{name}");
            }
            // apt reads one stream only.
            let mut text = Vec::new();
            let stream = join(&chunks, IndexFormat::Xz).unwrap();
            let mut one = liblzma::read::XzDecoder::new(&stream[..]);
            io::Read::read_to_end(&mut one, &mut text).unwrap();
            assert_eq!(text, texts.concat().as_bytes());
        }
    }

    #[test]
    fn a_piece_is_made_once_and_again_when_it_is_damaged_or_lacks_a_format() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let store = ChunkStore::new(AbsPath::new(folder.path()).unwrap().join("chunks"));
        let key = Sha256::of(b"key");
        let never = || -> Result<String, RepoError> { panic!("it is there") };
        let made = store.get_or_make(key, &[IndexFormat::Gzip], || Ok("text".to_owned())).unwrap();
        assert_eq!(store.get_or_make(key, &[IndexFormat::Gzip, IndexFormat::Plain], never).unwrap(), made);
        let more = store.get_or_make(key, &ALL, || Ok("text".to_owned())).unwrap();
        assert!(!more.xz.is_empty() && made.xz.is_empty());
        let path = store.folder.child(&key.to_string()).unwrap();
        let good = fs::read(&path).unwrap();
        for bad in [&good[..20], &good[..good.len() - 1], &[&good[..], b"x"].concat(), &[0; 100], b""] {
            fs::write(&path, bad).unwrap();
            assert_eq!(store.get_or_make(key, &ALL, || Ok("again".to_owned())).unwrap().plain, 5);
        }
        store.sweep(&HashSet::from([key])).unwrap();
        store.get_or_make(key, &ALL, never).unwrap();
        store.sweep(&HashSet::new()).unwrap();
        assert!(!path.as_std().exists());
    }
}
