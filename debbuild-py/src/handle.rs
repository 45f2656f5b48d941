//! What every class that does work holds: the use cases and the callback.

use std::path::Path;

use debbuild_cli::app::{App, AppError};
use debbuild_core::{context::Context, path::AbsPath};
use pyo3::prelude::*;
use serde::Serialize;

use crate::{
    convert::{IntoPy as _, plain},
    runtime::{Lines, wait, wait_with_lines},
};

/// The use cases, and who hears of events.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) app: App,
    pub(crate) on_event: Option<Py<PyAny>>,
}

impl Handle {
    /// The same for another object.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        Self { app: self.app.clone(), on_event: self.on_event.as_ref().map(|callback| callback.clone_ref(py)) }
    }

    /// A path as this process means it.
    pub(crate) fn path(&self, path: &Path) -> Result<AbsPath, AppError> {
        Ok(self.app.machine().path(&path.to_string_lossy())?)
    }

    /// Paths as this process means them.
    pub(crate) fn paths<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Vec<AbsPath>, AppError> {
        paths.iter().map(|path| self.path(path.as_ref())).collect()
    }

    /// Runs a use case to its end.
    pub(crate) fn run<T, F>(&self, py: Python<'_>, start: impl FnOnce(App, Context) -> F) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let app = self.app.clone();
        wait(py, self.on_event.as_ref(), |cx| start(app, cx))
    }

    /// Runs a use case, and shows its answer as plain values.
    pub(crate) fn show<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context) -> F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        plain(py, &self.run(py, start)?)
    }

    /// Runs a use case that writes a log, whose lines are events, and shows its answer as plain values.
    pub(crate) fn show_logged<'py, T, F>(
        &self,
        py: Python<'py>,
        start: impl FnOnce(App, Context, Lines) -> F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let app = self.app.clone();
        let answer = wait_with_lines(py, self.on_event.as_ref(), |cx, lines| start(app, cx, lines))?;
        plain(py, &answer)
    }

    /// Does something short in this process that only touches files.
    pub(crate) fn short<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&App) -> Result<T, AppError> + Send,
    ) -> PyResult<T> {
        py.detach(|| work(&self.app)).into_py_result(py)
    }
}
