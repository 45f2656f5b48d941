//! `App.keys`: the keys that sign what is published.

use debbuild_cli::app::sign::key_json;
use debbuild_core::sign::Fingerprint;
use pyo3::prelude::*;
use serde_json::Value;

use crate::{convert::IntoPy as _, handle::Handle};

#[pyclass(name = "Keys", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyKeys(pub(crate) Handle);

#[pymethods]
impl PyKeys {
    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.keys(&cx).await?.iter().map(key_json).collect::<Vec<Value>>()) })
    }

    fn rotate<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.key_rotate(&cx).await?.as_str().to_owned()) })
    }

    fn retire<'py>(&self, py: Python<'py>, fingerprint: &str) -> PyResult<Bound<'py, PyAny>> {
        let key = Fingerprint::new(fingerprint).into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            app.key_retire(&cx, &key).await?;
            Ok(app.keys(&cx).await?.iter().map(key_json).collect::<Vec<Value>>())
        })
    }
}
