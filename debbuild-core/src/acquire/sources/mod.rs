//! The host's own APT sources as text in, entries out (sources.list(5), deb822 and one-line): pure; the app reads the files.

mod deb822;
mod host;
mod one_line;

pub use host::{HostArchives, HostQuery, PassedOver, host_archives, vendors};

use super::{Archive, fetch::Uri};
use crate::{
    arch::Architecture,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::{Fingerprint, Keyring},
};

/// Who may sign, as an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SignedBy {
    /// Keyring files.
    pub files: Vec<AbsPath>,
    /// A key that the entry embeds, armored.
    pub embedded: Option<String>,
    /// Only these keys (of the files, or of the default keyring).
    pub fingerprints: Vec<Fingerprint>,
}

/// One entry of the host's sources: an archive and suites of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceEntry {
    /// The file that it stands in.
    pub file: String,
    /// The line that it begins at, from 1.
    pub line: usize,
    /// Whether it is for binary packages (`deb`).
    pub binary: bool,
    /// Whether it is for source packages (`deb-src`).
    pub source: bool,
    /// Addresses of the archive.
    pub uris: Vec<Uri>,
    /// Suites of it.
    pub suites: Vec<SuiteName>,
    /// Components of each.
    pub components: Vec<ComponentName>,
    /// The architectures to use; none means whatever is asked for.
    pub architectures: Vec<Architecture>,
    /// Who may sign.
    pub signed_by: SignedBy,
    /// Whether expiry is checked.
    pub check_valid_until: bool,
}

impl SourceEntry {
    /// This archive with another (or one of its own) suites; where the entry names no keyring, `default` is used.
    #[must_use]
    pub fn archive(&self, suite: &SuiteName, default: &Keyring) -> Archive {
        let keys = match &self.signed_by {
            SignedBy { embedded: Some(key), .. } => Keyring::Bytes(key.clone().into_bytes()),
            SignedBy { files, .. } if files.is_empty() => default.clone(),
            SignedBy { files, .. } => Keyring::Files(files.clone()),
        };
        Archive {
            name: suite.to_string(),
            uris: self.uris.clone(),
            suite: suite.clone(),
            components: self.components.clone(),
            architectures: self.architectures.clone(),
            signed_by: keys,
            signers: self.signed_by.fingerprints.clone(),
            check_valid_until: self.check_valid_until,
            check_suite: true,
        }
    }

    /// Where it stands: `debian.sources:1`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// Something in the host's sources that we cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
#[non_exhaustive]
pub struct SourceProblem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// What the host's sources say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SourceList {
    /// The enabled entries that can be used.
    pub entries: Vec<SourceEntry>,
    /// What was passed over, and why.
    pub problems: Vec<SourceProblem>,
}

impl SourceList {
    /// Reads one file, by its name as apt does: `.sources` is deb822, `.list` is one-line.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Self {
        if file.ends_with(".sources") { deb822::read(file, text) } else { one_line::read(file, text) }
    }

    /// This with what another file says.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self.problems.extend(other.problems);
        self
    }

    fn problem(&mut self, file: &str, line: usize, reason: impl Into<String>) {
        self.problems.push(SourceProblem { file: file.to_owned(), line, reason: reason.into() });
    }
}

/// The words of an entry, before they are checked; the same for both formats.
#[derive(Debug, Default)]
struct Words<'a> {
    types: Vec<&'a str>,
    uris: Vec<&'a str>,
    suites: Vec<&'a str>,
    components: Vec<&'a str>,
    architectures: Vec<&'a str>,
    signed_by: Vec<&'a str>,
    embedded: Option<&'a str>,
    check_valid_until: Option<&'a str>,
    trusted: Option<&'a str>,
}

impl Words<'_> {
    /// Checks an entry and adds it, or the reason why not.
    fn add_to(self, list: &mut SourceList, file: &str, line: usize) {
        if self.trusted.is_some_and(yes) {
            list.problem(file, line, "trusted=yes is not followed: a good signature is still needed");
        }
        match self.entry(list, file, line) {
            Ok(entry) => list.entries.push(entry),
            Err(reason) => list.problem(file, line, reason),
        }
    }

    fn entry(self, list: &mut SourceList, file: &str, line: usize) -> Result<SourceEntry, String> {
        if let Some(other) = self.types.iter().find(|kind| !["deb", "deb-src"].contains(kind)) {
            return Err(format!("not a type: {other:?}"));
        }
        if [&self.uris, &self.suites, &self.types].iter().any(|words| words.is_empty()) {
            return Err("an entry needs a type, an address and a suite".to_owned());
        }
        let mut suites = Vec::new();
        for suite in self.suites {
            match suite.trim_end_matches('/') {
                flat if flat != suite || flat.is_empty() => {
                    list.problem(file, line, format!("archives without dists/ are not supported: {suite:?}"));
                }
                name => suites.push(name.parse().map_err(|error| format!("{error}"))?),
            }
        }
        if suites.is_empty() {
            return Err("no suite is left".to_owned());
        }
        if self.components.is_empty() {
            return Err("an entry needs a component".to_owned());
        }
        Ok(SourceEntry {
            file: file.to_owned(),
            line,
            binary: self.types.contains(&"deb"),
            source: self.types.contains(&"deb-src"),
            uris: parsed(&self.uris)?,
            suites,
            components: parsed(&self.components)?,
            architectures: parsed(&self.architectures)?,
            signed_by: signed_by(&self.signed_by, self.embedded)?,
            check_valid_until: self.check_valid_until.is_none_or(yes),
        })
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(words: &[&str]) -> Result<Vec<T>, String> {
    words.iter().map(|word| word.parse().map_err(|error| format!("{error}"))).collect()
}

/// What apt takes for yes (its `StringToBool`).
fn yes(text: &str) -> bool {
    ["yes", "true", "with", "on", "enable", "1"].iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
}

/// `Signed-By`: paths of keyrings and fingerprints; a `!` (exactly this key, no subkey) is taken as the key.
fn signed_by(words: &[&str], embedded: Option<&str>) -> Result<SignedBy, String> {
    let mut found = SignedBy { embedded: embedded.map(str::to_owned), ..SignedBy::default() };
    for word in words {
        if word.starts_with('/') {
            found.files.push(AbsPath::new(word).map_err(|error| error.to_string())?);
        } else {
            found.fingerprints.push(Fingerprint::new(word.trim_end_matches('!')).map_err(|error| error.to_string())?);
        }
    }
    Ok(found)
}

#[cfg(all(test, feature = "testing"))]
mod tests;
