//! An open session of the real backend: commands that join its namespaces, one after the other.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    command::{CommandError, Exit, OutputSink, Tail, Tee},
    context::Context,
    path::IoResultExt as _,
};

use super::{
    TAIL, UnshareOptions,
    holder::{Holder, joining},
};
use crate::{
    backend::{ChrootError, Session, SessionCommand},
    confine::{ConfineError, Confinement, Scratch},
    gateway::{AccessRecord, Door},
    limits::Limits,
};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An open session.
#[derive(Debug)]
pub(super) struct UnshareSession {
    pub(super) parts: Arc<UnshareOptions>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) scratch: Scratch,
    pub(super) door: Option<Door>,
    pub(super) limits: Limits,
    pub(super) holder: Holder,
    /// The lock by which the unpacked base is in use.
    pub(super) _hold: File,
}

/// The arguments by which the new root runs a command: as which user, in which folder, with which environment.
fn inner(
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

#[async_trait]
impl Session for UnshareSession {
    async fn run(
        &mut self,
        cx: &Context,
        command: &SessionCommand,
        out: &mut dyn OutputSink,
    ) -> Result<Exit, ChrootError> {
        let UnshareOptions { runner, user, .. } = &*self.parts;
        let started = self.scratch.path().child("started")?;
        match fs::remove_file(&started) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("remove", &started)?,
            _ => {}
        }
        let inner = inner(command, &self.environment, self.door.is_some())?;
        let mut spec = joining(self.holder.process()?, user, self.scratch.path(), &self.limits, inner)
            .with_stdin(command.stdin.clone())
            .with_terminal(command.terminal)
            .with_timeout(command.timeout)
            .with_stalled(command.stalled)
            .with_memory(self.limits.memory)
            .with_measured(true);
        spec.cwd = Some(self.scratch.path().clone());
        let mut said = Tee(Tail::new(TAIL), out);
        let own = |error: CommandError| error.with_program(command.argv.first().map_or("", String::as_str));
        let exit = runner.run(cx, &spec, &mut said).await.map_err(own)?;
        if !started.as_std().exists() {
            return Err(ChrootError::Setup(said.0.text()));
        }
        Ok(exit)
    }

    fn record(&self) -> AccessRecord {
        self.door.as_ref().map(Door::record).unwrap_or_default()
    }

    async fn close(mut self: Box<Self>, cx: &Context) -> Result<(), ChrootError> {
        if let Some(door) = self.door.take() {
            drop(door.close().await);
        }
        self.holder.end().await;
        let UnshareOptions { runner, user, .. } = &*self.parts;
        self.scratch.remove(cx, &**runner, user).await.map_err(|error: ConfineError| error.into())
    }
}
