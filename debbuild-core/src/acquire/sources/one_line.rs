//! The one-line format of sources.list(5): `deb [option=value ..] URI SUITE COMPONENT ..`.

use super::{SourceList, Words};

/// Reads a `.list` file; a bad line is a problem, and the others are read.
pub(super) fn read(file: &str, text: &str) -> SourceList {
    let mut list = SourceList::default();
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        match words(line) {
            Ok(words) => words.add_to(&mut list, file, number + 1),
            Err(reason) => list.problem(file, number + 1, reason),
        }
    }
    list
}

/// A `#` ends the line unless it stands in the brackets of the options.
fn without_comment(line: &str) -> &str {
    let mut inside = false;
    for (at, c) in line.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            '#' if !inside => return &line[..at],
            _ => {}
        }
    }
    line
}

fn words(line: &str) -> Result<Words<'_>, String> {
    let (kind, rest) = line.split_once(char::is_whitespace).ok_or("an entry needs an address and a suite")?;
    let mut words = Words { types: vec![kind], ..Words::default() };
    let mut rest = rest.trim_start();
    if let Some(options) = rest.strip_prefix('[') {
        let (options, after) = options.split_once(']').ok_or("the options have no end")?;
        rest = after;
        for option in options.split_whitespace() {
            let (name, value) = option.split_once('=').ok_or_else(|| format!("not an option: {option:?}"))?;
            match name.to_ascii_lowercase().as_str() {
                "arch" => words.architectures.extend(value.split(',')),
                "signed-by" => words.signed_by.extend(value.split(',')),
                "trusted" => words.trusted = Some(value),
                "check-valid-until" => words.check_valid_until = Some(value),
                // The others (lang, target, pdiffs, by-hash ..) say what apt downloads for itself.
                _ => {}
            }
        }
    }
    let mut plain = rest.split_whitespace();
    words.uris.extend(plain.next());
    words.suites.extend(plain.next());
    words.components.extend(plain);
    Ok(words)
}
