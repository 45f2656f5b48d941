//! Indexes as they are stored (plain, gz, xz, bz2, zst) back to text, never more than a limit.

use std::io::{self, BufRead, Read};

use crate::cancel::CancelToken;

/// The most memory that an xz decoder may take, in bytes: level 9 needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// The endings of index files, best first, with the empty one for plain.
pub(crate) const ENDINGS: [&str; 5] = [".xz", ".zst", ".gz", ".bz2", ""];

/// What a compressed file holds, as a stream: an error instead of more than the limit, or once the caller cancelled.
pub(crate) struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    limit: u64,
    left: u64,
    cancel: &'a CancelToken,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check().map_err(io::Error::other)?;
        let count = self.inner.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| io::Error::other(format!("it has more than {} bytes", self.limit)))?;
        Ok(count)
    }
}

/// The ending of the name that fits the first bytes of a file.
pub(super) const fn ending(first: &[u8]) -> &'static str {
    match first {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => ".xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ".zst",
        [0x1f, 0x8b, ..] => ".gz",
        [b'B', b'Z', b'h', ..] => ".bz2",
        _ => "",
    }
}

/// Decompresses by the ending of the file's name, as it is read: never more than `limit` bytes.
pub(crate) fn unpack<'a>(name: &str, bytes: &'a [u8], limit: u64, cancel: &'a CancelToken) -> io::Result<Unpacked<'a>> {
    unpack_stream(name, bytes, limit, cancel)
}

/// The same of a stream.
pub(super) fn unpack_stream<'a>(
    name: &str,
    bytes: impl BufRead + 'a,
    limit: u64,
    cancel: &'a CancelToken,
) -> io::Result<Unpacked<'a>> {
    let ending = ENDINGS.into_iter().find(|ending| !ending.is_empty() && name.ends_with(ending));
    let inner: Box<dyn Read + 'a> = match ending {
        Some(".xz") => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::read::XzDecoder::new_stream(bytes, stream))
        }
        Some(".zst") => Box::new(zstd::stream::read::Decoder::with_buffer(bytes)?),
        Some(".gz") => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Some(".bz2") => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
        _ => Box::new(bytes),
    };
    Ok(Unpacked { inner, limit, left: limit, cancel })
}

/// Decompresses by the ending of the file's name.
///
/// # Errors
/// The decoder's reason, or that there are more than `limit` bytes.
pub fn decompress(name: &str, bytes: &[u8], limit: u64, cancel: &CancelToken) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    unpack(name, bytes, limit, cancel)?.read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn every_ending_comes_back_within_its_limit() {
        let text = "Package: hello\n\n".repeat(1000).into_bytes();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&text).unwrap();
        let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz2.write_all(&text).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&text).unwrap();
        let all = [
            ("Packages", text.clone()),
            ("Packages.gz", gz.finish().unwrap()),
            ("Packages.bz2", bz2.finish().unwrap()),
            ("Packages.xz", xz.finish().unwrap()),
            ("Packages.zst", zstd::encode_all(&text[..], 1).unwrap()),
        ];
        let (cancel, size) = (CancelToken::new(), text.len() as u64);
        for (name, bytes) in &all {
            assert_eq!(format!("Packages{}", ending(bytes)), *name);
            assert_eq!(decompress(name, bytes, size, &cancel).unwrap(), text, "{name}");
            assert!(decompress(name, bytes, size - 1, &cancel).is_err(), "{name}");
            if *name != "Packages" {
                assert!(decompress(name, &bytes[..bytes.len() - 4], size, &cancel).is_err(), "{name}");
                assert!(decompress(name, b"no such format", size, &cancel).is_err(), "{name}");
            }
        }
    }
}
