//! Waiting for asynchronous work on the calling thread: the GIL is released, events are drained, Ctrl-C cancels.

use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use debbuild_cli::app::{AppError, Failure, event_json};
use debbuild_core::{
    cancel::CancelToken,
    command::{OutputSink, Stream},
    context::Context,
    error::Class,
    event::{Event, Reporter},
};
use pyo3::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::convert::{exception, plain};

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);
/// How many events may wait for the callback; what comes on top is dropped, as a reporter may never wait.
const BACKLOG: usize = 4096;
/// A line of a log longer than this is shown in pieces, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

enum Message<T> {
    Event(Event),
    Line(String),
    Done(Result<T, AppError>),
}

struct Sender<T>(SyncSender<Message<T>>);

/// Shows the output of tools to the callback as it comes, line by line.
pub(crate) struct Lines {
    send: Box<dyn Fn(String) + Send>,
    line: Vec<u8>,
}

impl Lines {
    fn flush(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if !line.is_empty() {
            (self.send)(line.trim_end_matches(['\n', '\r']).to_owned());
        }
        self.line.clear();
    }
}

impl OutputSink for Lines {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > LONGEST_LINE {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

impl<T: Send> Reporter for Sender<T> {
    fn report(&self, event: Event) {
        match self.0.try_send(Message::Event(event)) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

fn runtime() -> Result<&'static Runtime, AppError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Class::Infrastructure, format!("cannot start threads: {error}")))?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// Runs the work that `start` makes with a context, to its end.
///
/// `on_event` is called here, on the calling thread. An exception of it, and Ctrl-C, cancel the work; they are raised when
/// it has stopped.
pub(crate) fn wait<T, F>(py: Python<'_>, on_event: Option<&Py<PyAny>>, start: impl FnOnce(Context) -> F) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    wait_with_lines(py, on_event, |cx, _lines| start(cx))
}

/// The same with a sink for a log, whose lines are events too: `{"event": "log", "text": ...}`.
pub(crate) fn wait_with_lines<T, F>(
    py: Python<'_>,
    on_event: Option<&Py<PyAny>>,
    start: impl FnOnce(Context, Lines) -> F,
) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let runtime = runtime().map_err(|error| exception(py, &error))?;
    let (sender, receiver) = sync_channel(BACKLOG);
    // Only this thread takes from it; the lock lets it be seen without the GIL.
    let receiver = Mutex::new(receiver);
    let cancel = CancelToken::new();
    let cx = Context::new().with_cancel(cancel.clone()).with_events(Arc::new(Sender(sender.clone())));
    let to_callback = sender.clone();
    let lines = Lines {
        // A full backlog loses the line, as a slow callback must not stall the work; the log itself is kept elsewhere.
        send: Box::new(move |line| drop(to_callback.try_send(Message::Line(line)))),
        line: Vec::new(),
    };
    let work = start(cx, lines);
    let task = runtime.spawn(work);
    runtime.spawn(async move {
        let result = task
            .await
            .unwrap_or_else(|error| Err(Failure::new(Class::Internal, format!("internal error: {error}")).into()));
        // The caller waits until this is taken.
        let _taken = tokio::task::spawn_blocking(move || drop(sender.send(Message::Done(result)))).await;
    });
    let mut raised = None;
    loop {
        match next(py, &receiver) {
            Ok(Message::Done(result)) => {
                return match raised {
                    Some(error) => Err(error),
                    None => result.map_err(|error| exception(py, &error)),
                };
            }
            Ok(message) => {
                if let (Some(callback), None, Some(event)) = (on_event, &raised, told(&message)) {
                    raised = call(py, callback, &event).err();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let lost = Failure::new(Class::Internal, "the work ended without a result");
                return Err(raised.unwrap_or_else(|| exception(py, &lost.into())));
            }
        }
        if raised.is_none() {
            raised = py.check_signals().err();
        }
        if raised.is_some() {
            cancel.cancel();
        }
    }
}

/// What the callback is told of a message.
fn told<T>(message: &Message<T>) -> Option<Value> {
    match message {
        Message::Event(event) => event_json(event),
        Message::Line(line) => Some(json!({ "event": "log", "text": line })),
        Message::Done(_) => None,
    }
}

/// The next message, waiting for it without the GIL.
fn next<T: Send>(py: Python<'_>, receiver: &Mutex<Receiver<Message<T>>>) -> Result<Message<T>, RecvTimeoutError> {
    py.detach(|| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(TICK))
}

fn call(py: Python<'_>, callback: &Py<PyAny>, event: &Value) -> PyResult<()> {
    callback.call1(py, (plain(py, event)?,))?;
    Ok(())
}
