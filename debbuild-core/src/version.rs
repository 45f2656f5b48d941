//! Debian versions: what dpkg refuses is refused, order is dpkg's, identity is the text.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Class, Classify};

/// A package version (Policy 5.6.12). Two versions are equal when their texts are; see [`Version::compare`] for dpkg's order.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    parsed: debversion::Version,
}

impl Version {
    /// Checks a version as dpkg does.
    ///
    /// # Errors
    /// [`VersionError`] with dpkg's reason.
    pub fn new(text: &str) -> Result<Self, VersionError> {
        let error = |reason| VersionError { text: text.to_owned(), reason };
        check(text).map_err(error)?;
        let parsed = text.parse().map_err(|_| error("version cannot be parsed"))?;
        Ok(Self { text: text.to_owned(), parsed })
    }

    /// The version as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// dpkg's order, in which versions of different text (`1.0`, `1.0-0`, `0:1.0`) may be equal.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed)
    }

    /// The epoch, if one is written.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        self.text.split_once(':').and_then(|(epoch, _)| epoch.parse().ok())
    }

    /// The version without the epoch: what file names have (Policy 5.6.12).
    #[must_use]
    pub fn without_epoch(&self) -> &str {
        self.text.split_once(':').map_or(&self.text, |(_, rest)| rest)
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
}

/// The rules of dpkg's `parseversion`, in its order; what it only warns about is refused too, as in strict mode.
fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("version string is empty");
    }
    if text.contains(char::is_whitespace) {
        return Err("version string has embedded spaces");
    }
    let rest = match text.split_once(':') {
        None => text,
        Some((epoch, rest)) => {
            if epoch.is_empty() {
                return Err("epoch in version is empty");
            }
            if !epoch.bytes().all(|b| b.is_ascii_digit()) {
                return Err("epoch in version is not number");
            }
            if epoch.parse::<i32>().is_err() {
                return Err("epoch in version is too big");
            }
            if rest.is_empty() {
                return Err("nothing after colon in version number");
            }
            rest
        }
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        None => (rest, None),
        Some((upstream, revision)) => (upstream, Some(revision)),
    };
    match upstream.bytes().next() {
        None => return Err("upstream version cannot be empty"),
        Some(first) if !first.is_ascii_digit() => return Err("version number does not start with digit"),
        Some(_) => {}
    }
    if !upstream.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+~:".contains(&b)) {
        return Err("invalid character in version number");
    }
    match revision {
        Some("") => Err("revision number is empty"),
        Some(revision) if !revision.bytes().all(|b| b.is_ascii_alphanumeric() || b".+~".contains(&b)) => {
            Err("invalid character in revision number")
        }
        _ => Ok(()),
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// dpkg's order; versions that dpkg calls equal are ordered by their text, so that this agrees with `Eq`.
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.text.cmp(&other.text))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
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
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Text that is not a version, with dpkg's reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version: {text:?}: {reason}")]
pub struct VersionError {
    /// The text.
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
mod tests {
    use super::*;

    #[test]
    fn refuses_what_dpkg_refuses() {
        for bad in
            ["", " ", "1-", "1:", ":1", "a:1", "-1", "1:-1", "1.0-1-", "99999999999:1", "a1", "1_2", "1-1_2", "1 2"]
        {
            assert!(Version::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn order_is_by_version_and_identity_by_text() {
        let v = |text: &str| Version::new(text).unwrap();
        assert_eq!(v("1.0").compare(&v("1.0-0")), Ordering::Equal);
        assert_ne!(v("1.0"), v("1.0-0"));
        assert!(v("2.10-3") < v("2.10-3+0NAME1"));
        assert!(v("2.10-3+0NAME1") < v("2.10-3+b1"));
        assert!(v("2.10-3+0NAME1") < v("2.10-3+deb12u1"));
        assert!(v("1.0~rc1") < v("1.0"));
        assert!(v("1:0.1") > v("9"));
    }

    #[test]
    fn parts() {
        let version = Version::new("1:2.0-rc-3").unwrap();
        assert_eq!((version.epoch(), version.upstream(), version.revision()), (Some(1), "2.0-rc", Some("3")));
        assert_eq!(version.without_epoch(), "2.0-rc-3");
    }
}
