//! `App.chroots`: sessions that last.

use debbuild_chroot::limits::Limits;
use debbuild_cli::app::session_json;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    chroots::PyChroots,
    convert::{IntoPy as _, seconds},
};

#[pymethods]
impl PyChroots {
    #[pyo3(signature = (
        id, *, archives=false, memory=None, processes=None, open_files=None, file_size=None, cpu_time=None, scratch_size=None,
        scratch_files=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        id: String,
        archives: bool,
        memory: Option<u64>,
        processes: Option<u64>,
        open_files: Option<u64>,
        file_size: Option<u64>,
        cpu_time: Option<f64>,
        scratch_size: Option<u64>,
        scratch_files: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let cpu_time = cpu_time.map(seconds).transpose().into_py_result(py)?;
        let limits = Limits::new().with_memory(memory).with_processes(processes);
        let limits = limits.with_open_files(open_files).with_file_size(file_size).with_cpu_time(cpu_time);
        let limits = limits.with_scratch(scratch_size, scratch_files);
        self.0.show(
            py,
            move |app, cx| async move { Ok(session_json(&app.chroot_begin(&cx, &id, archives, limits).await?)) },
        )
    }

    fn sessions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, |app, cx| async move {
            let sessions = app.chroot_sessions(&cx).await?;
            Ok(sessions.iter().map(session_json).collect::<Vec<Value>>())
        })
    }

    fn snapshot<'py>(&self, py: Python<'py>, session: String, name: String) -> PyResult<Bound<'py, PyAny>> {
        self.0
            .show(py, move |app, cx| async move { Ok(session_json(&app.chroot_snapshot(&cx, &session, &name).await?)) })
    }

    fn rollback<'py>(&self, py: Python<'py>, session: String, name: String) -> PyResult<Bound<'py, PyAny>> {
        self.0
            .show(py, move |app, cx| async move { Ok(session_json(&app.chroot_rollback(&cx, &session, &name).await?)) })
    }

    fn end<'py>(&self, py: Python<'py>, session: String) -> PyResult<Bound<'py, PyAny>> {
        self.0.show(py, move |app, cx| async move {
            let id = app.chroot_end(&cx, &session).await?;
            Ok(json!({ "ended": id.to_string() }))
        })
    }
}
