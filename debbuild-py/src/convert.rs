//! Errors to exceptions, and wire values to Python's own types.

use std::time::Duration;

use debbuild_cli::app::{AppError, Failure};
use debbuild_core::error::Class;
use pyo3::{prelude::*, types::PyBytes};
use serde::Serialize;

/// The exception of the error's class, with message, hint and exit code.
pub(crate) fn exception(py: Python<'_>, error: &AppError) -> PyErr {
    let class = error.class();
    let made = py
        .import("debbuild.errors")
        .and_then(|errors| errors.getattr("_make"))
        .and_then(|make| make.call1((class.name(), error.message(), error.hint(), class.exit_code())));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Gives results of debbuild to Python.
pub(crate) trait IntoPy<T> {
    /// The value, or the exception.
    fn into_py_result(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: Into<AppError>> IntoPy<T> for Result<T, E> {
    fn into_py_result(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error.into()))
    }
}

/// A wire value as dicts, lists, strings and numbers: what its JSON form would be read as.
pub(crate) fn plain<'py, T: Serialize>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    let text =
        serde_json::to_vec(value).map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.getattr("loads")?.call1((PyBytes::new(py, &text),))
}

/// A span of time as Python gives it.
pub(crate) fn seconds(seconds: f64) -> Result<Duration, AppError> {
    let wrong = |_| Failure::new(Class::Usage, format!("not a span of time in seconds: {seconds}"));
    Ok(Duration::try_from_secs_f64(seconds).map_err(wrong)?)
}
