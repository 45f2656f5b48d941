//! Problems kept in small files: a question with the packages that matter for it, to be asked again anywhere, at any time.
//!
//! Of the packages of a universe only those are kept that can be reached from the question: through all alternatives, all that
//! provide them, and what is recommended where the question wants that. A problem without a solution can be reduced further: to
//! relations of which each is needed for the answer still to be no. The file is text for people to read (deb822): what is asked,
//! then the indexes, each with its packages.
//!
//! ```
//! use debbuild_core::{context::Context, relation::Relations, resolve::{problem::Problem, *}};
//!
//! let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
//! let stanza = |name: &str, more: &str| {
//!     format!("Package: {name}\nVersion: 1\nArchitecture: all\n{more}Filename: pool/{name}.deb\nSize: 1\nSHA256: {sum}\n\n")
//! };
//! let index = PackageIndex::parse("example", stanza("app", "Depends: lib (>= 2), x\n") + &stanza("lib", "") + &stanza("x", ""));
//! let universe = Universe::new(UniverseOptions::new("amd64".parse()?), [(index.into(), PRIORITY)]);
//! let question = Question::Install(Install::new(Relations::parse("app")?));
//! let (cx, resolver) = (Context::new(), SatResolver::new());
//! let answer = resolver.answer(&cx, &universe, &question)?;
//! let problem = Problem::of(&universe, &question, &answer)?.reduced(&cx, &resolver, std::time::Duration::from_secs(1))?;
//! assert!(problem.to_string().ends_with(&format!(
//!     "Package: app\nVersion: 1\nArchitecture: all\nDepends: lib (>= 2)\nFilename: pool/app.deb\nSize: 1\nSHA256: {sum}\n"
//! )));
//! let again = Problem::read(&problem.to_string())?;
//! assert_eq!(again.expected(), resolver.answer(&cx, &again.universe()?, again.question())?.kind());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod order;
mod part;
mod question;
mod reach;
mod read;
mod reduce;
mod system;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use self::{order::Order, part::Part, system::System};
use super::{Answer, AnswerKind, Question, ResolveError, Universe, encode::roots};
use crate::{
    cancel::Cancelled,
    control::ControlError,
    error::{Class, Classify},
};

/// The longest file that is read, in bytes: one of all packages of an archive is shorter.
pub const LONGEST: usize = 256 << 20;

/// Why there is no problem to keep or to ask.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// The text is no problem, or holds what cannot be read or written.
    #[error("problem")]
    Control(#[from] ControlError),
    /// A stanza says something that cannot be.
    #[error("problem: the stanza at line {line}: {reason}")]
    Stanza {
        /// The first line of the stanza, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// An index holds packages that cannot be read.
    #[error("problem: index {name} has {wrong} stanzas that are no packages")]
    Index {
        /// The index.
        name: String,
        /// How many there are.
        wrong: usize,
    },
    /// The file is longer than any problem.
    #[error("the problem is {bytes} bytes long, {LONGEST} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The question cannot be asked of that universe.
    #[error(transparent)]
    Question(#[from] ResolveError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for ProblemError {
    fn class(&self) -> Class {
        match self {
            Self::Question(error) => error.class(),
            Self::Cancelled(_) => Class::Cancelled,
            _ => Class::Usage,
        }
    }
}

/// A question, the packages that matter for it, and what the answer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    system: System,
    question: Question,
    expected: AnswerKind,
    order: Order,
    parts: Vec<Part>,
}

impl Problem {
    /// The question with what of the universe can be reached from it, and the answer that there was.
    ///
    /// # Errors
    /// [`ProblemError::Question`], and [`ProblemError::Control`] for packages that cannot be written.
    pub fn of(universe: &Universe, question: &Question, answer: &Answer) -> Result<Self, ProblemError> {
        let roots = roots(universe, question)?;
        let reached = reach::reach(universe, &roots);
        let mut problem = Self {
            system: System::of(universe.options()),
            question: question::kept(question),
            expected: answer.kind(),
            order: Order::default(),
            parts: part::parts(universe, &roots, &reached)?,
        };
        let order = Order::of(universe, reached.in_order().map(|(id, _)| id));
        let own = problem.universe()?;
        if order != Order::of(&own, own.all()) {
            problem.order = order;
        }
        Ok(problem)
    }

    /// What is asked.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// What kind of answer there was.
    #[must_use]
    pub fn expected(&self) -> AnswerKind {
        self.expected
    }

    /// How many packages are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.stanzas.len()).sum()
    }

    /// Whether no package matters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The packages, to ask about.
    ///
    /// # Errors
    /// [`ProblemError::Index`] when some are not packages.
    pub fn universe(&self) -> Result<Universe, ProblemError> {
        system::put_together(self)
    }
}

/// The file's text, which [`Problem::read`] reads.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write::write(self, f)
    }
}
