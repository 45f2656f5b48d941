//! What a value of a preference matches: a text, a glob(7) or a regular expression between slashes, without regard to case.

use regex::bytes::{Regex, RegexBuilder};

/// The most bytes that a compiled expression may take.
const LARGEST_REGEX: usize = 1 << 18;

/// What a text is compared with.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    text: String,
    /// `None` for a plain text.
    regex: Option<Regex>,
}

impl Expression {
    /// Reads `/REGEX/`, a glob or a plain text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let regex = match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(inner) => Some(compile(inner, text)?),
            None if text.contains(['*', '?', '[', '\\']) => Some(compile(&from_glob(text), text)?),
            None => None,
        };
        Ok(Self { text: text.to_owned(), regex })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text.as_bytes()),
            None => self.text.eq_ignore_ascii_case(text),
        }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

fn compile(pattern: &str, text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).case_insensitive(true).unicode(false).size_limit(LARGEST_REGEX).build();
    built.map_err(|error| {
        let reason = error.to_string();
        // The crate draws a picture over several lines; its last one says what is wrong.
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("not an expression: {text:?}: {last}")
    })
}

/// A glob(7) as a regular expression for the whole text.
fn from_glob(glob: &str) -> String {
    let mut pattern = "(?s)^".to_owned();
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '[' => match class(rest) {
                Some((class, after)) => {
                    pattern.push_str(&class);
                    rest = after;
                }
                None => pattern.push_str("\\["),
            },
            '\\' => {
                let Some(escaped) = rest.chars().next() else { continue };
                push_literal(&mut pattern, escaped);
                rest = &rest[escaped.len_utf8()..];
            }
            other => push_literal(&mut pattern, other),
        }
    }
    pattern + "$"
}

fn push_literal(pattern: &mut String, c: char) {
    pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// A bracket expression behind its `[`, as a class, and what follows; `None` where it is not closed.
fn class(text: &str) -> Option<(String, &str)> {
    let (negated, inner) = match text.strip_prefix(['!', '^']) {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let mut class = if negated { "[^" } else { "[" }.to_owned();
    let mut rest = inner;
    loop {
        let first = rest.chars().next()?;
        // A bracket right at the beginning stands for itself.
        if first == ']' && rest.len() < inner.len() {
            return Some((class + "]", &rest[1..]));
        }
        if let Some((name, after)) = rest.strip_prefix("[:").and_then(|named| named.split_once(":]")) {
            class.push_str(&format!("[:{name}:]"));
            rest = after;
            continue;
        }
        let (low, after) = member(rest)?;
        push_literal(&mut class, low);
        rest = after;
        if let Some(range) = rest.strip_prefix('-').filter(|range| !range.starts_with(']')) {
            let (high, after) = member(range)?;
            class.push('-');
            push_literal(&mut class, high);
            rest = after;
        }
    }
}

/// The first character of a bracket expression, which a backslash may precede.
fn member(text: &str) -> Option<(char, &str)> {
    let text = text.strip_prefix('\\').unwrap_or(text);
    let first = text.chars().next()?;
    Some((first, &text[first.len_utf8()..]))
}
