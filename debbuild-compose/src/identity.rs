//! What a compose is called: `<short>-<version>-<date>[.n|.t|.ci].<respin>`, its type and its label.

use std::{fmt, str::FromStr};

use debbuild_core::{
    clock::Timestamp,
    error::{Class, Classify},
};

/// Why a compose is made; decides the suffix of its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum ComposeType {
    /// A release candidate or release: no suffix.
    Production,
    /// Made every night: `.n`.
    #[default]
    Nightly,
    /// Somebody tries something: `.t`.
    Test,
    /// Made for one change: `.ci`.
    Ci,
}

impl ComposeType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Production, Self::Nightly, Self::Test, Self::Ci];

    /// The name in blueprints and metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Nightly => "nightly",
            Self::Test => "test",
            Self::Ci => "ci",
        }
    }

    /// What follows the date in the id.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Production => "",
            Self::Nightly => ".n",
            Self::Test => ".t",
            Self::Ci => ".ci",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ComposeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The milestone that a production compose is for: `RC-1.0`, `Beta-2.1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(String);

impl Label {
    /// The names that may stand before the number.
    pub const NAMES: [&'static str; 10] = [
        "EA",
        "DevelPhaseExit",
        "InternalAlpha",
        "Alpha",
        "InternalSnapshot",
        "Beta",
        "Snapshot",
        "RC",
        "Update",
        "SecurityFix",
    ];

    /// Checks a label: a known name, a dash, and `X.Y`.
    ///
    /// # Errors
    /// [`IdentityError::Label`].
    pub fn new(text: &str) -> Result<Self, IdentityError> {
        let numbers =
            |text: &str| text.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor));
        match text.split_once('-') {
            Some((name, number)) if Self::NAMES.contains(&name) && numbers(number) => Ok(Self(text.to_owned())),
            _ => Err(IdentityError::Label(text.to_owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a compose, which is also the name of its folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComposeId {
    short: String,
    version: String,
    date: String,
    kind: ComposeType,
    respin: u32,
}

impl ComposeId {
    /// The id of the `respin`th compose (from 0) of this release on this day (UTC).
    ///
    /// # Errors
    /// [`IdentityError::Short`] and [`IdentityError::Version`]: see [`check_short`] and [`check_version`].
    pub fn new(
        short: &str,
        version: &str,
        day: Timestamp,
        kind: ComposeType,
        respin: u32,
    ) -> Result<Self, IdentityError> {
        check_short(short)?;
        check_version(version)?;
        Ok(Self { short: short.to_owned(), version: version.to_owned(), date: day.day(), kind, respin })
    }

    /// The same day and release with another respin.
    #[must_use]
    pub fn with_respin(mut self, respin: u32) -> Self {
        self.respin = respin;
        self
    }

    /// The release's short name.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.short
    }

    /// The release's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The day, `YYYYMMDD`, UTC.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The type.
    #[must_use]
    pub const fn kind(&self) -> ComposeType {
        self.kind
    }

    /// How many composes of this release and type were begun on this day before it.
    #[must_use]
    pub const fn respin(&self) -> u32 {
        self.respin
    }

    /// The name of the link to the newest finished compose of the same release.
    #[must_use]
    pub fn latest_link(&self) -> String {
        format!("latest-{}-{}", self.short, self.version)
    }
}

impl fmt::Display for ComposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { short, version, date, kind, respin } = self;
        write!(f, "{short}-{version}-{date}{}.{respin}", kind.suffix())
    }
}

impl FromStr for ComposeId {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || IdentityError::Id(text.to_owned());
        let (short, rest) = text.split_once('-').ok_or_else(wrong)?;
        let (version, tail) = rest.rsplit_once('-').ok_or_else(wrong)?;
        check_short(short)?;
        check_version(version)?;
        let (date, respin) = tail.rsplit_once('.').ok_or_else(wrong)?;
        let kind = ComposeType::ALL
            .into_iter()
            .rev()
            .find(|kind| !kind.suffix().is_empty() && date.ends_with(kind.suffix()))
            .unwrap_or(ComposeType::Production);
        let date = date.strip_suffix(kind.suffix()).unwrap_or(date);
        let plain = respin == "0" || !respin.starts_with('0');
        if date.len() != 8 || !is_number(date) || !is_number(respin) || !plain {
            return Err(wrong());
        }
        let respin = respin.parse().map_err(|_| wrong())?;
        Ok(Self { short: short.to_owned(), version: version.to_owned(), date: date.to_owned(), kind, respin })
    }
}

/// Checks a short name: a letter, then letters and digits; it stands before the first dash of the id.
///
/// # Errors
/// [`IdentityError::Short`].
pub fn check_short(text: &str) -> Result<(), IdentityError> {
    let fine = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if fine { Ok(()) } else { Err(IdentityError::Short(text.to_owned())) }
}

/// Checks a version: letters, digits, dots, underscores and tildes, beginning with a letter or digit.
///
/// # Errors
/// [`IdentityError::Version`].
pub fn check_version(text: &str) -> Result<(), IdentityError> {
    let fine = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~".contains(&b));
    if fine { Ok(()) } else { Err(IdentityError::Version(text.to_owned())) }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Text that is not part of a compose's identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Not a short name.
    #[error("not a short name (letters and digits, a letter first): {0:?}")]
    Short(String),
    /// Not a version.
    #[error("not a release version (letters, digits, dots): {0:?}")]
    Version(String),
    /// Not a label.
    #[error("not a label (a milestone and a number, such as RC-1.0 or Beta-2.1): {0:?}")]
    Label(String),
    /// Not a compose id.
    #[error("not a compose id: {0:?}")]
    Id(String),
}

impl Classify for IdentityError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_contract_and_lead_back() {
        let day = Timestamp::from_seconds(1_747_700_000);
        let id = |kind, respin| ComposeId::new("Minimal", "1.2", day, kind, respin).unwrap();
        assert_eq!(id(ComposeType::Production, 0).to_string(), "Minimal-1.2-20250520.0");
        assert_eq!(id(ComposeType::Nightly, 3).to_string(), "Minimal-1.2-20250520.n.3");
        assert_eq!(id(ComposeType::Ci, 10).to_string(), "Minimal-1.2-20250520.ci.10");
        for kind in ComposeType::ALL {
            assert_eq!(id(kind, 7).to_string().parse(), Ok(id(kind, 7)));
            assert_eq!(ComposeType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(id(ComposeType::Test, 0).latest_link(), "latest-Minimal-1.2");
        for bad in
            ["Minimal", "a-1", "a-1-2025.0", "a-1-20250520", "a-1-20250520.0x", "a-1-20250520.01", "../-1-20250520.0"]
        {
            assert!(bad.parse::<ComposeId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        for bad in ["", "-", "a-b", "a/b", "1a", "..", "ä"] {
            assert!(check_short(bad).is_err(), "{bad}");
        }
        for bad in ["", "-1", "1-2", "1/2", ".."] {
            assert!(check_version(bad).is_err(), "{bad}");
        }
        assert!(Label::new("RC-1.0").is_ok());
        for bad in ["RC", "RC-1", "rc-1.0", "RC-1.", "RC-1.x"] {
            assert!(Label::new(bad).is_err(), "{bad}");
        }
    }
}
