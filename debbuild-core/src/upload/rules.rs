//! Who may upload what: a small TOML file.

use serde::Deserialize;

use super::UploadError;
use crate::{
    name::{SourceName, SuiteName},
    sign::Fingerprint,
};

/// The version of the file's format.
const SCHEMA: u32 = 1;
/// How old a signature may be where the file does not say, in seconds: 14 days.
const WINDOW: u64 = 14 * 24 * 60 * 60;

/// Somebody who may upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploader {
    /// Who it is, for records and messages.
    pub name: String,
    /// The primary keys.
    pub keys: Vec<Fingerprint>,
    /// Names of sources, or their beginnings followed by `*`; empty for every source.
    pub sources: Vec<String>,
    /// Suites; empty for every suite.
    pub suites: Vec<SuiteName>,
    /// Whether built packages may be in an upload, or sources alone.
    pub binaries: bool,
}

impl Uploader {
    /// Somebody with this key, who may upload everything everywhere.
    #[must_use]
    pub fn new(name: impl Into<String>, key: Fingerprint) -> Self {
        Self { name: name.into(), keys: vec![key], sources: Vec::new(), suites: Vec::new(), binaries: true }
    }

    /// Only these sources: names, or their beginnings followed by `*`.
    #[must_use]
    pub fn with_sources(mut self, sources: &[&str]) -> Self {
        self.sources = sources.iter().map(|&source| source.to_owned()).collect();
        self
    }

    /// Only to these suites.
    #[must_use]
    pub fn with_suites(mut self, suites: Vec<SuiteName>) -> Self {
        self.suites = suites;
        self
    }

    /// With built packages, or sources alone.
    #[must_use]
    pub const fn with_binaries(mut self, binaries: bool) -> Self {
        self.binaries = binaries;
        self
    }

    /// Whether this source may come from here to this suite.
    #[must_use]
    pub fn may(&self, source: &SourceName, suite: &SuiteName) -> bool {
        let is_it = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => source.as_str().starts_with(beginning),
            None => source.as_str() == pattern,
        };
        (self.sources.is_empty() || self.sources.iter().any(is_it))
            && (self.suites.is_empty() || self.suites.contains(suite))
    }
}

/// Everybody who may upload, and how old a signature may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaders {
    uploaders: Vec<Uploader>,
    window: Option<u64>,
}

impl Uploaders {
    /// These, with signatures that are at most 14 days old.
    #[must_use]
    pub const fn new(uploaders: Vec<Uploader>) -> Self {
        Self { uploaders, window: Some(WINDOW) }
    }

    /// With signatures that are at most so many seconds old; `None` is for ever.
    #[must_use]
    pub const fn with_window(mut self, seconds: Option<u64>) -> Self {
        self.window = seconds;
        self
    }

    /// How old a signature may be, in seconds.
    #[must_use]
    pub const fn window(&self) -> Option<u64> {
        self.window
    }

    /// Everybody with this key.
    pub fn of<'a>(&'a self, key: &'a Fingerprint) -> impl Iterator<Item = &'a Uploader> {
        self.uploaders.iter().filter(move |uploader| uploader.keys.contains(key))
    }

    /// Reads the text of a file of rules; `name` is the file's, for errors.
    ///
    /// # Errors
    /// [`UploadError::Rules`].
    pub fn parse(name: &str, text: &str) -> Result<Self, UploadError> {
        let wrong = |reason: String| UploadError::Rules { file: name.to_owned(), reason };
        let file: RulesFile = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        if file.schema != SCHEMA {
            return Err(wrong(format!("schema {} is not known, only {SCHEMA}", file.schema)));
        }
        let uploaders = file.uploader.into_iter().map(|rule| rule.read().map_err(wrong)).collect::<Result<_, _>>()?;
        let window = match file.window.as_deref() {
            None => Some(WINDOW),
            Some("forever") => None,
            Some(text) => Some(
                days(text)
                    .ok_or_else(|| wrong(format!("window {text:?} is neither days (\"14d\") nor \"forever\"")))?,
            ),
        };
        Ok(Self { uploaders, window })
    }
}

/// `14d` in seconds.
fn days(text: &str) -> Option<u64> {
    text.strip_suffix('d')?.parse::<u64>().ok()?.checked_mul(24 * 60 * 60)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    schema: u32,
    window: Option<String>,
    #[serde(default)]
    uploader: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    name: String,
    keys: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    suites: Vec<String>,
    #[serde(default = "yes")]
    binaries: bool,
}

const fn yes() -> bool {
    true
}

impl RuleFile {
    fn read(self) -> Result<Uploader, String> {
        let said = |error: &dyn std::fmt::Display| format!("uploader {:?}: {error}", self.name);
        if self.keys.is_empty() {
            return Err(said(&"no keys"));
        }
        let keys = self.keys.iter().map(|key| Fingerprint::new(key).map_err(|error| said(&error)));
        let suites = self.suites.iter().map(|suite| SuiteName::new(suite).map_err(|error| said(&error)));
        for source in &self.sources {
            let name = source.strip_suffix('*').unwrap_or(source);
            // The beginning of a name may be one letter, or none.
            let padded = if name.len() == source.len() { name.to_owned() } else { format!("{name}aa") };
            SourceName::new(&padded).map_err(|_| said(&format_args!("not the name of a source: {source:?}")))?;
        }
        let (keys, suites) = (keys.collect::<Result<_, _>>()?, suites.collect::<Result<_, _>>()?);
        Ok(Uploader { name: self.name, keys, sources: self.sources, suites, binaries: self.binaries })
    }
}
