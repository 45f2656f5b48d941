//! Unit tests of the runners: the shared suite, and what only real processes can show.

use std::time::Instant;

use super::*;
use crate::cancel::CancelToken;

fn shell(script: &str) -> CommandSpec {
    CommandSpec::new("sh").with_args(["-c", script])
}

#[tokio::test]
async fn system_runner_ends_limits_and_captures() {
    let cx = Context::new();
    let mut out = Capture::default();
    let exit = SystemRunner.run(&cx, &shell("echo out; echo err >&2; exit 3"), &mut out).await.unwrap();
    assert_eq!(exit.status, Some(3));
    assert_eq!((out.stdout.as_slice(), out.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));

    let spec = shell("sleep 60").with_timeout(Some(Duration::from_millis(100)));
    assert!(matches!(SystemRunner.run(&cx, &spec, &mut Discard).await, Err(CommandError::Timeout { .. })));
    let spec = shell("echo x; sleep 60").with_stalled(Some(Duration::from_millis(100)));
    assert!(matches!(SystemRunner.run(&cx, &spec, &mut Discard).await, Err(CommandError::Stalled { .. })));
}

#[tokio::test]
async fn memory_is_measured_with_all_that_was_started_and_ends_at_its_limit() {
    let cx = Context::new();
    // A child of a child holds 64 MiB for a moment.
    let hold = |mib: u32, seconds: f32| {
        let python = format!("import time; held = bytearray({mib} << 20); time.sleep({seconds})");
        CommandSpec::new("sh").with_args(["-c", "sh -c 'python3 -c \"$1\"; true' sh \"$1\"; true", "sh", &python])
    };
    let exit = SystemRunner.run(&cx, &hold(64, 1.0).with_measured(true), &mut Discard).await.unwrap();
    let peak = exit.peak_memory.unwrap() >> 20;
    assert!((64..128).contains(&peak), "{peak} MiB");
    let spec = hold(64, 60.0).with_memory(Some(32 << 20));
    let error = SystemRunner.run(&cx, &spec, &mut Discard).await.unwrap_err();
    assert!(matches!(error, CommandError::Memory { limit: 33_554_432, .. }), "{error}");
    assert_eq!(error.class(), Class::Memory);
    let spec = hold(64, 60.0).with_memory(Some(32 << 20)).with_terminal(Terminal::Inherited);
    let error = SystemRunner.run(&cx, &spec, &mut Discard).await.unwrap_err();
    assert!(matches!(error, CommandError::Memory { .. }), "also where its streams are not ours: {error}");
    let exit = SystemRunner.run(&cx, &hold(8, 0.0).with_memory(Some(1 << 30)), &mut Discard).await.unwrap();
    assert!(exit.success() && exit.peak_memory.is_some());
}

#[tokio::test]
async fn the_environment_is_only_what_was_given() {
    let spec = CommandSpec::new("env").with_env("ONLY", "this");
    let out = SystemRunner.output(&Context::new(), &spec).await.unwrap();
    let mut lines: Vec<&str> = std::str::from_utf8(&out).unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["LC_ALL=C.UTF-8", "ONLY=this", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
}

#[tokio::test]
async fn cancelling_ends_the_whole_group() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let mark = folder.path().join("mark");
    let cancel = CancelToken::new();
    let cx = Context::new().with_cancel(cancel.clone());
    let script = format!("(trap '' TERM; sleep 1; touch {}) & echo started; wait", mark.display());
    let spec = shell(&script).with_grace(Duration::from_millis(50));
    let started = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let mut out = Discard;
    let (result, ()) = tokio::join!(SystemRunner.run(&cx, &spec, &mut out), stop);
    assert!(matches!(result, Err(CommandError::Cancelled { .. })));
    tokio::time::sleep(Duration::from_millis(1500).saturating_sub(started.elapsed())).await;
    assert!(!mark.exists(), "a child of the cancelled command lived on");
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_command() {
    struct Full;
    impl OutputSink for Full {
        fn write(&mut self, _: Stream, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let result = SystemRunner.run(&Context::new(), &shell("echo x; sleep 60"), &mut Full).await;
    assert!(matches!(result, Err(CommandError::Sink { .. })));
}

#[test]
fn commands_read_as_a_person_would_type_them() {
    let spec = CommandSpec::new("sbuild").with_args(["--dist=bookworm", "a b", "it's"]);
    assert_eq!(spec.to_string(), r"sbuild --dist=bookworm 'a b' 'it'\''s'");
}

#[cfg(feature = "testing")]
mod suite {
    use super::*;

    async fn all(runner: impl Fn() -> Box<dyn CommandRunner>) {
        conformance::output_and_status(&*runner()).await;
        conformance::failure_is_an_exit(&*runner()).await;
        conformance::unknown_program(&*runner()).await;
        conformance::cancelled_before_start(&*runner()).await;
    }

    #[tokio::test]
    async fn system() {
        all(|| Box::new(SystemRunner)).await;
    }

    #[tokio::test]
    async fn scripted() {
        all(|| {
            let runner = ScriptedRunner::new().with("echo hello", Reply::ok("hello\n"));
            Box::new(runner.with("false", Reply::fail(1, "")))
        })
        .await;
    }
}
