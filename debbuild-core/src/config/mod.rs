//! Configuration as layered TOML: values that know the file and line they came from, and errors that say so.
//!
//! Pure: text comes in with the name of its origin, the environment as a map. Settings, blueprints, chroot profiles and
//! policies are read alike: [`Document::parse`] each layer, [`Document::overlay`] the later over the earlier, then
//! [`Document::read`] into a type that derives `Deserialize`. Keys that the type does not have are errors, with the
//! nearest key that it has; no `deny_unknown_fields` is needed.
//!
//! ```
//! use debbuild_core::config::Document;
//!
//! #[derive(Debug, serde::Deserialize)]
//! struct Settings { jobs: u32 }
//!
//! let layers = Document::parse("built-in", "jobs = 1")?.overlay(Document::parse("my.toml", "jobs = 4")?);
//! assert_eq!(layers.read::<Settings>()?.jobs, 4);
//! let wrong = Document::parse("my.toml", "\njobbs = 4")?.read::<Settings>().unwrap_err();
//! assert_eq!(wrong.to_string(), "my.toml:2: unknown key \"jobbs\" (did you mean \"jobs\"?)");
//! # Ok::<(), debbuild_core::config::ConfigError>(())
//! ```

mod include;
mod layer;
mod parse;
mod read;
mod stack;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use include::{Included, MAX_INCLUDES};
pub use read::Placed;

use crate::error::{Class, Classify};

/// Where a value was written: a file and line, or the name of a variable or flag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    origin: Arc<str>,
    line: u32,
}

impl Place {
    /// A place without lines: a variable of the environment, a flag.
    #[must_use]
    pub fn named(origin: &str) -> Self {
        Self { origin: origin.into(), line: 0 }
    }

    /// The file, variable or flag.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The line, from 1; `None` where the origin has no lines.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        (self.line > 0).then_some(self.line)
    }
}

/// `file:line`, or the name alone.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.origin),
            line => write!(f, "{}:{line}", self.origin),
        }
    }
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A date or time, as TOML spells it.
    Date(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One value of a document, as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaf {
    /// The dotted key, for example `build.user`.
    pub key: String,
    /// The value as TOML spells it.
    pub value: String,
    /// The file and line, variable or flag that set it.
    pub place: Place,
}

/// A table of configuration, each value with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) root: Node,
}

/// What is wrong with configuration. Every message names the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// A key that nothing reads.
    #[error("{place}: unknown key {key:?}{}", near(nearest.as_deref()))]
    UnknownKey {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// The known key that is most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong kind or out of range.
    #[error("{place}: {key}: {message}")]
    Value {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A key that must be there is not.
    #[error("{place}: missing key {key:?}")]
    Missing {
        /// The table that should have it.
        place: Place,
        /// The dotted key.
        key: String,
    },
    /// An include that cannot be followed.
    #[error("{place}: cannot include {name:?}: {message}")]
    Include {
        /// Where it is asked for.
        place: Place,
        /// The file as it is named there.
        name: String,
        /// Why not.
        message: String,
    },
}

fn near(nearest: Option<&str>) -> String {
    nearest.map(|key| format!(" (did you mean {key:?}?)")).unwrap_or_default()
}

impl ConfigError {
    /// A wrong value, found by a check of the caller's own.
    #[must_use]
    pub fn value(place: &Place, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Value { place: place.clone(), key: key.into(), message: message.into() }
    }
}

impl Classify for ConfigError {
    fn class(&self) -> Class {
        Class::Config
    }
}

/// The known key that is most like `key`, if one is like it at all.
#[must_use]
pub fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= key.chars().count().max(candidate.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
