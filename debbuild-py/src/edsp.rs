//! `App.resolve_edsp` and `install_edsp`: apt's questions; `resolve_replay`: problems that were kept.

use std::path::PathBuf;

use debbuild_cli::app::{replayed_json, reply_json};
use pyo3::prelude::*;

use crate::{app::PyApp, convert::IntoPy as _};

#[pymethods]
impl PyApp {
    fn resolve_edsp<'py>(&self, py: Python<'py>, scenario: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let settings = app.apt_settings(&cx).await?;
            Ok(reply_json(&app.resolve_edsp(&cx, scenario, settings).await?))
        })
    }

    fn install_edsp<'py>(&self, py: Python<'py>, folder: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let folder = self.0.path(&folder).into_py_result(py)?;
        self.0.show(py, |app, _cx| async move { Ok(app.install_edsp(&folder)?.to_string()) })
    }

    fn resolve_replay<'py>(&self, py: Python<'py>, file: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let file = self.0.path(&file).into_py_result(py)?;
        self.0.show(py, |app, cx| async move { Ok(replayed_json(&app.resolve_replay(&cx, &file).await?)) })
    }
}
