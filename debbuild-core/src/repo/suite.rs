//! What a suite is called and holds, and how its indexes are written.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::RepoError;
use crate::{
    arch::Architecture,
    name::{ComponentName, SuiteName},
    sign::Fingerprint,
};

/// Release files are good for seven days, unless told otherwise: sign daily.
const VALID_FOR: u64 = 7 * 86_400;

/// What a suite is called and holds; the fields of its Release file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SuiteOptions {
    /// The name of its folder in `dists`, and the `Suite` field.
    pub suite: SuiteName,
    /// The `Codename` field.
    pub codename: SuiteName,
    /// The `Origin` field.
    pub origin: String,
    /// The `Label` field.
    pub label: String,
    /// The `Version` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The `Description` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Components; at least one.
    pub components: Vec<ComponentName>,
    /// Architectures, without `all` (its packages are in the index of each); at least one.
    pub architectures: Vec<Architecture>,
    /// How long a Release file is good, in seconds; without, for ever.
    pub valid_for_seconds: Option<u64>,
    /// `NotAutomatic: yes`: apt installs from it only when asked.
    #[serde(default)]
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`: but upgrades what came from it.
    #[serde(default)]
    pub but_automatic_upgrades: bool,
    /// The `Snapshots` field, an address with `@SNAPSHOTID@` in it: then each state stays reachable by its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// The formats of its indexes; at least one.
    #[serde(default = "default_formats")]
    pub formats: Vec<IndexFormat>,
    /// Whether it has Contents indexes, of the packages whose paths were read.
    #[serde(default = "yes")]
    pub contents: bool,
    /// Whether long descriptions are in Translation-en instead of Packages.
    #[serde(default = "yes")]
    pub translations: bool,
    /// How many patches (`Packages.diff/Index`) of each index stay, by which clients come from earlier states; without, there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdiffs: Option<NonZeroUsize>,
    /// The `Changelogs` field: where a package's changelog is, with `@CHANGEPATH@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changelogs: Option<String>,
    /// The `Signed-By` field: the fingerprints of the keys that clients are to accept from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// How many versions of a package stay when more are added; without, all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<NonZeroUsize>,
    /// The suite that packages of debug symbols (`Auto-Built-Package: debug-symbols`) go to instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_suite: Option<SuiteName>,
}

/// A format of an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum IndexFormat {
    /// Not compressed.
    Plain,
    /// gzip (`.gz`): everybody reads it.
    #[serde(rename = "gz")]
    Gzip,
    /// xz (`.xz`): the smallest, and slow to write.
    Xz,
    /// Zstandard (`.zst`): small and fast; apt reads it since 1.9.
    #[serde(rename = "zst")]
    Zstd,
}

impl IndexFormat {
    /// What the names of its files end with.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }
}

impl std::fmt::Display for IndexFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            compressed => &compressed.ending()[1..],
        })
    }
}

impl std::str::FromStr for IndexFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "plain" => Ok(Self::Plain),
            "gz" => Ok(Self::Gzip),
            "xz" => Ok(Self::Xz),
            "zst" => Ok(Self::Zstd),
            _ => Err("is none of plain, gz, xz and zst"),
        }
    }
}

const fn yes() -> bool {
    true
}

/// What every client reads, and what new ones read fast.
fn default_formats() -> Vec<IndexFormat> {
    vec![IndexFormat::Gzip, IndexFormat::Zstd]
}

impl SuiteOptions {
    /// A suite with component `main` for these architectures, good for seven days after each publication.
    #[must_use]
    pub fn new(suite: SuiteName, architectures: Vec<Architecture>) -> Self {
        Self {
            codename: suite.clone(),
            suite,
            origin: "debbuild".to_owned(),
            label: "debbuild".to_owned(),
            version: None,
            description: None,
            components: ComponentName::new("main").into_iter().collect(),
            architectures,
            valid_for_seconds: Some(VALID_FOR),
            not_automatic: false,
            but_automatic_upgrades: false,
            snapshots: None,
            formats: default_formats(),
            contents: true,
            translations: true,
            pdiffs: None,
            changelogs: None,
            signed_by: Vec::new(),
            keep: None,
            debug_suite: None,
        }
    }

    /// With these components.
    #[must_use]
    pub fn with_components(mut self, components: Vec<ComponentName>) -> Self {
        self.components = components;
        self
    }

