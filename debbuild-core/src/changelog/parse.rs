//! The reader of changelogs, line by line as `Dpkg::Changelog::Debian` reads them.
//!
//! Own code: debian-changelog builds a syntax tree of the whole file for its first lines, takes versions that dpkg refuses, and
//! does not say where an entry is bad.

use super::{ChangelogError, Entry};
use crate::{clock::Timestamp, name::SourceName, version::Version};

/// What is wrong with a changelog, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
#[non_exhaustive]
pub struct ChangelogProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub error: ChangelogError,
}

/// The first line of an entry: source, version, distributions and what follows the semicolon, all unchecked.
struct Header<'a> {
    source: &'a str,
    version: &'a str,
    distributions: &'a str,
    keywords: &'a str,
}

fn header(line: &str) -> Option<Header<'_>> {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.bytes().skip(1).all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
    };
    let (source, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let (distributions, keywords) = rest.split_once(';')?;
    let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b));
    let good = is_name(source)
        && !version.is_empty()
        && !version.contains(['(', ' ', '\t'])
        && distributions.starts_with([' ', '\t'])
        && !distributions.trim().is_empty()
        && distributions.split_ascii_whitespace().all(is_word);
    good.then_some(Header { source, version, distributions, keywords })
}

/// The last line of an entry: who and when.
fn trailer(line: &str) -> Option<(&str, &str)> {
    let (maintainer, date) = line.strip_prefix(" -- ")?.rsplit_once('>')?;
    let (_, address) = maintainer.rsplit_once(" <")?;
    let date = date.strip_prefix(' ')?;
    let end = maintainer.len() + 1;
    let whole = &line[4..4 + end];
    (!address.contains('<') && !date.trim().is_empty()).then_some((whole, date.trim()))
}

/// Lines that are neither entry nor error: keywords of version control systems and comments.
fn is_remark(line: &str) -> bool {
    let keyword = |rest: &str| {
        rest.split_once(':').is_some_and(|(word, rest)| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && rest.contains('$')
        })
    };
    line.strip_prefix('$').is_some_and(keyword)
        || line.starts_with("# ")
        || line.starts_with("/*") && line[2..].contains("*/")
}

/// What editors are told at the end of a file.
fn is_tail(line: &str) -> bool {
    let line = line.strip_prefix(";;").map_or(line, str::trim_start);
    let begins = |with: &str| line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins("local variables:") || begins("vim:")
}

/// Entries one after the other, each as a value or as what is wrong with it.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Entries<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 0 }
    }

    fn peek(&self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        (!rest.is_empty()).then(|| line.trim_end())
    }

    fn take(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.line += 1;
    }

    fn problem<T>(&self, line: usize, what: impl Into<String>) -> Result<T, ChangelogProblem> {
        Err(ChangelogProblem { line, error: ChangelogError::Malformed(what.into()) })
    }

    /// The entry whose header is the next line.
    fn entry(&mut self, header: &Header<'_>) -> Result<Entry, ChangelogProblem> {
        self.take();
        let (first, start) = (self.line, self.at);
        let mut end = self.at;
        while let Some(line) = self.peek() {
            if line.starts_with(" --") {
                self.take();
                let Some((maintainer, date)) = trailer(line) else {
                    return self.problem(self.line, format!("not a trailer line: {line:?}"));
                };
                let changes = self.text[start..end].trim_matches('\n');
                return read(header, changes, maintainer, date)
                    .map_err(|error| ChangelogProblem { line: first, error });
            }
            if !line.is_empty() && !line.starts_with([' ', '\t']) && !is_remark(line) {
                break;
            }
            self.take();
            end = self.at;
        }
        self.problem(first, "it has no trailer line")
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, ChangelogProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.peek()?;
            if is_tail(line) {
                self.at = self.text.len();
                return None;
            }
            if let Some(header) = header(line) {
                return Some(self.entry(&header));
            }
            self.take();
            if !line.is_empty() && !is_remark(line) {
                let (number, problem) = (self.line, format!("not the first line of an entry: {line:?}"));
                // One problem for all lines up to the next entry.
                while self.peek().is_some_and(|line| header(line).is_none() && !is_tail(line)) {
                    self.take();
                }
                return Some(self.problem(number, problem));
            }
        }
    }
}

fn read(header: &Header<'_>, changes: &str, maintainer: &str, date: &str) -> Result<Entry, ChangelogError> {
    let keyword = |name: &str| {
        header.keywords.split(',').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    Ok(Entry {
        source: SourceName::new(header.source)?,
        version: Version::new(header.version)?,
        distributions: header.distributions.split_ascii_whitespace().map(str::to_owned).collect(),
        urgency: keyword("urgency").and_then(|value| value.split_ascii_whitespace().next()).map(str::to_lowercase),
        binary_only: keyword("binary-only").is_some_and(|value| value.eq_ignore_ascii_case("yes")),
        maintainer: maintainer.to_owned(),
        date: Timestamp::parse_rfc2822(date)?,
        date_text: date.to_owned(),
        changes: changes.to_owned(),
    })
}
