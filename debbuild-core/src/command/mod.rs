//! Every subprocess of every crate: argv only, the whole environment given, its own process group, limits and cancellation.

#[cfg(feature = "testing")]
pub mod conformance;
mod meter;
mod scripted;
mod sink;
mod system;

use std::{collections::BTreeMap, ffi::OsString, fmt, io, time::Duration};

use async_trait::async_trait;
pub use scripted::{Reply, ScriptedRunner};
pub use sink::{Capture, Discard, OutputSink, Stream, Tail, Tee};
pub use system::SystemRunner;

use crate::{
    context::Context,
    error::{Class, Classify},
    path::AbsPath,
};

/// What a command reads from its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nothing.
    #[default]
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file.
    File(AbsPath),
    /// Nothing, and no end of it while the command runs: it ends when the command should, and with this process, however that ends.
    Held,
}

/// Whether a command's streams come back to us or stay with the user's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Terminal {
    /// Output goes to the sink; own process group.
    #[default]
    Piped,
    /// The command takes over this process's own streams and process group (interactive shells).
    Inherited,
}

/// A command to run: a program, its arguments and its whole environment. No shell is involved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandSpec {
    /// An absolute path, or a name looked up in the `PATH` of [`CommandSpec::env`] (without one: `/usr/sbin:/usr/bin:/sbin:/bin`).
    pub program: String,
    /// The arguments, without the program.
    pub args: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub env: BTreeMap<String, OsString>,
    /// The working directory; `/` if none is given.
    pub cwd: Option<AbsPath>,
    /// Standard input.
    pub stdin: Stdin,
    /// Where the streams go.
    pub terminal: Terminal,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How long it may be silent.
    pub stalled: Option<Duration>,
    /// How much memory it may use, in bytes, together with all that it started. Looked at ten times a second: what is beyond it for a
    /// shorter time may pass. Files in memory count where they are mapped.
    pub memory: Option<u64>,
    /// Whether the most memory that it uses is measured; with a limit it is.
    pub measured: bool,
    /// How long it has to end after SIGTERM before SIGKILL.
    pub grace: Duration,
}

impl CommandSpec {
    /// A command without arguments, with a plain `PATH` and the C.UTF-8 locale.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        let env = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")];
        Self {
            program: program.into(),
            args: Vec::new(),
            env: env.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
            cwd: None,
            stdin: Stdin::Null,
            terminal: Terminal::Piped,
            timeout: None,
            stalled: None,
            memory: None,
            measured: false,
            grace: Duration::from_secs(5),
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn with_arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn with_args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// With a working directory.
    #[must_use]
    pub fn with_cwd(mut self, cwd: AbsPath) -> Self {
        self.cwd = Some(cwd);
        self
    }

    /// With something to read.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// With its streams at the user's terminal.
    #[must_use]
    pub fn with_terminal(mut self, terminal: Terminal) -> Self {
        self.terminal = terminal;
        self
    }

    /// With a time limit.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// With a limit on silence.
    #[must_use]
    pub fn with_stalled(mut self, stalled: Option<Duration>) -> Self {
        self.stalled = stalled;
        self
    }

    /// With a limit on memory, in bytes.
    #[must_use]
    pub fn with_memory(mut self, memory: Option<u64>) -> Self {
        self.memory = memory;
        self
    }

    /// With or without a measure of its memory.
    #[must_use]
    pub fn with_measured(mut self, measured: bool) -> Self {
        self.measured = measured;
        self
    }

    /// With another time between SIGTERM and SIGKILL.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// The command as a person would type it; for messages only, never for a shell.
impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for arg in &self.args {
            let arg = arg.to_string_lossy();
            let plain = !arg.is_empty() && arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,+@%~".contains(c));
            if plain { write!(f, " {arg}")? } else { write!(f, " '{}'", arg.replace('\'', r"'\''"))? }
        }
        Ok(())
    }
}

/// How a command ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The status, if it exited.
    pub status: Option<i32>,
    /// The signal, if one ended it.
    pub signal: Option<i32>,
    /// Wall time.
    pub elapsed: Duration,
    /// The most memory that it and all that it started were seen to use, in bytes; none where nobody measured.
    pub peak_memory: Option<u64>,
}

