//! debian/changelog (Policy 4.4, deb-changelog(5)): its entries, and the entry that makes a rebuild a new version.

mod parse;

pub use parse::ChangelogProblem;

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
    /// An entry is not what deb-changelog(5) describes.
    #[error("the changelog's entry is malformed: {0}")]
    Malformed(String),
    /// The source package's name cannot be taken.
    #[error("the changelog's entry")]
    Source(#[from] NameError),
    /// The version cannot be taken.
    #[error("the changelog's entry")]
    Version(#[from] VersionError),
    /// The date cannot be read.
    #[error("the changelog's entry")]
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
    /// How urgent it was, in lower case.
    pub urgency: Option<String>,
    /// Whether it is that of a binNMU, which has no source of its own.
    pub binary_only: bool,
    /// Who made it: `Name <address>`.
    pub maintainer: String,
    /// When it was made.
    pub date: Timestamp,
    /// When it was made, as written, with the zone of who made it.
    pub date_text: String,
    /// What was changed: the lines between header and trailer as they stand, without the empty ones around them.
    pub changes: String,
}

/// The top entry of a changelog, which must begin with it.
///
/// # Errors
/// [`ChangelogError`]; the entries below are not looked at.
pub fn top_entry(text: &str) -> Result<Entry, ChangelogError> {
    entries(text).next().ok_or(ChangelogError::Empty)?.map_err(|problem| problem.error)
}

/// The entries of a changelog, the newest first. What cannot be read is a problem, after which reading goes on with the next entry;
/// what editors are told at the end of the file is passed over.
pub fn entries(text: &str) -> impl Iterator<Item = Result<Entry, ChangelogProblem>> {
    parse::Entries::new(text)
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
