//! .deb files.

use std::path::{Path, PathBuf};

use debbuild_cli::app::{AppError, Machine, deb_entry_json, deb_json};
use debbuild_core::{
    context::Context,
    deb::{Deb, DebEntry},
};
use pyo3::{prelude::*, types::PyBytes};

use crate::convert::{IntoPy as _, plain};

#[pyclass(name = "Deb", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyDeb {
    path: PathBuf,
    deb: Deb,
}

fn read(path: PathBuf) -> Result<PyDeb, AppError> {
    let deb = Machine::current()?.deb_show(&Context::new(), &path.to_string_lossy())?;
    Ok(PyDeb { path, deb })
}

fn entries(path: &Path) -> Result<Vec<DebEntry>, AppError> {
    Ok(Machine::current()?.deb_contents(&Context::new(), &path.to_string_lossy())?.1)
}

#[pymethods]
impl PyDeb {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| read(path)).into_py_result(py)
    }

    #[getter]
    fn package(&self) -> &str {
        self.deb.package.package.as_str()
    }

    #[getter]
    fn version(&self) -> &str {
        self.deb.package.version.as_str()
    }

    #[getter]
    fn architecture(&self) -> &str {
        self.deb.package.architecture.as_str()
    }

    #[getter]
    fn control(&self) -> &str {
        &self.deb.control
    }

    fn show<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &deb_json(&self.deb))
    }

    fn control_file<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        self.deb.control_files.get(name).map(|bytes| PyBytes::new(py, bytes))
    }

    fn contents<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let entries = py.detach(|| entries(&self.path)).into_py_result(py)?;
        plain(py, &entries.iter().map(deb_entry_json).collect::<Vec<_>>())
    }

    fn __repr__(&self) -> String {
        format!("Deb({:?})", self.path)
    }
}
