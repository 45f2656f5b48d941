//! apt's preferences: which priority a version of a package has, and so which one is its candidate (apt_preferences(5)).
//!
//! What apt does is followed, also where its manual says less: of the records that name packages the first that matches a version
//! decides; of the records for all packages (`Package: *`) the first that matches an index; a version that is in several indexes
//! has the highest of their priorities.
//!
//! ```
//! use debbuild_core::resolve::preferences::{Pinned, Preferences, Provenance};
//!
//! let preferences = Preferences::parse(
//!     "Package: src:linux\nPin: release n=*-backports\nPin-Priority: 990\n\n\
//!      Package: *\nPin: origin \"mirror.example\"\nPin-Priority: -1\n",
//! )?;
//! let backports = Provenance::new().with_codename("bookworm-backports").with_not_automatic(true);
//! let amd64 = "amd64".parse()?;
//! let kernel = Pinned::new("linux-image-amd64", "6.12", &amd64, &amd64).with_source("linux");
//! assert_eq!(preferences.priority(&kernel, &[&backports]), 990);
//! assert_eq!(preferences.priority(&Pinned::new("hello", "2.10", &amd64, &amd64), &[&backports]), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod expression;
mod pin;
mod provenance;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use pin::Pinned;
pub use provenance::Provenance;

use self::pin::{Name, Selector};
use crate::{
    control::{ControlError, Paragraph, paragraphs},
    error::{Class, Classify},
};

/// The priority of what is in no other index than those that are never used (`Pin-Priority: never`).
pub const NEVER: i32 = i16::MIN as i32;

/// The priority of the release that was asked for (apt's `-t`).
pub const TARGET_PRIORITY: i32 = 990;

/// The most names that the records of a text may have together: people write some dozens.
const MOST_NAMES: usize = 10_000;

/// Why preferences cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreferencesError {
    /// The text is not what deb822(5) describes.
    #[error("preferences")]
    Syntax(#[from] ControlError),
    /// A record says something that cannot be.
    #[error("preferences: the record at line {line}: {reason}")]
    Record {
        /// The first line of the record, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// There are more names than anybody needs.
    #[error("preferences: more than {0} names of packages")]
    TooMany(usize),
    /// A release that cannot be meant.
    #[error("not a release: {text:?}: {reason}")]
    Release {
        /// What was given.
        text: String,
        /// What is wrong.
        reason: String,
    },
}

impl Classify for PreferencesError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("apt_preferences(5): Package, Pin (version, release or origin) and Pin-Priority".to_owned())
    }
}

/// A pin for packages by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Specific {
    name: Name,
    selector: Selector,
    priority: i32,
}

/// What somebody prefers: the records of apt_preferences(5), the first of those that match first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    specific: Vec<Specific>,
    /// By name, the places of the specific pins that name exactly it.
    exact: HashMap<String, Vec<usize>>,
    /// The places of the others.
    wild: Vec<usize>,
    general: Vec<(Selector, i32)>,
    warnings: Vec<String>,
}

impl Preferences {
    /// Reads a preferences file. Fields that apt does not know (`Explanation`) and records without a `Pin` are passed over, as apt
    /// does; a kind of pin that it does not know is a [warning](Preferences::warnings).
    ///
    /// # Errors
    /// [`PreferencesError`], with the line at which the record begins.
    pub fn parse(text: &str) -> Result<Self, PreferencesError> {
        let mut preferences = Self::default();
        for record in paragraphs(text) {
            let record = record?;
            let line = record.first_line();
            preferences.record(&record).map_err(|reason| PreferencesError::Record { line, reason })?;
            preferences.bounded()?;
        }
        Ok(preferences)
    }

    /// These, then others: the records of a further file.
    ///
    /// # Errors
    /// [`PreferencesError::TooMany`].
    pub fn and(mut self, others: Self) -> Result<Self, PreferencesError> {
        others.specific.into_iter().for_each(|pin| self.add(pin));
        self.general.extend(others.general);
        self.warnings.extend(others.warnings);
        self.bounded()?;
        Ok(self)
    }

    /// With a release that is preferred to all others ([`TARGET_PRIORITY`]), as apt's `-t` does: its suite, codename or version, or
    /// what `Pin: release` takes.
    ///
    /// # Errors
    /// [`PreferencesError::Release`].
    pub fn with_target_release(mut self, release: &str) -> Result<Self, PreferencesError> {
        let bad = |reason| PreferencesError::Release { text: release.to_owned(), reason };
        self.general.insert(0, (Selector::release(release).map_err(bad)?, TARGET_PRIORITY));
        Ok(self)
    }

