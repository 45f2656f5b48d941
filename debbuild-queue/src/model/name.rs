//! Names that people give: of workers, users, tags, and the keys that make a repeated call harmless.

use std::{fmt, str::FromStr};

use debbuild_core::error::{Class, Classify};

/// Text that cannot be a name of that kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a name of a {kind}: {text:?}")]
pub struct NameError {
    /// What it should name.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

impl Classify for NameError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("use letters, digits and . _ + ~ - , starting with a letter or a digit, at most 100".to_owned())
    }
}

fn plain(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._+~-".contains(c))
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes a name: letters, digits and `._+~-`, starting with a letter or a digit, at most 100 bytes.
            ///
            /// # Errors
            /// [`NameError`].
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                if plain(&text) { Ok(Self(text)) } else { Err(NameError { kind: $kind, text }) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }
    };
}

name_type!(
    /// A worker's name: a machine, or a role on it. It outlives the worker's processes.
    WorkerName, "worker"
);
name_type!(
    /// Who asked for something.
    UserName, "user"
);
name_type!(
    /// The name of a tag.
    TagName, "tag"
);
name_type!(
    /// A key that its caller makes up once per intent, so that a call repeated after a lost reply is done once.
    IdempotencyKey, "idempotency key"
);

impl IdempotencyKey {
    /// A new key from the system's random source.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}
