//! `App.tags`: named, versioned sets of builds.

use std::path::PathBuf;

use debbuild_cli::app::published_json;
use debbuild_core::name::{ComponentName, SuiteName};
use debbuild_queue::{api::v1::Tags as _, model::TagName};
use pyo3::prelude::*;

use crate::{convert::IntoPy as _, handle::Handle};

#[pyclass(name = "Tags", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyTags(pub(crate) Handle);

#[pymethods]
impl PyTags {
    #[pyo3(signature = (tag, *, parents=None))]
    fn create<'py>(&self, py: Python<'py>, tag: String, parents: Option<Vec<String>>) -> PyResult<Bound<'py, PyAny>> {
        let parents = parents.unwrap_or_default();
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.create_tag(&cx, &tag, &parents).await?) })
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tags(&cx).await?) })
    }

    fn show<'py>(&self, py: Python<'py>, tag: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag(&cx, &tag).await?) })
    }

    #[pyo3(signature = (tag, build, *, reason=""))]
    fn add<'py>(&self, py: Python<'py>, tag: String, build: i64, reason: &str) -> PyResult<Bound<'py, PyAny>> {
        let reason = reason.to_owned();
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag_add(&cx, &tag, build, &reason).await?) })
    }

    #[pyo3(signature = (tag, build, *, reason=""))]
    fn remove<'py>(&self, py: Python<'py>, tag: String, build: i64, reason: &str) -> PyResult<Bound<'py, PyAny>> {
        let reason = reason.to_owned();
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag_remove(&cx, &tag, build, &reason).await?) })
    }

    fn inherit<'py>(&self, py: Python<'py>, tag: String, parents: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag_inherit(&cx, &tag, &parents).await?) })
    }

    fn block<'py>(&self, py: Python<'py>, tag: String, source: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag_block(&cx, &tag, &source).await?) })
    }

    #[pyo3(signature = (tag, *, after=0, limit=1000))]
    fn history<'py>(&self, py: Python<'py>, tag: String, after: u64, limit: u32) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tag_history(&cx, &tag, after, limit).await?) })
    }

    #[pyo3(signature = (tag, *, repository, suite, component="main"))]
    fn publish<'py>(
        &self,
        py: Python<'py>,
        tag: &str,
        repository: PathBuf,
        suite: &str,
        component: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let tag = TagName::new(tag).into_py_result(py)?;
        let repository = self.0.path(&repository).into_py_result(py)?;
        let suite = SuiteName::new(suite).into_py_result(py)?;
        let component = ComponentName::new(component).into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            Ok(published_json(&app.publish_tag(&cx, tag, repository, suite, component).await?))
        })
    }
}
