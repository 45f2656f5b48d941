//! Unit tests of control files.

mod debian;
mod index;

use deb822_fast::Deb822;
use proptest::prelude::*;

use super::*;
use crate::sign::{Fingerprint, Signature, Verified};

const DSC: &str = "Format: 3.0 (quilt)
Source: hello
Binary: hello, hello-doc
Architecture: any all
Version: 1:2.10-3
Maintainer: A. Person <person@debian.example>
Build-Depends: debhelper-compat (= 13), gettext [linux-any], texinfo <!nodoc>
Build-Conflicts: autoconf2.13
Package-List:
 hello deb devel optional arch=any
 hello-doc deb doc optional arch=all profile=!nodoc,!stage1+pkg.hello.doc
Checksums-Sha1:
 da39a3ee5e6b4b0d3255bfef95601890afd80709 5 hello_2.10.orig.tar.gz
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 5 hello_2.10.orig.tar.gz
Files:
 d41d8cd98f00b204e9800998ecf8427e 5 hello_2.10.orig.tar.gz
";

fn dsc(text: &str) -> Result<SourceControl, ControlError> {
    SourceControl::from_unverified(text.as_bytes())
}

#[test]
fn a_dsc_is_read() {
    let source = dsc(DSC).unwrap();
    assert_eq!((source.source.as_str(), source.version.as_str()), ("hello", "1:2.10-3"));
    assert_eq!(source.binaries.len(), 2);
    let [doc] = &source.profiled[..] else { panic!("{:?}", source.profiled) };
    let built = |names: &[&str]| doc.is_built(&names.iter().map(|name| name.parse().unwrap()).collect());
    assert_eq!(doc.package.as_str(), "hello-doc");
    assert!(built(&[]) && built(&["nocheck"]) && built(&["nodoc", "pkg.hello.doc"]) && !built(&["stage1"]));
    assert!(dsc(&DSC.replace("profile=!", "profile=!!")).is_err());
    assert!(source.architectures[0].is_wildcard());
    assert_eq!(source.relations.depends.0.len(), 3);
    assert_eq!(source.relations.conflicts.to_string(), "autoconf2.13");
    assert_eq!((source.files[0].name.as_str(), source.files[0].size), ("hello_2.10.orig.tar.gz", 5));

    let key = Fingerprint::new(&"A".repeat(40)).unwrap();
    let verified = Verified::vouch(DSC.into(), vec![Signature::new(key, None)]);
    assert_eq!(SourceControl::from_verified(&verified), Ok(source));
}

#[test]
fn lists_of_files_must_agree_and_hold_plain_names() {
    for (from, to) in [
        ("Checksums-Sha256:", "Checksums-Sha999:"),
        ("5 hello_2.10.orig.tar.gz\nFiles", "6 hello_2.10.orig.tar.gz\nFiles"),
        ("e3b0c44298fc1c14", "x3b0c44298fc1c14"),
        ("7e 5 hello_2.10.orig.tar.gz\n", "7e 5 hello_2.10.orig.tar.gz\n d41d8cd98f00b204e9800998ecf8427e 5 extra\n"),
        ("7e 5 hello", "7e -5 hello"),
        ("7e 5 hello", "7 5 hello"),
        ("855 5 ", "855  "),
    ] {
        let text = DSC.replace(from, to);
        assert_ne!(text, DSC, "{from}");
        assert!(dsc(&text).is_err(), "{to}");
    }
    for name in ["../x", "/etc/passwd", "a/b", ".x", "-x", "~", "a\\b"] {
        assert!(dsc(&DSC.replace("hello_2.10.orig.tar.gz", name)).is_err(), "{name}");
    }
    let twice = DSC.replace(
        "Files:",
        " e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 5 hello_2.10.orig.tar.gz\nFiles:",
    );
    assert!(dsc(&twice).is_err());
}

#[test]
fn only_one_paragraph_and_each_field_once() {
    assert_eq!(dsc(&format!("{DSC}\n{DSC}")), Err(ControlError::Paragraphs(2)));
    assert_eq!(dsc(""), Err(ControlError::Paragraphs(0)));
    for (bad, reason) in [
        (format!("{DSC}version: 2\n"), "field given twice"),
        (format!(" x\n{DSC}"), "continuation line without a field"),
        (format!("{DSC}nonsense\n"), "expected a field and a colon"),
        (format!("{DSC}: x\n"), "not a field name"),
        (format!("{DSC}X: {}\n", "x".repeat(LONGEST_FIELD + 1)), "field too long"),
        ((0..2000).map(|n| format!("X{n}: x\n")).collect(), "too many fields in one paragraph"),
    ] {
        assert!(matches!(dsc(&bad), Err(ControlError::Syntax { reason: found, .. }) if found == reason), "{reason}");
    }
    for (bytes, reason) in
        [(&b"A: \xff\n"[..], "not UTF-8"), (b"\xef\xbb\xbfA: x\n", "byte order mark"), (b"A: x\nB: \0\n", "NUL")]
    {
        assert!(matches!(utf8(bytes), Err(ControlError::Syntax { reason: found, .. }) if found == reason), "{reason}");
    }
    assert_eq!(dsc(&DSC.replace('\n', "\r\n")), dsc(DSC));
}

