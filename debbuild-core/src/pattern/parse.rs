//! Reading a pattern: recursive descent over apt's grammar, with the position of what is wrong.

use regex::RegexBuilder;

use super::{PatternError, Term, Text};
use crate::arch::ArchitecturePattern;

/// How deep parentheses may be nested: people write two or three.
const DEEPEST: usize = 50;

/// The most bytes that a compiled expression may take: patterns may come from a configuration of somebody else.
const LARGEST_REGEX: usize = 1 << 20;

/// What no word begins with, and what ends the word of a short pattern.
const ENDS_SHORT: &str = "!?~|,()";

/// What ends a word in parentheses.
const ENDS_LONG: &str = "|,()";

pub(super) fn pattern(text: &str) -> Result<Term, PatternError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let term = parser.or()?;
    parser.spaces();
    match parser.peek() {
        None => Ok(term),
        Some(other) => parser.refuse(format!("expected a pattern or the end, not {other:?}")),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error_at(&self, at: usize, reason: impl Into<String>) -> PatternError {
        let at = self.text[..at].chars().count() + 1;
        PatternError { text: self.text.to_owned(), at, reason: reason.into() }
    }

    fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, PatternError> {
        Err(self.error_at(self.at, reason))
    }

    /// `P | P | ..`, which binds weaker than putting patterns side by side.
    fn or(&mut self) -> Result<Term, PatternError> {
        let mut terms = vec![self.and()?];
        loop {
            self.spaces();
            if !self.take('|') {
                return Ok(if terms.len() == 1 { terms.remove(0) } else { Term::Or(terms) });
            }
            terms.push(self.and()?);
        }
    }

    /// `P P ..`.
    fn and(&mut self) -> Result<Term, PatternError> {
        let mut terms = vec![self.unary()?];
        loop {
            self.spaces();
            match self.peek() {
                Some('?' | '~' | '!' | '(') => terms.push(self.unary()?),
                _ => return Ok(if terms.len() == 1 { terms.remove(0) } else { Term::And(terms) }),
            }
        }
    }

    fn unary(&mut self) -> Result<Term, PatternError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.refuse("nested too deeply");
        }
        self.spaces();
        let start = self.at;
        let term = match self.peek() {
            Some('!') => {
                self.at += 1;
                Term::Not(Box::new(self.unary()?))
            }
            Some('(') => {
                self.at += 1;
                let term = self.or()?;
                self.close()?;
                term
            }
            Some('~') => self.short(start)?,
            Some('?') => self.long(start)?,
            None => return self.refuse("expected a pattern"),
            Some(other) => return self.refuse(format!("a pattern begins with ?, ~, ! or (, not with {other:?}")),
        };
        self.depth -= 1;
        Ok(term)
    }

    fn close(&mut self) -> Result<(), PatternError> {
        self.spaces();
        if self.take(')') { Ok(()) } else { self.refuse("expected )") }
    }

    /// `~nREGEX`.
    fn short(&mut self, start: usize) -> Result<Term, PatternError> {
        self.at += 1;
        let Some(letter) = self.peek() else { return self.refuse("expected a letter after ~") };
        self.at += letter.len_utf8();
        let name = match letter {
            'T' => return Ok(Term::Constant(true)),
            'F' => return Ok(Term::Constant(false)),
            'E' => return Ok(Term::Essential),
            'n' => "name",
            'V' => "version",
            'r' => "architecture",
            's' => "section",
            'p' => "priority",
            'e' => "source-package",
            other => return Err(self.error_at(start, format!("no pattern ~{other}"))),
        };
        let (at, word) = self.word(true)?;
        self.about(name, at, word)
    }

    /// `?name(ARGUMENT)`.
    fn long(&mut self, start: usize) -> Result<Term, PatternError> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '-').unwrap_or(rest.len());
        let name = &rest[..length];
        self.at += length;
        match name {
            "true" => Ok(Term::Constant(true)),
            "false" => Ok(Term::Constant(false)),
            "essential" => Ok(Term::Essential),
            "and" => Ok(Term::And(self.arguments()?)),
            "or" => Ok(Term::Or(self.arguments()?)),
            "not" => {
                self.open(name)?;
                let term = self.or()?;
                self.close()?;
                Ok(Term::Not(Box::new(term)))
            }
            "name" | "exact-name" | "version" | "architecture" | "section" | "priority" | "source-package"
            | "source-version" => {
                self.open(name)?;
                let (at, word) = self.word(false)?;
                self.close()?;
                self.about(name, at, word)
            }
            other => Err(self.error_at(start, format!("no pattern ?{other}"))),
        }
    }

    fn open(&mut self, name: &str) -> Result<(), PatternError> {
        if self.take('(') { Ok(()) } else { self.refuse(format!("?{name} needs an argument in parentheses")) }
    }

    /// `(P, P, ..)`; a comma at the end is allowed.
    fn arguments(&mut self) -> Result<Vec<Term>, PatternError> {
        if !self.take('(') {
            return self.refuse("expected (");
        }
        let mut terms = vec![self.or()?];
        loop {
            self.spaces();
            let comma = self.take(',');
            self.spaces();
            if self.take(')') {
                return Ok(terms);
            }
            if !comma {
                return self.refuse("expected , or )");
            }
            terms.push(self.or()?);
        }
    }

    /// A word, quoted or not, and where it begins.
    fn word(&mut self, short: bool) -> Result<(usize, &'a str), PatternError> {
        let start = self.at;
        if self.take('"') {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find('"') else { return Err(self.error_at(start, "the quotes are not closed")) };
            let at = self.at;
            self.at += length + 1;
            return Ok((at, &rest[..length]));
        }
        let rest = &self.text[start..];
        let ends = |c: char| if short { c.is_whitespace() || ENDS_SHORT.contains(c) } else { ENDS_LONG.contains(c) };
        let word = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end();
        if word.is_empty() || word.starts_with(|c: char| c.is_whitespace() || ENDS_SHORT.contains(c)) {
            return self.refuse("expected a word");
        }
        self.at += word.len();
        Ok((start, word))
    }

    fn about(&self, name: &str, at: usize, word: &str) -> Result<Term, PatternError> {
        let text = match name {
            "exact-name" => return Ok(Term::ExactName(word.to_owned())),
            "priority" => return Ok(Term::Priority(word.to_owned())),
            "architecture" => {
                let pattern = word.parse::<ArchitecturePattern>();
                return pattern.map(Term::Architecture).map_err(|error| self.error_at(at, error.to_string()));
            }
            "version" => Text::Version,
            "section" => Text::Section,
            "source-package" => Text::Source,
            "source-version" => Text::SourceVersion,
            _ => Text::Name,
        };
        let regex = RegexBuilder::new(word).case_insensitive(true).size_limit(LARGEST_REGEX).build();
        regex.map(|regex| Term::Matches(text, regex)).map_err(|error| {
            let reason = error.to_string();
            // The crate draws a picture over several lines; its last one says what is wrong.
            let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.error_at(at, format!("not a regular expression: {last}"))
        })
    }
}
