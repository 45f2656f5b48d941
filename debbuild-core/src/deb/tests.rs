//! Unit tests of the .deb reader: real packages against dpkg-deb, and hostile ones.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::{
    fixture::{ar, entry, tarball},
    *,
};
use crate::command::{CommandRunnerExt as _, CommandSpec, SystemRunner};

const CONTROL: &str = "Package: demo\nVersion: 1:1.0-1\nArchitecture: amd64\nMaintainer: A <a@debian.example>\n\
    Installed-Size: 3\nDepends: libc6 (>= 2.36)\nDescription: shows\n at length\n .\n  verbatim\n";

async fn dpkg_deb(args: &[&str]) -> String {
    let spec = CommandSpec::new("dpkg-deb").with_args(args).with_env("TZ", "UTC");
    String::from_utf8(SystemRunner.output(&Context::new(), &spec).await.unwrap()).unwrap()
}

/// A package tree with every kind of entry that needs no privilege.
fn tree(root: &std::path::Path) {
    let long = format!("usr/share/{}", "long-name-".repeat(15));
    for folder in ["DEBIAN", "etc", "usr/bin", &long] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("DEBIAN/control"), CONTROL).unwrap();
    fs::write(root.join("DEBIAN/conffiles"), "/etc/demo.conf\n").unwrap();
    fs::write(root.join("DEBIAN/md5sums"), "d41d8cd98f00b204e9800998ecf8427e  usr/bin/demo\n").unwrap();
    fs::write(root.join("etc/demo.conf"), "x = 1\n").unwrap();
    fs::write(root.join("usr/bin/demo"), "#!/bin/sh\n".repeat(5000)).unwrap();
    fs::set_permissions(root.join("usr/bin/demo"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::write(root.join(&long).join("a file with spaces"), "").unwrap();
    symlink("demo", root.join("usr/bin/link")).unwrap();
    symlink(format!("/{}", "target/".repeat(30)), root.join("usr/bin/longlink")).unwrap();
    fs::hard_link(root.join("usr/bin/demo"), root.join("usr/bin/twin")).unwrap();
}

/// An entry as `dpkg-deb --contents` prints it.
fn as_tar_prints(entry: &DebEntry) -> String {
    let letter = match entry.kind {
        EntryKind::Directory => 'd',
        EntryKind::SymbolicLink => 'l',
        EntryKind::HardLink => 'h',
        _ => '-',
    };
    let mut mode: String =
        (0..9).rev().map(|bit| if entry.mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' }).collect();
    if entry.mode & 0o4000 != 0 {
        mode.replace_range(2..3, "s");
    }
    let (user, group) = (&entry.user, &entry.group);
    let path = match (entry.path.as_str(), entry.kind) {
        (".", _) => "./".to_owned(),
        (path, EntryKind::Directory) => format!("./{path}/"),
        (path, _) => format!("./{path}"),
    };
    let link = match (entry.kind, &entry.link) {
        (EntryKind::HardLink, Some(to)) => format!(" link to ./{to}"),
        (_, Some(to)) => format!(" -> {to}"),
        _ => String::new(),
    };
    let when = entry.modified.to_string().replace('T', " ");
    format!("{letter}{mode} {user}/{group} {} {} {path}{link}", entry.size, &when[..16])
}

#[tokio::test]
async fn dpkg_deb_agrees_for_every_compressor() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let root = folder.path().join("root");
    tree(&root);
    for compression in ["none", "gzip", "xz", "zstd"] {
        let file = folder.path().join(format!("{compression}.deb"));
        let (root, path) = (root.to_str().unwrap(), file.to_str().unwrap());
        dpkg_deb(&["--root-owner-group", "--uniform-compression", "-Z", compression, "-b", root, path]).await;
        let bytes = fs::read(&file).unwrap();
        let (deb, entries) = Deb::read_all(&Context::new(), &bytes[..], &DebLimits::default()).unwrap();
        assert_eq!(deb.control, dpkg_deb(&["-I", path, "control"]).await, "{compression}");
        assert_eq!(deb.package.version.as_str(), dpkg_deb(&["-f", path, "Version"]).await.trim());
        assert_eq!(deb.conffiles().collect::<Vec<_>>(), ["/etc/demo.conf"]);
        assert_eq!(deb.md5sums().next(), Some(("d41d8cd98f00b204e9800998ecf8427e", "usr/bin/demo")));
        let squeezed = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let theirs: Vec<String> = dpkg_deb(&["-c", path]).await.lines().map(squeezed).collect();
        assert_eq!(entries.iter().map(as_tar_prints).collect::<Vec<_>>(), theirs, "{compression}");
        assert_eq!(Deb::read(&Context::new(), &bytes[..], &DebLimits::default()).unwrap(), deb);
        for cut in [7, 8, 40, 70, 100, 140, 300, bytes.len() / 2, bytes.len() - 1] {
            assert!(Deb::read_all(&Context::new(), &bytes[..cut], &DebLimits::default()).is_err(), "cut at {cut}");
        }
    }
}

fn control_tar() -> Vec<u8> {
    tarball(&[entry(tar::EntryType::Regular, "./control", "", CONTROL.as_bytes())])
}

fn read(bytes: &[u8]) -> Result<(Deb, Vec<DebEntry>), DebError> {
    Deb::read_all(&Context::new(), bytes, &DebLimits::default())
}

fn with_data(data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), ("data.tar", data)])
}

