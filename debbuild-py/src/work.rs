//! `Work`: what is under way, waited for on the calling thread or awaited by an event loop (`debbuild.aio`).

use std::{
    os::fd::RawFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::Duration,
};

use debbuild_cli::app::{AppError, Failure, event_json};
use debbuild_core::{cancel::CancelToken, context::Context, error::Class};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    bell::Bell,
    convert::{IntoPy as _, exception, plain},
    runtime::{Answer, Lines, Message, start},
};

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// Work that was started. Dropped before its end, it is cancelled.
pub(crate) struct Work {
    /// One thread at a time takes from it.
    messages: Mutex<Receiver<Message>>,
    cancel: CancelToken,
    on_event: Option<Py<PyAny>>,
    state: Mutex<State>,
}

/// How far it is.
#[derive(Default)]
struct State {
    /// What stopped it.
    raised: Option<PyErr>,
    ended: bool,
    result: Option<Result<Answer, AppError>>,
}

/// Never held while Python runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    /// Starts what `begin` makes; `on_event` is called on the thread that waits, or polls.
    pub(crate) fn start<T, F>(
        py: Python<'_>,
        on_event: Option<&Py<PyAny>>,
        bell: Option<Arc<Bell>>,
        begin: impl FnOnce(Context, Lines) -> F,
        answer: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Self>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let cancel = CancelToken::new();
        let messages = start(&cancel, bell, begin, answer).into_py_result(py)?;
        let on_event = on_event.map(|callback| callback.clone_ref(py));
        Ok(Self { messages: Mutex::new(messages), cancel, on_event, state: Mutex::default() })
    }

    /// Waits for its end: the GIL is released, the callback is called here. An exception of it, and Ctrl-C, cancel the work; they
    /// are raised when it has stopped.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let messages = &self.messages;
        loop {
            match py.detach(|| lock(messages).recv_timeout(TICK)) {
                Ok(message) => self.take(py, message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.end(None),
            }
            let (ended, stopped) = self.so_far();
            if ended {
                return self.result(py);
            }
            if !stopped && let Err(error) = py.check_signals() {
                self.stop(error);
            }
        }
    }

    /// Takes what was said since; whether it has ended.
    fn poll(&self, py: Python<'_>) -> bool {
        loop {
            let next = lock(&self.messages).try_recv();
            match next {
                Ok(message) => self.take(py, message),
                Err(TryRecvError::Empty) => return self.so_far().0,
                Err(TryRecvError::Disconnected) => {
                    self.end(None);
                    return true;
                }
            }
        }
    }

    /// What it came to, once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (raised, result) = {
            let mut state = lock(&self.state);
            (state.raised.take(), state.result.take())
        };
        match (raised, result) {
            (Some(error), _) => Err(error),
            (None, Some(Ok(answer))) => answer(py),
            (None, Some(Err(error))) => Err(exception(py, &error)),
            (None, None) => Err(exception(py, &Failure::new(Class::Internal, "the work has no result").into())),
        }
    }

    fn cancel(&self) {
        // What goes on behind it after its end is not its own.
        if !self.so_far().0 {
            self.cancel.cancel();
        }
    }

    /// Whether it has ended, and whether an exception has stopped it.
    fn so_far(&self) -> (bool, bool) {
        let state = lock(&self.state);
        (state.ended, state.raised.is_some())
    }

    fn take(&self, py: Python<'_>, message: Message) {
        let event = match message {
            Message::Event(event) => event_json(&event),
            Message::Line(line) => Some(json!({ "event": "log", "text": line })),
            Message::Done(result) => return self.end(Some(result)),
        };
        let (_, stopped) = self.so_far();
        if let (Some(callback), Some(event), false) = (&self.on_event, event, stopped)
            && let Err(error) = call(py, callback, &event)
        {
            self.stop(error);
        }
    }

    /// Cancels it, and keeps what is raised when it has ended.
    fn stop(&self, error: PyErr) {
        lock(&self.state).raised = Some(error);
        self.cancel.cancel();
    }

    /// Notes its end; `None`: it went away without a result, unless it ended before.
    fn end(&self, result: Option<Result<Answer, AppError>>) {
        let mut state = lock(&self.state);
        if !state.ended {
            let lost = || Err(Failure::new(Class::Internal, "the work ended without a result").into());
            state.result = Some(result.unwrap_or_else(lost));
            state.ended = true;
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn call(py: Python<'_>, callback: &Py<PyAny>, event: &Value) -> PyResult<()> {
    callback.call1(py, (plain(py, event)?,))?;
    Ok(())
}

/// Work that an event loop awaits: it looks at the file, polls, and takes the result after the end.
#[pyclass(name = "Work", module = "debbuild._debbuild", frozen)]
pub(crate) struct PyWork {
    work: Work,
    bell: Arc<Bell>,
}

impl PyWork {
    /// As [`Work::start`].
    pub(crate) fn start<T, F>(
        py: Python<'_>,
        on_event: Option<&Py<PyAny>>,
        begin: impl FnOnce(Context, Lines) -> F,
        answer: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Self>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let bell = Bell::new().map(Arc::new);
        let bell = bell.map_err(|error| Failure::new(Class::Infrastructure, format!("cannot make a socket: {error}")));
        let bell = bell.into_py_result(py)?;
        let work = Work::start(py, on_event, Some(Arc::clone(&bell)), begin, answer)?;
        Ok(Self { work, bell })
    }
}

#[pymethods]
impl PyWork {
    fn fileno(&self) -> RawFd {
        self.bell.fileno()
    }

    fn poll(&self, py: Python<'_>) -> bool {
        self.bell.hear();
        self.work.poll(py)
    }

    fn cancel(&self) {
        self.work.cancel();
    }

    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.work.result(py)
    }
}
