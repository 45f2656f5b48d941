//! The error of the API: a class, a public message, a hint; the same wherever the queue is.

use debbuild_core::error::{Class, Classify, chain};

/// Why the API could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ApiError {
    /// What kind of failure it is.
    pub class: Class,
    /// What happened, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ApiError {
    /// An error of this class.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// The same as this error.
    #[must_use]
    pub fn of(error: &(impl Classify + 'static)) -> Self {
        Self { class: error.class(), message: chain(error), hint: error.hint() }
    }
}

impl Classify for ApiError {
    fn class(&self) -> Class {
        self.class
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

macro_rules! from_error {
    ($($error:ty),*) => {
        $(impl From<$error> for ApiError {
            fn from(error: $error) -> Self {
                Self::of(&error)
            }
        })*
    };
}

from_error!(
    crate::QueueError,
    crate::model::NameError,
    crate::store::CursorError,
    debbuild_core::id::IdError,
    debbuild_core::blob::BlobError
);
