//! Rows 37 to 50: .deb files made by somebody who wants harm.

use std::io::Write as _;

use debbuild_core::{
    context::Context,
    deb::{
        Deb, DebEntry, DebError, DebLimits, EntryKind,
        fixture::{CONTROL, ar, control_tar, entry, tarball},
    },
};
use tar::EntryType as T;

use super::refused;

type Read = Result<(Deb, Vec<DebEntry>), DebError>;

fn read(bytes: &[u8]) -> Read {
    Deb::read_all(&Context::new(), bytes, &DebLimits::default())
}

fn with(name: &str, data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), (name, data)])
}

fn data(entries: &[Vec<u8>]) -> Read {
    read(&with("data.tar", &tarball(entries)))
}

#[test]
fn row_37_sizes_that_are_only_said() {
    let mut deb = with("data.tar", &tarball(&[]));
    for at in [8, 8 + 60 + 4] {
        let good = deb.clone();
        deb[at + 48..at + 58].copy_from_slice(b"9999999999");
        assert!(read(&deb).is_err());
        deb = good;
    }
}

#[test]
fn row_38_long_names_of_other_makers() {
    for name in ["//", "/99999", "#1/20", "/"] {
        refused(read(&ar(&[("debian-binary", b"2.0\n"), (name, b"x"), ("control.tar", &control_tar())])), "bad name");
    }
}

#[test]
fn row_39_sizes_that_are_no_numbers() {
    let deb = with("data.tar", &tarball(&[]));
    for size in ["-1        ", "0x10      ", "4 4       ", "          ", "4.0       "] {
        let mut bad = deb.clone();
        bad[8 + 48..8 + 58].copy_from_slice(size.as_bytes());
        assert!(read(&bad).is_err(), "{size}");
    }
    let mut unpadded = ar(&[("debian-binary", b"2.0\n"), ("_odd", b"x")]);
    unpadded.pop();
    unpadded.extend(&ar(&[("control.tar", &control_tar()), ("data.tar", &tarball(&[]))])[8..]);
    assert!(read(&unpadded).is_err());
}

#[test]
fn row_40_members_and_their_order() {
    let (version, control, tar) = (("debian-binary", &b"2.0\n"[..]), control_tar(), tarball(&[]));
    let (control, data) = (("control.tar", &control[..]), ("data.tar", &tar[..]));
    refused(read(&ar(&[version, data, control])), "where control.tar should be");
    refused(read(&ar(&[version, control, control, data])), "where data.tar should be");
    refused(read(&ar(&[version, control, ("extra", b""), data])), "where data.tar should be");
    refused(read(&ar(&[version, control, data, control])), "second control.tar");
    read(&ar(&[version, ("_mine", b"x"), control, data, ("extra", b"x")])).unwrap();
}

#[test]
fn row_41_versions_of_the_format() {
    let deb = |version: &[u8]| {
        ar(&[("debian-binary", version), ("control.tar", &control_tar()), ("data.tar", &tarball(&[]))])
    };
    refused(read(&deb(b"3.0\n")), "unknown format version");
    assert_eq!(read(&deb(b"2.1\nand more\n")).unwrap().0.format, "2.1");
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
        ".zst" => zstd::encode_all(content, 1).unwrap(),
        _ => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
    }
}

#[test]
fn row_42_bombs() {
    let mut bomb = entry(T::Regular, "./zeros", "", &vec![0; 66 << 20]);
    bomb.extend([0; 1024]);
    for ending in [".gz", ".xz", ".zst", ".bz2"] {
        let deb = with(&format!("data.tar{ending}"), &compressed(ending, &bomb));
        assert!(deb.len() < 1 << 20);
        refused(read(&deb), "unpacks to more than");
        let mut limits = DebLimits::default();
        limits.data = 1 << 20;
        refused(Deb::read_all(&Context::new(), &deb[..], &limits), "unpacks to more than 1048576 bytes");
    }
}

#[test]
fn row_43_decoders_that_want_all_memory() {
    // A block of xz whose dictionary has 4 GiB: the property byte 40, and the sum of the header made right.
    let mut xz = compressed(".xz", &tarball(&[]));
    assert_eq!(xz[14..16], [0x21, 1]);
    xz[16] = 40;
    let mut sum = flate2::Crc::new();
    sum.update(&xz[12..20]);
    xz[20..24].copy_from_slice(&sum.sum().to_le_bytes());
    refused(read(&with("data.tar.xz", &xz)), "data.tar.xz");
    // A frame of zstd whose window has 2 GiB, with one empty block.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0];
    refused(read(&with("data.tar.zst", &zstd)), "data.tar.zst");
}

