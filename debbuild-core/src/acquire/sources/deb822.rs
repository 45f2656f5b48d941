//! The deb822 format of sources.list(5): `.sources` files.

use super::{SourceList, Words, yes};
use crate::control::{ControlError, Paragraph, paragraphs};

/// Reads a `.sources` file; a bad paragraph is a problem, and the others are read.
pub(super) fn read(file: &str, text: &str) -> SourceList {
    let mut list = SourceList::default();
    for paragraph in paragraphs(text) {
        match paragraph {
            Ok(paragraph) if paragraph.get("Enabled").is_none_or(yes) => {
                words(&paragraph).add_to(&mut list, file, paragraph.first_line());
            }
            Ok(_) => {}
            Err(ControlError::Syntax { line, reason }) => list.problem(file, line, reason),
            Err(error) => list.problem(file, 0, error.to_string()),
        }
    }
    list
}

fn words<'a>(paragraph: &Paragraph<'a>) -> Words<'a> {
    let signed_by = paragraph.get("Signed-By").unwrap_or_default();
    let embeds = signed_by.contains("-----BEGIN");
    let separators = |c: char| c.is_whitespace() || c == ',';
    let all = |field| paragraph.words(field).collect();
    Words {
        types: all("Types"),
        uris: all("URIs"),
        suites: all("Suites"),
        components: all("Components"),
        architectures: all("Architectures"),
        signed_by: if embeds { Vec::new() } else { signed_by.split(separators).filter(|w| !w.is_empty()).collect() },
        embedded: embeds.then_some(signed_by),
        check_valid_until: paragraph.get("Check-Valid-Until"),
        trusted: paragraph.get("Trusted"),
    }
}
