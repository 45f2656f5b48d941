//! `App`: settings, state and use cases, as the command line has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use debbuild_chroot::gateway::GcOptions;
use debbuild_cli::app::{
    App, AppError, BuildOrder, ClosureAsk, Machine, Overrides, SourceOf, answer_json, closure_json, fetched_json,
    fsck::state_check_json, garbage_json, installability_json, mirror::verified_json, profile_json,
    profile_summary_json,
};
use debbuild_core::{
    acquire::source::SourceRequest, arch::Architecture, build::Network, changelog::Rebuild, name::SuiteName,
    relation::BuildProfile, repo::VerifyOptions, resolve::Strictness,
};
use pyo3::{prelude::*, types::PyDict};
use serde_json::{Value, json};

use crate::{
    chroots::PyChroots,
    composes::PyComposes,
    convert::{IntoPy as _, plain, seconds},
    handle::Handle,
    keys::PyKeys,
    places::{asked, packages_from},
    queue::PyQueue,
    repository::PyRepository,
    tags::PyTags,
};

#[pyclass(name = "App", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyApp(pub(crate) Handle);

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

pub(crate) fn build_profiles(names: Option<Vec<String>>) -> Result<BTreeSet<BuildProfile>, AppError> {
    let profiles = names.unwrap_or_default().into_iter().map(|name| name.parse::<BuildProfile>());
    Ok(profiles.collect::<Result<_, _>>()?)
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
        Ok(Self(Handle { app, on_event, awaited: false }))
    }

    #[pyo3(name = "_awaited")]
    fn awaited(&self, py: Python<'_>) -> Self {
        Self(Handle { awaited: true, ..self.0.share(py) })
    }

    #[getter]
    fn home(&self) -> &str {
        self.0.app.home().as_str()
    }

    #[getter]
    fn chroots(&self, py: Python<'_>) -> PyChroots {
        PyChroots(self.0.share(py))
    }

    #[getter]
    fn composes(&self, py: Python<'_>) -> PyComposes {
        PyComposes(self.0.share(py))
    }

    #[getter]
    fn queue(&self, py: Python<'_>) -> PyQueue {
        PyQueue(self.0.share(py))
    }

    #[getter]
    fn keys(&self, py: Python<'_>) -> PyKeys {
        PyKeys(self.0.share(py))
    }

    #[getter]
    fn tags(&self, py: Python<'_>) -> PyTags {
        PyTags(self.0.share(py))
    }

    fn repository(&self, py: Python<'_>, folder: PathBuf) -> PyResult<PyRepository> {
        let dir = self.0.path(&folder).into_py_result(py)?;
        Ok(PyRepository { handle: self.0.share(py), dir })
    }

    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.0.app.settings_json().into_py_result(py)?)
    }

    fn origins(&self) -> BTreeMap<String, String> {
        self.0.app.origins().into_iter().map(|leaf| (leaf.key, leaf.place.to_string())).collect()
    }

    fn profiles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, _cx| async move {
            Ok(app.profiles()?.iter().map(profile_summary_json).collect::<Vec<Value>>())
        })
    }

    #[pyo3(signature = (name, *, origins=false))]
    fn profile<'py>(&self, py: Python<'py>, name: String, origins: bool) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, move |app, _cx| async move { profile_json(&app.profile(&name)?, origins) })
    }

    fn doctor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { app.doctor(&cx).await })
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
        let into = self.0.path(&into).into_py_result(py)?;
        self.0
            .show(py, |app, cx| async move { Ok(fetched_json(&app.source_fetch(&cx, &request, &suite, &into).await?)) })
    }

    #[pyo3(signature = (dsc, *, suite, name, maintainer, into, number=1))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn source_rebuild<'py>(
        &self,
        py: Python<'py>,
        dsc: PathBuf,
        suite: &str,
        name: &str,
        maintainer: &str,
        into: PathBuf,
        number: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let suite = SuiteName::new(suite).into_py_result(py)?;
        let rebuild = Rebuild::new(name, suite, maintainer).with_number(number);
        let (dsc, into) = (self.0.path(&dsc).into_py_result(py)?, self.0.path(&into).into_py_result(py)?);
        self.0.show(py, |app, cx| async move {
            let made = app.source_rebuild(&cx, &dsc, &rebuild, &into).await?;
            Ok(json!({ "dsc": made.as_str() }))
        })
    }

    #[pyo3(signature = (tree, *, suite, into))]
    fn source_pack<'py>(
        &self,
        py: Python<'py>,
        tree: PathBuf,
        suite: &str,
        into: PathBuf,
    ) -> PyResult<Bound<'py, PyAny>> {
        let suite = SuiteName::new(suite).into_py_result(py)?;
        let (tree, into) = (self.0.path(&tree).into_py_result(py)?, self.0.path(&into).into_py_result(py)?);
        self.0.show(py, |app, cx| async move {
            Ok(json!({ "dsc": app.source_pack(&cx, &tree, &suite, &into).await?.as_str() }))
        })
    }

    #[pyo3(signature = (
        source, *, suite=None, output=None, architecture=None, chroot=None, chroot_profile=None, profiles=None,
        build_options=None, extra_packages=None, arch_all=true, network=false, timeout=None, stalled=None, memory=None, disk=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn build<'py>(
        &self,
        py: Python<'py>,
        source: PathBuf,
        suite: Option<&str>,
        output: Option<PathBuf>,
        architecture: Option<&str>,
        chroot: Option<String>,
        chroot_profile: Option<String>,
        profiles: Option<Vec<String>>,
        build_options: Option<Vec<String>>,
        extra_packages: Option<Vec<PathBuf>>,
        arch_all: bool,
        network: bool,
        timeout: Option<f64>,
        stalled: Option<f64>,
        memory: Option<u64>,
        disk: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let made = || -> Result<BuildOrder, AppError> {
            let mut order = BuildOrder::new(self.0.app.build_source_of(&source.to_string_lossy())?);
            order.suite = suite.map(SuiteName::new).transpose()?;
            order.architecture = architecture.map(Architecture::new).transpose()?;
            (order.chroot, order.chroot_profile) = (chroot, chroot_profile);
            order.output = output.map(|folder| self.0.path(&folder)).transpose()?;
            let options = &mut order.options;
            options.profiles = profiles.unwrap_or_default();
            options.build_options = build_options.unwrap_or_default();
            options.extra_packages = self.0.paths(&extra_packages.unwrap_or_default())?;
            options.arch_all = arch_all;
            options.network = if network { Network::On } else { Network::Off };
            options.timeout = timeout.map(seconds).transpose()?.or(options.timeout);
            options.stalled = stalled.map(seconds).transpose()?.or(options.stalled);
            (options.memory, options.disk) = (memory, disk);
            Ok(order)
        };
        let order = made().into_py_result(py)?;
        self.0.show_logged(py, |app, cx, mut log| async move { app.build(&cx, &order, &mut log).await })
    }

    #[pyo3(signature = (source, *, profiles=None, save_problem=None, **places))]
    fn resolve_build_deps<'py>(
        &self,
        py: Python<'py>,
        source: PathBuf,
        profiles: Option<Vec<String>>,
        save_problem: Option<PathBuf>,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = packages_from(&self.0, py, places)?;
        let source = SourceOf::from(self.0.app.build_source_of(&source.to_string_lossy()).into_py_result(py)?);
        let profiles = build_profiles(profiles).into_py_result(py)?;
        let keep = save_problem.map(|file| self.0.path(&file)).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            Ok(answer_json(&app.resolve_build_deps(&cx, &from, &source, profiles, keep.as_ref()).await?))
        })
    }

    #[pyo3(signature = (packages=None, *, save_problem=None, **options))]
    fn resolve_install<'py>(
        &self,
        py: Python<'py>,
        packages: Option<&str>,
        save_problem: Option<PathBuf>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (from, ask) = asked(&self.0, py, packages, options)?;
        let keep = save_problem.map(|file| self.0.path(&file)).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            Ok(answer_json(&app.resolve_install(&cx, &from, ask, keep.as_ref()).await?))
        })
    }

    #[pyo3(signature = (*, explain=false, **places))]
    fn installability<'py>(
        &self,
        py: Python<'py>,
        explain: bool,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = packages_from(&self.0, py, places)?;
        self.0.show(py, move |app, cx| async move {
            Ok(installability_json(&app.installability(&cx, &from, explain).await?))
        })
    }

    #[pyo3(signature = (*, install="lenient", build="lenient", profiles=None, **places))]
    fn resolve_closure<'py>(
        &self,
        py: Python<'py>,
        install: &str,
        build: &str,
        profiles: Option<Vec<String>>,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let [install, build] = [install, build].map(|text| text.parse::<Strictness>().into_py_result(py));
        let ask = ClosureAsk::new(install?, build?).with_profiles(build_profiles(profiles).into_py_result(py)?);
        let from = packages_from(&self.0, py, places)?;
        self.0.show(py, |app, cx| async move { Ok(closure_json(&app.resolve_closure(&cx, &from, ask).await?)) })
    }

    #[pyo3(signature = (uri, suite, *, keyrings=None, architectures=None, indexes_only=false))]
    fn verify_archive<'py>(
        &self,
        py: Python<'py>,
        uri: &str,
        suite: &str,
        keyrings: Option<Vec<PathBuf>>,
        architectures: Option<Vec<String>>,
        indexes_only: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (uri, suite) = (uri.to_owned(), SuiteName::new(suite).into_py_result(py)?);
        let keyrings = self.0.paths(&keyrings.unwrap_or_default()).into_py_result(py)?;
        let architectures = architectures.unwrap_or_default();
        let architectures = architectures.iter().map(|name| Architecture::new(name));
        let architectures = architectures.collect::<Result<Vec<_>, _>>().into_py_result(py)?;
        let options = VerifyOptions::new().with_architectures(architectures).with_indexes_only(indexes_only);
        self.0.show(py, move |app, cx| async move {
            let report = app.archive_verify(&cx, &uri, &suite, keyrings, &options).await?;
            Ok(verified_json(&report, None))
        })
    }

    #[pyo3(signature = (*, repair=false))]
    fn fsck<'py>(&self, py: Python<'py>, repair: bool) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, move |app, cx| async move { Ok(state_check_json(&app.fsck(&cx, repair).await?)) })
    }

    #[pyo3(signature = (*, dry_run=false, gateway_unused_for=None, gateway_max_size=None))]
    fn gc<'py>(
        &self,
        py: Python<'py>,
        dry_run: bool,
        gateway_unused_for: Option<f64>,
        gateway_max_size: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let unused_for = gateway_unused_for.map(seconds).transpose().into_py_result(py)?;
        let options = GcOptions::new().with_unused_for(unused_for).with_max_size(gateway_max_size);
        let options = options.with_dry_run(dry_run);
        self.0.show(py, move |app, cx| async move { Ok(garbage_json(&app.gc(&cx, options).await?)) })
    }
}