#[test]
fn members_stand_in_their_order_once() {
    let (version, control, data) = (("debian-binary", &b"2.0\n"[..]), control_tar(), tarball(&[]));
    let (control, data) = (("control.tar", &control[..]), ("data.tar", &data[..]));
    for good in [
        ar(&[version, control, data]),
        ar(&[("debian-binary", b"2.1\nmore\n"), control, data]),
        ar(&[version, ("_gpgorigin", b"x"), control, ("_x", b""), data, ("extra", b"x")]),
        ar(&[("debian-binary/", b"2.0\n"), ("control.tar/", control.1), data]),
    ] {
        read(&good).unwrap();
    }
    for (what, bad) in [
        ("empty", Vec::new()),
        ("no member", ar(&[])),
        ("order", ar(&[version, data, control])),
        ("version", ar(&[("debian-binary", b"3.0\n"), control, data])),
        ("version text", ar(&[("debian-binary", b"2.x"), control, data])),
        ("no control", ar(&[version, data])),
        ("two controls", ar(&[version, control, control, data])),
        ("two data", ar(&[version, control, data, data])),
        ("unknown before data", ar(&[version, control, ("extra", b"x"), data])),
        ("unknown compressor", ar(&[version, ("control.tar.lzo", control.1), data])),
        ("control is a prefix only", ar(&[version, ("control.tarx", control.1), data])),
        ("GNU names", ar(&[version, ("/12", b"x"), control, data])),
        ("BSD names", ar(&[version, ("#1/4", b"x"), control, data])),
        ("after the stream", ar(&[version, ("control.tar", &[control.1, b"x"].concat()), data])),
    ] {
        assert!(matches!(read(&bad), Err(DebError::Format(_) | DebError::Read { .. })), "{what}: {:?}", read(&bad));
    }
}

#[test]
fn sizes_in_headers_are_not_believed() {
    let good = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), ("data.tar", &tarball(&[]))]);
    let second = 8 + 60 + 4;
    for size in ["9999999999", "-1        ", "12a       ", "1 2       ", "          ", "0x10      "] {
        let mut bad = good.clone();
        bad[second + 48..second + 58].copy_from_slice(size.as_bytes());
        assert!(read(&bad).is_err(), "{size}");
    }
    let mut bad = good;
    bad[8 + 58] = b'x';
    assert!(read(&bad).is_err());
}

#[test]
fn only_paths_below_the_root_and_known_kinds() {
    use tar::EntryType as T;
    let listed = read(&with_data(&tarball(&[
        entry(T::Directory, "./", "", b""),
        entry(T::Regular, "usr/x", "", b"abc"),
        entry(T::Symlink, "./up", "../../etc/passwd", b""),
    ])))
    .unwrap()
    .1;
    assert_eq!(listed.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), [".", "usr/x", "up"]);
    assert_eq!(listed[2].link.as_deref(), Some("../../etc/passwd"));
    for (what, bad) in [
        ("parent", entry(T::Regular, "./../x", "", b"")),
        ("inner parent", entry(T::Regular, "./a/../x", "", b"")),
        ("absolute", entry(T::Regular, "/etc/passwd", "", b"")),
        ("empty", entry(T::Regular, "", "", b"")),
        ("hard link outside", entry(T::Link, "./x", "../../etc/passwd", b"")),
        ("link to nothing", entry(T::Symlink, "./x", "", b"")),
        ("pax", entry(T::XHeader, "./x", "", b"12 path=abc\n")),
        ("global pax", entry(T::XGlobalHeader, "./x", "", b"12 path=abc\n")),
        ("sparse", entry(T::GNUSparse, "./x", "", b"")),
        ("unknown", entry(T::new(b'Z'), "./x", "", b"")),
        ("long path", entry(T::GNULongName, "././@LongLink", "", &[b'x'; 5000])),
    ] {
        assert!(matches!(read(&with_data(&tarball(&[bad]))), Err(DebError::Member { .. })), "{what}");
    }
}

