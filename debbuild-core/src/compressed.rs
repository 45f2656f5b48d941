//! Compressed streams told by their first bytes: gzip, xz, Zstandard, bzip2, or none. Memory is bounded; what comes out is not.

use std::io::{self, BufRead, Read};

/// The most memory that an xz decoder may take, in bytes: level 9 needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// The largest window of a Zstandard decoder, as a power of two in bytes: what its own tool takes without being asked to.
const ZSTD_WINDOW: u32 = 27;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

/// How each kind begins.
const KINDS: [(&[u8], Kind); 4] = [
    (&[0x1f, 0x8b], Kind::Gzip),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Kind::Xz),
    (&[0x28, 0xb5, 0x2f, 0xfd], Kind::Zstd),
    (b"BZh", Kind::Bzip2),
];

impl Kind {
    fn of(head: &[u8]) -> Self {
        KINDS.into_iter().find(|(magic, _)| head.starts_with(magic)).map_or(Self::Plain, |(_, kind)| kind)
    }
}

/// What a stream holds. Joined streams of one kind are read as one, as the tools do.
///
/// # Errors
/// When the first bytes cannot be read; damage shows while reading.
pub fn reader<'a>(mut input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let kind = Kind::of(input.fill_buf()?);
    Ok(match kind {
        Kind::Plain => Box::new(input),
        Kind::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Kind::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
        }
        Kind::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
        Kind::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn all(text: &[u8]) -> Vec<Vec<u8>> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text).unwrap();
        let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz2.write_all(text).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(text).unwrap();
        let zstd = zstd::encode_all(text, 1).unwrap();
        vec![gz.finish().unwrap(), bz2.finish().unwrap(), xz.finish().unwrap(), zstd]
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        reader(bytes)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn every_kind_is_told_by_its_first_bytes() {
        let text = b"some text\n".repeat(1000);
        assert_eq!(read(&text).unwrap(), text);
        assert_eq!(read(b"").unwrap(), b"");
        for bytes in all(&text) {
            assert_eq!(read(&bytes).unwrap(), text);
            assert_eq!(read(&[bytes.clone(), bytes.clone()].concat()).unwrap().len(), 2 * text.len(), "joined");
            assert!(read(&bytes[..bytes.len() - 6]).is_err(), "it ends too early");
        }
    }
}