#[test]
fn row_44_a_frame_that_does_not_end() {
    // Blocks of 128 KiB of zeros, four bytes each, none of them the last.
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for _ in 0..1000 {
        zstd.extend(&(((128_u32 << 10) << 3) | 0b10).to_le_bytes()[..3]);
        zstd.push(0);
    }
    refused(read(&with("data.tar.zst", &zstd)), "unpacks to more than");
}

#[test]
fn row_45_what_stands_behind_a_stream() {
    for ending in [".gz", ".xz", ".zst", ".bz2"] {
        let name = format!("control.tar{ending}");
        let control = compressed(ending, &control_tar());
        for more in [&b"garbage"[..], &control] {
            let whole = [&control[..], more].concat();
            let deb = ar(&[("debian-binary", b"2.0\n"), (&name, &whole), ("data.tar", &tarball(&[]))]);
            refused(read(&deb), &name);
        }
    }
}

#[test]
fn row_46_paths_that_lead_out_and_files_that_are_none() {
    for (path, link, kind) in [
        ("../x", "", T::Regular),
        ("./a/../../x", "", T::Regular),
        ("/etc/passwd", "", T::Regular),
        ("./x", "../../etc/passwd", T::Link),
    ] {
        refused(data(&[entry(kind, path, link, b"")]), "is not a path below the root");
    }
    // There is only a listing: what would be a symbolic link, a device or set-id somewhere is a line of it here.
    let listed = data(&[
        entry(T::Symlink, "./up", "../../etc", b""),
        entry(T::Regular, "./up/passwd", "", b"x"),
        entry(T::Char, "./null", "", b""),
    ]);
    let (_, entries) = listed.unwrap();
    assert_eq!(entries[0].link.as_deref(), Some("../../etc"));
    assert_eq!((entries[1].mode, entries[2].kind), (0o4755, EntryKind::CharacterDevice));
}

#[test]
fn row_47_headers_of_pax() {
    for kind in [T::XHeader, T::XGlobalHeader] {
        let pax = entry(kind, "./x", "", b"18 size=9999999999\n");
        refused(data(&[pax.clone(), entry(T::Regular, "./a", "", b"x")]), "is an entry of kind");
        let long = entry(T::GNULongName, "././@LongLink", "", b"./long");
        refused(data(&[pax, long, entry(T::Regular, "./a", "", b"x")]), "is an entry of kind");
    }
}

#[test]
fn row_48_and_50_nothing_gets_a_mode() {
    let before = std::fs::symlink_metadata("/tmp").unwrap();
    let (_, entries) = data(&[entry(T::Symlink, "./tmp", "/tmp", b""), entry(T::Directory, "./tmp", "", b"")]).unwrap();
    assert_eq!(entries.len(), 2);
    let after = std::fs::symlink_metadata("/tmp").unwrap();
    assert_eq!(before.permissions(), after.permissions());
    let mut closed = entry(T::Directory, "./", "", b"");
    closed[100..108].copy_from_slice(b"0000000\0");
    closed[148..156].fill(b' ');
    let sum: u32 = closed.iter().map(|byte| u32::from(*byte)).sum();
    closed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let control = tarball(&[closed, entry(T::Regular, "./control", "", CONTROL.as_bytes())]);
    read(&ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tarball(&[]))])).unwrap();
}

#[test]
fn row_49_too_many_too_sparse_and_unknown() {
    let mut limits = DebLimits::default();
    limits.entries = 100;
    let many: Vec<Vec<u8>> = (0..101).map(|at| entry(T::Regular, &format!("./{at}"), "", b"")).collect();
    let deb = with("data.tar", &tarball(&many));
    refused(Deb::read_all(&Context::new(), &deb[..], &limits), "more than 100 entries");
    // Eight GiB that are said and not there: nothing is allocated for them.
    let mut large = entry(T::Regular, "./large", "", b"");
    large[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\x02\0\0\0\0");
    large[148..156].fill(b' ');
    let sum: u32 = large.iter().map(|byte| u32::from(*byte)).sum();
    large[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(data(&[large]).is_err());
    for kind in [T::GNUSparse, T::new(b'Z'), T::new(b'V')] {
        refused(data(&[entry(kind, "./x", "", b"")]), "is an entry of kind");
    }
}

#[test]
fn what_is_not_read_of_a_content_is_read_over() {
    let deb =
        with("data.tar", &tarball(&[entry(T::Regular, "./a", "", &[1; 5000]), entry(T::Regular, "./b", "", b"yes")]));
    let mut found = Vec::new();
    let read = Deb::walk(&Context::new(), &deb[..], &DebLimits::default(), &mut |entry, content| {
        let mut text = String::new();
        if entry.path == "b" {
            content.read_to_string(&mut text).unwrap();
        }
        found.push((entry.path, text));
        Ok(())
    });
    read.unwrap();
    assert_eq!(found, [("a".to_owned(), String::new()), ("b".to_owned(), "yes".to_owned())]);
}
