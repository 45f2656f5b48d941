//! From arguments to exit code: panics, signals, errors and closed pipes end here.

use std::{
    ffi::OsString,
    io,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser as _;
use debbuild_core::{
    cancel::CancelToken,
    context::Context,
    error::{Class, Classify as _},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    app::{App, AppError, Failure, Machine},
    args::Args,
    commands::{self, Answer, Done, Door},
    console::{Format, PrintError, Printer, Talk},
};

/// How long work in the background may take to clean up after the command has ended.
const WIND_DOWN: Duration = Duration::from_secs(5);

/// Signals that come so soon after the first are the same wish: timeout(1) signals its command, and then its whole group.
const ONE_WISH: Duration = Duration::from_secs(1);

/// Runs the command that the process's arguments name, and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Wanted before clap has read anything, so that its own errors have the right form.
    let format = Format::of_arguments(&arguments);
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("panic");
        let failure = Failure::new(Class::Internal, format!("internal error{place}: {message}"))
            .with_hint("this is a bug in debbuild: please report it with the command that shows it");
        Talk::new(format, false).error(&failure.into());
    }));
    match panic::catch_unwind(AssertUnwindSafe(|| start(arguments, format))) {
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::from(Class::Internal.exit_code()),
    }
}

fn start(arguments: Vec<OsString>, format: Format) -> u8 {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return refuse(&error, format),
    };
    let talk = Arc::new(Talk::new(format, args.global.quiet));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(Class::Infrastructure, format!("cannot start threads: {error}"));
            return finish(&talk, Err(failure.into()), false);
        }
    };
    let cancel = CancelToken::new();
    let interrupted = Arc::new(AtomicBool::new(false));
    let answer = runtime.block_on(async {
        tokio::spawn(watch(cancel.clone(), Arc::clone(&talk), Arc::clone(&interrupted)));
        serve(args, Arc::clone(&talk), cancel).await
    });
    talk.settle();
    runtime.shutdown_timeout(WIND_DOWN);
    finish(&talk, answer, interrupted.load(Ordering::Relaxed))
}

async fn serve(args: Args, talk: Arc<Talk>, cancel: CancelToken) -> Answer {
    let out = Printer::new(args.global.format);
    if let Some(answer) = commands::without_app(&out, &args.command) {
        return answer;
    }
    let machine = Machine::current()?;
    let overrides = args.global.overrides(&machine)?;
    let app = App::open(machine, &overrides)?;
    let cx = Context::new().with_cancel(cancel).with_events(Arc::<Talk>::clone(&talk));
    commands::run(&Door { app, cx, out, talk }, args.command).await
}

/// The first wish to stop asks, the second does not.
async fn watch(cancel: CancelToken, talk: Arc<Talk>, interrupted: Arc<AtomicBool>) {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    let mut next = async || tokio::select! { _ = int.recv() => true, _ = term.recv() => false };
    let how = if next().await {
        interrupted.store(true, Ordering::Relaxed);
        "interrupted"
    } else {
        "terminated"
    };
    talk.say(&format!("{how}: stopping; once more to stop at once"));
    cancel.cancel();
    let first = Instant::now();
    while first.elapsed() < ONE_WISH {
        next().await;
    }
    talk.settle();
    #[expect(clippy::exit, reason = "the user asked twice")]
    std::process::exit(i32::from(Class::Interrupted.exit_code()));
}

fn finish(talk: &Talk, answer: Answer, interrupted: bool) -> u8 {
    let class = match answer {
        Ok(Done::Well) => return 0,
        Ok(Done::Status(status)) => return status,
        Ok(Done::Failed(class)) => class,
        Err(error) if closed(&error) => return 0,
        Err(error) => {
            if !(interrupted && error.class() == Class::Cancelled) {
                talk.error(&error);
            }
            error.class()
        }
    };
    if interrupted && class == Class::Cancelled { Class::Interrupted.exit_code() } else { class.exit_code() }
}

/// Whether the reader of our output went away, which is no failure of ours.
fn closed(error: &AppError) -> bool {
    let inner: &(dyn std::error::Error + 'static) = error.inner();
    inner.downcast_ref::<PrintError>().is_some_and(PrintError::is_closed_pipe)
}

/// Help and version are data; everything else that clap says is a usage error.
fn refuse(error: &clap::Error, format: Format) -> u8 {
    if !error.use_stderr() || format == Format::Human {
        return match error.print() {
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => Class::Infrastructure.exit_code(),
            _ if error.use_stderr() => Class::Usage.exit_code(),
            _ => 0,
        };
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::new(Class::Usage, message).with_hint("debbuild help");
    Talk::new(format, false).error(&failure.clone().into());
    failure.class().exit_code()
}
