//! `App.lock_show`, `lock_list`, `lock_diff` and `lock_from_buildinfo`: the exact inputs of chroots, builds and composes.

use std::path::{Path, PathBuf};

use debbuild_cli::app::lock_diff_json;
use debbuild_core::lock::ListStyle;
use pyo3::prelude::*;

use crate::{app::PyApp, chroots::wish, convert::IntoPy as _};

/// A lock file or the id of a chroot, as it was given.
fn named(lock: &Path) -> String {
    lock.to_string_lossy().into_owned()
}

#[pymethods]
impl PyApp {
    fn lock_show<'py>(&self, py: Python<'py>, lock: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { app.lock_show(&cx, &named(&lock)).await })
    }

    #[pyo3(signature = (lock, *, style="debrebuild"))]
    fn lock_list<'py>(&self, py: Python<'py>, lock: PathBuf, style: &str) -> PyResult<Bound<'py, PyAny>> {
        let style: ListStyle =
            style.parse().map_err(|error| pyo3::exceptions::PyValueError::new_err(format!("style: {error}")))?;
        self.0.show(py, move |app, cx| async move { app.lock_list(&cx, &named(&lock), style).await })
    }

    fn lock_diff<'py>(&self, py: Python<'py>, before: PathBuf, after: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            Ok(lock_diff_json(&app.lock_diff(&cx, &named(&before), &named(&after)).await?))
        })
    }

    #[pyo3(signature = (buildinfo, *, suite=None, profile=None, include=None, output=None))]
    fn lock_from_buildinfo<'py>(
        &self,
        py: Python<'py>,
        buildinfo: PathBuf,
        suite: Option<&str>,
        profile: Option<&str>,
        include: Option<Vec<String>>,
        output: Option<PathBuf>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wish = wish((suite, profile), None, None, include).into_py_result(py)?;
        let file = self.0.path(&buildinfo).into_py_result(py)?;
        let output = output.map(|output| self.0.path(&output)).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move { app.lock_from_buildinfo(&cx, &file, &wish, output.as_ref()).await })
    }
}
