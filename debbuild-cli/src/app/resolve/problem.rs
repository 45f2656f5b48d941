//! Problems kept in files, and asked again.

use std::{fs, sync::Arc, time::Duration};

use debbuild_core::{
    blocking,
    context::Context,
    control::utf8,
    event::Unit,
    path::{AbsPath, IoResultExt as _},
    resolve::{
        Answer, AnswerKind, Question, Resolver as _, SatResolver, Universe,
        problem::{Problem, ProblemError},
    },
};

use super::super::{App, AppError};

/// How long a problem without a solution is made smaller.
const LIMIT: Duration = Duration::from_secs(60);

/// A problem that was asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// What kind of answer there was when it was kept.
    pub expected: AnswerKind,
    /// The answer now.
    pub answer: Answer,
    /// How many packages are kept.
    pub packages: usize,
}

impl Replayed {
    /// Whether the answer is of the kind that it was.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.answer.kind() == self.expected
    }
}

impl App {
    /// Asks a problem again that was kept in a file.
    ///
    /// # Errors
    /// Class `usage` for a file that is no problem.
    pub async fn resolve_replay(&self, cx: &Context, file: &AbsPath) -> Result<Replayed, AppError> {
        let bytes = fs::read(file).at("read", file)?;
        let problem = Problem::read(utf8(&bytes)?)?;
        let step = cx.step("resolve", Unit::None, None);
        let inner = step.context().clone();
        let replayed = blocking::run(move || {
            let answer = SatResolver::new().answer(&inner, &problem.universe()?, problem.question())?;
            Ok::<_, ProblemError>(Replayed { expected: problem.expected(), packages: problem.len(), answer })
        });
        Ok(step.end(replayed.await)?)
    }

    /// Keeps a question with its answer in a file, with the packages that matter; one without a solution reduced to what is needed
    /// for that.
    ///
    /// # Errors
    /// What writing gives.
    pub async fn keep_problem(
        &self,
        cx: &Context,
        universe: Arc<Universe>,
        question: Question,
        answer: Answer,
        file: &AbsPath,
    ) -> Result<(), AppError> {
        let step = cx.step("keep the problem", Unit::None, None);
        let inner = step.context().clone();
        let problem = blocking::run(move || {
            Problem::of(&universe, &question, &answer)?.reduced(&inner, &SatResolver::new(), LIMIT)
        });
        let problem = step.end(problem.await)?;
        Ok(fs::write(file, problem.to_string()).at("write", file)?)
    }
}
