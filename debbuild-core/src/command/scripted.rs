//! The strict test twin: answers only the commands it was told about, in any order, each once.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{CommandError, CommandRunner, CommandSpec, Exit, OutputSink, Stream};
use crate::context::Context;

/// What a scripted command says and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Exit status.
    pub status: i32,
}

impl Reply {
    /// Says this and exits with 0.
    #[must_use]
    pub fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), stderr: Vec::new(), status: 0 }
    }

    /// Complains and exits with this status.
    #[must_use]
    pub fn fail(status: i32, stderr: impl Into<Vec<u8>>) -> Self {
        Self { stdout: Vec::new(), stderr: stderr.into(), status }
    }
}

/// Answers from a script, keyed by the command line as [`CommandSpec`] displays it. A command not in the script is not found.
#[derive(Debug, Default)]
pub struct ScriptedRunner {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    script: Vec<(String, Reply)>,
    calls: Vec<CommandSpec>,
}

impl ScriptedRunner {
    /// A runner that knows no command.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one answer to one command whose line starts with `prefix`.
    #[must_use]
    pub fn with(self, prefix: impl Into<String>, reply: Reply) -> Self {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).script.push((prefix.into(), reply));
        self
    }

    /// What was run, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CommandSpec> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// Answers that nobody asked for.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.script.iter().map(|(prefix, _)| prefix.clone()).collect()
    }
}

#[async_trait]
impl CommandRunner for ScriptedRunner {
    async fn run(&self, cx: &Context, spec: &CommandSpec, out: &mut dyn OutputSink) -> Result<Exit, CommandError> {
        tokio::task::yield_now().await;
        if cx.cancel().is_cancelled() {
            return Err(CommandError::Cancelled { program: spec.program.clone() });
        }
        let reply = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let line = spec.to_string();
            state.calls.push(spec.clone());
            let found = state.script.iter().position(|(prefix, _)| line.starts_with(prefix.as_str()));
            match found {
                Some(index) => state.script.remove(index).1,
                None => return Err(CommandError::NotFound { program: line }),
            }
        };
        let kept = |source| CommandError::Sink { program: spec.program.clone(), source };
        out.write(Stream::Stdout, &reply.stdout).map_err(kept)?;
        out.write(Stream::Stderr, &reply.stderr).map_err(kept)?;
        Ok(Exit::with_status(reply.status))
    }
}
