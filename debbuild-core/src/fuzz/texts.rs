//! Targets of what is text: versions, relations, control files, changelogs, releases.

use std::{cmp::Ordering, io::BufReader};

use crate::{
    changelog,
    control::{
        self, BinaryPackage, Buildinfo, Changes, ControlError, DebianControl, ParagraphReader, Release, SourceControl,
        StreamError, read_packages, read_sources, signed_text, stream_contents, stream_packages, utf8,
    },
    lock::{ListStyle, LockFile},
    name::PoolPath,
    relation::Relations,
    version::Version,
};

use super::{Target, texts};

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn dsc() -> String {
    format!(
        "Format: 3.0 (quilt)\nSource: hello\nBinary: hello, hello-doc\nArchitecture: any all\nVersion: 1:2.10-3\nMaintainer: A <a@b>\n\
         Build-Depends: debhelper-compat (= 13), gettext [linux-any] <!nodoc>\nChecksums-Sha256:\n {SUM} 5 hello_2.10.orig.tar.gz\n\
         Files:\n {MD5} 5 hello_2.10.orig.tar.gz\n"
    )
}

fn changes() -> String {
    format!(
        "Format: 1.8\nDate: Sat, 10 May 2025 11:16:05 +0200\nSource: hello (1)\nBinary: hello\nArchitecture: source amd64\n\
         Version: 1+b1\nDistribution: unstable\nUrgency: medium\nCloses: 12 34\nChecksums-Sha256:\n {SUM} 5 hello_1_amd64.deb\n\
         Files:\n {MD5} 5 devel optional hello_1_amd64.deb\n"
    )
}

fn stanza() -> String {
    format!(
        "Package: hello\nSource: greetings (1.0)\nVersion: 1.0+b1\nArchitecture: amd64\nMulti-Arch: foreign\nDepends: libc6 (>= 2.36)\n\
         Filename: ./pool/hello_1.0+b1_amd64.deb\nSize: 42\nSHA256: {SUM}\nDescription: says hello\n at length\n .\n more\n"
    )
}

const WORDS: [&[u8]; 14] = [
    b"\n",
    b"\n\n",
    b"\n \n",
    b" ",
    b":",
    b"Version: ",
    b"Files:\n",
    b"../",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\0",
    b"\n ",
    b"#",
    b"Architecture: source all\n",
];

pub(super) fn versions() -> Target {
    let samples = texts(&["1:2.10-3+deb12u1~bpo11+1", "0", "1.0-0", "2147483647:1-1", "1.0+b2"]);
    Target::new("versions", samples, &[b":", b"-", b"~", b"+b", b"99999999999"], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let (a, b) = text.split_once(' ').unwrap_or((text, "1.0-1"));
        if let Ok((version, warning)) = Version::tolerant(a) {
            assert_eq!((version.as_str(), Version::new(a).is_ok()), (a, warning.is_none()));
            assert_eq!(version.compare(&version), Ordering::Equal);
            let (_, _, _) = (version.bin_nmu(), version.upstream(), version.revision());
            if let Ok(other) = Version::new(b) {
                assert_eq!(version.cmp(&other), other.cmp(&version).reverse());
                assert_eq!(version == other, version.cmp(&other).is_eq());
            }
        }
    })
}

pub(super) fn relations() -> Target {
    let samples = texts(&[
        "libc6 (>= 2.36), default-mta | mail-transport-agent, gcc:native (<< 5:13) [linux-any !x32] <!nocheck> <cross>",
        "${shlibs:Depends}, foo (= ${binary:Version}), python3:any [amd64]",
        "aa (>> 1),\n bb|cc\t(<  2 ) , ,\n dd [ amd64 ]<x>,\n",
    ]);
    Target::new(
        "relations",
        samples,
        &[b"(", b")", b"[", b"]", b"<", b">", b"|", b",", b"${", b"}", b"!", b":any"],
        |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            match Relations::parse_template(text) {
                Ok((read, _)) => assert_eq!(Relations::parse(&read.to_string()), Ok(read)),
                Err(error) => assert!(error.offset <= text.len(), "{error}"),
            }
        },
    )
}

/// Whole texts and streams are read alike.
pub(super) fn paragraphs() -> Target {
    let samples = texts(&[&dsc(), &stanza(), "# c\nA: 1\n\n\t\n# d\nB: 2\n x\n .\nC:\n"]);
    Target::new("paragraphs", samples, &WORDS, |bytes| {
        let Ok(text) = utf8(bytes) else { return };
        let whole: Vec<_> =
            control::paragraphs(text).map(|p| p.map(|p| (p.first_line(), p.fields().count()))).collect();
        let mut reader = ParagraphReader::new(BufReader::with_capacity(7, bytes));
        let mut streamed = Vec::new();
        loop {
            match reader.read() {
                Ok(None) => break,
                Ok(Some(paragraph)) => streamed.push(Ok((paragraph.first_line(), paragraph.fields().count()))),
                Err(StreamError::Control(error)) => streamed.push(Err(error)),
                Err(error) => panic!("{error}"),
            }
        }
        let line = |error: &ControlError| match error {
            ControlError::Syntax { line, .. } => *line,
            _ => 0,
        };
        let lines = |all: &[Result<(usize, usize), ControlError>]| -> Vec<_> {
            all.iter().map(|found| found.as_ref().map_err(line).copied()).collect()
        };
        assert_eq!(lines(&streamed), lines(&whole));
    })
}

