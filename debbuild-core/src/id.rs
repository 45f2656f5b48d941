//! Identity newtypes: no bare number or string stands for a thing in a public signature.

/// Makes a newtype over a number given by a store (units: none; it identifies, it does not count).
#[macro_export]
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// The identity with this number.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text.parse() {
                    Ok(number) if number > 0 => Ok(Self(number)),
                    _ => Err($crate::id::IdError { kind: stringify!($name), text: text.to_owned() }),
                }
            }
        }
    };
}

/// Makes a newtype over a content id: the sha256 of what it names, as 64 hex digits.
#[macro_export]
macro_rules! content_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($crate::digest::Sha256);

        impl $name {
            /// The identity with this digest.
            #[must_use]
            pub const fn new(digest: $crate::digest::Sha256) -> Self {
                Self(digest)
            }

            /// The digest.
            #[must_use]
            pub const fn digest(self) -> $crate::digest::Sha256 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::digest::DigestError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

/// Text that is not an identity of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {text:?}")]
pub struct IdError {
    /// The kind of identity.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

impl crate::error::Classify for IdError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Usage
    }
}

/// The shortest prefix of a content id that commands accept, in hex digits.
pub const SHORTEST_PREFIX: usize = 12;
