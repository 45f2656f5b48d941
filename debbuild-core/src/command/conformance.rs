//! What every [`CommandRunner`] must do, given commands that print, fail, or do not exist.

use super::{Capture, CommandError, CommandRunner, CommandSpec};
use crate::{cancel::CancelToken, context::Context};

/// `echo hello` gives its output and status 0.
///
/// # Panics
/// When the runner does not conform.
pub async fn output_and_status(runner: &dyn CommandRunner) {
    let mut out = Capture::default();
    let exit = runner.run(&Context::new(), &CommandSpec::new("echo").with_arg("hello"), &mut out).await;
    assert!(exit.expect("echo runs").success());
    assert_eq!(out.stdout, b"hello\n");
}

/// `false` is an exit with status 1, not an error.
///
/// # Panics
/// When the runner does not conform.
pub async fn failure_is_an_exit(runner: &dyn CommandRunner) {
    let exit = runner.run(&Context::new(), &CommandSpec::new("false"), &mut Capture::default()).await;
    assert_eq!(exit.expect("false runs").status, Some(1));
}

/// A program that does not exist is an error that names it.
///
/// # Panics
/// When the runner does not conform.
pub async fn unknown_program(runner: &dyn CommandRunner) {
    let spec = CommandSpec::new("no-such-program-anywhere");
    let error = runner.run(&Context::new(), &spec, &mut Capture::default()).await;
    match error {
        Err(CommandError::NotFound { program }) => assert!(program.starts_with("no-such-program")),
        other => panic!("expected not found, got {other:?}"),
    }
}

/// A cancelled context runs nothing.
///
/// # Panics
/// When the runner does not conform.
pub async fn cancelled_before_start(runner: &dyn CommandRunner) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    let error = runner.run(&cx, &CommandSpec::new("echo").with_arg("hello"), &mut Capture::default()).await;
    assert!(matches!(error, Err(CommandError::Cancelled { .. })));
}
