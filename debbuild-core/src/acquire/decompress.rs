//! Indexes as they are stored (plain, gz, xz, bz2, zst) back to text, never more than a limit.

use std::io::{self, Read};

use crate::cancel::CancelToken;

/// The most memory that an xz decoder may take, in bytes: level 9 needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// The endings of index files, best first, with the empty one for plain.
pub(super) const ENDINGS: [&str; 5] = [".xz", ".zst", ".gz", ".bz2", ""];

/// Decompresses by the ending of the file's name.
///
/// # Errors
/// The decoder's reason, or that there are more than `limit` bytes.
pub fn decompress(name: &str, bytes: &[u8], limit: u64, cancel: &CancelToken) -> io::Result<Vec<u8>> {
    let ending = ENDINGS.into_iter().find(|ending| !ending.is_empty() && name.ends_with(ending));
    let mut reader: Box<dyn Read + '_> = match ending {
        Some(".xz") => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::read::XzDecoder::new_stream(bytes, stream))
        }
        Some(".zst") => Box::new(zstd::stream::read::Decoder::with_buffer(bytes)?),
        Some(".gz") => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Some(".bz2") => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
        _ => Box::new(bytes),
    };
    let mut text = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        cancel.check().map_err(io::Error::other)?;
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok(text);
        }
        if (text.len() + count) as u64 > limit {
            return Err(io::Error::other(format!("it has more than {limit} bytes")));
        }
        text.extend_from_slice(&buffer[..count]);
    }
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
            assert_eq!(decompress(name, bytes, size, &cancel).unwrap(), text, "{name}");
            assert!(decompress(name, bytes, size - 1, &cancel).is_err(), "{name}");
            if *name != "Packages" {
                assert!(decompress(name, &bytes[..bytes.len() - 4], size, &cancel).is_err(), "{name}");
                assert!(decompress(name, b"no such format", size, &cancel).is_err(), "{name}");
            }
        }
    }
}