    /// What apt would warn about.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether no record names packages: then all packages of an index have the [priority of the index](Preferences::of_index).
    #[must_use]
    pub fn is_general(&self) -> bool {
        self.specific.is_empty()
    }

    /// The priority of an index, and of its packages where no record names them: from -32768 ([`NEVER`]) to 32767.
    #[must_use]
    pub fn of_index(&self, index: &Provenance) -> i32 {
        let mut matching = self.general.iter().filter(|(selector, _)| selector.takes_index(index)).peekable();
        let first = matching.peek().map(|(_, priority)| *priority);
        match matching.any(|(_, priority)| *priority == NEVER) {
            true => NEVER,
            false => first.unwrap_or_else(|| index.priority()),
        }
    }

    /// The priority of a version that is in these indexes, from -32768 ([`NEVER`]) to 32767: 0 when it is in none. A negative one is
    /// never a candidate; from 1000 on a version is one even where a newer is installed.
    #[must_use]
    pub fn priority(&self, version: &Pinned<'_>, indexes: &[&Provenance]) -> i32 {
        let best = indexes.iter().map(|index| self.of_index(index)).max();
        match (best, self.pin(version, indexes)) {
            (None, _) => 0,
            (Some(NEVER), _) => NEVER,
            (Some(_), Some(pinned)) => pinned,
            (Some(best), None) => best,
        }
    }

    /// The priority that the first matching record gives, of those that name packages.
    fn pin(&self, version: &Pinned<'_>, indexes: &[&Provenance]) -> Option<i32> {
        let named = |name: &str| self.exact.get(name).map_or(&[][..], Vec::as_slice);
        let (own, source) = (named(version.package).iter(), named(version.source).iter());
        let matching = own.chain(source).chain(&self.wild).copied().filter(|at| {
            let pin = &self.specific[*at];
            pin.name.names(version) && pin.selector.takes(version, indexes)
        });
        matching.min().map(|at| self.specific[at].priority)
    }

    fn record(&mut self, record: &Paragraph<'_>) -> Result<(), String> {
        let names = record.get("Package").filter(|names| !names.is_empty()).ok_or("no field Package")?;
        let Some(pin) = record.get("Pin") else { return Ok(()) };
        let (kind, data) = pin.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((pin, ""));
        let (for_all, data) = (names == "*", data.trim_ascii());
        let selector = match kind.to_ascii_lowercase().as_str() {
            "version" if !for_all => Selector::version(data)?,
            "release" => Selector::release(data)?,
            "origin" => Selector::origin(data)?,
            _ => {
                let what = if for_all && kind.eq_ignore_ascii_case("version") { " for all packages" } else { "" };
                let line = record.first_line();
                self.warnings
                    .push(format!("the record at line {line} is ignored: its pin {kind:?}{what} is not known"));
                return Ok(());
            }
        };
        let priority = priority(record.get("Pin-Priority").unwrap_or_default(), for_all)?;
        if for_all {
            self.general.push((selector, priority));
            return Ok(());
        }
        for name in names.split_ascii_whitespace() {
            let name = Name::read(name)?;
            self.add(Specific { name, selector: selector.clone(), priority });
        }
        Ok(())
    }

    fn bounded(&self) -> Result<(), PreferencesError> {
        if self.specific.len() > MOST_NAMES { Err(PreferencesError::TooMany(MOST_NAMES)) } else { Ok(()) }
    }

    fn add(&mut self, pin: Specific) {
        let at = self.specific.len();
        match pin.name.exact() {
            Some(name) => self.exact.entry(name.to_owned()).or_default().push(at),
            None => self.wild.push(at),
        }
        self.specific.push(pin);
    }
}

/// The value of a `Pin-Priority`.
fn priority(text: &str, for_all: bool) -> Result<i32, String> {
    if text == "never" {
        return if for_all { Ok(NEVER) } else { Err("the priority never is only for Package: *".to_owned()) };
    }
    match text.parse::<i16>() {
        Ok(0) => Err("no priority, or one of zero".to_owned()),
        // The least number is kept for `never`.
        Ok(number) => Ok(i32::from(number.max(i16::MIN + 1))),
        Err(_) if text.is_empty() => Err("no priority, or one of zero".to_owned()),
        Err(_) => Err(format!("not a priority from {} to {}: {text:?}", i16::MIN, i16::MAX)),
    }
}
