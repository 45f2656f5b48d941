//! The debbuild command as users run it, with a state folder and a configuration of its own.

use std::{ffi::OsString, time::Duration};

use debbuild_core::{
    cancel::CancelToken,
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    path::AbsPath,
};

use crate::watch::Watch;

/// A user with an empty home: nothing of the machine's configuration is seen but /etc/debbuild and APT's.
#[derive(Debug)]
pub struct Sandbox {
    folder: tempfile::TempDir,
    path: AbsPath,
}

/// How a command ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit status; -1 for a signal.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON; fails the test when it is not one document.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error object that ends standard error with `--format json`.
    #[must_use]
    pub fn error(&self) -> serde_json::Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        value["error"].clone()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// A new user below the system's scratch folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap_or_else(|error| panic!("no scratch folder: {error}"));
        let path = AbsPath::new(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        Self { folder, path }
    }

    /// The folder of this user: home, working directory and state (in `state`).
    #[must_use]
    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Writes a file below the folder.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, text));
        written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// The command line as it would run here: the binary that tests/run.sh built, with these arguments.
    #[must_use]
    pub fn command<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>) -> CommandSpec {
        #[expect(clippy::disallowed_methods, reason = "tests/run.sh says which binary to test")]
        let binary = std::env::var("DEBBUILD_BIN");
        let binary =
            binary.unwrap_or_else(|_| panic!("DEBBUILD_BIN is not set: run tests/run.sh, or build and name it"));
        self.place(CommandSpec::new(binary)).with_args(args)
    }

    /// Runs an example of the project: cargo puts them beside the folder of the test that runs.
    pub async fn example(&self, name: &str, args: &[&str]) -> Ran {
        let test = std::env::current_exe().and_then(|path| AbsPath::new(path).map_err(std::io::Error::other));
        let target = test.unwrap_or_else(|error| panic!("this test has no file: {error}")).parent().parent();
        let program = target.join("examples").child(name).unwrap_or_else(|error| panic!("{error}"));
        assert!(program.as_std().exists(), "{program}: run tests/run.sh, or cargo build --examples with its features");
        let mut spec = self.command(args.iter().copied());
        spec.program = program.as_str().into();
        self.spec(spec).await
    }

    /// Any command line in this user's place: its home, its working directory and its state.
    #[must_use]
    pub fn place(&self, spec: CommandSpec) -> CommandSpec {
        spec.with_cwd(self.path.clone())
            .with_env("HOME", self.path.as_str())
            .with_env("DEBBUILD_HOME", self.path.join("state").as_str())
            .with_timeout(Some(Duration::from_secs(1200)))
    }

    /// Runs debbuild to its end.
    pub async fn run<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>) -> Ran {
        self.spec(self.command(args)).await
    }

    /// Runs debbuild until it says `marker`, and then ends its process with SIGKILL.
    ///
    /// # Panics
    /// When it ends before.
    pub async fn kill_at<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>, marker: &str) {
        let (spec, said) = (self.command(args), CancelToken::new());
        let (cx, mut watch) = (Context::new(), Watch::new(marker, said.clone()));
        let ended = tokio::select! {
            biased;
            // Dropped, a running command gets SIGKILL, and no warning before.
            () = said.cancelled() => return,
            ended = SystemRunner.run(&cx, &spec, &mut watch) => ended,
        };
        panic!("{spec} ended without {marker:?}: {ended:?}: {}", watch.text());
    }

    /// Runs a command line to its end.
    pub async fn spec(&self, spec: CommandSpec) -> Ran {
        let mut out = Capture::default();
        let exit = SystemRunner.run(&Context::new(), &spec, &mut out).await;
        let exit = exit.unwrap_or_else(|error| panic!("{spec}: {error}"));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { status: exit.status.unwrap_or(-1), stdout: text(out.stdout), stderr: text(out.stderr) }
    }
}
