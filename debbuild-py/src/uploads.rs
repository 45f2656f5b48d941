//! `Repository.uploads`: signed uploads taken into a repository.

use std::path::PathBuf;

use debbuild_cli::app::upload::{UploadOrder, upload_json};
use debbuild_core::{
    name::{ComponentName, SourceName, SuiteName},
    path::AbsPath,
    repo::Repository,
};
use pyo3::prelude::*;
use serde_json::Value;

use crate::{convert::IntoPy as _, handle::Handle};

#[pyclass(name = "Uploads", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyUploads {
    pub(crate) handle: Handle,
    pub(crate) dir: AbsPath,
}

#[pymethods]
impl PyUploads {
    #[pyo3(signature = (files, *, uploaders, keyrings, suite=None, component=None, remove=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn accept<'py>(
        &self,
        py: Python<'py>,
        files: Vec<PathBuf>,
        uploaders: PathBuf,
        keyrings: Vec<PathBuf>,
        suite: Option<&str>,
        component: Option<&str>,
        remove: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let files = self.handle.paths(&files).into_py_result(py)?;
        let keyrings = self.handle.paths(&keyrings).into_py_result(py)?;
        let mut order = UploadOrder::new(files, self.handle.path(&uploaders).into_py_result(py)?, keyrings);
        order.suite = suite.map(SuiteName::new).transpose().into_py_result(py)?;
        order.component = component.map(ComponentName::new).transpose().into_py_result(py)?;
        order.remove = remove;
        let dir = self.dir.clone();
        self.handle.show(py, |app, cx| async move {
            let repository = Repository::open(&cx, dir).await?;
            let uploads = app.repo_accept(&cx, &repository, order).await?;
            Ok(uploads.iter().map(upload_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (sources=None))]
    fn list<'py>(&self, py: Python<'py>, sources: Option<Vec<String>>) -> PyResult<Bound<'py, PyAny>> {
        let sources = sources.unwrap_or_default();
        let sources = sources.iter().map(|name| SourceName::new(name));
        let sources = sources.collect::<Result<Vec<_>, _>>().into_py_result(py)?;
        let dir = self.dir.clone();
        self.handle.show(py, |app, cx| async move {
            let repository = Repository::open(&cx, dir).await?;
            let uploads = app.repo_uploads(&cx, &repository, &sources).await?;
            Ok(uploads.iter().map(upload_json).collect::<Vec<Value>>())
        })
    }
}
