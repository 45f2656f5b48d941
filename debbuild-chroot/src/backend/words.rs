//! The words by which the new root of a session runs a command, and how its end is read.

use std::{collections::BTreeMap, fs, io};

use debbuild_core::{
    command::{CommandError, CommandRunner, CommandSpec, Exit, OutputSink, Tail, Tee},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{ChrootError, SessionCommand};
use crate::confine::Confinement;

/// How much of what is said is kept, in bytes.
const TAIL: usize = 4096;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The arguments by which the new root runs a command: as which user, in which folder, with which environment.
pub(super) fn inner(
    command: &SessionCommand,
    environment: &BTreeMap<String, String>,
    gateway: bool,
) -> Result<Vec<String>, ChrootError> {
    if command.argv.first().is_none_or(String::is_empty) {
        return Err(ChrootError::Request("there is no command".to_owned()));
    }
    let mut args = Vec::new();
    if let Some(user) = &command.user {
        args.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}")]);
        args.extend(["--init-groups".to_owned(), "--".to_owned()]);
    }
    args.extend(["env".to_owned(), "-i".to_owned(), format!("--chdir={}", command.cwd)]);
    let home = if command.user.is_some() { "/nonexistent" } else { "/root" };
    args.extend([format!("PATH={PATH}"), format!("HOME={home}"), "LANG=C.UTF-8".to_owned()]);
    if gateway {
        args.push("APT_CONFIG=/run/debbuild/apt.conf".to_owned());
        args.push(format!("http_proxy={}", Confinement::proxy()));
    }
    // Of two values env(1) takes the later one.
    for (key, value) in environment.iter().chain(&command.env) {
        if key.is_empty() || key.starts_with('-') || key.contains('=') {
            return Err(ChrootError::Request(format!("{key:?} is not the name of a variable")));
        }
        args.push(format!("{key}={value}"));
    }
    // env(1) takes words with `=` for variables: a command that has one in its name is called by a shell that gets it as data.
    if command.argv[0].contains('=') {
        args.extend(["sh", "-c", r#"exec "$@""#, "sh"].map(str::to_owned));
    }
    args.extend(command.argv.iter().cloned());
    Ok(args)
}

/// Runs the command line that enters the root and leaves the mark there; without the mark the command never began. What is killed is
/// the user's command, not a tool around it.
pub(super) async fn enter(
    runner: &dyn CommandRunner,
    cx: &Context,
    spec: CommandSpec,
    mark: &AbsPath,
    command: &SessionCommand,
    out: &mut dyn OutputSink,
) -> Result<Exit, ChrootError> {
    match fs::remove_file(mark) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("remove", mark)?,
        _ => {}
    }
    let spec = spec
        .with_stdin(command.stdin.clone())
        .with_terminal(command.terminal)
        .with_timeout(command.timeout)
        .with_stalled(command.stalled)
        .with_measured(true);
    let mut said = Tee(Tail::new(TAIL), out);
    let own = |error: CommandError| error.with_program(command.argv.first().map_or("", String::as_str));
    let exit = runner.run(cx, &spec, &mut said).await.map_err(own)?;
    if mark.as_std().exists() { Ok(exit) } else { Err(ChrootError::Setup(said.0.text())) }
}
