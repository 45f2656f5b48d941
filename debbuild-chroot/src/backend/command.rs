//! A command of a session.

use std::{collections::BTreeMap, time::Duration};

use debbuild_core::command::{Stdin, Terminal};

/// A command to run in a session. Its environment is made new: `PATH`, `HOME`, `LANG`, and what is given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCommand {
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// More variables.
    pub env: BTreeMap<String, String>,
    /// The working directory, inside.
    pub cwd: String,
    /// A user of the chroot, with a group of the same name; root without one.
    pub user: Option<String>,
    /// What it reads.
    pub stdin: Stdin,
    /// Where its streams go.
    pub terminal: Terminal,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How long it may be silent.
    pub stalled: Option<Duration>,
}

impl SessionCommand {
    /// A command run by root in `/`.
    #[must_use]
    pub fn new<T: Into<String>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            cwd: "/".to_owned(),
            user: None,
            stdin: Stdin::Null,
            terminal: Terminal::Piped,
            timeout: None,
            stalled: None,
        }
    }

    /// With a variable.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// In this folder.
    #[must_use]
    pub fn with_cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// As this user of the chroot.
    #[must_use]
    pub fn with_user(mut self, user: Option<String>) -> Self {
        self.user = user;
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

    /// With a limit on time, and one on silence.
    #[must_use]
    pub fn with_limits(mut self, timeout: Option<Duration>, stalled: Option<Duration>) -> Self {
        self.timeout = timeout;
        self.stalled = stalled;
        self
    }
}
