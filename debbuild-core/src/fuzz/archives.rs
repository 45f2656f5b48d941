//! Targets of .deb files: the outer archive, the inner ones, and the decompressors.

use std::io::{self, Read as _, Write as _};

use super::Target;
use crate::{
    context::Context,
    deb::{
        Deb, DebError, DebLimits,
        fixture::{CONTROL, ar, control_tar, entry, tarball},
    },
};

/// What a target may unpack, in bytes.
const MOST: u64 = 1 << 20;

fn limits() -> DebLimits {
    let mut limits = DebLimits::default();
    (limits.control, limits.data, limits.entries) = (MOST, MOST, 1000);
    limits.memory = 16 << 20;
    limits
}

/// Reads everything and counts what came out.
fn read(bytes: &[u8]) -> Result<u64, DebError> {
    let mut total = 0;
    Deb::walk(&Context::new(), bytes, &limits(), &mut |entry, content| {
        assert!(entry.path == "." || !entry.path.split('/').any(|part| matches!(part, "" | "." | "..")), "{entry:?}");
        let mut content = content.take(2 * MOST);
        let copied = io::copy(&mut content, &mut io::sink());
        total += copied.map_err(|source| DebError::Read { member: entry.path, source })?;
        Ok(())
    })?;
    assert!(total <= MOST, "{total} bytes came out");
    Ok(total)
}

/// The compressions, by the endings that members have.
const ENDINGS: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

fn compressed(ending: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    match ending {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(content)?;
            encoder.finish()
        }
        ".xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(content)?;
            encoder.finish()
        }
        ".zst" => zstd::encode_all(content, 3),
        _ => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(content)?;
            encoder.finish()
        }
    }
}

fn data() -> Vec<u8> {
    use tar::EntryType as T;
    tarball(&[
        entry(T::Directory, "./", "", b""),
        entry(T::Regular, "./usr/x", "", b"some content\n"),
        entry(T::Symlink, "./usr/y", "x", b""),
        entry(T::GNULongName, "././@LongLink", "", b"./usr/a-long-name"),
        entry(T::Regular, "./usr/a-long", "", b""),
    ])
}

fn deb(ending: &str, data: &[u8]) -> Vec<u8> {
    let name = format!("data.tar{ending}");
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), (name.as_str(), data)])
}

pub(super) fn outer_archives() -> Target {
    let words: [&'static [u8]; 8] =
        [b"!<arch>\n", b"`\n", b"9999999999", b"//", b"#1/4", b"_x", b"data.tar", b"control.tar"];
    Target::new("outer-archives", vec![deb("", &data())], &words, |bytes| {
        drop(read(bytes));
    })
}

pub(super) fn inner_archives() -> Target {
    let words: [&'static [u8]; 6] = [b"../", b"/", b"\0", b"ustar", b"77777777777", b"\x80\x00\x00\xff"];
    let samples = vec![data(), control_tar(), CONTROL.as_bytes().to_vec()];
    Target::new("inner-archives", samples, &words, |bytes| {
        // The sums of the headers are made right, so that what follows them is looked at.
        let mut tar = bytes.to_vec();
        for block in tar.as_chunks_mut::<512>().0 {
            if &block[257..262] == b"ustar" {
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        drop(read(&deb("", &tar)));
        drop(read(&ar(&[("debian-binary", b"2.0\n"), ("control.tar", &tar), ("data.tar", &data())])));
    })
}

/// The first byte of an input says which decompressor gets the rest.
pub(super) fn decompressors() -> Target {
    let zeros = tarball(&[entry(tar::EntryType::Regular, "./zeros", "", &vec![0; 512 << 10])]);
    let mut samples = Vec::new();
    for (number, ending) in (0..).zip(ENDINGS) {
        for content in [&data(), &zeros] {
            let sample = compressed(ending, content).unwrap_or_else(|error| panic!("{ending}: {error}"));
            assert!(read(&deb(ending, &sample)).is_ok(), "{ending}");
            samples.push([&[number], &sample[..]].concat());
        }
    }
    let words: [&'static [u8]; 4] = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"];
    Target::new("decompressors", samples, &words, |bytes| {
        let Some((number, rest)) = bytes.split_first() else { return };
        drop(read(&deb(ENDINGS[usize::from(*number) % ENDINGS.len()], rest)));
    })
}
