//! Typed access to the fields of a paragraph, with errors that name field and line.

use std::{fmt, str::FromStr};

use super::{ControlError, Paragraph, tolerant::Tolerance};
use crate::{clock::Timestamp, name::SourceName, relation::Relations, version::Version};

impl<'a> Paragraph<'a> {
    /// An error about a field of this paragraph.
    pub(crate) fn error(&self, field: &str, reason: impl fmt::Display) -> ControlError {
        ControlError::Field { field: field.to_owned(), line: self.first_line(), reason: reason.to_string() }
    }

    /// The value of a field that has one line and is not empty.
    pub(crate) fn one_line(&self, field: &str) -> Result<Option<&'a str>, ControlError> {
        match self.get(field) {
            Some(value) if value.contains('\n') => Err(self.error(field, "has more than one line")),
            Some("") | None => Ok(None),
            Some(value) if value.contains(|c: char| c.is_control() && c != '\t') => {
                Err(self.error(field, "has a control character"))
            }
            value => Ok(value),
        }
    }

    /// The same as text of its own.
    pub(crate) fn owned(&self, field: &str) -> Result<Option<String>, ControlError> {
        Ok(self.one_line(field)?.map(str::to_owned))
    }

    pub(crate) fn require(&self, field: &'static str) -> Result<&'a str, ControlError> {
        self.one_line(field)?.ok_or(ControlError::Missing { field, line: self.first_line() })
    }

    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(&self, field: &str) -> Result<Option<T>, ControlError> {
        match self.one_line(field)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|error| self.error(field, error)),
        }
    }

    pub(crate) fn required<T: FromStr<Err: fmt::Display>>(&self, field: &'static str) -> Result<T, ControlError> {
        self.require(field)?.parse().map_err(|error| self.error(field, error))
    }

    /// `Version` of somebody else's index, and what dpkg would warn about.
    #[cfg(feature = "resolve")]
    pub(crate) fn foreign_version(&self) -> Result<(Version, Option<ControlError>), ControlError> {
        let wrong = |error| self.error("Version", error);
        let (version, warning) = Version::tolerant(self.require("Version")?).map_err(wrong)?;
        Ok((version, warning.map(wrong)))
    }

    /// Words, or names between commas, each of a type.
    pub(crate) fn list<T: FromStr<Err: fmt::Display>>(
        &self,
        field: &str,
        commas: bool,
    ) -> Result<Vec<T>, ControlError> {
        let value = self.get(field).unwrap_or_default();
        let separator = |c: char| c.is_ascii_whitespace() || commas && c == ',';
        let words = value.split(separator).filter(|word| !word.is_empty());
        words.map(|word| word.parse().map_err(|error| self.error(field, error))).collect()
    }

    /// A field that is `yes` or not there.
    pub(crate) fn flag(&self, field: &str) -> Result<bool, ControlError> {
        match self.one_line(field)? {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(_) => Err(self.error(field, "is neither 'yes' nor 'no'")),
        }
    }

    pub(crate) fn relations(&self, field: &'static str) -> Result<Relations, ControlError> {
        let text = self.get(field).unwrap_or_default();
        Relations::parse(text).map_err(|source| ControlError::Relation { field, line: self.first_line(), source })
    }

    pub(crate) fn date(&self, field: &str) -> Result<Option<Timestamp>, ControlError> {
        let text = self.one_line(field)?;
        text.map(|text| Timestamp::parse_rfc2822(text).map_err(|error| self.error(field, error))).transpose()
    }

    /// A `Source` field that may name a version: `glibc (2.36-9)`.
    pub(crate) fn source(&self) -> Result<Option<(SourceName, Option<Version>)>, ControlError> {
        self.source_with(&mut Tolerance::none())
    }

    /// The same, perhaps with a version that dpkg would warn about.
    pub(super) fn source_with(
        &self,
        tolerance: &mut Tolerance,
    ) -> Result<Option<(SourceName, Option<Version>)>, ControlError> {
        let Some(text) = self.one_line("Source")? else { return Ok(None) };
        let (name, version) = match text.split_once(' ') {
            None => (text, None),
            Some((name, rest)) => {
                let version = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
                let version = version.ok_or_else(|| self.error("Source", "expected a version in parentheses"))?;
                (name, Some(tolerance.version(self, "Source", version)?))
            }
        };
        Ok(Some((name.parse().map_err(|error| self.error("Source", error))?, version)))
    }
}