#[test]
fn only_the_text_inside_one_signed_block_counts() {
    let block = |text: &str| {
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{text}\n-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
        )
    };
    assert_eq!(dsc(&block(DSC)), dsc(DSC));
    assert_eq!(signed_text(block("- -x\n").as_bytes()).unwrap().lines().next(), Some("-x"));
    for bad in [
        format!("Version: 3\n{}", block(DSC)),
        format!("{}Version: 3\n", block(DSC)),
        format!("{}{}", block(DSC), block(DSC)),
        block(&block(DSC)),
        block(DSC).replace("Hash: SHA512", "Version: 3"),
        block(DSC).replace("-----END PGP SIGNATURE-----\n", ""),
    ] {
        assert!(matches!(dsc(&bad), Err(ControlError::Armor(_))), "{bad}");
    }
}

#[test]
fn lines_of_spaces_end_a_paragraph_and_reading_goes_on_after_a_bad_one() {
    let text = "A: 1\n \t\nB: 2\n\n\n# note\nC: 3\nbad\n\nD: x\n .\n  y\n";
    let read: Vec<_> = paragraphs(text).collect();
    assert_eq!(read.len(), 4);
    assert_eq!(read[2], Err(ControlError::Syntax { line: 8, reason: "expected a field and a colon" }));
    let last = read[3].as_ref().unwrap();
    assert_eq!((last.first_line(), last.get("d")), (10, Some("x\n .\n  y")));
}

const STANZA: &str = "Package: hello
Source: greetings (1.0)
Version: 1.0+b1
Architecture: amd64
Multi-Arch: foreign
Essential: yes
Installed-Size: 12
Depends: libc6 (>= 2.36), foo | bar
Provides: greeter (= 1.0)
Filename: ./pool/hello_1.0+b1_amd64.deb
Size: 42
SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
Description: says hello
 at length
";

#[test]
fn a_packages_index_is_read_around_its_errors() {
    let bad = STANZA.replace("libc6 (", "libc6 ((");
    let (packages, problems) = read_packages(&format!("{STANZA}\n{bad}\n{}", STANZA.replace("hello", "hullo")));
    assert_eq!(packages.iter().map(|p| p.package.as_str()).collect::<Vec<_>>(), ["hello", "hullo"]);
    assert_eq!(problems[0].subject.as_deref(), Some("hello"));
    assert!(problems[0].to_string().contains("Depends"), "{}", problems[0]);
    let package = &packages[0];
    assert_eq!((package.source.as_str(), package.source_version.as_str()), ("greetings", "1.0"));
    assert_eq!((package.multi_arch, package.essential), (MultiArch::Foreign, true));
    assert_eq!(package.synopsis.as_deref(), Some("says hello"));
    assert_eq!(package.location.as_ref().unwrap().filename.as_str(), "pool/hello_1.0+b1_amd64.deb");
    assert_eq!(package.file_name(), "hello_1.0+b1_amd64.deb");
    assert!(!read_packages(&STANZA.replace("./pool", "../pool")).1.is_empty());
    assert!(BinaryPackage::from_control(STANZA).unwrap().location.is_none());
}

#[test]
fn a_sources_index_is_read() {
    let stanza = DSC.replace("Source: hello", "Package: hello") + "Directory: pool/main/h/hello\n";
    let (sources, problems) = read_sources(&format!("{stanza}\n{}", stanza.replace("Format", "Farmot")));
    assert_eq!(sources[0].directory.as_ref().unwrap().as_str(), "pool/main/h/hello");
    assert_eq!(problems.len(), 1);
    assert!(sources[0].dsc_file().is_none() && !sources[0].extra_only);
    assert!(read_sources(&format!("{stanza}Extra-Source-Only: yes\n")).0[0].extra_only);
}

