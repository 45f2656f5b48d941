//! The keyword arguments of a suite.

use std::num::NonZeroUsize;

use debbuild_cli::app::{AppError, Failure, repo::SuiteChange};
use debbuild_core::{arch::Architecture, error::Class, name::ComponentName, repo::IndexFormat};
use pyo3::prelude::*;

use crate::convert::seconds;

/// How long a publication is good.
#[derive(FromPyObject)]
pub(crate) enum ValidFor {
    /// In seconds.
    Seconds(f64),
    /// The one word `forever`.
    Word(String),
}

impl ValidFor {
    pub(crate) fn seconds(self) -> Result<Option<u64>, AppError> {
        match self {
            Self::Seconds(span) => Ok(Some(seconds(span)?.as_secs())),
            Self::Word(word) if word == "forever" => Ok(None),
            Self::Word(word) => {
                let message = format!("neither seconds nor \"forever\": {word:?}");
                Err(Failure::new(Class::Usage, message).into())
            }
        }
    }
}

/// A number, or the one word in its place.
#[derive(FromPyObject)]
pub(crate) enum Number {
    /// So many.
    Number(NonZeroUsize),
    /// The word.
    Word(String),
}

impl Number {
    pub(crate) fn or_word(self, word: &str) -> Result<Option<NonZeroUsize>, AppError> {
        match self {
            Self::Number(number) => Ok(Some(number)),
            Self::Word(given) if given == word => Ok(None),
            Self::Word(given) => {
                let message = format!("neither a number nor {word:?}: {given:?}");
                Err(Failure::new(Class::Usage, message).into())
            }
        }
    }
}

/// A change of components and architectures.
pub(crate) fn change(
    components: Option<Vec<String>>,
    architectures: Option<Vec<String>>,
) -> Result<SuiteChange, AppError> {
    let components = components.unwrap_or_default().into_iter().map(|name| ComponentName::new(&name));
    let architectures = architectures.unwrap_or_default().into_iter().map(|name| Architecture::new(&name));
    let mut change = SuiteChange::default();
    change.components = components.collect::<Result<_, _>>()?;
    change.architectures = architectures.collect::<Result<_, _>>()?;
    Ok(change)
}

/// Formats by their names.
pub(crate) fn index_formats(formats: Vec<String>) -> Result<Vec<IndexFormat>, AppError> {
    let refuse = |text: &str, reason| Failure::new(Class::Usage, format!("index format {text:?} {reason}")).into();
    formats.iter().map(|text| text.parse().map_err(|reason: &str| refuse(text, reason))).collect()
}
