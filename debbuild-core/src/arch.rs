//! Architectures: concrete names as dpkg has them, and `all`.

use std::fmt;

use crate::name::{NameError, checked_name};

checked_name! {
    /// A concrete Debian architecture (`amd64`) or `all`; never a wildcard, never `source`.
    Architecture, "architecture", is_architecture
}

impl Architecture {
    /// `all`: packages for every architecture.
    #[must_use]
    pub fn all() -> Self {
        Self("all".to_owned())
    }

    /// Whether this is `all`.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == "all"
    }
}

fn is_architecture(text: &str) -> bool {
    text.len() >= 2
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !matches!(text, "any" | "source")
        && !text.starts_with("any-")
        && !text.ends_with("-any")
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_concrete_architectures() {
        for good in ["amd64", "all", "kfreebsd-amd64", "musl-linux-armhf", "x32"] {
            assert!(Architecture::new(good).is_ok(), "{good}");
        }
        for bad in ["", "any", "linux-any", "any-amd64", "source", "AMD64", "../x", "-x", "a b"] {
            assert!(Architecture::new(bad).is_err(), "{bad}");
        }
    }
}