    /// With this `Codename`.
    #[must_use]
    pub fn with_codename(mut self, codename: SuiteName) -> Self {
        self.codename = codename;
        self
    }

    /// With this `Origin` and `Label`.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>, label: impl Into<String>) -> Self {
        self.origin = origin.into();
        self.label = label.into();
        self
    }

    /// With this `Version`.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// With this `Description`.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With another time that a Release file is good, in seconds; `None` is for ever.
    #[must_use]
    pub const fn with_valid_for_seconds(mut self, seconds: Option<u64>) -> Self {
        self.valid_for_seconds = seconds;
        self
    }

    /// With `NotAutomatic` and `ButAutomaticUpgrades`.
    #[must_use]
    pub const fn with_not_automatic(mut self, not_automatic: bool, but_automatic_upgrades: bool) -> Self {
        self.not_automatic = not_automatic;
        self.but_automatic_upgrades = but_automatic_upgrades;
        self
    }

    /// Keeps each state reachable by its time, for clients at this address (with `@SNAPSHOTID@` in it), or not.
    #[must_use]
    pub fn with_snapshots(mut self, address: Option<String>) -> Self {
        self.snapshots = address;
        self
    }

    /// With indexes in these formats.
    #[must_use]
    pub fn with_formats(mut self, formats: Vec<IndexFormat>) -> Self {
        self.formats = formats;
        self
    }

    /// With or without Contents indexes.
    #[must_use]
    pub const fn with_contents(mut self, contents: bool) -> Self {
        self.contents = contents;
        self
    }

    /// With long descriptions in Translation-en, or in Packages.
    #[must_use]
    pub const fn with_translations(mut self, translations: bool) -> Self {
        self.translations = translations;
        self
    }

    /// With so many patches of each index, or none.
    #[must_use]
    pub const fn with_pdiffs(mut self, patches: Option<NonZeroUsize>) -> Self {
        self.pdiffs = patches;
        self
    }

    /// With this `Changelogs`.
    #[must_use]
    pub fn with_changelogs(mut self, changelogs: impl Into<String>) -> Self {
        self.changelogs = Some(changelogs.into());
        self
    }

    /// With this `Signed-By`.
    #[must_use]
    pub fn with_signed_by(mut self, keys: &[Fingerprint]) -> Self {
        self.signed_by = keys.iter().map(ToString::to_string).collect();
        self
    }

    /// Keeping so many versions of a package.
    #[must_use]
    pub const fn with_keep(mut self, versions: Option<NonZeroUsize>) -> Self {
        self.keep = versions;
        self
    }

    /// With another suite for packages of debug symbols.
    #[must_use]
    pub fn with_debug_suite(mut self, suite: SuiteName) -> Self {
        self.debug_suite = Some(suite);
        self
    }

    /// Whether states stay reachable by time: then their trees stay until [`Repository::collect`](super::Repository::collect)
    /// removes them.
    pub(super) const fn is_by_time(&self) -> bool {
        self.snapshots.is_some()
    }

    /// Refuses what cannot be written into a Release file.
    pub(super) fn check(&self) -> Result<(), RepoError> {
        let refuse = |field, reason: &str| {
            Err(RepoError::Option { suite: self.suite.clone(), field, reason: reason.to_owned() })
        };
        let texts = [("origin", Some(&self.origin)), ("label", Some(&self.label)), ("version", self.version.as_ref())];
        let more = [("description", self.description.as_ref()), ("changelogs", self.changelogs.as_ref())];
        for (field, text) in texts.into_iter().chain(more) {
            if text.is_some_and(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
                return refuse(field, "it must be one line, not empty");
            }
        }
        if self.components.is_empty() {
            return refuse("components", "there must be one");
        }
        if self.architectures.is_empty() || self.architectures.iter().any(Architecture::is_all) {
            return refuse("architectures", "there must be one, and `all` is in each");
        }
        let good = |address: &String| {
            address.contains("@SNAPSHOTID@") && !address.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if !self.snapshots.iter().all(good) {
            return refuse("snapshots", "it must be an address with @SNAPSHOTID@ in it");
        }
        if self.formats.is_empty() {
            return refuse("formats", "there must be one");
        }
        if self.debug_suite.as_ref() == Some(&self.suite) {
            return refuse("debug_suite", "it is the suite itself");
        }
        if self.signed_by.iter().any(|key| Fingerprint::new(key).is_err()) {
            return refuse("signed_by", "it must be fingerprints, in full");
        }
        Ok(())
    }
}
