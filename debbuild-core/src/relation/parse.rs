//! The reader of relation fields: one pass over the text, errors with their position.
//!
//! Own code, because debian-control's reader allocates a string per token, has no positions and takes versions that dpkg refuses.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{Alternatives, BuildProfile, Operator, Qualifier, Relation, Relations, Term, VersionConstraint};
use crate::{
    arch::Architecture,
    error::{Class, Classify},
    name::PackageName,
    version::Version,
};

/// The most relations that one field may have; the largest in Debian has some thousands.
const MOST: usize = 50_000;
/// The most alternatives in one group.
const MOST_ALTERNATIVES: usize = 2_000;

/// A relation field that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad relation at byte {offset}: {reason}, in {near:?}")]
pub struct RelationError {
    /// Where in the field's value, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub reason: String,
    /// The text from there on, shortened.
    pub near: String,
}

impl RelationError {
    fn at(text: &str, offset: usize, reason: impl fmt::Display) -> Self {
        let near = text.get(offset..).unwrap_or_default().chars().take(40).collect();
        Self { offset, reason: reason.to_string(), near }
    }

    pub(super) fn substvar(text: &str, name: &str) -> Self {
        let offset = text.find(&format!("${{{name}}}")).unwrap_or_default();
        Self::at(text, offset, "substitution variable in a finished field")
    }
}

impl Classify for RelationError {
    fn class(&self) -> Class {
        Class::Source
    }
}

pub(super) fn field(text: &str) -> Result<(Relations, BTreeSet<String>), RelationError> {
    let mut reader = Reader { text, at: 0, substvars: BTreeSet::new() };
    let mut groups = Vec::new();
    let mut count = 0;
    loop {
        reader.skip_space();
        if reader.at == text.len() {
            return Ok((Relations(groups), reader.substvars));
        }
        if reader.take(',') {
            continue;
        }
        let start = reader.at;
        let group = reader.group()?;
        count += group.as_ref().map_or(0, |group| group.0.len());
        if count > MOST {
            return Err(RelationError::at(text, start, "too many relations"));
        }
        groups.extend(group);
        if reader.at < text.len() && !reader.take(',') {
            return Err(reader.error("expected ',' or '|'"));
        }
    }
}

