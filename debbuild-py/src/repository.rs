//! `App.repository(folder)`: an APT repository.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use debbuild_cli::app::{
    App, AppError,
    mirror::{MendFrom, MirrorOrder, mirror_plan_json, mirror_report_json, verified_json},
    repo::{AddChange, diff_json, entry_json, parse_wanted, report_json, state_json, suite_json},
    retain::{RetentionChange, collected_json, retention_json},
    sign::KeyringOrder,
};
use debbuild_core::{
    acquire::fetch::Uri,
    context::Context,
    mirror::ImportOptions,
    name::{ComponentName, PackageName, SuiteName},
    path::AbsPath,
    pattern::Pattern,
    repo::{Placing, Repository, StateId},
    version::Version,
};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    convert::IntoPy as _,
    handle::Handle,
    suite::{Number, ValidFor, change, index_formats},
    uploads::PyUploads,
};

#[pyclass(name = "Repository", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyRepository {
    pub(crate) handle: Handle,
    pub(crate) dir: AbsPath,
}

/// Which suite of which repository.
struct Place {
    dir: AbsPath,
    suite: Option<SuiteName>,
}

impl Place {
    async fn open(&self, app: &App, cx: &Context) -> Result<(Repository, SuiteName), AppError> {
        let repository = Repository::open(cx, self.dir.clone()).await?;
        let suite = app.repo_suite(cx, &repository, self.suite.as_ref()).await?;
        Ok((repository, suite))
    }
}

impl PyRepository {
    fn place(&self, py: Python<'_>, suite: Option<&str>) -> PyResult<Place> {
        let suite = suite.map(SuiteName::new).transpose().into_py_result(py)?;
        Ok(Place { dir: self.dir.clone(), suite })
    }
}

#[pymethods]
impl PyRepository {
    #[getter]
    fn folder(&self) -> &str {
        self.dir.as_str()
    }

    #[getter]
    fn uploads(&self, py: Python<'_>) -> PyUploads {
        PyUploads { handle: self.handle.share(py), dir: self.dir.clone() }
    }

