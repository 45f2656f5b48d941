//! `App.chroots`: clean places, and commands run in them.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use debbuild_chroot::{
    backend::{Session, SessionCommand},
    create::{BootstrapTool, Variant},
    limits::{Limits, Usage},
};
use debbuild_cli::app::{
    App, AppError, ChrootWish, Failure, chroot_detail_json, chroot_diff_json, chroot_json, chroot_updated_json,
    chroot_used_json, collected_json,
};
use debbuild_core::{
    arch::Architecture,
    build::LimitMeans,
    command::{Capture, Exit, Stdin},
    context::Context,
    error::Class,
    name::{PackageName, SuiteName},
    path::AbsPath,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use serde_json::{Value, json};

use crate::{
    convert::{IntoPy as _, seconds},
    handle::Handle,
    layers,
};

#[pyclass(name = "Chroots", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyChroots(pub(crate) Handle);

/// Where something is done: in a session that lasts, or in one of a chroot with or without archives, and with limits.
enum Place {
    Session(String),
    Chroot(String, bool, Limits),
}

impl Place {
    fn read(id: Option<String>, session: Option<String>, archives: bool, limits: Limits) -> Result<Self, AppError> {
        match (id, session) {
            (Some(id), None) => Ok(Self::Chroot(id, archives, limits)),
            (None, Some(session)) if !archives && limits.is_empty() => Ok(Self::Session(session)),
            (None, Some(_)) => {
                let message = "a session that lasts has its archives and limits from its beginning: name none";
                Err(Failure::new(Class::Usage, message).into())
            }
            _ => Err(Failure::new(Class::Usage, "a command runs in a chroot or in a session: name one of them").into()),
        }
    }
}

/// What is done in one session.
struct Job {
    place: Place,
    command: SessionCommand,
    copy_in: Vec<(AbsPath, String)>,
    copy_out: Vec<(String, AbsPath)>,
}

impl Job {
    async fn run(self, app: &App, cx: &Context) -> Result<(Exit, Capture, Usage), AppError> {
        let mut session = match &self.place {
            Place::Session(session) => app.chroot_attach(cx, session).await?,
            Place::Chroot(id, archives, limits) => app.chroot_open(cx, id, *archives, *limits).await?,
        };
        let done = self.work(app, cx, &mut *session).await;
        session.close(cx).await?;
        done
    }

    async fn work(
        &self,
        app: &App,
        cx: &Context,
        session: &mut dyn Session,
    ) -> Result<(Exit, Capture, Usage), AppError> {
        for (file, folder) in &self.copy_in {
            app.copy_in(cx, session, file, folder).await?;
        }
        let mut output = Capture::default();
        let exit = session.run(cx, &self.command, &mut output).await?;
        let usage = session.usage();
        for (path, folder) in &self.copy_out {
            app.copy_out(cx, session, path, folder).await?;
        }
        Ok((exit, output, usage))
    }
}

/// How a command ended, and all it said.
fn done(py: Python<'_>, (exit, output, usage): (Exit, Capture, Usage)) -> PyResult<Py<PyAny>> {
    let done = PyDict::new(py);
    done.set_item("status", exit.status)?;
    done.set_item("signal", exit.signal)?;
    done.set_item("peak_memory", exit.peak_memory)?;
    done.set_item("cpu_time", usage.cpu_time.map(|time| time.as_secs_f64()))?;
    done.set_item("limits_by", usage.limits_by.map(LimitMeans::name))?;
    done.set_item("stdout", PyBytes::new(py, &output.stdout))?;
    done.set_item("stderr", PyBytes::new(py, &output.stderr))?;
    Ok(done.into_any().unbind())
}

/// The wish that keyword arguments are.
pub(crate) fn wish(
    (suite, profile): (Option<&str>, Option<&str>),
    architecture: Option<&str>,
    variant: Option<&str>,
    include: Option<Vec<String>>,
) -> Result<ChrootWish, AppError> {
    let include =
        include.unwrap_or_default().iter().map(|name| PackageName::new(name)).collect::<Result<Vec<_>, _>>()?;
    let wish = match (suite, profile) {
        (Some(suite), None) => ChrootWish::new(SuiteName::new(suite)?),
        (None, Some(profile)) => ChrootWish::of_profile(profile),
        _ => return Err(Failure::new(Class::Usage, "a chroot is of a suite or of a profile: name one of them").into()),
    };
    let wish = wish.with_variant(variant.map(str::parse::<Variant>).transpose()?);
    Ok(wish.with_architecture(architecture.map(Architecture::new).transpose()?).with_include(include))
}

#[pymethods]
impl PyChroots {
    #[pyo3(signature = (
        suite=None, *, profile=None, parent=None, architecture=None, host=None, variant=None, include=None, remove=None,
        bootstrapper="mmdebstrap", privileged=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn create<'py>(
        &self,
        py: Python<'py>,
        suite: Option<&str>,
        profile: Option<&str>,
        parent: Option<String>,
        architecture: Option<&str>,
        host: Option<&str>,
        variant: Option<&str>,
        include: Option<Vec<String>>,
        remove: Option<Vec<String>>,
        bootstrapper: &str,
        privileged: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let own = [suite, profile, architecture, host, variant].iter().any(Option::is_some);
        if let Some(layer) = layers::asked(parent, own, include.as_deref(), remove.as_deref()).into_py_result(py)? {
            return layers::make(&self.0, py, layer);
        }
        let wish = wish((suite, profile), architecture, variant, include).into_py_result(py)?;
        let wish = wish.with_host(host.map(Architecture::new).transpose().into_py_result(py)?);
        let wish = wish.with_bootstrapper(bootstrapper.parse::<BootstrapTool>().into_py_result(py)?, privileged);
        self.0.show_logged(py, |app, cx, mut log| async move {
            Ok(chroot_json(&app.chroot_create(&cx, &wish, &mut log).await?))
        })
    }

    #[pyo3(signature = (lock, *, privileged=false))]
    fn create_locked<'py>(&self, py: Python<'py>, lock: PathBuf, privileged: bool) -> PyResult<Bound<'py, PyAny>> {
        let lock = self.0.path(&lock).into_py_result(py)?;
        self.0.show_logged(py, move |app, cx, mut log| async move {
            Ok(chroot_json(&app.chroot_create_locked(&cx, &lock, privileged, &mut log).await?))
        })
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let manager = app.chroots(&cx).await?;
            let chroots = manager.list()?;
            Ok(chroots.iter().map(|chroot| chroot_used_json(chroot, manager.used(chroot))).collect::<Vec<Value>>())
        })
    }

    fn show<'py>(&self, py: Python<'py>, id: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move { Ok(chroot_detail_json(&app.chroot_show(&cx, &id).await?)) })
    }

    #[pyo3(signature = (id, *, privileged=false))]
    fn update<'py>(&self, py: Python<'py>, id: String, privileged: bool) -> PyResult<Bound<'py, PyAny>> {
        self.0.show_logged(py, move |app, cx, mut log| async move {
            Ok(chroot_updated_json(&app.chroot_update(&cx, &id, privileged, &mut log).await?))
        })
    }

    #[pyo3(signature = (old, new, *, files=false))]
    fn diff<'py>(&self, py: Python<'py>, old: String, new: String, files: bool) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(
            py,
            move |app, cx| async move { Ok(chroot_diff_json(&app.chroot_diff(&cx, &old, &new, files).await?)) },
        )
    }

    fn copy_out<'py>(&self, py: Python<'py>, id: String, path: String, into: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let into = self.0.path(&into).into_py_result(py)?;
        self.0.show(py, |app, cx| async move { app.chroot_copy_out(&cx, &id, &path, &into).await })
    }

    fn remove<'py>(&self, py: Python<'py>, id: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let id = app.chroot_remove(&cx, &id).await?;
            Ok(json!({ "removed": id.to_string() }))
        })
    }

    #[pyo3(signature = (*, unused_for=None, max_size=None, dry_run=false))]
    fn gc<'py>(
        &self,
        py: Python<'py>,
        unused_for: Option<f64>,
        max_size: Option<u64>,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let unused_for = unused_for.map(seconds).transpose().into_py_result(py)?;
        self.0.show(py, move |app, cx| async move {
            Ok(collected_json(&app.chroot_gc(&cx, unused_for, max_size, dry_run).await?, dry_run))
        })
    }

    #[pyo3(signature = (
        id, command, *, session=None, archives=false, user=None, cwd="/", env=None, input=None, timeout=None, stalled=None, memory=None,
        processes=None, open_files=None, file_size=None, cpu_time=None, scratch_size=None, scratch_files=None, copy_in=None, copy_out=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        id: Option<String>,
        command: Vec<String>,
        session: Option<String>,
        archives: bool,
        user: Option<String>,
        cwd: &str,
        env: Option<BTreeMap<String, String>>,
        input: Option<Vec<u8>>,
        timeout: Option<f64>,
        stalled: Option<f64>,
        memory: Option<u64>,
        processes: Option<u64>,
        open_files: Option<u64>,
        file_size: Option<u64>,
        cpu_time: Option<f64>,
        scratch_size: Option<u64>,
        scratch_files: Option<u64>,
        copy_in: Option<Vec<(PathBuf, String)>>,
        copy_out: Option<Vec<(String, PathBuf)>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let time = |limit: Option<f64>| limit.map(seconds).transpose().into_py_result(py);
        let (timeout, stalled): (Option<Duration>, Option<Duration>) = (time(timeout)?, time(stalled)?);
        let mut command = SessionCommand::new(command).with_cwd(cwd).with_user(user).with_limits(timeout, stalled);
        for (key, value) in env.unwrap_or_default() {
            command = command.with_env(key, value);
        }
        if let Some(input) = input {
            command = command.with_stdin(Stdin::Bytes(input));
        }
        let (copy_in, copy_out) = (copy_in.unwrap_or_default(), copy_out.unwrap_or_default());
        let copy_in = copy_in.into_iter().map(|(file, folder)| Ok((self.0.path(&file)?, folder)));
        let copy_in = copy_in.collect::<Result<Vec<_>, AppError>>().into_py_result(py)?;
        let copy_out = copy_out.into_iter().map(|(path, folder)| Ok((path, self.0.path(&folder)?)));
        let copy_out = copy_out.collect::<Result<Vec<_>, AppError>>().into_py_result(py)?;
        let limits = Limits::new().with_memory(memory).with_processes(processes);
        let limits = limits.with_open_files(open_files).with_file_size(file_size).with_cpu_time(time(cpu_time)?);
        let limits = limits.with_scratch(scratch_size, scratch_files);
        let place = Place::read(id, session, archives, limits).into_py_result(py)?;
        let job = Job { place, command, copy_in, copy_out };
        self.0.run(py, |app, cx| async move { job.run(&app, &cx).await }, done)
    }
}