pub(super) fn uploads() -> Target {
    let samples = texts(&[&dsc(), &changes(), &changes().replace("Date", "Build-Architecture: amd64\nBuild-Date")]);
    Target::new("uploads", samples, &WORDS, |bytes| {
        let plain = |name: &str| assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
        if let Ok(dsc) = SourceControl::from_unverified(bytes) {
            dsc.files.iter().for_each(|file| plain(file.name.as_str()));
        }
        if let Ok(changes) = Changes::from_unverified(bytes) {
            changes.files.iter().for_each(|file| plain(file.file.name.as_str()));
        }
        if let Ok(info) = Buildinfo::from_unverified(bytes) {
            info.files.iter().for_each(|file| plain(file.name.as_str()));
        }
        drop(DebianControl::read(bytes));
    })
}

pub(super) fn indexes() -> Target {
    let source = dsc().replace("Source:", "Package:") + "Directory: pool/h\n";
    let samples = texts(&[&format!("{}\n{}", stanza(), stanza()), &source, "bin/ls utils/coreutils,admin/x\n"]);
    Target::new("indexes", samples, &WORDS, |bytes| {
        stream_contents(bytes).for_each(|found| assert!(found.is_ok()));
        let Ok(text) = utf8(bytes) else { return };
        let (packages, problems) = read_packages(text);
        let streamed: Vec<_> = stream_packages(bytes).map(Result::unwrap).collect();
        assert_eq!(streamed.iter().filter_map(|found| found.value.as_ref()).count(), packages.len());
        assert_eq!(streamed.iter().map(|found| found.problems.len()).sum::<usize>(), problems.len());
        let (_, _) = (read_sources(text), BinaryPackage::from_control(text).is_ok());
    })
}

pub(super) fn changelogs() -> Target {
    let entry = "hello (2.10-3) unstable; urgency=medium, binary-only=yes\n\n  * Say hello.\n\n -- A <a@b>  Mon, 26 Dec 2022 16:30:00 +0100\n";
    let samples = texts(&[entry, &format!("{entry}\n{entry}\nLocal variables:\nmode: x\n"), "$Id: x$\n# c\n/* c */\n"]);
    Target::new("changelogs", samples, &[b"\n -- ", b" (", b")", b"; ", b"=", b"<", b">  ", b"\n"], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let lines = text.lines().count();
        for entry in changelog::entries(text) {
            match entry {
                Ok(entry) => assert!(!entry.date_text.is_empty() && entry.maintainer.ends_with('>')),
                Err(problem) => assert!(problem.line >= 1 && problem.line <= lines, "{problem}"),
            }
        }
        drop(changelog::top_entry(text));
    })
}

pub(super) fn releases() -> Target {
    let release = format!(
        "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 10 May 2025 09:16:05 UTC\nValid-Until: Sat, 17 May 2025 09:16:05 UTC\n\
         Acquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main\nSHA256:\n {SUM} 0 main/binary-amd64/Packages\n"
    );
    let block = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{release}\n-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
    );
    let samples = texts(&[&release, &block]);
    let words: [&'static [u8]; 8] = [
        b"-----BEGIN PGP SIGNED MESSAGE-----\n",
        b"-----BEGIN PGP SIGNATURE-----\n",
        b"-----END PGP SIGNATURE-----\n",
        b"- ",
        b"\x0c",
        b"\n\n",
        b"Hash: SHA256\n",
        b"../",
    ];
    Target::new("releases", samples, &words, |bytes| {
        if let Ok(release) = Release::from_unverified(bytes) {
            let safe = |path: &PoolPath| !path.as_str().split('/').any(|part| matches!(part, "" | "." | ".."));
            assert!(release.files.keys().all(safe));
        }
        if let Ok(text) = signed_text(bytes)
            && bytes.starts_with(b"-----BEGIN PGP SIGNED")
        {
            let whole = String::from_utf8_lossy(bytes);
            assert!(text.len() <= whole.len() + 1, "only what stands in the block");
        }
    })
}

pub(super) fn locks() -> Target {
    let file = format!(r#"{{"path": "dists/s/InRelease", "size": 1, "sha256": "{SUM}"}}"#);
    let archive = format!(
        r#"{{"name": "main", "uris": [], "suite": "s", "release": {file}, "date": "2025-05-10T09:16:05Z", "expiry_checked": true,
        "keyring_sha256": "{SUM}", "indexes": [{file}]}}"#
    );
    let package = format!(
        r#"{{"name": "hello", "architecture": "all", "version": "1:2.10-3", "sha256": "{SUM}", "size": 1, "archive": "main", "path": "p"}}"#
    );
    let lock = format!(
        r#"{{"schema": 1, "kind": "chroot", "architecture": "amd64", "verified_at": "2025-05-10T09:16:05.123Z", "archives": [{archive}],
        "packages": [{package}], "additions": {{"live/iso": []}}, "options": {{"spec": "{{}}"}}, "tools": {{}}}}"#
    );
    let words: [&'static [u8]; 8] = [b"{", b"}", b"[", b"]", b",", b"\"", b": null", b"\"schema\": 2"];
    Target::new("locks", texts(&[&lock]), &words, |bytes| {
        if let Ok(lock) = LockFile::from_json(bytes) {
            let listed = lock.list(ListStyle::Sources).len();
            assert!(listed <= lock.all_packages().len() && lock.blobs().len() >= usize::from(listed > 0));
            assert!(lock.to_json().is_ok());
        }
    })
}
