//! `App`: settings, state and use cases, as the command line has them.

use std::{collections::BTreeMap, path::PathBuf};

use debbuild_cli::app::{
    App, AppError, Machine, Overrides, PackagesFrom, answer_json, fetched_json, installability_json,
};
use debbuild_core::{
    acquire::source::SourceRequest, arch::Architecture, name::SuiteName, relation::Relations, resolve::Install,
};
use pyo3::prelude::*;
use serde_json::json;

use crate::{
    convert::{IntoPy as _, plain},
    runtime::wait,
};

#[pyclass(name = "App", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyApp {
    app: App,
    on_event: Option<Py<PyAny>>,
}

fn open(home: Option<PathBuf>, config: Option<PathBuf>, settings: BTreeMap<String, String>) -> Result<App, AppError> {
    let machine = Machine::current()?;
    let absolute = |path: PathBuf| machine.path(&path.to_string_lossy());
    let mut overrides = Overrides::new().with_config(config.map(absolute).transpose()?);
    for (key, value) in settings {
        overrides = overrides.with_set(key, value);
    }
    if let Some(home) = home {
        overrides = overrides.with_set("home", absolute(home)?.as_str());
    }
    App::open(machine, &overrides)
}

impl PyApp {
    fn packages_from(
        &self,
        suite: Option<&str>,
        files: Option<Vec<PathBuf>>,
        architecture: Option<&str>,
    ) -> Result<PackagesFrom, AppError> {
        let machine = self.app.machine();
        let files = files.unwrap_or_default();
        let files = files.iter().map(|file| machine.path(&file.to_string_lossy())).collect::<Result<Vec<_>, _>>()?;
        let mut from = PackagesFrom::files(files);
        from.suite = suite.map(SuiteName::new).transpose()?;
        Ok(from.with_architecture(architecture.map(Architecture::new).transpose()?))
    }
}

#[pymethods]
impl PyApp {
    #[new]
    #[pyo3(signature = (*, home=None, config=None, settings=None, on_event=None))]
    fn new(
        py: Python<'_>,
        home: Option<PathBuf>,
        config: Option<PathBuf>,
        settings: Option<BTreeMap<String, String>>,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let app = py.detach(|| open(home, config, settings.unwrap_or_default())).into_py_result(py)?;
        Ok(Self { app, on_event })
    }

    #[getter]
    fn home(&self) -> &str {
        self.app.home().as_str()
    }

    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.app.settings_json().into_py_result(py)?)
    }

    fn origins(&self) -> BTreeMap<String, String> {
        self.app.origins().into_iter().map(|leaf| (leaf.key, leaf.place.to_string())).collect()
    }

    fn doctor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let app = self.app.clone();
        let report = wait(py, self.on_event.as_ref(), |cx| async move { app.doctor(&cx).await })?;
        plain(py, &report)
    }

    #[pyo3(signature = (source, *, suite, into))]
    fn source_fetch<'py>(
        &self,
        py: Python<'py>,
        source: &str,
        suite: &str,
        into: PathBuf,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request: SourceRequest = source.parse().into_py_result(py)?;
        let suite = SuiteName::new(suite).into_py_result(py)?;
        let into = self.app.machine().path(&into.to_string_lossy()).into_py_result(py)?;
        let app = self.app.clone();
        let on_event = self.on_event.as_ref();
        let fetched = wait(py, on_event, |cx| async move { app.source_fetch(&cx, &request, &suite, &into).await })?;
        plain(py, &fetched_json(&fetched))
    }

    #[pyo3(signature = (packages, *, suite=None, files=None, architecture=None))]
    fn resolve_install<'py>(
        &self,
        py: Python<'py>,
        packages: &str,
        suite: Option<&str>,
        files: Option<Vec<PathBuf>>,
        architecture: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ask = Install::new(Relations::parse(packages).into_py_result(py)?);
        let from = self.packages_from(suite, files, architecture).into_py_result(py)?;
        let app = self.app.clone();
        let answer = wait(py, self.on_event.as_ref(), |cx| async move { app.resolve_install(&cx, &from, ask).await })?;
        plain(py, &answer_json(&answer))
    }

    #[pyo3(signature = (*, suite=None, files=None, architecture=None))]
    fn installability<'py>(
        &self,
        py: Python<'py>,
        suite: Option<&str>,
        files: Option<Vec<PathBuf>>,
        architecture: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = self.packages_from(suite, files, architecture).into_py_result(py)?;
        let app = self.app.clone();
        let found = wait(py, self.on_event.as_ref(), |cx| async move { app.installability(&cx, &from).await })?;
        plain(py, &installability_json(&found))
    }

    #[pyo3(signature = (*, dry_run=false))]
    fn gc<'py>(&self, py: Python<'py>, dry_run: bool) -> PyResult<Bound<'py, PyAny>> {
        let app = self.app.clone();
        let swept = wait(py, self.on_event.as_ref(), |cx| async move { app.gc(&cx, dry_run).await })?;
        plain(py, &json!({ "dry_run": dry_run, "blobs": swept.blobs.len(), "bytes": swept.bytes() }))
    }
}
