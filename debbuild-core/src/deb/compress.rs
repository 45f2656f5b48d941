//! The compressors of deb(5), each with bounded memory and exactly one stream.

use std::io::{self, BufRead as _, BufReader, Read};

use super::{DebError, DebLimits};

/// How an archive inside a .deb is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
}

impl Compression {
    /// By the name of the member.
    pub(super) fn of(stem: &str, name: &str) -> Result<Self, DebError> {
        match name.strip_prefix(stem) {
            Some("") => Ok(Self::None),
            Some(".gz") => Ok(Self::Gzip),
            Some(".xz") => Ok(Self::Xz),
            Some(".zst") => Ok(Self::Zstd),
            Some(".bz2") => Ok(Self::Bzip2),
            _ => Err(DebError::Format(format!("unknown compression of {name:?}"))),
        }
    }
}

/// More came out than the limit allows.
#[derive(Debug, thiserror::Error)]
#[error("larger than the limit")]
pub(super) struct TooLarge;

enum Decoder<R: Read> {
    None(BufReader<R>),
    Gzip(Box<flate2::bufread::GzDecoder<BufReader<R>>>),
    Xz(liblzma::bufread::XzDecoder<BufReader<R>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<R>>),
    Bzip2(bzip2::bufread::BzDecoder<BufReader<R>>),
}

/// What comes out of one member, at most `limit` bytes.
pub(super) struct Unpacked<R: Read> {
    decoder: Decoder<R>,
    left: u64,
}

impl<R: Read> Unpacked<R> {
    pub(super) fn new(input: R, compression: Compression, limit: u64, limits: &DebLimits) -> io::Result<Self> {
        let input = BufReader::with_capacity(64 << 10, input);
        let decoder = match compression {
            Compression::None => Decoder::None(input),
            Compression::Gzip => Decoder::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(limits.memory, 0)?;
                Decoder::Xz(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(limits.memory.max(1 << 10).ilog2())?;
                Decoder::Zstd(decoder)
            }
            Compression::Bzip2 => Decoder::Bzip2(bzip2::bufread::BzDecoder::new(input)),
        };
        Ok(Self { decoder, left: limit })
    }

    /// Checks that nothing but zeros (the padding of tar) comes out any more, and that no bytes stand behind the stream.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let damaged = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let mut buffer = [0; 8 << 10];
        loop {
            match self.read(&mut buffer)? {
                0 => break,
                count if buffer[..count].iter().any(|b| *b != 0) => {
                    return damaged("bytes after the end of the tar archive");
                }
                _ => {}
            }
        }
        let mut input = match self.decoder {
            Decoder::None(input) => input,
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
        };
        if input.fill_buf()?.is_empty() { Ok(()) } else { damaged("bytes after the compressed stream") }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::None(input) => input.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
        }?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(TooLarge))?;
        Ok(count)
    }
}
