//! Standard error: progress bars on a terminal, plain lines elsewhere, JSON lines for programs, and errors.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use debbuild_core::{
    command::{OutputSink, Stream},
    event::{Event, Reporter, SpanId, Unit},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Format, clean};
use crate::app::{AppError, event_json};

/// A line of a log longer than this is shown in pieces, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// Where talk goes; a [`Reporter`] that never waits for anything but the terminal.
#[derive(Debug)]
pub(crate) struct Talk {
    format: Format,
    quiet: bool,
    /// Bars, where standard error is a terminal.
    bars: Option<MultiProgress>,
    steps: Mutex<HashMap<SpanId, Shown>>,
}

/// A step that is going on.
#[derive(Debug)]
struct Shown {
    what: String,
    depth: usize,
    bar: Option<ProgressBar>,
}

impl Talk {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        let terminal = format == Format::Human && !quiet && console::user_attended_stderr();
        Self { format, quiet, bars: terminal.then(MultiProgress::new), steps: Mutex::default() }
    }

    /// One line for the user.
    pub(crate) fn say(&self, text: &str) {
        match self.format {
            _ if self.quiet => {}
            Format::Human => self.write(&clean(text)),
            Format::Json => self.json(&serde_json::json!({ "event": "note", "text": text })),
        }
    }

    /// One line that the user should see even when quiet.
    pub(crate) fn warn(&self, text: &str) {
        match self.format {
            Format::Human => self.write(&format!("warning: {}", clean(text))),
            Format::Json => self.json(&serde_json::json!({ "event": "warning", "text": text })),
        }
    }

    /// The error that ends the command: `error:` and `hint:` lines, or one JSON object.
    pub(crate) fn error(&self, error: &AppError) {
        let class = error.class();
        if self.format == Format::Json {
            return self.json(&serde_json::json!({ "error": {
                "class": class.name(),
                "message": error.message(),
                "hint": error.hint(),
                "exit_code": class.exit_code(),
            }}));
        }
        let title = console::style("error:").for_stderr().red().bold();
        self.write(&format!("{title} {}", clean(&error.message())));
        if let Some(hint) = error.hint() {
            let title = console::style("hint:").for_stderr().cyan().bold();
            self.write(&format!("{title} {}", clean(&hint)));
        }
    }

    /// A sink that shows a log as it grows, line by line.
    pub(crate) fn log(&self) -> LogSink<'_> {
        LogSink { talk: self, line: Vec::new() }
    }

    /// Takes the bars away, at the end.
    pub(crate) fn settle(&self) {
        self.steps().clear();
        if let Some(bars) = &self.bars {
            // A terminal that went away is not our concern.
            drop(bars.clear());
        }
    }

    fn steps(&self) -> MutexGuard<'_, HashMap<SpanId, Shown>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn json(&self, value: &serde_json::Value) {
        self.write(&value.to_string());
    }

    /// Writes whole lines; nobody can be told when standard error itself fails.
    fn write(&self, lines: &str) {
        let write = || drop(writeln!(io::stderr().lock(), "{lines}"));
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn started(&self, span: SpanId, parent: Option<SpanId>, what: String, unit: Unit, total: Option<u64>) {
        let mut steps = self.steps();
        let depth = parent.and_then(|parent| steps.get(&parent)).map_or(0, |step| step.depth + 1);
        let what = clean(&what);
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(style(unit, total.is_some()));
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_prefix("  ".repeat(depth));
            bar.set_message(what.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() && depth == 0 && !self.quiet {
            self.write(&what);
        }
        steps.insert(span, Shown { what, depth, bar });
    }

    fn finished(&self, span: SpanId, failed: bool) {
        let Some(step) = self.steps().remove(&span) else { return };
        if let Some(bar) = step.bar {
            let elapsed = bar.elapsed();
            bar.finish_and_clear();
            if step.depth == 0 && !failed {
                self.write(&format!("{} ({:.1}s)", step.what, elapsed.as_secs_f64()));
            }
        }
    }
}

fn style(unit: Unit, total: bool) -> ProgressStyle {
    let template = match (unit, total) {
        (Unit::Bytes, true) => "{prefix}{spinner} {msg} {bar:24} {bytes}/{total_bytes} {bytes_per_sec}",
        (Unit::Bytes, false) => "{prefix}{spinner} {msg} {bytes} {bytes_per_sec}",
        (Unit::Items, true) => "{prefix}{spinner} {msg} {bar:24} {pos}/{len}",
        (Unit::Items, false) => "{prefix}{spinner} {msg} {pos}",
        _ => "{prefix}{spinner} {msg} {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Reporter for Talk {
    fn report(&self, event: Event) {
        if self.format == Format::Json {
            // A line for every step of a progress bar would drown the others.
            let wanted = !self.quiet && !matches!(event, Event::Progress { .. } | Event::Log { .. });
            let wanted = wanted || matches!(event, Event::Warning { .. });
            if let Some(value) = event_json(&event).filter(|_| wanted) {
                self.json(&value);
            }
            return;
        }
        match event {
            Event::Started { span, parent, what, unit, total } => self.started(span, parent, what, unit, total),
            Event::Progress { span, done } => {
                if let Some(Shown { bar: Some(bar), .. }) = self.steps().get(&span) {
                    bar.set_position(done);
                }
            }
            Event::Note { text, .. } => self.say(&text),
            Event::Warning { text, .. } => self.warn(&text),
            Event::Finished { span, failed } => self.finished(span, failed.is_some()),
            _ => {}
        }
    }
}

/// Shows the output of tools as it comes: whole lines, cleaned.
#[derive(Debug)]
pub(crate) struct LogSink<'a> {
    talk: &'a Talk,
    line: Vec<u8>,
}

impl LogSink<'_> {
    fn flush(&mut self) {
        if self.talk.quiet || self.line.is_empty() {
            return self.line.clear();
        }
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end_matches(['\n', '\r']);
        match self.talk.format {
            Format::Human => self.talk.write(&clean(line)),
            Format::Json => self.talk.json(&serde_json::json!({ "event": "log", "text": line })),
        }
        self.line.clear();
    }
}

impl OutputSink for LogSink<'_> {
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

impl Drop for LogSink<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}
