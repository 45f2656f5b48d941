//! Fuzz targets of .deb files: the outer archive, the inner ones, and the decompressors.

use std::io::{Read as _, Write as _};

use debbuild_core::{
    context::Context,
    deb::{Deb, DebError, DebLimits},
};

use super::fuzz;
use crate::rows::deb::{CONTROL, ar, control_tar, entry, tarball};

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
        let copied = std::io::copy(&mut content, &mut std::io::sink());
        total += copied.map_err(|source| DebError::Read { member: entry.path, source })?;
        Ok(())
    })?;
    assert!(total <= MOST, "{total} bytes came out");
    Ok(total)
}

fn compressed(ending: &str, content: &[u8]) -> Vec<u8> {
    match ending {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        ".xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        ".zst" => zstd::encode_all(content, 3).unwrap(),
        ".bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        _ => content.to_vec(),
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

#[test]
fn outer_archives() {
    let sample = deb("", &data());
    assert!(read(&sample).is_ok());
    fuzz(
        &[sample],
        &[b"!<arch>\n", b"`\n", b"9999999999", b"//", b"#1/4", b"_x", b"data.tar", b"control.tar"],
        |bytes| {
            drop(read(bytes));
        },
    );
}

#[test]
fn inner_archives() {
    let words: [&'static [u8]; 6] = [b"../", b"/", b"\0", b"ustar", b"77777777777", b"\x80\x00\x00\xff"];
    fuzz(&[data(), control_tar(), CONTROL.as_bytes().to_vec()], &words, |bytes| {
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
    });
}

#[test]
fn decompressors() {
    for ending in [".gz", ".xz", ".zst", ".bz2"] {
        let zeros = tarball(&[entry(tar::EntryType::Regular, "./zeros", "", &vec![0; 512 << 10])]);
        let samples = [compressed(ending, &data()), compressed(ending, &zeros)];
        for sample in &samples {
            assert!(read(&deb(ending, sample)).is_ok(), "{ending}");
        }
        fuzz(&samples, &[b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"], |bytes| {
            drop(read(&deb(ending, bytes)));
        });
    }
}
