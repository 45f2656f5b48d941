//! Rows 1 to 15, 33 and 34: versions, names, paragraphs and relations.

use std::{cmp::Ordering, io::Read as _};

use debbuild_core::{
    control::{ParagraphReader, StreamError, paragraphs, read_packages, single_paragraph, utf8},
    name::{FileName, PackageName},
    relation::Relations,
    version::{LONGEST, Version},
};

use super::refused;

fn version(text: &str) -> Version {
    Version::new(text).unwrap()
}

#[test]
fn row_01_an_empty_revision() {
    refused(Version::tolerant("1-"), "revision number is empty");
}

#[test]
fn row_02_empty_parts_and_epochs_that_are_none() {
    for (text, says) in [
        ("1:", "nothing after colon"),
        (":1", "epoch in version is empty"),
        ("a:1", "epoch in version is not number"),
        ("-1", "version number is empty"),
        ("1:-1", "version number is empty"),
    ] {
        refused(Version::tolerant(text), says);
    }
}

#[test]
fn row_03_an_epoch_over_the_limit_of_dpkg() {
    refused(Version::tolerant("2147483648:1"), "epoch in version is too big");
    assert_eq!(version("2147483647:1").epoch(), Some(i32::MAX.unsigned_abs()));
}

#[test]
fn row_04_a_letter_first_is_refused_in_uploads_and_a_warning_in_archives() {
    refused(Version::new("v1.0"), "does not start with digit");
    let stanza = "Package: aa\nVersion: v1.0\nArchitecture: all\nFilename: pool/aa.deb\nSize: 1\n\
        SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
    let (packages, problems) = read_packages(stanza);
    assert_eq!((packages[0].version.as_str(), problems.len()), ("v1.0", 1));
}

#[test]
fn row_05_equal_in_order_is_not_the_same() {
    for (a, b) in [("1.0-0", "1.0"), ("01", "1")] {
        assert_eq!(version(a).compare(&version(b)), Ordering::Equal);
        assert_ne!(version(a), version(b));
        assert_ne!(version(a).without_epoch(), version(b).without_epoch());
    }
}

#[test]
fn row_06_a_megabyte_of_digits() {
    let error = Version::tolerant(&"1".repeat(1 << 20)).unwrap_err();
    assert!(error.reason.contains("too long") && error.text.len() <= LONGEST, "{error}");
}

#[test]
fn row_07_characters_that_no_version_has() {
    for text in ["1\0", "1\n2", "1 2", "1\u{663}", "1/2"] {
        assert!(Version::tolerant(text).is_err(), "{text:?}");
    }
}

#[test]
fn row_08_a_version_of_the_date_grows_without_panic() {
    let parent = version("1.0-20240101120000");
    assert!(parent.with_suffix("+b1").unwrap() > parent);
    assert_eq!(parent.bin_nmu(), None);
}

#[test]
fn row_09_what_looks_like_a_binary_rebuild() {
    for text in ["1+b+1", "1+b99999999999", "1+b", "1+b1x"] {
        assert_eq!(version(text).bin_nmu(), None, "{text}");
    }
}

#[test]
fn row_10_names_of_packages() {
    for name in ["../x", "A", "a", "a b", "é1", &"a".repeat(300)] {
        refused(PackageName::new(name), "not a package name");
    }
}

#[test]
fn row_11_a_field_twice() {
    refused(single_paragraph("A: 1\nB: 2\na: 3\n"), "field given twice");
}

#[test]
fn row_12_a_line_of_spaces_ends_a_paragraph_in_every_reader() {
    let text = "A: 1\n \t \nB: 2\n";
    let whole: Vec<usize> = paragraphs(text).map(|paragraph| paragraph.unwrap().first_line()).collect();
    let mut reader = ParagraphReader::new(text.as_bytes());
    let mut streamed = Vec::new();
    while let Some(paragraph) = reader.read().unwrap() {
        streamed.push(paragraph.first_line());
    }
    assert_eq!((&whole[..], streamed), (&[1, 3][..], whole.clone()));
}

#[test]
fn row_13_a_continuation_of_nothing() {
    refused(single_paragraph(" x\nA: 1\n"), "continuation line without a field");
}

#[test]
fn row_14_endless_fields() {
    let mut endless = ParagraphReader::new(std::io::BufReader::new(std::io::repeat(b'x').take(12 << 20)));
    assert!(matches!(endless.read(), Err(StreamError::Control(error)) if error.to_string().contains("too long")));
    refused(single_paragraph(&format!("A: {}\n", "x".repeat(2 << 20))), "field too long");
    let many: String = (0..20_000).map(|at| format!("X{at}: x\n")).collect();
    refused(single_paragraph(&many), "too many fields");
}

#[test]
fn row_15_encodings() {
    refused(utf8(b"A: \xff\n"), "not UTF-8");
    refused(utf8(b"\xef\xbb\xbfA: 1\n"), "byte order mark");
    refused(utf8(b"A: \0\n"), "NUL");
    let paragraph = single_paragraph("A: 1\r\nB: 2\r\n x\r\n").unwrap();
    assert_eq!((paragraph.get("A"), paragraph.get("B").unwrap().lines().count()), (Some("1"), 2));
}

#[test]
fn row_27_names_of_files() {
    for name in ["a/b", "..", ".", "a\\b", ".x", "-x", "~", "x ", "", "a\nb"] {
        refused(FileName::new(name), "not a file name");
    }
}

#[test]
fn row_33_relations_that_do_not_end() {
    for (text, at) in [("foo (>> )", 8), ("foo (>= 1", 9), ("foo [", 5), ("<!", 0), ("foo <!", 6), ("${x", 3)] {
        let error = Relations::parse(text).unwrap_err();
        assert_eq!(error.offset, at, "{text}: {error}");
    }
}

#[test]
fn row_34_floods_of_alternatives_and_brackets() {
    refused(Relations::parse(&vec!["aa"; 100_000].join(" | ")), "too many alternatives");
    for open in ["(", "[", "<"] {
        assert!(Relations::parse(&format!("aa {}", open.repeat(10_000))).is_err());
    }
}
