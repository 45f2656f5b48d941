//! Debian versions: what dpkg refuses is refused, order is dpkg's, identity is the text.

use std::{cmp::Ordering, fmt, hash, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Class, Classify};

/// The longest version that is taken, in bytes: file names hold name, version and architecture, and have 255.
pub const LONGEST: usize = 200;

/// A package version (Policy 5.6.12, deb-version(7)). Cheap to clone.
///
/// Two versions are equal when their texts are, because file names and locks go by text; `Ord` is dpkg's order and,
/// among those that dpkg calls equal (`1.0`, `1.0-0`, `0:1.0`), the order of the texts, so that it agrees with `Eq`.
/// [`Version::compare`] is dpkg's order alone.
#[derive(Clone)]
pub struct Version(Arc<Inner>);

struct Inner {
    text: String,
    /// For the order only: each part ends in a digit, see [`ending_in_digit`].
    parsed: debversion::Version,
}

impl Version {
    /// Checks a version as dpkg does; what dpkg only warns about is refused too.
    ///
    /// # Errors
    /// [`VersionError`] with dpkg's reason.
    pub fn new(text: &str) -> Result<Self, VersionError> {
        match Self::tolerant(text)? {
            (version, None) => Ok(version),
            (_, Some(warning)) => Err(warning),
        }
    }

    /// Checks a version as dpkg does when it reads other people's indexes: where dpkg only warns (the version does not start
    /// with a digit, or has a character such as `_`), the version is taken and the warning returned. A `/`, a character
    /// outside printable ASCII and a text longer than [`LONGEST`] are refused all the same, as versions become file names.
    ///
    /// # Errors
    /// [`VersionError`] with dpkg's reason.
    pub fn tolerant(text: &str) -> Result<(Self, Option<VersionError>), VersionError> {
        let error = |reason| VersionError { text: text.chars().take(LONGEST).collect(), reason };
        let parts = split(text).map_err(error)?;
        let warning = warning(&parts).map(error);
        let parsed = debversion::Version {
            epoch: parts.epoch,
            upstream_version: ending_in_digit(parts.upstream),
            debian_revision: parts.revision.map(ending_in_digit),
        };
        Ok((Self(Arc::new(Inner { text: text.to_owned(), parsed })), warning))
    }

    /// The version as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// dpkg's order, in which versions of different text (`1.0`, `1.0-0`, `0:1.0`) may be equal.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.0.parsed.cmp(&other.0.parsed)
    }

    /// The epoch, if one is written.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        self.0.parsed.epoch
    }

    /// The version without the epoch: what file names have (Policy 5.6.12).
    #[must_use]
    pub fn without_epoch(&self) -> &str {
        self.as_str().split_once(':').map_or(self.as_str(), |(_, rest)| rest)
    }

    /// The part after the last hyphen, if there is one.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.without_epoch().rsplit_once('-').map(|(_, revision)| revision)
    }

    /// The part between epoch and revision.
    #[must_use]
    pub fn upstream(&self) -> &str {
        self.without_epoch().rsplit_once('-').map_or_else(|| self.without_epoch(), |(upstream, _)| upstream)
    }

    /// The number of a binNMU (`1.0-1+b2` has 2): the version ends in `+b` and decimal digits that fit.
    #[must_use]
    pub fn bin_nmu(&self) -> Option<u32> {
        let (_, digits) = self.as_str().rsplit_once("+b")?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
    }

    /// This version with something after it, as for a rebuild (`+0NAME1`) or a backport (`~bpo12+1`).
    ///
    /// # Errors
    /// [`VersionError`] when the result is not a version.
    pub fn with_suffix(&self, suffix: &str) -> Result<Self, VersionError> {
        Self::new(&format!("{self}{suffix}"))
    }
}

struct Parts<'a> {
    epoch: Option<u32>,
    upstream: &'a str,
    revision: Option<&'a str>,
}

/// The parts, with the refusals of dpkg 1.21's `parseversion` in its order; stricter than it in length, characters and the
/// epoch, which has only digits here (dpkg's strtol would take `+1:1`).
fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    if text.is_empty() {
        return Err("version string is empty");
    }
    if text.len() > LONGEST {
        return Err("version string is too long");
    }
    if text.contains(char::is_whitespace) {
        return Err("version string has embedded spaces");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
        return Err("invalid character in version number");
    }
    let (epoch, rest) = match text.split_once(':') {
        None => (None, text),
        Some(("", _)) => return Err("epoch in version is empty"),
        Some((epoch, _)) if !epoch.bytes().all(|b| b.is_ascii_digit()) => {
            return Err("epoch in version is not number");
        }
        Some((epoch, rest)) => match epoch.parse::<i32>() {
            Err(_) => return Err("epoch in version is too big"),
            Ok(_) if rest.is_empty() => return Err("nothing after colon in version number"),
            Ok(number) => (Some(number.unsigned_abs()), rest),
        },
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return Err("revision number is empty"),
        Some((upstream, revision)) => (upstream, Some(revision)),
        None => (rest, None),
    };
    if upstream.is_empty() {
        return Err("version number is empty");
    }
    Ok(Parts { epoch, upstream, revision })
}

/// What dpkg warns about.
fn warning(parts: &Parts<'_>) -> Option<&'static str> {
    let allowed = |text: &str, signs: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b));
    if !parts.upstream.starts_with(|c: char| c.is_ascii_digit()) {
        Some("version number does not start with digit")
    } else if !allowed(parts.upstream, b".-+~:") {
        Some("invalid character in version number")
    } else if !parts.revision.is_none_or(|revision| allowed(revision, b".+~")) {
        Some("invalid character in revision number")
    } else {
        None
    }
}

/// For dpkg a missing number is 0, so `1.` and `1.0` are equal; debversion 0.5 puts the shorter first. A number can only
/// be missing at the end.
fn ending_in_digit(part: &str) -> String {
    let mut text = part.to_owned();
    if !text.ends_with(|c: char| c.is_ascii_digit()) {
        text.push('0');
    }
    text
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Version {}

impl hash::Hash for Version {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.as_str().cmp(other.as_str()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for Version {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Records and locks name what archives have: a version that was tolerated there can be read back.
impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::tolerant(&String::deserialize(deserializer)?).map(|(version, _)| version).map_err(de::Error::custom)
    }
}

/// Text that is not a version, with dpkg's reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version: {text:?}: {reason}")]
pub struct VersionError {
    /// The text, or its beginning.
    pub text: String,
    /// dpkg's words for it.
    pub reason: &'static str,
}

impl Classify for VersionError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

#[cfg(test)]
mod tests;
