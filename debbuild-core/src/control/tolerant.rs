//! Reading of other people's indexes: values, and the problems that did not stop the reading of the rest.

use super::{ControlError, Paragraph, Problem, paragraphs};
use crate::version::Version;

/// A stanza of somebody else's index: what could be read of it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<T> {
    /// The value; none where something is wrong that it cannot be without.
    pub value: Option<T>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl<T> Found<T> {
    pub(super) const fn good(value: T) -> Self {
        Self { value: Some(value), problems: Vec::new() }
    }

    pub(super) fn bad(subject: Option<String>, error: ControlError) -> Self {
        Self { value: None, problems: vec![Problem { subject, error }] }
    }
}

/// How a reader takes what is wrong in what a package can do without.
#[derive(Debug)]
pub(super) struct Tolerance(Option<Vec<ControlError>>);

impl Tolerance {
    /// Everything that is wrong is an error: for what we accept.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// What can be left out is left out and noted: for what others publish.
    pub(super) const fn noting() -> Self {
        Self(Some(Vec::new()))
    }

    /// The value, or the default where it is wrong and that is tolerated.
    pub(super) fn or_default<T: Default>(&mut self, read: Result<T, ControlError>) -> Result<T, ControlError> {
        match (read, &mut self.0) {
            (Err(error), Some(noted)) => {
                noted.push(error);
                Ok(T::default())
            }
            (read, _) => read,
        }
    }

    /// A version in a field; what dpkg only warns about is tolerated.
    pub(super) fn version(
        &mut self,
        paragraph: &Paragraph<'_>,
        field: &str,
        text: &str,
    ) -> Result<Version, ControlError> {
        let wrong = |error| paragraph.error(field, error);
        let (version, warning) = Version::tolerant(text).map_err(wrong)?;
        match (warning.map(wrong), &mut self.0) {
            (Some(warning), None) => return Err(warning),
            (Some(warning), Some(noted)) => noted.push(warning),
            (None, _) => {}
        }
        Ok(version)
    }
}

/// Reads a stanza, perhaps leaving out what is wrong.
pub(super) type ReadStanza<T> = fn(&Paragraph<'_>, &mut Tolerance) -> Result<T, ControlError>;

/// Reads one stanza of an index of packages, and turns failures into problems that name the package.
pub(super) fn found<T>(paragraph: Result<Paragraph<'_>, ControlError>, read: ReadStanza<T>) -> Found<T> {
    let subject = paragraph.as_ref().ok().and_then(|paragraph| paragraph.get("Package")).map(str::to_owned);
    let mut tolerance = Tolerance::noting();
    let read = paragraph.and_then(|paragraph| read(&paragraph, &mut tolerance));
    let (value, error) = match read {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    let errors = tolerance.0.into_iter().flatten().chain(error);
    Found { value, problems: errors.map(|error| Problem { subject: subject.clone(), error }).collect() }
}

/// The same for every stanza of a text.
pub(super) fn collect<T>(text: &str, read: ReadStanza<T>) -> (Vec<T>, Vec<Problem>) {
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for paragraph in paragraphs(text) {
        let found = found(paragraph, read);
        values.extend(found.value);
        problems.extend(found.problems);
    }
    (values, problems)
}
