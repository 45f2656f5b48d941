//! deb822 paragraphs borrowed from the text they were read from.
//!
//! Own reader: deb822-fast drops the leading spaces of continuation lines (a `Description` must keep them), takes a field twice,
//! and its streaming and whole-file readers differ on lines of spaces. Tests compare the two where they must agree.

use super::{ControlError, LONGEST_FIELD, LONGEST_LIST, MOST_FIELDS};

/// The text of a control file: UTF-8 without byte order mark and NUL. Line ends may be CRLF.
///
/// # Errors
/// [`ControlError::Syntax`].
pub fn utf8(bytes: &[u8]) -> Result<&str, ControlError> {
    let line = |upto: &[u8]| 1 + upto.iter().filter(|b| **b == b'\n').count();
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ControlError::Syntax { line: line(&bytes[..error.valid_up_to()]), reason: "not UTF-8" })?;
    if text.starts_with('\u{feff}') {
        return Err(ControlError::Syntax { line: 1, reason: "byte order mark" });
    }
    match text.find('\0') {
        Some(at) => Err(ControlError::Syntax { line: line(&bytes[..at]), reason: "NUL" }),
        None => Ok(text),
    }
}

/// A field as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

/// A paragraph. Names of fields are compared without regard to case, and occur once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph<'a> {
    first_line: usize,
    fields: Vec<Field<'a>>,
}

impl<'a> Paragraph<'a> {
    /// The line that it begins at, from 1.
    #[must_use]
    pub fn first_line(&self) -> usize {
        self.first_line
    }

    /// The value of a field, verbatim: without the spaces after the colon and at the end, with its continuation lines as they
    /// stand (leading spaces, ` .`).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The fields in their order, values as [`Paragraph::get`] gives them.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a, '_> {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// The lines of a field without their leading and trailing spaces; empty ones are left out.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(name).unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// The words of a field.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(name).unwrap_or_default().split_ascii_whitespace()
    }
}

/// The paragraphs of a text, one at a time. After a bad paragraph reading goes on behind the next empty line.
#[derive(Debug, Clone)]
pub struct Paragraphs<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

/// Reads the paragraphs of a text (deb822(5)): separated by lines that are empty or hold only spaces and tabs; lines that
/// begin with `#` are comments, but not inside a field.
#[must_use]
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    paragraphs_from(text, 0)
}

/// The same for a part of a text, before which there are this many lines.
pub(super) fn paragraphs_from(text: &str, line: usize) -> Paragraphs<'_> {
    Paragraphs { text, at: 0, line }
}

/// The only paragraph of a text.
///
/// # Errors
/// [`ControlError`], also when there is none or a second one.
pub fn single_paragraph(text: &str) -> Result<Paragraph<'_>, ControlError> {
    let mut all = paragraphs(text);
    let first = all.next().ok_or(ControlError::Paragraphs(0))??;
    match all.count() {
        0 => Ok(first),
        more => Err(ControlError::Paragraphs(more + 1)),
    }
}

pub(super) fn is_blank(line: impl AsRef<[u8]>) -> bool {
    line.as_ref().iter().all(|b| matches!(b, b' ' | b'\t' | b'\r'))
}

impl<'a> Paragraphs<'a> {
    /// How many bytes of the text have been read: where the paragraph that was returned last ends.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next line without its end, and where it begins; not taken yet.
    fn peek(&self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        if rest.is_empty() { None } else { Some(&rest[..rest.find('\n').unwrap_or(rest.len())]) }
    }

    fn take(&mut self, line: &str) {
        self.at = (self.at + line.len() + 1).min(self.text.len());
        self.line += 1;
    }

    fn error<T>(&mut self, line: usize, reason: &'static str) -> Result<T, ControlError> {
        while let Some(next) = self.peek().filter(|next| !is_blank(next)) {
            self.take(next);
        }
        Err(ControlError::Syntax { line, reason })
    }

    fn paragraph(&mut self) -> Result<Paragraph<'a>, ControlError> {
        let mut paragraph = Paragraph { first_line: self.line + 1, fields: Vec::with_capacity(24) };
        while let Some(line) = self.peek().filter(|line| !is_blank(line)) {
            let start = self.at;
            self.take(line);
            if line.starts_with('#') {
                continue;
            }
            let number = self.line;
            let name = match field_name(line) {
                Ok(name) => name,
                Err(reason) => return self.error(number, reason),
            };
            let value = self.value(start + name.len() + 1);
            if paragraph.get(name).is_some() {
                return self.error(number, "field given twice");
            }
            if paragraph.fields.len() == MOST_FIELDS {
                return self.error(number, "too many fields in one paragraph");
            }
            if value.len() > if is_list(name) { LONGEST_LIST } else { LONGEST_FIELD } {
                return self.error(number, "field too long");
            }
            paragraph.fields.push(Field { name, value });
        }
        Ok(paragraph)
    }

    /// The value that begins at `start`, with its continuation lines.
    fn value(&mut self, start: usize) -> &'a str {
        while let Some(line) = self.peek().filter(|line| line.starts_with([' ', '\t']) && !is_blank(line)) {
            self.take(line);
        }
        self.text[start..self.at].trim_start_matches([' ', '\t', '\r']).trim_ascii_end()
    }
}

/// The fields whose size grows with the archive.
fn is_list(name: &str) -> bool {
    ["SHA256", "SHA512", "SHA1", "MD5Sum", "Files", "Package-List"].iter().any(|list| list.eq_ignore_ascii_case(name))
}

fn field_name(line: &str) -> Result<&str, &'static str> {
    if line.starts_with([' ', '\t']) {
        return Err("continuation line without a field");
    }
    let (name, _) = line.split_once(':').ok_or("expected a field and a colon")?;
    if name.is_empty() || name.starts_with('-') || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("not a field name");
    }
    Ok(name)
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Result<Paragraph<'a>, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.peek()?;
            if !is_blank(line) && !line.starts_with('#') {
                return Some(self.paragraph());
            }
            self.take(line);
        }
    }
}
