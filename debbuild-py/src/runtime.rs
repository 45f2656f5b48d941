//! Asynchronous work on threads of its own, and what it says meanwhile: messages that never hold it up.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use debbuild_cli::app::{AppError, Failure};
use debbuild_core::{
    cancel::CancelToken,
    command::{OutputSink, Stream},
    context::Context,
    error::Class,
    event::{Event, Reporter},
};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::bell::Bell;

/// How many messages may wait to be taken; what comes on top is dropped, as a reporter may never wait.
const BACKLOG: usize = 4096;
/// A line of a log longer than this is shown in pieces, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// What the work has come to: made a value of Python by whoever takes it.
pub(crate) type Answer = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What work says.
pub(crate) enum Message {
    Event(Event),
    /// A line of a log.
    Line(String),
    /// Its end.
    Done(Result<Answer, AppError>),
}

#[derive(Debug, Clone)]
struct Sender {
    messages: SyncSender<Message>,
    bell: Option<Arc<Bell>>,
}

impl Sender {
    /// Says what a full backlog may lose.
    fn say(&self, message: Message) {
        match self.messages.try_send(message) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.ring(),
        }
    }

    /// Says the end, which waits until there is room for it or nobody listens.
    fn end(&self, result: Result<Answer, AppError>) {
        drop(self.messages.send(Message::Done(result)));
        self.ring();
    }

    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }
}

impl Reporter for Sender {
    fn report(&self, event: Event) {
        self.say(Message::Event(event));
    }
}

/// Shows the output of tools to the callback as it comes, line by line.
pub(crate) struct Lines {
    // A full backlog loses lines, as a slow callback must not stall the work; the log itself is kept elsewhere.
    sender: Sender,
    line: Vec<u8>,
}

impl Lines {
    fn flush(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if !line.is_empty() {
            self.sender.say(Message::Line(line.trim_end_matches(['\n', '\r']).to_owned()));
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

/// Starts the work that `begin` makes with a context, which `cancel` stops, and a sink for its log.
///
/// What it says comes out of the receiver; where there is a bell, it is rung after each message. `answer` makes its result a value
/// of Python.
pub(crate) fn start<T, F>(
    cancel: &CancelToken,
    bell: Option<Arc<Bell>>,
    begin: impl FnOnce(Context, Lines) -> F,
    answer: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
) -> Result<Receiver<Message>, AppError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let runtime = runtime()?;
    let (messages, receiver) = sync_channel(BACKLOG);
    let sender = Sender { messages, bell };
    let cx = Context::new().with_cancel(cancel.clone()).with_events(Arc::new(sender.clone()));
    let lines = Lines { sender: sender.clone(), line: Vec::new() };
    let task = runtime.spawn(begin(cx, lines));
    runtime.spawn(async move {
        let result = task
            .await
            .unwrap_or_else(|error| Err(Failure::new(Class::Internal, format!("internal error: {error}")).into()));
        let result = result.map(|value| -> Answer { Box::new(move |py: Python<'_>| answer(py, value)) });
        let _ended = tokio::task::spawn_blocking(move || sender.end(result)).await;
    });
    Ok(receiver)
}
