//! Which packages are meant: a subset of apt's own patterns, as apt-patterns(7) has them.
//!
//! | Pattern | Short | Selects |
//! | --- | --- | --- |
//! | `?name(REGEX)` | `~nREGEX` | packages by their name |
//! | `?exact-name(NAME)` | | the package of this name |
//! | `?version(REGEX)` | `~VREGEX` | by their version |
//! | `?architecture(WILDCARD)` | `~rWILDCARD` | by their architecture: `amd64`, `all`, `any-arm`, `linux-any` |
//! | `?section(REGEX)` | `~sREGEX` | by their section |
//! | `?priority(NAME)` | `~pNAME` | of exactly this priority |
//! | `?source-package(REGEX)` | `~eREGEX` | by the name of the source that they were built from |
//! | `?source-version(REGEX)` | | by the version of that source |
//! | `?essential` | `~E` | essential packages |
//! | `?true`, `?false` | `~T`, `~F` | everything, nothing |
//! | `?and(P, ..)` | `P P` | what all select |
//! | `?or(P, ..)` | `P \| P` | what one selects |
//! | `?not(P)` | `!P` | what it does not select |
//! | `(P)` | | the same, together |
//!
//! A regular expression matches a part of the text unless it is anchored (`^`, `$`), without regard to case. A word does not begin with
//! any of `!?~|,()`; it ends, in parentheses, at any of `|,()`, and in a short pattern also at a space and at `!?~`. In double
//! quotes it may hold all of them. apt's patterns about the state of a machine
//! (`?installed`, `?automatic`) have no meaning here and are errors.
//!
//! ```
//! use debbuild_core::pattern::{Pattern, Subject};
//!
//! let pattern: Pattern = "~n^lib (~slibs | ~slibdevel) !?version(\"~rc\")".parse()?;
//! let subject = Subject { package: "libc6", section: Some("libs"), version: "2.36-9", ..Subject::default() };
//! assert!(pattern.selects(&subject));
//! # Ok::<(), debbuild_core::pattern::PatternError>(())
//! ```

mod parse;

use std::{fmt, str::FromStr};

use regex::Regex;

use crate::{
    arch::{Architecture, ArchitecturePattern},
    control::Paragraph,
    error::{Class, Classify},
};

/// Text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a pattern: {text:?}: at character {at}: {reason}")]
#[non_exhaustive]
pub struct PatternError {
    /// The whole text.
    pub text: String,
    /// The character where it cannot be read, from 1.
    pub at: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Classify for PatternError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("apt-patterns(7): ?name(REGEX) or ~nREGEX, ?section, ?priority, ?and(P, P), ?or(P, P), !P".to_owned())
    }
}

/// What a pattern looks at: a version of a binary package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject<'a> {
    /// Its name.
    pub package: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its architecture, or `all`.
    pub architecture: &'a str,
    /// Its section, where it has one.
    pub section: Option<&'a str>,
    /// Its priority, where it has one.
    pub priority: Option<&'a str>,
    /// The source that it was built from.
    pub source: &'a str,
    /// The version of that source.
    pub source_version: &'a str,
    /// Whether a system cannot be without it.
    pub essential: bool,
}

impl<'a> Subject<'a> {
    /// What a stanza of a Packages index describes; fields that it lacks are empty.
    #[must_use]
    pub fn of(stanza: &Paragraph<'a>) -> Self {
        let (package, version) = (stanza.get("Package").unwrap_or_default(), stanza.get("Version").unwrap_or_default());
        // Policy 5.6.1: `NAME` or `NAME (VERSION)`; without the field it is the package itself.
        let (source, source_version) =
            match stanza.get("Source").map(|text| text.split_once(" (").unwrap_or((text, ""))) {
                None => (package, version),
                Some((source, "")) => (source, version),
                Some((source, rest)) => (source, rest.trim_end_matches(')')),
            };
        Self {
            package,
            version,
            architecture: stanza.get("Architecture").unwrap_or_default(),
            section: stanza.get("Section"),
            priority: stanza.get("Priority"),
            source,
            source_version,
            essential: stanza.get("Essential") == Some("yes"),
        }
    }
}

/// Which packages are meant.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    term: Term,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`], with the character where it cannot be read.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        Ok(Self { text: text.to_owned(), term: parse::pattern(text)? })
    }

    /// What any of these patterns selects; of none, nothing.
    #[must_use]
    pub fn any(patterns: Vec<Self>) -> Self {
        let text = patterns.iter().map(|one| format!("({})", one.text)).collect::<Vec<_>>().join(" | ");
        Self { text, term: Term::Or(patterns.into_iter().map(|one| one.term).collect()) }
    }

    /// Whether the pattern selects this package.
    #[must_use]
    pub fn selects(&self, subject: &Subject<'_>) -> bool {
        self.term.selects(subject)
    }
}

/// Two patterns are equal when they are written alike.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// A text of a package that a regular expression is matched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Name,
    Version,
    Section,
    Source,
    SourceVersion,
}

#[derive(Debug, Clone)]
enum Term {
    Constant(bool),
    Essential,
    Matches(Text, Regex),
    ExactName(String),
    Priority(String),
    Architecture(ArchitecturePattern),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Term {
    fn selects(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Constant(answer) => *answer,
            Self::Essential => subject.essential,
            Self::ExactName(name) => subject.package == name,
            Self::Priority(priority) => subject.priority == Some(priority),
            Self::Architecture(pattern) => is_of(subject.architecture, pattern),
            Self::Matches(text, regex) => regex.is_match(match text {
                Text::Name => subject.package,
                Text::Version => subject.version,
                Text::Section => subject.section.unwrap_or_default(),
                Text::Source => subject.source,
                Text::SourceVersion => subject.source_version,
            }),
            Self::Not(term) => !term.selects(subject),
            Self::And(terms) => terms.iter().all(|term| term.selects(subject)),
            Self::Or(terms) => terms.iter().any(|term| term.selects(subject)),
        }
    }
}

fn is_of(architecture: &str, pattern: &ArchitecturePattern) -> bool {
    Architecture::new(architecture).is_ok_and(|architecture| pattern.matches(&architecture))
}

#[cfg(test)]
mod tests;
