//! The one error of the doors: any classified error of any crate, with its chain and hint.

use std::fmt;

use debbuild_core::error::{Class, Classify, chain};

/// Any error of debbuild that says its class. It converts from all of them by `?`.
///
/// Like other catch-all errors it does not implement `std::error::Error` itself; [`AppError::inner`] does.
pub struct AppError(Box<dyn Classify + Send + Sync>);

impl AppError {
    /// The class, which decides the exit code and the Python exception.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class()
    }

    /// The message with all its causes.
    #[must_use]
    pub fn message(&self) -> String {
        chain(&*self.0)
    }

    /// What the user can do now.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The error itself.
    #[must_use]
    pub fn inner(&self) -> &(dyn Classify + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Classify + Send + Sync + 'static> From<E> for AppError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Debug for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

/// A failure that only `app` knows: a class, a sentence and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    class: Class,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure of this class; the message is lower case and names the object.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// With advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Classify for Failure {
    fn class(&self) -> Class {
        self.class
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
