//! Reasons: why a package is there, why it cannot be, who needs it, and what differs between two answers.

use std::{fs, sync::Arc, time::Duration};

use debbuild_core::{
    arch::Architecture,
    blocking,
    context::Context,
    digest::Sha256,
    error::Class,
    event::Unit,
    name::PackageName,
    path::{AbsPath, IoResultExt as _},
    resolve::{
        Answer, Changed, Dependent, Install, Picked, Picture, Question, Rdeps, ResolveError, SatResolver, Universe,
        Versions, Why, diff, rdeps, why, why_not,
    },
    version::Version,
};
use serde::Deserialize;

use super::PackagesFrom;
use crate::app::{App, AppError, Failure};

/// How long an explanation is made shorter where nobody says how long.
pub const EXPLAIN_LIMIT: Duration = Duration::from_secs(10);

/// Why a package is in the answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reasons {
    /// It is there, and why.
    There(Box<Why>),
    /// It is not in the answer.
    NotThere {
        /// The package.
        package: PackageName,
        /// How many packages are in the answer.
        among: usize,
    },
    /// There is no set of packages: what the answer is.
    NoSet(Answer),
}

impl Reasons {
    /// The chains, or the conflict, as a picture.
    #[must_use]
    pub fn picture(&self) -> Option<Picture> {
        match self {
            Self::There(why) => Some(Picture::of_why(why)),
            Self::NotThere { .. } => None,
            Self::NoSet(answer) => picture_of(answer),
        }
    }
}

/// The conflict of an answer as a picture, where it is no.
#[must_use]
pub fn picture_of(answer: &Answer) -> Option<Picture> {
    if let Answer::Unsatisfiable(why) = answer { Some(Picture::of_explanation(why)) } else { None }
}

/// In which language a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PictureForm {
    /// Graphviz's.
    Dot,
    /// SVG.
    Svg,
}

impl PictureForm {
    /// Its name, which is also that of its field in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Svg => "svg",
        }
    }

    /// The picture in this language.
    #[must_use]
    pub fn draw(self, picture: &Picture) -> String {
        match self {
            Self::Dot => picture.dot(),
            Self::Svg => picture.svg(),
        }
    }
}

impl App {
    /// Why a package is among what would be installed.
    ///
    /// # Errors
    /// What loading the packages gives; that it is not there is an answer.
    pub async fn resolve_why(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        ask: Install,
        package: PackageName,
    ) -> Result<Reasons, AppError> {
        let universe = self.load_packages(cx, from).await?.universe(Versions::Candidate).await;
        let question = Question::Install(ask);
        solved(cx, move |cx| {
            let solution = match why_not(cx, &SatResolver::new(), &universe, &question, EXPLAIN_LIMIT)? {
                Answer::Satisfied(solution) => solution,
                other => return Ok(Reasons::NoSet(other)),
            };
            let there = solution.get(package.as_str()).map(|selected| Arc::clone(&selected.package));
            let found = there.map(|there| why(&universe, &question, &solution, &there)).transpose()?.flatten();
            let among = solution.packages.len();
            Ok(found.map_or(Reasons::NotThere { package, among }, |found| Reasons::There(Box::new(found))))
        })
        .await
    }

    /// Why packages cannot be installed: no more steps than are needed to see it, unless that takes longer than the limit. `keep`: a
    /// file for the problem, to be asked again.
    ///
    /// # Errors
    /// What loading the packages gives; that they can be installed is an answer.
    pub async fn resolve_why_not(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        ask: Install,
        versions: Versions,
        limit: Duration,
        keep: Option<&AbsPath>,
    ) -> Result<Answer, AppError> {
        let universe = self.load_packages(cx, from).await?.universe(versions).await;
        let question = Question::Install(ask);
        let answer = explained(cx, Arc::clone(&universe), question.clone(), limit).await?;
        if let Some(file) = keep {
            self.keep_problem(cx, universe, question, answer.clone(), file).await?;
        }
        Ok(answer)
    }

