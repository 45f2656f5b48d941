//! `App.queue`: tasks, and the worker of this process.

use std::path::PathBuf;

use debbuild_cli::app::{AppError, SubmitOrder, WorkerRun, worked_json};
use debbuild_core::{arch::Architecture, name::SuiteName};
use debbuild_queue::{
    api::v1::{Event, TaskFilter, Tasks as _, Workers as _},
    model::WorkerName,
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    convert::{IntoPy as _, seconds},
    handle::Handle,
};

/// How much of a log is asked for at once, in bytes.
const PIECE: u32 = 256 * 1024;

#[pyclass(name = "Queue", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyQueue(pub(crate) Handle);

#[pymethods]
impl PyQueue {
    #[pyo3(signature = (
        sources, *, suite=None, architecture=None, chroot=None, chroot_profile=None, priority=0, after=None,
        in_order=false, profiles=None, timeout=None, stalled=None, key=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn submit<'py>(
        &self,
        py: Python<'py>,
        sources: Vec<std::path::PathBuf>,
        suite: Option<&str>,
        architecture: Option<&str>,
        chroot: Option<&str>,
        chroot_profile: Option<String>,
        priority: i32,
        after: Option<Vec<i64>>,
        in_order: bool,
        profiles: Option<Vec<String>>,
        timeout: Option<f64>,
        stalled: Option<f64>,
        key: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let made = || -> Result<SubmitOrder, AppError> {
            let sources = sources.iter().map(|source| self.0.app.build_source_of(&source.to_string_lossy()));
            let suite = suite.map(SuiteName::new).transpose()?;
            let suite = self.0.app.submit_suite(suite, chroot_profile.as_deref())?;
            let mut order = SubmitOrder::new(sources.collect::<Result<_, _>>()?, suite);
            order.chroot_profile = chroot_profile;
            order.architecture = architecture.map(Architecture::new).transpose()?;
            order.chroot = chroot.map(str::parse).transpose()?;
            order.priority = priority;
            order.after = after.unwrap_or_default();
            order.in_order = in_order;
            order.key = key;
            order.options.profiles = profiles.unwrap_or_default();
            order.options.timeout = timeout.map(seconds).transpose()?.or(order.options.timeout);
            order.options.stalled = stalled.map(seconds).transpose()?.or(order.options.stalled);
            Ok(order)
        };
        let order = made().into_py_result(py)?;
        self.0.show(py, |app, cx| async move { app.submit(&cx, &order).await })
    }

    #[pyo3(signature = (*, states=None, kind=None, label=None, request=None, after=None, limit=50))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn tasks<'py>(
        &self,
        py: Python<'py>,
        states: Option<Vec<String>>,
        kind: Option<String>,
        label: Option<String>,
        request: Option<i64>,
        after: Option<String>,
        limit: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let states = states.unwrap_or_default();
        let filter = TaskFilter { states, kind, label, request, after, limit: Some(limit) };
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.tasks(&cx, &filter).await?) })
    }

    fn task<'py>(&self, py: Python<'py>, task: i64) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.task(&cx, task).await?) })
    }

    #[pyo3(signature = (task, *, reason=""))]
    fn cancel<'py>(&self, py: Python<'py>, task: i64, reason: &str) -> PyResult<Bound<'py, PyAny>> {
        let reason = reason.to_owned();
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.cancel(&cx, task, &reason).await?) })
    }

    fn retry<'py>(&self, py: Python<'py>, task: i64) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.retry(&cx, task).await?) })
    }

    fn explain<'py>(&self, py: Python<'py>, task: i64) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.explain(&cx, task).await?) })
    }

    fn set_priority<'py>(&self, py: Python<'py>, task: i64, priority: i32) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.set_priority(&cx, task, priority).await?) })
    }

    fn watch<'py>(&self, py: Python<'py>, tasks: Vec<i64>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let mut seen = Vec::new();
            let mut note = |event: &Event| {
                seen.push(event.clone());
                Ok(())
            };
            app.watch_tasks(&cx, &tasks, &mut note).await?;
            Ok(seen)
        })
    }

    #[pyo3(signature = (task, *, attempt=None, offset=0))]
    fn log<'py>(&self, py: Python<'py>, task: i64, attempt: Option<u32>, offset: u64) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(
            py,
            |app, cx| async move {
                let (api, mut log) = (app.api().await?, Vec::new());
                loop {
                    let part = api.log(&cx, task, attempt, offset + log.len() as u64, PIECE).await?;
                    if part.bytes.is_empty() {
                        return Ok(log);
                    }
                    log.extend(part.bytes);
                }
            },
            |py, log: Vec<u8>| Ok(PyBytes::new(py, &log).into_any().unbind()),
        )
    }

    #[pyo3(signature = (task, into, *, attempt=None))]
    fn fetch<'py>(
        &self,
        py: Python<'py>,
        task: i64,
        into: PathBuf,
        attempt: Option<u32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let folder = app.machine().path(&into.to_string_lossy())?;
            app.fetch_artifacts(&cx, task, attempt, &folder).await
        })
    }

    fn workers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.workers(&cx).await?) })
    }

    fn worker<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.worker(&cx, &name).await?) })
    }

    fn drain<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.drain(&cx, &name).await?) })
    }

    fn enable<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(app.api().await?.enable(&cx, &name).await?) })
    }

    #[pyo3(signature = (*, name="local", slots=1, until_idle=true))]
    fn run_worker<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        slots: usize,
        until_idle: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = WorkerName::new(name).into_py_result(py)?;
        let run = WorkerRun::new(name.clone(), until_idle).with_slots(slots);
        self.0.show(py, |app, cx| async move {
            let executors = app.executors(&cx).await?;
            Ok(worked_json(&name, &app.run_worker(&cx, &run, executors).await?))
        })
    }
}
