//! One build of one source package, by Debian's own sbuild, and the record of what happened.
//!
//! Only a `.dsc` is ever given to sbuild: from an unpacked tree it would run the package's clean target on the host.

pub mod config;
pub mod log;
pub mod outcome;
pub mod unmet;

#[cfg(test)]
mod tests;

use debbuild_core::error::{Class, Classify};

/// Why no build could be tried. A failed build is not an error: it is a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SbuildError {
    /// The sbuild on this machine is too old, or something else answers to its name.
    #[error("not an sbuild of 0.85 or newer: {0:?}")]
    Version(String),
}

impl Classify for SbuildError {
    fn class(&self) -> Class {
        Class::Infrastructure
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Version(_) => Some("apt-get install sbuild".to_owned()),
        }
    }
}
