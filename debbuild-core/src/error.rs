//! The one classification of failures: every public error says its class, and the class decides the exit code.

use std::fmt;

/// What kind of failure an error is, as users, scripts, the API and the pages see it.
///
/// The names and the exit codes are one table, shared by every door of debbuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// The source does not compile.
    Compile,
    /// The source's own tests fail.
    Test,
    /// The source package itself is bad (cannot be unpacked, malformed).
    Source,
    /// A post-build check failed; the artifacts are kept.
    Qa,
    /// A second build gave other bytes.
    Unreproducible,
    /// A signature or a hash is wrong or missing.
    Verification,
    /// A repository or set is not closed under its dependencies.
    Closure,
    /// The call is malformed.
    Usage,
    /// The configuration is wrong or incomplete.
    Config,
    /// The source does not build on this architecture.
    Architecture,
    /// The named thing does not exist.
    NotFound,
    /// The caller may not do this.
    NotAllowed,
    /// Stale, replayed, or already there with other content.
    Conflict,
    /// The environment failed: mirror, hub, host disk, missing tool. Says nothing about the source.
    Infrastructure,
    /// Somebody cancelled the work.
    Cancelled,
    /// Dependencies cannot be satisfied, proved on complete indexes.
    Dependencies,
    /// The time limit was hit.
    Timeout,
    /// No output for longer than allowed.
    Stalled,
    /// The memory limit was hit.
    Memory,
    /// The disk quota was hit (the quota, not the host's disk).
    Disk,
    /// The limit on processes was hit.
    Processes,
    /// A bug: a panic or a broken invariant.
    Internal,
    /// Interrupted from the keyboard.
    Interrupted,
}

impl Class {
    /// Every class, in the order of the table.
    pub const ALL: [Self; 23] = [
        Self::Compile,
        Self::Test,
        Self::Source,
        Self::Qa,
        Self::Unreproducible,
        Self::Verification,
        Self::Closure,
        Self::Usage,
        Self::Config,
        Self::Architecture,
        Self::NotFound,
        Self::NotAllowed,
        Self::Conflict,
        Self::Infrastructure,
        Self::Cancelled,
        Self::Dependencies,
        Self::Timeout,
        Self::Stalled,
        Self::Memory,
        Self::Disk,
        Self::Processes,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The process exit code of this class: the only function that knows these numbers.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Compile
            | Self::Test
            | Self::Source
            | Self::Qa
            | Self::Unreproducible
            | Self::Verification
            | Self::Closure => 1,
            Self::Usage | Self::Config | Self::Architecture => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Conflict => 5,
            Self::Infrastructure => 6,
            Self::Cancelled => 7,
            Self::Dependencies => 8,
            Self::Timeout | Self::Stalled | Self::Memory | Self::Disk | Self::Processes => 9,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }

    /// The name used in JSON, the API and the pages, for example `not-found`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Test => "test",
            Self::Source => "source",
            Self::Qa => "qa",
            Self::Unreproducible => "unreproducible",
            Self::Verification => "verification",
            Self::Closure => "closure",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Architecture => "architecture",
            Self::NotFound => "not-found",
            Self::NotAllowed => "not-allowed",
            Self::Conflict => "conflict",
            Self::Infrastructure => "infrastructure",
            Self::Cancelled => "cancelled",
            Self::Dependencies => "dependencies",
            Self::Timeout => "timeout",
            Self::Stalled => "stalled",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Processes => "processes",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
        }
    }

    /// The class of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error that says its class and, where there is one, the next command to try.
pub trait Classify: std::error::Error {
    /// The class of this error.
    fn class(&self) -> Class;

    /// Advice that is not part of the message: what the user can do now.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// The message of an error with all its causes, joined by `: `, each said once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let line = inner.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_class() {
        for class in Class::ALL {
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        assert_eq!(Class::from_name("other"), None);
    }

    #[test]
    fn exit_codes_are_the_contract() {
        let codes: Vec<u8> = Class::ALL.iter().map(|class| class.exit_code()).collect();
        assert_eq!(codes, [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 70, 130]);
    }
}
