//! What a check of a repository found.

use crate::error::Class;

/// Something wrong with a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Finding {
    /// The file, below the repository's folder.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many files were read.
    pub files: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What is odd, and hinders no client: binary packages without their source, names in Contents that no package has,
    /// files of the pool that nothing names, indexes that a partial mirror does not have.
    pub notes: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// The class of what is wrong, if anything is.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        (!self.is_good()).then_some(Class::Verification)
    }

    pub(super) fn find(&mut self, path: impl ToString, problem: impl ToString) {
        self.findings.push(Finding { path: path.to_string(), problem: problem.to_string() });
    }

    pub(super) fn note(&mut self, path: impl ToString, problem: impl ToString) {
        self.notes.push(Finding { path: path.to_string(), problem: problem.to_string() });
    }
}