impl Exit {
    /// An end with this status: for twins and tests.
    #[must_use]
    pub const fn with_status(status: i32) -> Self {
        Self { status: Some(status), signal: None, elapsed: Duration::ZERO, peak_memory: None }
    }

    /// Whether it exited with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == Some(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.signal) {
            (Some(status), _) => write!(f, "status {status}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("no status"),
        }
    }
}

/// Why a command could not run to its own end. A non-zero status is not an error here: see [`Exit`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The program is not installed.
    #[error("program not found: {program}")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The program could not be started, or its streams failed.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The sink did not take the output, so the command was killed.
    #[error("cannot keep the output of {program}")]
    Sink {
        /// The program.
        program: String,
        /// The sink's answer.
        source: io::Error,
    },
    /// It ran too long and was killed.
    #[error("{program} was killed after {}s, its time limit", limit.as_secs())]
    Timeout {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It was silent too long and was killed.
    #[error("{program} was killed after {}s without output", limit.as_secs())]
    Stalled {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It used too much memory and was killed.
    #[error("{program} was killed: with all that it started it used more than {limit} bytes of memory, its limit")]
    Memory {
        /// The program.
        program: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It was killed because the caller cancelled.
    #[error("{program} was cancelled")]
    Cancelled {
        /// The program.
        program: String,
    },
    /// It ended with a status that the caller did not expect.
    #[error("{program} failed with {exit}: {tail}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        exit: Exit,
        /// The end of what it said.
        tail: String,
    },
}

impl CommandError {
    /// The same, said of the command that mattered: others were around it. A program that is missing keeps its own name.
    #[must_use]
    pub fn with_program(mut self, name: &str) -> Self {
        match &mut self {
            Self::NotFound { .. } => {}
            Self::Run { program, .. }
            | Self::Sink { program, .. }
            | Self::Timeout { program, .. }
            | Self::Stalled { program, .. }
            | Self::Memory { program, .. }
            | Self::Cancelled { program }
            | Self::Failed { program, .. } => name.clone_into(program),
        }
        self
    }
}

impl Classify for CommandError {
    fn class(&self) -> Class {
        match self {
            Self::Timeout { .. } => Class::Timeout,
            Self::Stalled { .. } => Class::Stalled,
            Self::Memory { .. } => Class::Memory,
            Self::Cancelled { .. } => Class::Cancelled,
            _ => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some("debbuild doctor says what is missing and how to install it".to_owned()),
            _ => None,
        }
    }
}

/// Runs commands. Dropping the future kills what it started.
#[async_trait]
pub trait CommandRunner: fmt::Debug + Send + Sync {
    /// Runs the command to its end; every byte of its output goes to `out` in order.
    ///
    /// # Errors
    /// [`CommandError`] when it did not come to its own end; then nothing of its process group is left.
    async fn run(&self, cx: &Context, spec: &CommandSpec, out: &mut dyn OutputSink) -> Result<Exit, CommandError>;
}

/// What callers mostly want of a [`CommandRunner`].
#[async_trait]
pub trait CommandRunnerExt: CommandRunner {
    /// Runs the command, which must exit with 0, and returns its standard output.
    ///
    /// # Errors
    /// [`CommandError`]; `Failed` carries the end of its standard error.
    async fn output(&self, cx: &Context, spec: &CommandSpec) -> Result<Vec<u8>, CommandError> {
        let mut capture = Capture::default();
        let exit = self.run(cx, spec, &mut capture).await?;
        if exit.success() {
            return Ok(capture.stdout);
        }
        let said = if capture.stderr.is_empty() { &capture.stdout } else { &capture.stderr };
        let said = String::from_utf8_lossy(said);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(5)..].join("; ");
        Err(CommandError::Failed { program: spec.program.clone(), exit, tail })
    }
}

impl<T: CommandRunner + ?Sized> CommandRunnerExt for T {}

#[cfg(test)]
mod tests;