    #[pyo3(signature = (
        suite, *, components=None, architectures=None, codename=None, origin=None, label=None, description=None,
        valid_for=None, version=None, changelogs=None, snapshots=None, signed_by=None, not_automatic=None,
        but_automatic_upgrades=None, formats=None, contents=None, translations=None, pdiffs=None, keep=None, debug_suite=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn init<'py>(
        &self,
        py: Python<'py>,
        suite: &str,
        components: Option<Vec<String>>,
        architectures: Option<Vec<String>>,
        codename: Option<&str>,
        origin: Option<String>,
        label: Option<String>,
        description: Option<String>,
        valid_for: Option<ValidFor>,
        version: Option<String>,
        changelogs: Option<String>,
        snapshots: Option<String>,
        signed_by: Option<Vec<String>>,
        not_automatic: Option<bool>,
        but_automatic_upgrades: Option<bool>,
        formats: Option<Vec<String>>,
        contents: Option<bool>,
        translations: Option<bool>,
        pdiffs: Option<Number>,
        keep: Option<Number>,
        debug_suite: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let suite = SuiteName::new(suite).into_py_result(py)?;
        let mut change = change(components, architectures).into_py_result(py)?;
        change.valid_for_seconds = valid_for.map(ValidFor::seconds).transpose().into_py_result(py)?;
        change.codename = codename.map(SuiteName::new).transpose().into_py_result(py)?;
        (change.origin, change.label, change.description) = (origin, label, description);
        change.snapshots = snapshots.map(|address| (address != "none").then_some(address));
        (change.version, change.changelogs, change.not_automatic) = (version, changelogs, not_automatic);
        (change.but_automatic_upgrades, change.contents) = (but_automatic_upgrades, contents);
        (change.translations, change.signed_by) = (translations, signed_by.unwrap_or_default());
        change.formats = index_formats(formats.unwrap_or_default()).into_py_result(py)?;
        change.pdiffs = pdiffs.map(|number| number.or_word("none")).transpose().into_py_result(py)?;
        change.keep = keep.map(|number| number.or_word("all")).transpose().into_py_result(py)?;
        change.debug_suite = debug_suite.map(SuiteName::new).transpose().into_py_result(py)?;
        let dir = self.dir.clone();
        self.handle.show(py, |app, cx| async move { Ok(suite_json(&app.repo_init(&cx, &dir, &suite, change).await?)) })
    }

    #[pyo3(signature = (
        files, *, suite=None, component="main", link=false, contents=true, keep=None, overrides=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn add<'py>(
        &self,
        py: Python<'py>,
        files: Vec<PathBuf>,
        suite: Option<&str>,
        component: &str,
        link: bool,
        contents: bool,
        keep: Option<NonZeroUsize>,
        overrides: Option<PathBuf>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let files = self.handle.paths(&files).into_py_result(py)?;
        let mut change = AddChange::new(ComponentName::new(component).into_py_result(py)?);
        (change.link, change.contents, change.keep) = (link, contents, keep);
        change.overrides = overrides.map(|file| self.handle.path(&file)).transpose().into_py_result(py)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let entries = app.repo_add(&cx, &repository, &suite, files, change).await?;
            Ok(entries.iter().map(entry_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (packages, *, suite=None))]
    fn remove<'py>(&self, py: Python<'py>, packages: Vec<String>, suite: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let packages = packages.iter().map(|text| parse_wanted(text));
        let packages = packages.collect::<Result<Vec<_>, _>>().into_py_result(py)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let removed = repository.remove(&cx, &suite, packages).await?;
            Ok(removed.iter().map(entry_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (*, suite=None, to=None))]
    fn publish<'py>(&self, py: Python<'py>, suite: Option<&str>, to: Option<String>) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        self.handle.show(py, |app, cx| async move {
            let repository = Repository::open(&cx, place.dir).await?;
            let states = match to {
                Some(to) => app.repo_publish_to(&cx, &repository, place.suite.as_ref(), &to).await?,
                None => app.repo_publish(&cx, &repository, place.suite.as_ref()).await?,
            };
            Ok(states.iter().map(state_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (packages=None, *, suite=None, state=None))]
    fn list<'py>(
        &self,
        py: Python<'py>,
        packages: Option<Vec<String>>,
        suite: Option<&str>,
        state: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let names = packages.unwrap_or_default();
        let names =
            names.iter().map(|name| PackageName::new(name)).collect::<Result<Vec<_>, _>>().into_py_result(py)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let entries = app.repo_list(&cx, &repository, &suite, state.map(StateId::new), &names).await?;
            Ok(entries.iter().map(entry_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (*, suite=None))]
    fn states<'py>(&self, py: Python<'py>, suite: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let states = repository.states(&cx, &suite).await?;
            Ok(states.iter().map(state_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (older=None, newer=None, *, suite=None))]
    fn diff<'py>(
        &self,
        py: Python<'py>,
        older: Option<i64>,
        newer: Option<i64>,
        suite: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            Ok(diff_json(&repository.diff(&cx, &suite, older.map(StateId::new), newer.map(StateId::new)).await?))
        })
    }

    #[pyo3(signature = (state, *, suite=None))]
    fn switch<'py>(&self, py: Python<'py>, state: i64, suite: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let state = repository.switch(&cx, &suite, StateId::new(state), &*app.signer()?).await?;
            Ok(state_json(&state))
        })
    }

    #[pyo3(signature = (
        *, suite=None, keyrings=None, repair=false, from_=None, from_suite=None, from_keyrings=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        suite: Option<&str>,
        keyrings: Option<Vec<PathBuf>>,
        repair: bool,
        from_: Option<&str>,
        from_suite: Option<&str>,
        from_keyrings: Option<Vec<PathBuf>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let keyrings = self.handle.paths(&keyrings.unwrap_or_default()).into_py_result(py)?;
        let from = from_.map(Uri::new).transpose().into_py_result(py)?;
        let from_suite = from_suite.map(SuiteName::new).transpose().into_py_result(py)?;
        let from_keyrings = self.handle.paths(&from_keyrings.unwrap_or_default()).into_py_result(py)?;
        self.handle.show(py, move |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let mut mended = None;
            if repair {
                let from_suite = from_suite.unwrap_or_else(|| suite.clone());
                let from = from.map(|uri| MendFrom::new(uri, from_suite, from_keyrings));
                mended = Some(app.repo_mend(&cx, &repository, &suite, from.as_ref()).await?);
            }
            let report = app.repo_verify(&cx, &repository, &suite, keyrings).await?;
            Ok(verified_json(&report, mended.as_ref()))
        })
    }

    #[pyo3(signature = (*, suite=None))]
    fn check<'py>(&self, py: Python<'py>, suite: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            Ok(report_json(&repository.check(&cx, &suite).await?))
        })
    }

    #[pyo3(signature = (into, *, suite=None, uri=None))]
    fn export_key<'py>(
        &self,
        py: Python<'py>,
        into: PathBuf,
        suite: Option<&str>,
        uri: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let into = self.handle.path(&into).into_py_result(py)?;
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            let uri = uri.unwrap_or_else(|| format!("file:{}", repository.dir()));
            let [keyring, sources] = app.repo_key(&cx, &repository, &suite, &uri, &into).await?;
            Ok(json!({ "keyring": keyring.as_str(), "sources": sources.as_str() }))
        })
    }

    #[pyo3(signature = (
        suite, *, from_=None, keyrings=None, into=None, components=None, architectures=None, filters=None, with_deps=false,
        sources=false, limit=None, copy=false, dry_run=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn mirror<'py>(
        &self,
        py: Python<'py>,
        suite: &str,
        from_: Option<&str>,
        keyrings: Option<Vec<PathBuf>>,
        into: Option<&str>,
        components: Option<Vec<String>>,
        architectures: Option<Vec<String>>,
        filters: Option<Vec<String>>,
        with_deps: bool,
        sources: bool,
        limit: Option<u64>,
        copy: bool,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let change = change(components, architectures).into_py_result(py)?;
        let mut order = MirrorOrder::new(SuiteName::new(suite).into_py_result(py)?);
        order.from = from_.map(Uri::new).transpose().into_py_result(py)?;
        order.keyrings = self.handle.paths(&keyrings.unwrap_or_default()).into_py_result(py)?;
        order.into = into.map(SuiteName::new).transpose().into_py_result(py)?;
        (order.components, order.architectures) = (change.components, change.architectures);
        let filters = filters.unwrap_or_default();
        order.filters = filters.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>().into_py_result(py)?;
        (order.with_deps, order.sources, order.limit, order.copy) = (with_deps, sources, limit, copy);
        let dir = self.dir.clone();
        self.handle.show(py, |app, cx| async move {
            let plan = app.mirror_plan(&cx, &order).await?;
            if dry_run {
                return Ok(mirror_plan_json(&plan));
            }
            Ok(mirror_report_json(&app.mirror_apply(&cx, &dir, &plan).await?))
        })
    }

    #[pyo3(signature = (from_, suite, *, into=None, keyrings=None, link=false))]
    fn import_tree<'py>(
        &self,
        py: Python<'py>,
        from_: PathBuf,
        suite: &str,
        into: Option<&str>,
        keyrings: Option<Vec<PathBuf>>,
        link: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (from, suite) = (self.handle.path(&from_).into_py_result(py)?, SuiteName::new(suite).into_py_result(py)?);
        let into = into.map(SuiteName::new).transpose().into_py_result(py)?;
        let keyrings = self.handle.paths(&keyrings.unwrap_or_default()).into_py_result(py)?;
        let (dir, placing) = (self.dir.clone(), if link { Placing::Link } else { Placing::Copy });
        self.handle.show(py, |app, cx| async move {
            let into = into.unwrap_or_else(|| suite.clone());
            let options = ImportOptions::new(from, suite, app.architecture(&cx).await?);
            let options = options.with_into(into).with_placing(placing);
            Ok(mirror_report_json(&app.repo_import(&cx, &dir, &options, keyrings).await?))
        })
    }

    #[pyo3(signature = (into, *, name, maintainer, suite=None, version=None, uri=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn keyring_package<'py>(
        &self,
        py: Python<'py>,
        into: PathBuf,
        name: &str,
        maintainer: String,
        suite: Option<&str>,
        version: Option<&str>,
        uri: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        let into = self.handle.path(&into).into_py_result(py)?;
        let name = PackageName::new(name).into_py_result(py)?;
        let version = version.map(Version::new).transpose().into_py_result(py)?;
        let order = KeyringOrder::new(name, maintainer, into).with_version(version).with_uri(uri);
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            Ok(app.keyring_package(&cx, &repository, &suite, order).await?.to_string())
        })
    }

    #[pyo3(signature = (*, suite=None, last=None, seconds=None, names=None, forget=None))]
    fn retain<'py>(
        &self,
        py: Python<'py>,
        suite: Option<&str>,
        last: Option<u64>,
        seconds: Option<u64>,
        names: Option<BTreeMap<String, i64>>,
        forget: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(py, suite)?;
        // Nothing could be meant by 0 but that there is no limit.
        let limit = |number: Option<u64>| number.map(|number| (number > 0).then_some(number));
        let mut change = RetentionChange::default();
        (change.last, change.seconds) = (limit(last), limit(seconds));
        change.names = names.unwrap_or_default().into_iter().map(|(name, id)| (name, StateId::new(id))).collect();
        change.forget = forget.unwrap_or_default();
        self.handle.show(py, |app, cx| async move {
            let (repository, suite) = place.open(&app, &cx).await?;
            Ok(retention_json(&app.repo_retain(&cx, &repository, &suite, change).await?))
        })
    }

    #[pyo3(signature = (*, dry_run=false, at=None))]
    fn gc<'py>(&self, py: Python<'py>, dry_run: bool, at: Option<String>) -> PyResult<Bound<'py, PyAny>> {
        let dir = self.dir.clone();
        self.handle.show(py, |app, cx| async move {
            let repository = Repository::open(&cx, dir).await?;
            Ok(collected_json(&app.repo_gc(&cx, &repository, at.as_deref(), dry_run).await?))
        })
    }
}