    /// Who needs a package; also the source packages of files, folders, repositories and tags, and with `archives` those of the
    /// suite.
    ///
    /// # Errors
    /// What loading the packages and the source packages gives.
    pub async fn resolve_rdeps(
        &self,
        cx: &Context,
        from: &PackagesFrom,
        ask: Rdeps,
        archives: bool,
    ) -> Result<Vec<Dependent>, AppError> {
        let sources = self.load_sources(cx, from, archives).await?;
        let universe = self.load_packages(cx, from).await?.universe(Versions::Candidate).await;
        solved(cx, move |cx| Ok(rdeps(cx, &universe, &sources, &ask)?)).await
    }

    /// What differs between two answers that `debbuild resolve install --format json` or `build-deps` wrote.
    ///
    /// # Errors
    /// Class `usage` for a file that is something else or holds no set of packages.
    pub fn resolve_diff(&self, before: &AbsPath, after: &AbsPath) -> Result<Vec<Changed>, AppError> {
        Ok(diff(&picked(before)?, &picked(after)?))
    }
}

/// Answers a question; where the answer is no, with no more steps than are needed to see it.
pub(super) async fn explained(
    cx: &Context,
    universe: Arc<Universe>,
    question: Question,
    limit: Duration,
) -> Result<Answer, AppError> {
    solved(cx, move |cx| why_not(cx, &SatResolver::new(), &universe, &question, limit)).await
}

/// Does what takes time on a thread of its own, as a step.
async fn solved<T: Send + 'static>(
    cx: &Context,
    work: impl FnOnce(&Context) -> Result<T, ResolveError> + Send + 'static,
) -> Result<T, AppError> {
    let step = cx.step("resolve", Unit::None, None);
    let inner = step.context().clone();
    let done = blocking::run(move || work(&inner)).await;
    Ok(step.end(done)?)
}

/// What is read of a file with an answer.
#[derive(Deserialize)]
struct AnswerFile {
    answer: String,
    #[serde(default)]
    packages: Vec<PackageLine>,
}

#[derive(Deserialize)]
struct PackageLine {
    package: PackageName,
    version: Version,
    architecture: Architecture,
    origin: String,
    sha256: Option<Sha256>,
}

fn picked(file: &AbsPath) -> Result<Vec<Picked>, AppError> {
    let hint = "debbuild resolve install PACKAGE.. --format json >FILE makes one";
    let bytes = fs::read(file).at("read", file)?;
    let read = serde_json::from_slice::<AnswerFile>(&bytes);
    let answer = read.map_err(|error| {
        Failure::new(Class::Usage, format!("{file} is not an answer of debbuild resolve install: {error}"))
            .with_hint(hint)
    })?;
    if answer.answer != "satisfied" {
        let message = format!("{file} holds no set of packages: its answer is {:?}", answer.answer);
        return Err(Failure::new(Class::Usage, message).with_hint(hint).into());
    }
    let one = |line: PackageLine| {
        Picked::new(line.package, line.version, line.architecture, &line.origin).with_sha256(line.sha256)
    };
    Ok(answer.packages.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_with_a_set_are_compared() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let write = |text: &str| {
            let file = AbsPath::new(folder.path().join("answer.json")).unwrap();
            fs::write(&file, text).unwrap();
            picked(&file)
        };
        let line = r#"{"package":"app","version":"1","architecture":"all","origin":"x","sha256":null,"reason":{}}"#;
        let good = write(&format!(r#"{{"answer":"satisfied","packages":[{line}]}}"#)).unwrap();
        assert_eq!((good.len(), good[0].package.as_str(), &*good[0].origin), (1, "app", "x"));
        for (text, expected) in [
            ("no JSON", "is not an answer of debbuild resolve install"),
            (r#"{"packages":[]}"#, "missing field `answer`"),
            (r#"{"answer":"satisfied","packages":[{"package":"app"}]}"#, "missing field `version`"),
            (r#"{"answer":"satisfied","packages":[{"package":"Not a name"}]}"#, "not a package name"),
            (
                r#"{"answer":"unsatisfiable","explanation":[]}"#,
                "holds no set of packages: its answer is \"unsatisfiable\"",
            ),
        ] {
            let error = write(text).unwrap_err();
            assert!(error.message().contains(expected), "{text}: {error}");
            assert_eq!((error.class(), error.hint().is_some()), (Class::Usage, true));
        }
    }
}