/// The restriction formulas of a `Build-Profiles` field.
pub(super) fn formulas(text: &str) -> Result<Vec<Vec<Term<BuildProfile>>>, RelationError> {
    let mut reader = Reader { text, at: 0, substvars: BTreeSet::new() };
    let mut formulas = Vec::new();
    loop {
        reader.skip_space();
        if reader.at == text.len() {
            return Ok(formulas);
        }
        if !reader.take('<') {
            return Err(reader.error("expected '<'"));
        }
        formulas.push(reader.list('>')?);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    substvars: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, reason: impl fmt::Display) -> RelationError {
        RelationError::at(self.text, self.at, reason)
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    /// The text up to the first of these signs, or to the end.
    fn until(&mut self, signs: &[char]) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(signs).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&self, start: usize, word: &str) -> Result<T, RelationError> {
        word.parse().map_err(|error| RelationError::at(self.text, start, error))
    }

    /// Alternatives up to a comma; `None` when a substitution variable makes them unknown.
    fn group(&mut self) -> Result<Option<Alternatives>, RelationError> {
        let mut relations = Vec::new();
        let mut known = true;
        loop {
            self.skip_space();
            match self.relation()? {
                Some(relation) => relations.push(relation),
                None => known = false,
            }
            if relations.len() > MOST_ALTERNATIVES {
                return Err(self.error("too many alternatives"));
            }
            self.skip_space();
            if !self.take('|') {
                return Ok(known.then_some(Alternatives(relations)));
            }
        }
    }

    fn relation(&mut self) -> Result<Option<Relation>, RelationError> {
        let start = self.at;
        let word = self.word()?;
        if word.contains("${") {
            self.until(&['|', ',']);
            return Ok(None);
        }
        let mut relation = Relation::new(self.parsed::<PackageName>(start, word)?);
        if self.take(':') {
            relation.qualifier = Some(self.qualifier()?);
        }
        self.skip_space();
        let mut known = true;
        if self.take('(') {
            relation.constraint = self.constraint()?;
            known = relation.constraint.is_some();
            self.skip_space();
        }
        if self.take('[') {
            relation.architectures = self.list(']')?;
            self.skip_space();
        }
        while self.take('<') {
            relation.profiles.push(self.list('>')?);
            self.skip_space();
        }
        Ok(known.then_some(relation))
    }

    /// A name, or text with substitution variables, which are noted.
    fn word(&mut self) -> Result<&'a str, RelationError> {
        let start = self.at;
        loop {
            self.until(&[' ', '\t', '\n', '\r', '(', '[', '<', ':', ',', '|', '$', '{', '}', ')', ']', '>', '!']);
            if !self.rest().starts_with("${") {
                break;
            }
            self.at += 2;
            let name = self.until(&['}', ' ', '\n', ',']);
            if !self.take('}') || name.is_empty() {
                return Err(self.error("unfinished substitution variable"));
            }
            self.substvars.insert(name.to_owned());
        }
        if self.at == start {
            return Err(self.error("expected a package name"));
        }
        Ok(&self.text[start..self.at])
    }

    fn qualifier(&mut self) -> Result<Qualifier, RelationError> {
        let start = self.at;
        match self.until(&[' ', '\t', '\n', '\r', '(', '[', '<', ',', '|']) {
            "any" => Ok(Qualifier::Any),
            "native" => Ok(Qualifier::Native),
            word => self.parsed::<Architecture>(start, word).map(Qualifier::Architecture),
        }
    }

    /// After the `(`: operator, version and `)`; `None` when the version holds a substitution variable.
    fn constraint(&mut self) -> Result<Option<VersionConstraint>, RelationError> {
        self.skip_space();
        let operators = [
            ("<<", Operator::StrictlyEarlier),
            ("<=", Operator::EarlierOrEqual),
            (">=", Operator::LaterOrEqual),
            (">>", Operator::StrictlyLater),
            ("=", Operator::Equal),
            ("<", Operator::EarlierOrEqual),
            (">", Operator::LaterOrEqual),
        ];
        let found = operators.into_iter().find(|(sign, _)| self.rest().starts_with(sign));
        let (sign, operator) = found.ok_or_else(|| self.error("expected <<, <=, =, >= or >>"))?;
        self.at += sign.len();
        self.skip_space();
        let start = self.at;
        while self.rest().starts_with("${") || !self.rest().starts_with([' ', '\t', '\n', '\r', ')', ',', '|']) {
            if self.rest().starts_with("${") {
                self.word()?;
            } else if self.until(&['$', ' ', '\t', '\n', '\r', ')', ',', '|']).is_empty() {
                break;
            }
        }
        let word = &self.text[start..self.at];
        self.skip_space();
        if !self.take(')') {
            return Err(self.error("expected ')'"));
        }
        if word.contains("${") {
            return Ok(None);
        }
        let (version, _) =
            Version::tolerant(word).map_err(|error| RelationError::at(self.text, start, error.reason))?;
        Ok(Some(VersionConstraint { operator, version }))
    }

    /// After the opening bracket: terms up to the closing one.
    fn list<T: FromStr<Err: fmt::Display>>(&mut self, close: char) -> Result<Vec<Term<T>>, RelationError> {
        let mut terms = Vec::new();
        loop {
            self.skip_space();
            if self.take(close) {
                return if terms.is_empty() { Err(self.error("empty restriction")) } else { Ok(terms) };
            }
            let negated = self.take('!');
            let start = self.at;
            let word = self.until(&[' ', '\t', '\n', '\r', ']', '>', ',', '|', '[', '<', '(', '!']);
            if word.is_empty() {
                return Err(self.error(format_args!("expected a name or '{close}'")));
            }
            terms.push(Term { negated, value: self.parsed(start, word)? });
        }
    }
}
