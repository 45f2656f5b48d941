//! debian/changelog (Policy 4.4, deb-changelog(5)): its top entry, and the entry that makes a rebuild a new version.

use debian_changelog::ChangeLog;

use crate::{
    clock::{Timestamp, TimestampError},
    error::{Class, Classify},
    name::{NameError, SourceName, SuiteName},
    version::{Version, VersionError},
};

/// Why a changelog cannot be read, or an entry not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangelogError {
    /// There is no entry.
    #[error("the changelog has no entry")]
    Empty,
    /// The top entry is not what deb-changelog(5) describes.
    #[error("the changelog's top entry is malformed: {0}")]
    Malformed(String),
    /// The source package's name cannot be taken.
    #[error("the changelog's top entry")]
    Source(#[from] NameError),
    /// The version cannot be taken.
    #[error("the changelog's top entry")]
    Version(#[from] VersionError),
    /// The date cannot be read.
    #[error("the changelog's top entry")]
    Date(#[from] TimestampError),
    /// A part of the new entry cannot be written on one line of a changelog.
    #[error("not a {what} for a changelog entry: {text:?}")]
    Unwritable {
        /// Which part.
        what: &'static str,
        /// The text.
        text: String,
    },
}

impl Classify for ChangelogError {
    fn class(&self) -> Class {
        match self {
            Self::Unwritable { .. } => Class::Usage,
            _ => Class::Source,
        }
    }
}

/// An entry of a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The source package.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// The distributions that it was meant for.
    pub distributions: Vec<String>,
    /// How urgent it was.
    pub urgency: Option<String>,
    /// Who made it: `Name <address>`.
    pub maintainer: String,
    /// When it was made.
    pub date: Timestamp,
    /// When it was made, as written, with the zone of who made it.
    pub date_text: String,
}

/// The top entry of a changelog.
///
/// # Errors
/// [`ChangelogError`]; the entries below are not looked at.
pub fn top_entry(text: &str) -> Result<Entry, ChangelogError> {
    let malformed = |what: &str| ChangelogError::Malformed(what.to_owned());
    let top = first_entry(text)?;
    let parsed = ChangeLog::parse(top);
    if let Some(error) = parsed.errors().first() {
        return Err(malformed(error));
    }
    let entry = parsed.tree().iter().next().ok_or(ChangelogError::Empty)?;
    // The header is cut out here: debversion would take versions that dpkg refuses.
    let header = top.trim_start().lines().next().unwrap_or_default();
    let version = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(version, _)| version.trim());
    let date_text = entry.timestamp().ok_or_else(|| malformed("it has no date"))?;
    let (name, address) = entry.maintainer().zip(entry.email()).ok_or_else(|| malformed("it has no maintainer"))?;
    Ok(Entry {
        source: SourceName::new(&entry.package().ok_or_else(|| malformed("it has no source package"))?)?,
        version: Version::new(version.ok_or_else(|| malformed("it has no version"))?)?,
        distributions: entry.distributions().unwrap_or_default(),
        urgency: urgency(header),
        maintainer: format!("{name} <{address}>"),
        date: Timestamp::parse_rfc2822(&date_text)?,
        date_text,
    })
}

/// The text up to the end of the first trailer line.
fn first_entry(text: &str) -> Result<&str, ChangelogError> {
    if text.trim().is_empty() {
        return Err(ChangelogError::Empty);
    }
    let start = text.find("\n -- ").ok_or_else(|| ChangelogError::Malformed("it has no trailer line".to_owned()))? + 1;
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length + 1);
    Ok(&text[..end])
}

fn urgency(header: &str) -> Option<String> {
    let (_, pairs) = header.split_once(';')?;
    let value = pairs.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case("urgency").then_some(value)
    })?;
    value.split_ascii_whitespace().next().map(str::to_lowercase)
}

/// A rebuild without changes: a new version of the same source, so that it can stand beside its parent in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rebuild {
    /// Who rebuilds, in letters: `NAME` of `+0NAME1`.
    pub vendor: String,
    /// Which rebuild of this parent it is, from 1.
    pub number: u32,
    /// The suite that it is meant for.
    pub suite: SuiteName,
    /// Who makes it: `Name <address>`.
    pub maintainer: String,
    /// What the entry says.
    pub change: String,
}

impl Rebuild {
    /// The first rebuild by this vendor for this suite, which says `No-change rebuild for SUITE.`
    #[must_use]
    pub fn new(vendor: impl Into<String>, suite: SuiteName, maintainer: impl Into<String>) -> Self {
        let change = format!("No-change rebuild for {suite}.");
        Self { vendor: vendor.into(), number: 1, suite, maintainer: maintainer.into(), change }
    }

    /// The same as a later rebuild.
    #[must_use]
    pub const fn with_number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// The same with another text.
    #[must_use]
    pub fn with_change(mut self, change: impl Into<String>) -> Self {
        self.change = change.into();
        self
    }

    /// Whether all of it can stand in a changelog.
    ///
    /// # Errors
    /// [`ChangelogError::Unwritable`] when the vendor is not a word of ASCII letters, the number is 0, or a text is not one plain line.
    pub fn check(&self) -> Result<(), ChangelogError> {
        let plain = |text: &str| !text.is_empty() && text == text.trim() && !text.contains(char::is_control);
        let person = |text: &str| text.ends_with('>') && text.contains(" <") && !text.contains("  ");
        let vendor = !self.vendor.is_empty() && self.vendor.bytes().all(|b| b.is_ascii_alphabetic());
        let number = self.number.to_string();
        let parts = [
            ("vendor", &self.vendor, vendor),
            ("number", &number, self.number > 0),
            ("maintainer", &self.maintainer, plain(&self.maintainer) && person(&self.maintainer)),
            ("change", &self.change, plain(&self.change)),
        ];
        match parts.into_iter().find(|(_, _, fits)| !fits) {
            Some((what, text, _)) => Err(ChangelogError::Unwritable { what, text: text.clone() }),
            None => Ok(()),
        }
    }

    /// The version of this rebuild of `parent`: `2.10-3` becomes `2.10-3+0NAME1`, which sorts above the parent and below its
    /// binNMUs (`+b1`) and security updates (`+deb12u1`). A parent that is itself a rebuild by this vendor gets the new number.
    ///
    /// # Errors
    /// Those of [`Rebuild::check`].
    pub fn version(&self, parent: &Version) -> Result<Version, ChangelogError> {
        self.check()?;
        let suffix = format!("+0{}", self.vendor);
        let base = match parent.as_str().rsplit_once(&suffix) {
            Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
            _ => parent.as_str(),
        };
        Ok(Version::new(&format!("{base}{suffix}{}", self.number))?)
    }

    /// The entry (Policy 4.4) up to the date, which is the parent's, so that the same parent always gives the same source: it is
    /// added where the parent's changelog is read.
    ///
    /// # Errors
    /// Those of [`Rebuild::check`].
    pub fn undated_entry(&self, source: &SourceName, version: &Version) -> Result<String, ChangelogError> {
        self.check()?;
        let Self { suite, change, maintainer, .. } = self;
        Ok(format!("{source} ({version}) {suite}; urgency=medium\n\n  * {change}\n\n -- {maintainer}  "))
    }
}

#[cfg(test)]
mod tests;
