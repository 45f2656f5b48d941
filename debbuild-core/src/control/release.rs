//! Release and InRelease files of an archive.

use std::collections::BTreeMap;

use super::{ControlError, Paragraph, signed::clean, single_paragraph};
use crate::{
    arch::Architecture,
    clock::Timestamp,
    digest::Sha256,
    name::{ComponentName, PoolPath, SuiteName},
    sign::Verified,
};

/// An index file that a Release lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// What an archive says about a suite (the format that apt reads; wiki "DebianRepository/Format").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Who makes the archive.
    pub origin: Option<String>,
    /// What it is called.
    pub label: Option<String>,
    /// The suite, for example `stable`.
    pub suite: Option<SuiteName>,
    /// The codename, for example `bookworm`.
    pub codename: Option<SuiteName>,
    /// The version of the distribution, for example `12.11`.
    pub version: Option<String>,
    /// What it is for people.
    pub description: Option<String>,
    /// When it was made.
    pub date: Timestamp,
    /// Until when it may be believed.
    pub valid_until: Option<Timestamp>,
    /// Whether index files can be had by their digest.
    pub acquire_by_hash: bool,
    /// Whether upgrades to its packages are not automatic (backports).
    pub not_automatic: bool,
    /// Whether packages once installed from it are upgraded all the same.
    pub but_automatic_upgrades: bool,
    /// Where the changelogs of its packages are: an address in which `@CHANGEPATH@` stands for the package's part.
    pub changelogs: Option<String>,
    /// Where its earlier states are: an address in which `@SNAPSHOTID@` stands for the time, or `no`.
    pub snapshots: Option<String>,
    /// The fingerprints of the keys that will sign it from now on, as written.
    pub signed_by: Option<String>,
    /// The kinds of index whose `all` packages are listed only with each architecture (`Packages`), not by themselves.
    pub no_support_for_all: Vec<String>,
    /// The architectures that it has; may hold `all`.
    pub architectures: Vec<Architecture>,
    /// The components that it has.
    pub components: Vec<ComponentName>,
    /// Its index files by their path below the suite's folder.
    pub files: BTreeMap<PoolPath, ReleaseFile>,
}

impl Release {
    /// Reads the text that a verifier vouches for.
    ///
    /// # Errors
    /// [`ControlError`]; `Date` and `SHA256` must be there.
    pub fn from_verified(text: &Verified) -> Result<Self, ControlError> {
        Self::from_unverified(text.text())
    }

    /// Reads a Release file whose signature nobody has checked, for archives that the user declared as trusted.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_unverified(bytes: &[u8]) -> Result<Self, ControlError> {
        let paragraph = single_paragraph(clean(bytes)?)?;
        Ok(Self {
            origin: paragraph.owned("Origin")?,
            label: paragraph.owned("Label")?,
            suite: paragraph.parsed("Suite")?,
            codename: paragraph.parsed("Codename")?,
            version: paragraph.owned("Version")?,
            description: paragraph.owned("Description")?,
            date: paragraph
                .date("Date")?
                .ok_or(ControlError::Missing { field: "Date", line: paragraph.first_line() })?,
            valid_until: paragraph.date("Valid-Until")?,
            acquire_by_hash: paragraph.flag("Acquire-By-Hash")?,
            not_automatic: paragraph.flag("NotAutomatic")?,
            but_automatic_upgrades: paragraph.flag("ButAutomaticUpgrades")?,
            changelogs: paragraph.owned("Changelogs")?,
            snapshots: paragraph.owned("Snapshots")?,
            signed_by: paragraph.get("Signed-By").map(str::to_owned),
            no_support_for_all: paragraph.words("No-Support-for-Architecture-all").map(str::to_owned).collect(),
            architectures: paragraph.list("Architectures", false)?,
            components: paragraph.list("Components", false)?,
            files: files(&paragraph)?,
        })
    }

    /// The index file at this path below the suite's folder, if the Release lists it.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<ReleaseFile> {
        PoolPath::new(path).ok().and_then(|path| self.files.get(&path).copied())
    }
}

fn files(paragraph: &Paragraph<'_>) -> Result<BTreeMap<PoolPath, ReleaseFile>, ControlError> {
    const FIELD: &str = "SHA256";
    if paragraph.get(FIELD).is_none() {
        return Err(ControlError::Missing { field: FIELD, line: paragraph.first_line() });
    }
    let mut files = BTreeMap::new();
    for line in paragraph.lines(FIELD) {
        let bad = || paragraph.error(FIELD, format_args!("not a line of a list of files: {line:?}"));
        let [sum, size, path] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return Err(bad()) };
        let sha256 = sum.to_lowercase().parse().map_err(|_| bad())?;
        let path: PoolPath = path.parse().map_err(|error| paragraph.error(FIELD, error))?;
        let file = ReleaseFile { size: size.parse().map_err(|_| bad())?, sha256 };
        if files.insert(path, file).is_some_and(|earlier| earlier != file) {
            return Err(paragraph.error(FIELD, format_args!("lists a file twice, differently: {line:?}")));
        }
    }
    Ok(files)
}
