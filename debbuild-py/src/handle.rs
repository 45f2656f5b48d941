//! What every class that does work holds: the use cases and the callback.

use std::path::Path;

use debbuild_cli::app::{App, AppError};
use debbuild_core::{context::Context, path::AbsPath};
use pyo3::prelude::*;
use serde::Serialize;

use crate::{
    convert::plain,
    runtime::Lines,
    work::{PyWork, Work},
};

/// The use cases, who hears of events, and how their end is waited for.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) app: App,
    pub(crate) on_event: Option<Py<PyAny>>,
    /// Whether methods give the work that they started, for an event loop, instead of waiting for its end.
    pub(crate) awaited: bool,
}

/// An answer as plain values.
fn shown<T: Serialize>(py: Python<'_>, answer: T) -> PyResult<Py<PyAny>> {
    Ok(plain(py, &answer)?.unbind())
}

impl Handle {
    /// The same for another object.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        let on_event = self.on_event.as_ref().map(|callback| callback.clone_ref(py));
        Self { app: self.app.clone(), on_event, awaited: self.awaited }
    }

    /// A path as this process means it.
    pub(crate) fn path(&self, path: &Path) -> Result<AbsPath, AppError> {
        Ok(self.app.machine().path(&path.to_string_lossy())?)
    }

    /// Paths as this process means them.
    pub(crate) fn paths<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Vec<AbsPath>, AppError> {
        paths.iter().map(|path| self.path(path.as_ref())).collect()
    }

    /// Does a use case, whose answer `answer` makes a value of Python.
    pub(crate) fn run<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context) -> F,
        answer: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        self.work(py, |app, cx, _lines| start(app, cx), answer)
    }

    /// Does a use case, and shows its answer as plain values.
    pub(crate) fn show<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context) -> F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        self.run(py, start, shown)
    }

    /// Does a use case that writes a log, whose lines are events, and shows its answer as plain values.
    pub(crate) fn show_logged<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context, Lines) -> F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        self.work(py, start, shown)
    }

    fn work<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context, Lines) -> F,
        answer: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let app = self.app.clone();
        let begin = |cx, lines| start(app, cx, lines);
        let on_event = self.on_event.as_ref();
        if self.awaited {
            return Ok(Bound::new(py, PyWork::start(py, on_event, begin, answer)?)?.into_any());
        }
        Ok(Work::start(py, on_event, None, begin, answer)?.wait(py)?.into_bound(py))
    }
}