#[test]
fn a_changes_file_is_read() {
    let sums = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 5 hello_1_amd64.deb";
    let text = format!(
        "Format: 1.8\nDate: Sat, 10 May 2025 11:16:05 +0200\nSource: hello (1)\nBinary: hello\nArchitecture: source amd64\nVersion: 1+b1\n\
         Distribution: unstable\nUrgency: Medium (really)\nCloses: 12 34\nChecksums-Sha256:\n {sums}\n\
         Files:\n d41d8cd98f00b204e9800998ecf8427e 5 devel optional hello_1_amd64.deb\n"
    );
    let changes = Changes::from_unverified(text.as_bytes()).unwrap();
    assert!(changes.has_source);
    assert_eq!((changes.source_version.as_str(), changes.version.as_str()), ("1", "1+b1"));
    assert_eq!(changes.date.unwrap().to_string(), "2025-05-10T09:16:05Z");
    assert_eq!((changes.urgency.as_deref(), &changes.closes[..]), (Some("medium"), &[12, 34][..]));
    assert_eq!((changes.files[0].section.as_str(), changes.files[0].file.size), ("devel", 5));
    for bad in
        [text.replace(" devel optional", ""), text.replace("Files:", "Other:"), text.replace("amd64\n", "am/d64\n")]
    {
        assert!(Changes::from_unverified(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_buildinfo_is_read() {
    let text = "Format: 1.0\nSource: hello\nBinary: hello\nArchitecture: amd64\nVersion: 1\nBuild-Architecture: amd64\n\
        Checksums-Sha256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 5 hello_1_amd64.deb\n\
        Installed-Build-Depends:\n base-files (= 12.4),\n libc6:i386 (= 2.36-9)\n\
        Environment:\n LANG=\"C.UTF-8\"\n ODD=\"a \\\"b\\\" \\\\ c\"\n";
    let info = Buildinfo::from_unverified(text.as_bytes()).unwrap();
    assert_eq!(info.installed.len(), 2);
    assert_eq!(info.installed[1].architecture.as_ref().unwrap().as_str(), "i386");
    assert_eq!(info.environment["ODD"], "a \"b\" \\ c");
    assert!(Buildinfo::from_unverified(text.replace("= 12.4", ">= 12.4").as_bytes()).is_err());
}

#[test]
fn a_release_is_read() {
    let text = "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 10 May 2025 09:16:05 UTC\n\
        Acquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main contrib\nSHA256:\n \
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages\n";
    let release = Release::from_unverified(text.as_bytes()).unwrap();
    assert!(release.acquire_by_hash);
    assert_eq!(release.file("main/binary-amd64/Packages").unwrap().size, 0);
    assert_eq!(release.file("main/binary-arm64/Packages"), None);
    for bad in [
        text.replace("main/binary", "../binary"),
        text.replace("SHA256", "SHA1"),
        text.replace("Date: Sat, 10", "Date: 10th"),
        text.replace(" 0 main", " main"),
    ] {
        assert!(Release::from_unverified(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut stanza = Stanza::new();
    stanza.field("Package", "hello").unwrap().optional("Section", None::<&str>).unwrap();
    stanza.list("SHA256", ["aa 1 x", "bb 2 y"]).unwrap().verbatim("Description", "short\n .\n  kept").unwrap();
    assert_eq!(stanza.as_str(), "Package: hello\nSHA256:\n aa 1 x\n bb 2 y\nDescription: short\n .\n  kept\n");
    let paragraph = single_paragraph(stanza.as_str()).unwrap();
    assert_eq!(paragraph.get("Description"), Some("short\n .\n  kept"));
    assert_eq!(paragraph.lines("SHA256").collect::<Vec<_>>(), ["aa 1 x", "bb 2 y"]);
    for (name, value) in
        [("X", "a\nY: b"), ("X", "a\n\n b"), ("X", "a\n \n b"), ("package", "x"), ("a b", "x"), ("#", "x")]
    {
        assert!(stanza.verbatim(name, value).is_err(), "{name}: {value:?}");
    }
    assert!(stanza.field("X", "a\nb").is_err() && stanza.field("X", " ").is_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_and_good_text_reads_as_in_deb822_fast(text in "([A-C:#]|x: y|[ \t\n\r])*") {
        let ours: Result<Vec<_>, _> = paragraphs(&text).collect();
        if let Ok(ours) = ours
            && let Ok(theirs) = text.parse::<Deb822>()
            && !text.lines().any(|line| line.trim_end().is_empty() && !line.is_empty() || line.contains('#'))
        {
            prop_assert_eq!(ours.len(), theirs.len());
            for (a, b) in ours.iter().zip(theirs.iter()) {
                let flat = |value: &str| value.lines().map(str::trim).collect::<Vec<_>>().join("\n");
                let a: Vec<_> = a.fields().map(|(name, value)| (name.to_owned(), flat(value))).collect();
                let b: Vec<_> = b.iter().map(|(name, value)| (name.to_owned(), flat(value))).collect();
                prop_assert_eq!(a, b);
            }
        }
    }
}
