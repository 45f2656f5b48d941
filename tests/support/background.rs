//! A command of debbuild that runs while the test goes on, and gets signals as an operator or a service manager sends them.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use debbuild_core::{
    command::{CommandRunner as _, CommandRunnerExt as _, CommandSpec, OutputSink, Stream, SystemRunner},
    context::Context,
};
use tokio::task::JoinHandle;

use crate::debbuild::Ran;

/// Says its process id first, and then becomes the command.
const SAY_PID: &str = r#"echo "$$"; exec "$@""#;

/// A running command. Dropped, it gets SIGKILL.
#[derive(Debug)]
pub struct Background {
    said: Said,
    running: JoinHandle<i32>,
}

/// What it said so far, standard output and standard error.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<[Vec<u8>; 2]>>);

impl Said {
    fn text(&self, stream: usize) -> String {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said[stream]).into_owned()
    }
}

impl OutputSink for Said {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said[usize::from(stream == Stream::Stderr)].extend_from_slice(bytes);
        Ok(())
    }
}

impl Background {
    /// Starts a command.
    #[must_use]
    pub fn start(mut spec: CommandSpec) -> Self {
        let program = std::mem::replace(&mut spec.program, "sh".to_owned());
        let args = std::mem::take(&mut spec.args);
        let spec = spec.with_args(["-c", SAY_PID, "sh"]).with_arg(program).with_args(args);
        let said = Said::default();
        let mut sink = said.clone();
        let running = tokio::spawn(async move {
            let exit = SystemRunner.run(&Context::new(), &spec, &mut sink).await;
            exit.unwrap_or_else(|error| panic!("{spec}: {error}")).status.unwrap_or(-1)
        });
        Self { said, running }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        !self.running.is_finished()
    }

    /// Sends a signal (`TERM`, `KILL`) to its process, and to no other.
    ///
    /// # Panics
    /// When there is no such process.
    pub async fn signal(&self, name: &str) {
        let pid = loop {
            if let Some((pid, _)) = self.said.text(0).split_once('\n') {
                break pid.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(self.runs(), "process {pid} has ended: {}", self.said.text(1));
        let spec = CommandSpec::new("kill").with_args(["-s", name, &pid]);
        SystemRunner.output(&Context::new(), &spec).await.unwrap_or_else(|error| panic!("{spec}: {error}"));
    }

    /// Waits for its end, by itself or by a signal.
    ///
    /// # Panics
    /// When it could not be run.
    pub async fn ended(mut self) -> Ran {
        let status = (&mut self.running).await.unwrap_or_else(|error| panic!("{error}"));
        let stdout = self.said.text(0);
        let stdout = stdout.split_once('\n').map_or("", |(_, rest)| rest).to_owned();
        Ran { status, stdout, stderr: self.said.text(1) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The running command goes with its future.
        self.running.abort();
    }
}
