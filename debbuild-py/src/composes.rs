//! `App.composes`: distributions from blueprints.

use std::path::PathBuf;

use debbuild_cli::app::{
    compose_detail_json, compose_plan_json, compose_report_json, compose_summary_json, compose_why_json,
};
use pyo3::prelude::*;
use serde_json::Value;

use crate::{convert::IntoPy as _, handle::Handle};

#[pyclass(name = "Composes", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyComposes(pub(crate) Handle);

#[pymethods]
impl PyComposes {
    #[pyo3(signature = (blueprint, *, locked=None, only=None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        blueprint: PathBuf,
        locked: Option<PathBuf>,
        only: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let blueprint = self.0.path(&blueprint).into_py_result(py)?;
        let locked = locked.map(|file| self.0.path(&file)).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            let blueprint = app.blueprint(&blueprint, &only.unwrap_or_default())?;
            let lock = locked.map(|file| app.lock_file(&file)).transpose()?;
            Ok(compose_plan_json(&app.compose_plan(&cx, &blueprint, lock).await?))
        })
    }

    #[pyo3(signature = (blueprint, *, locked=None, only=None, jobs=1))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        blueprint: PathBuf,
        locked: Option<PathBuf>,
        only: Option<Vec<String>>,
        jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let blueprint = self.0.path(&blueprint).into_py_result(py)?;
        let locked = locked.map(|file| self.0.path(&file)).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            let blueprint = app.blueprint(&blueprint, &only.unwrap_or_default())?;
            let lock = locked.map(|file| app.lock_file(&file)).transpose()?;
            Ok(compose_report_json(&app.compose_run(&cx, &blueprint, lock, jobs).await?))
        })
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, _cx| async move {
            Ok(app.compose_list()?.iter().map(compose_summary_json).collect::<Vec<Value>>())
        })
    }

    fn show<'py>(&self, py: Python<'py>, compose: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, _cx| async move { Ok(compose_detail_json(&app.compose_show(&compose)?)) })
    }

    fn why<'py>(&self, py: Python<'py>, compose: String, package: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, _cx| async move { Ok(compose_why_json(&app.compose_why(&compose, &package)?)) })
    }
}
