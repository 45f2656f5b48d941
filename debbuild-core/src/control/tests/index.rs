//! Unit tests of other people's indexes: from texts and from streams, with what is wrong with them.

use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::{super::*, DSC, STANZA};

/// Gives one byte at a time, and then fails or ends.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.split_first() {
            Some((byte, rest)) => {
                (buffer[0], self.0) = (*byte, rest);
                Ok(1)
            }
            None if self.1 => Err(std::io::Error::other("the disk is gone")),
            None => Ok(0),
        }
    }
}

/// Line and fields of a paragraph, or of what is wrong with it.
type Seen = Result<(usize, Vec<(String, String)>), ControlError>;

fn seen(paragraph: Result<Paragraph<'_>, ControlError>) -> Seen {
    let fields = |p: &Paragraph<'_>| p.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    paragraph.map(|paragraph| (paragraph.first_line(), fields(&paragraph)))
}

fn streamed(bytes: &[u8], limit: usize) -> Vec<Seen> {
    let mut reader = ParagraphReader::new(BufReader::with_capacity(3, bytes)).with_limit(limit);
    let mut all = Vec::new();
    loop {
        match reader.read() {
            Ok(None) => return all,
            Ok(Some(paragraph)) => all.push(seen(Ok(paragraph))),
            Err(StreamError::Control(error)) => all.push(Err(error)),
            Err(StreamError::Read(error)) => panic!("{error}"),
        }
    }
}

proptest! {
    #[test]
    fn streams_and_texts_are_read_alike(text in "([A-C:#é]|x: y|[ \t\n\r]|\n\n)*") {
        let whole: Vec<Seen> = paragraphs(&text).map(seen).collect();
        prop_assert_eq!(streamed(text.as_bytes(), LONGEST_PARAGRAPH), whole);
    }
}

#[test]
fn a_stream_has_one_paragraph_in_memory_and_goes_on_after_a_bad_one() {
    let long = format!("A: 1\n\nB: {}\n # more\n\n \t\nC: 3\n", "x".repeat(1000));
    let read = streamed(long.as_bytes(), 64);
    assert_eq!(read.len(), 3);
    assert_eq!(read[1], Err(ControlError::Syntax { line: 3, reason: "paragraph too long" }));
    assert_eq!(read[2].as_ref().unwrap().0, 7);
    assert_eq!(streamed("x".repeat(100).as_bytes(), 64).len(), 1);
    let bytes = b"A: 1\n\n# note\nB: \xff\n\nC: 3";
    assert_eq!(streamed(bytes, 64)[1], Err(ControlError::Syntax { line: 4, reason: "not UTF-8" }));
    assert_eq!(streamed(bytes, 64).len(), 3);
    assert_eq!(streamed(b"# only\n# comments\n", 64), []);
}

#[test]
fn a_stream_that_fails_is_an_error_once_and_no_index() {
    let mut stanzas = stream_packages(BufReader::new(Slow(STANZA.as_bytes(), true)));
    assert!(stanzas.next().unwrap().is_err());
    assert!(stanzas.next().is_none());
    let mut whole = stream_packages(BufReader::new(Slow(STANZA.as_bytes(), false)));
    let found = whole.next().unwrap().unwrap();
    assert_eq!((vec![found.value.unwrap()], found.problems), read_packages(STANZA));
    assert!(whole.next().is_none());
    let source = DSC.replace("Source: hello", "Package: hello");
    let sources: Vec<_> = stream_sources(source.as_bytes()).map(|found| found.unwrap().value.unwrap()).collect();
    assert_eq!(sources, read_sources(&source).0);
}

#[test]
fn what_a_package_can_do_without_does_not_lose_it() {
    for (from, to, field) in [
        ("Version: 1.0+b1", "Version: v1_0", "Version"),
        ("greetings (1.0)", "greetings (a1)", "Source"),
        ("Multi-Arch: foreign", "Multi-Arch: maybe", "Multi-Arch"),
        ("Installed-Size: 12", "Installed-Size: many", "Installed-Size"),
        ("Essential: yes", "Essential: of course", "Essential"),
        ("Provides:", "Suggests: foo (\nProvides:", "Suggests"),
    ] {
        let text = STANZA.replace(from, to);
        let (packages, problems) = read_packages(&text);
        assert_eq!((packages.len(), problems.len()), (1, 1), "{to}: {problems:?}");
        assert!(problems[0].to_string().contains(field), "{}", problems[0]);
        assert!(BinaryPackage::from_control(&text).is_err(), "{to} is refused where we accept packages");
    }
    for (from, to) in [("Version: 1.0+b1", "Version: 1-"), ("Size: 42", "Size: x"), ("libc6 (", "libc6 ((")] {
        let (packages, problems) = read_packages(&STANZA.replace(from, to));
        assert_eq!((packages.len(), problems.len()), (0, 1), "{to}: {problems:?}");
    }
}

#[test]
fn contents_are_read_around_their_errors() {
    let text = "FILE                    LOCATION\nbin/ls\t\t\tutils/coreutils\n\nusr/share/a file   admin/aa,non-free/libs/bb,cc\n\
        nothing\nusr/x  libs/Not-A-Package\nusr/y libs/dd";
    let found: Vec<_> = stream_contents(BufReader::with_capacity(2, text.as_bytes())).map(Result::unwrap).collect();
    let entries: Vec<ContentsEntry> = found.iter().filter_map(|found| found.value.clone()).collect();
    assert_eq!(entries.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["bin/ls", "usr/share/a file", "usr/y"]);
    let packages: Vec<_> = entries[1].packages.iter().map(|p| (p.section.as_deref(), p.package.as_str())).collect();
    assert_eq!(packages, [(Some("admin"), "aa"), (Some("non-free/libs"), "bb"), (None, "cc")]);
    let problems: Vec<String> = found.iter().flat_map(|found| &found.problems).map(ToString::to_string).collect();
    assert_eq!(problems, ["line 5: expected a path and packages", "line 6: expected a path and packages"]);
    let endless = std::io::repeat(b'x').take(20 << 20);
    let found: Vec<_> = stream_contents(BufReader::new(endless)).map(Result::unwrap).collect();
    assert_eq!(found[0].problems[0].to_string(), "line 1: line too long");
    assert_eq!(found.len(), 1);
}
