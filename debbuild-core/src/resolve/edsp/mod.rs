//! apt's questions to a solver outside of it, and our answers: the External Dependency Solver Protocol, EDSP 0.5.
//!
//! apt writes a [`Scenario`]: what its user asks for, what is installed, and every version that could be, with the candidates that it
//! has chosen by its preferences. A [`Reply`] says what is to be installed and removed, or why nothing can be. apt then downloads,
//! orders and installs, as with its own solver.
//!
//! ```
//! use debbuild_core::{context::Context, resolve::{SatResolver, edsp::{Scenario, Settings}}};
//!
//! let scenario = "Request: EDSP 0.5\nArchitecture: amd64\nInstall: app:amd64\n\n\
//!     Package: app\nArchitecture: amd64\nVersion: 2\nAPT-ID: 7\nAPT-Pin: 500\nAPT-Candidate: yes\nDepends: lib\n\n\
//!     Package: lib\nArchitecture: all\nVersion: 1\nAPT-ID: 3\nAPT-Pin: 500\nAPT-Candidate: yes\n";
//! let scenario = Scenario::read(scenario)?;
//! let reply = scenario.reply(&Context::new(), &SatResolver::new(), &Settings::new())?;
//! assert_eq!(
//!     reply.to_string(),
//!     "Install: 7\nPackage: app\nVersion: 2\nArchitecture: amd64\n\n\
//!      Install: 3\nPackage: lib\nVersion: 1\nArchitecture: all\n\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod autoremove;
mod reply;
mod request;
mod scenario;
mod settings;
#[cfg(test)]
mod tests;

pub use reply::{Action, Change, Progress, Reply};
pub use request::Request;
pub use scenario::{LONGEST, Scenario};
pub use settings::Settings;

use super::ResolveError;
use crate::{
    control::ControlError,
    error::{Class, Classify},
};

/// Why a scenario cannot be read or answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The text is not one of control files, or a stanza lacks what it must have.
    #[error("scenario")]
    Control(#[from] ControlError),
    /// Something that can be read, but cannot be meant.
    #[error("scenario: {0}")]
    Contents(String),
    /// The scenario is longer than any.
    #[error("the scenario is {bytes} bytes long, {LONGEST} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The question cannot be asked.
    #[error(transparent)]
    Question(#[from] ResolveError),
}

impl Classify for ScenarioError {
    fn class(&self) -> Class {
        match self {
            Self::Question(error) => error.class(),
            _ => Class::Usage,
        }
    }
}