#[test]
fn the_control_archive_holds_plain_files() {
    use tar::EntryType as T;
    let control = || entry(T::Regular, "./control", "", CONTROL.as_bytes());
    let deb = |entries: &[Vec<u8>]| {
        let control = tarball(entries);
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tarball(&[]))])
    };
    read(&deb(&[entry(T::Directory, "./", "", b""), control()])).unwrap();
    for (what, bad) in [
        ("no control", deb(&[])),
        ("twice", deb(&[control(), control()])),
        ("link", deb(&[control(), entry(T::Symlink, "./postinst", "/bin/sh", b"")])),
        ("folder", deb(&[control(), entry(T::Regular, "./a/b", "", b"")])),
        ("not a control file", deb(&[entry(T::Regular, "./control", "", b"nonsense\n")])),
        ("not text", deb(&[entry(T::Regular, "./control", "", b"Package: \xff\n")])),
    ] {
        assert!(read(&bad).is_err(), "{what}");
    }
}

fn compressed(kind: &str, content: &[u8]) -> Vec<u8> {
    match kind {
        "data.tar.gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        "data.tar.xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        "data.tar.zst" => zstd::encode_all(content, 3).unwrap(),
        _ => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
    }
}

#[test]
fn bombs_stop_at_the_limit_and_streams_end_where_they_end() {
    let mut bomb = entry(tar::EntryType::Regular, "./zeros", "", &vec![0; 3 << 20]);
    bomb.extend([0; 1024]);
    let read_with = |name: &str, data: &[u8], limit: u64| {
        let bytes = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), (name, data)]);
        Deb::read_all(&Context::new(), &bytes[..], &DebLimits { data: limit, ..DebLimits::default() })
    };
    for name in ["data.tar.gz", "data.tar.xz", "data.tar.zst", "data.tar.bz2"] {
        let data = compressed(name, &bomb);
        assert_eq!(read_with(name, &data, 4 << 20).unwrap().1[0].size, 3 << 20, "{name}");
        assert!(
            matches!(read_with(name, &data, 2 << 20), Err(DebError::Limit { limit, .. }) if limit == 2 << 20),
            "{name}"
        );
        let more = [&data[..], &compressed(name, &bomb)].concat();
        assert!(matches!(read_with(name, &more, 4 << 20), Err(DebError::Read { .. })), "{name}: two streams");
        assert!(
            matches!(read_with(name, &data[..data.len() / 2], 4 << 20), Err(DebError::Read { .. })),
            "{name}: half"
        );
        let garbage = compressed(name, &[&tarball(&[])[..], b"x"].concat());
        assert!(matches!(read_with(name, &garbage, 4 << 20), Err(DebError::Read { .. })), "{name}: after the tar");
    }
    // The ratio counts from 64 MiB on.
    let zeros = vec![0; 65 << 20];
    let large = entry(tar::EntryType::Regular, "./zeros", "", &zeros);
    let data = compressed("data.tar.zst", &large);
    assert!(matches!(read_with("data.tar.zst", &data, u64::MAX), Err(DebError::Limit { .. })));
}

#[test]
fn decoders_that_want_much_memory_are_refused() {
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    zstd.window_log(23).unwrap();
    zstd.write_all(&tarball(&[])).unwrap();
    for (name, data) in
        [("data.tar.xz", compressed("data.tar.xz", &tarball(&[]))), ("data.tar.zst", zstd.finish().unwrap())]
    {
        let bytes = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control_tar()), (name, &data)]);
        read(&bytes).unwrap();
        let limits = DebLimits { memory: 1 << 20, ..DebLimits::default() };
        let result = Deb::read_all(&Context::new(), &bytes[..], &limits);
        assert!(matches!(result, Err(DebError::Read { .. })), "{name}");
    }
}
