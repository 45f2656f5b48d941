//! The words by which the new root of a session runs a command.

use std::collections::BTreeMap;

use super::{ChrootError, SessionCommand};
use crate::confine::Confinement;

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
