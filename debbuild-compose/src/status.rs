//! The state of a compose, as its file `STATUS` says it: begun once, ended once.

use std::fmt;

use debbuild_core::error::{Class, Classify};

/// The state of a compose. Only [`Status::Started`] may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// It is running, or it was killed and can be resumed.
    Started,
    /// Everything was made.
    Finished,
    /// Everything was made but deliverables that may fail.
    FinishedIncomplete,
    /// Something required failed; nothing was published.
    Doomed,
    /// It was cancelled.
    Terminated,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Started, Self::Finished, Self::FinishedIncomplete, Self::Doomed, Self::Terminated];

    /// The word in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::FinishedIncomplete => "FINISHED_INCOMPLETE",
            Self::Doomed => "DOOMED",
            Self::Terminated => "TERMINATED",
        }
    }

    /// Whether deliverables were published.
    #[must_use]
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Finished | Self::FinishedIncomplete)
    }

    /// Whether it never changes again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Started)
    }

    /// The content of the file.
    #[must_use]
    pub fn to_file(self) -> String {
        format!("{}\n", self.name())
    }

    /// Reads the content of the file.
    ///
    /// # Errors
    /// [`StatusError::Unknown`].
    pub fn from_file(text: &str) -> Result<Self, StatusError> {
        let word = text.trim_end_matches('\n');
        Self::ALL.into_iter().find(|status| status.name() == word).ok_or_else(|| StatusError::Unknown(text.to_owned()))
    }

    /// The state after this one.
    ///
    /// # Errors
    /// [`StatusError::Final`] unless this is [`Status::Started`].
    pub fn then(self, next: Self) -> Result<Self, StatusError> {
        if self.is_final() { Err(StatusError::Final { now: self, next }) } else { Ok(next) }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A state that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Not a state.
    #[error("not the state of a compose: {0:?}")]
    Unknown(String),
    /// A final state does not change.
    #[error("a compose that is {now} cannot become {next}")]
    Final {
        /// The state it is in.
        now: Status,
        /// The state that was asked for.
        next: Status,
    },
}

impl Classify for StatusError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown(_) => Class::Infrastructure,
            Self::Final { .. } => Class::Conflict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_5_a_final_state_never_changes() {
        for now in Status::ALL {
            assert_eq!(Status::from_file(&now.to_file()), Ok(now));
            for next in Status::ALL {
                assert_eq!(now.then(next).is_ok(), now == Status::Started);
            }
        }
        assert!(Status::from_file("finished").is_err());
        assert_eq!(Status::ALL.map(Status::is_published), [false, true, true, false, false]);
    }
}
