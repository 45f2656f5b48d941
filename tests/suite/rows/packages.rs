//! Rows 24 to 28 and 51: lists of files.

use debbuild_core::control::{Changes, SourceControl};

use super::refused;

/// A source package with one file.
pub(super) const DSC: &str = "Format: 3.0 (quilt)\nSource: hello\nBinary: hello\nArchitecture: any\nVersion: 2.10-3\nMaintainer: A <a@b.example>\n\
Checksums-Sha1:\n da39a3ee5e6b4b0d3255bfef95601890afd80709 5 hello_2.10.orig.tar.gz\n\
Checksums-Sha256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 5 hello_2.10.orig.tar.gz\n\
Files:\n d41d8cd98f00b204e9800998ecf8427e 5 hello_2.10.orig.tar.gz\n";

fn dsc(from: &str, to: &str) -> Result<SourceControl, debbuild_core::control::ControlError> {
    let text = DSC.replace(from, to);
    assert_ne!(text, DSC, "{from}");
    SourceControl::from_unverified(text.as_bytes())
}

#[test]
fn row_24_a_file_without_its_sha256() {
    let more = "7e 5 hello_2.10.orig.tar.gz\n d41d8cd98f00b204e9800998ecf8427e 5 hello_2.10-3.debian.tar.xz\n";
    refused(
        dsc("7e 5 hello_2.10.orig.tar.gz\n", more),
        "differs from Checksums-Sha256 about hello_2.10-3.debian.tar.xz",
    );
}

#[test]
fn row_25_sizes_that_differ() {
    refused(dsc("09 5 hello", "09 6 hello"), "Checksums-Sha1");
    refused(dsc("7e 5 hello", "7e 6 hello"), "Files");
}

#[test]
fn row_26_only_weak_sums() {
    refused(dsc("Checksums-Sha256:", "X-Checksums:"), "Checksums-Sha256 is missing");
}

#[test]
fn row_27_and_51_names_that_are_paths() {
    for name in ["../x", "/etc/passwd", "a/b", "..", ".x", "-x", "~", "a\\b"] {
        refused(dsc("hello_2.10.orig.tar.gz", name), "not a file name");
    }
    refused(dsc("5 hello_2.10.orig.tar.gz\nFiles", "5 hello 2.10\nFiles"), "not a line of a list of files");
}

#[test]
fn row_28_one_name_with_two_contents() {
    let again = "Files:\n 00000000000000000000000000000000 5 hello_2.10.orig.tar.gz\n";
    refused(dsc("Files:\n", again), "twice");
    let sum = "a".repeat(64);
    let again = format!("Checksums-Sha256:\n {sum} 5 hello_2.10.orig.tar.gz\n");
    refused(dsc("Checksums-Sha256:\n", &again), "twice");
}

#[test]
fn an_upload_says_where_each_file_belongs() {
    let changes =
        DSC.replace("Architecture: any", "Architecture: source").replace("7e 5 hello", "7e 5 devel optional hello");
    Changes::from_unverified(changes.as_bytes()).unwrap();
    refused(Changes::from_unverified(changes.replace("devel optional ", "").as_bytes()), "no section and priority");
}
