//! The real [`LayerMaker`]: a session of the parent, in which its own apt works and its own tar packs what came of it.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    blocking,
    command::{CommandError, OutputSink, Stdin, Stream, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{LayerError, LayerMaker, LayerRequest, Layered, Lists, pack};
use crate::{
    backend::{ChrootBackend, ChrootRef, Session, SessionCommand, SessionOptions},
    create,
};

const SCRIPT: &str = include_str!("layer.sh");
const TAIL: usize = 16 * 1024;

/// Makes layers in sessions of a backend that can reach archives.
#[derive(Debug, Clone)]
pub struct SessionLayers {
    backend: Arc<dyn ChrootBackend>,
}

impl SessionLayers {
    /// Layers by sessions of this backend.
    #[must_use]
    pub fn new(backend: Arc<dyn ChrootBackend>) -> Self {
        Self { backend }
    }
}

#[async_trait]
impl LayerMaker for SessionLayers {
    async fn make(
        &self,
        cx: &Context,
        parent: &ChrootRef,
        request: &LayerRequest,
        to: &AbsPath,
        log: &mut dyn OutputSink,
    ) -> Result<Layered, LayerError> {
        let options = SessionOptions::new().with_gateway(Some(request.gateway.clone()));
        let mut session = self.backend.open(cx, parent, &options).await?;
        let worked = work(cx, &mut *session, parent, request, to, log).await;
        let access = session.record();
        let closed = session.close(cx).await;
        if let (Err(_), Some(failure)) = (&worked, access.infrastructure_failure()) {
            return Err(LayerError::Archive(failure.clone()));
        }
        worked?;
        closed?;
        let tarball = to.clone();
        let status = blocking::run(move || pack::status(&tarball)).await?;
        Ok(Layered { status, access })
    }
}

async fn work(
    cx: &Context,
    session: &mut dyn Session,
    parent: &ChrootRef,
    request: &LayerRequest,
    to: &AbsPath,
    log: &mut dyn OutputSink,
) -> Result<(), LayerError> {
    let (lists, stdin) = match &request.lists {
        Lists::Fetch => ("fetch", Stdin::Null),
        Lists::Given(file) => ("given", Stdin::File(file.clone())),
        Lists::Keep(file) => {
            let target = File::create_new(file).at("create", file)?;
            run(cx, session, command(request, "pack", Vec::new()), target, log).await?;
            ("ready", Stdin::Null)
        }
    };
    let (tarball, from) = (to.clone(), parent.tarball.clone());
    let target = blocking::run(move || {
        let mut file = File::create_new(&tarball).at("create", &tarball)?;
        pack::mounted(&from, &mut file)?;
        Ok::<_, LayerError>(file)
    })
    .await?;
    run(cx, session, command(request, lists, words(request)).with_stdin(stdin), target, log).await
}

/// What is installed and taken away, as apt-get(8) wants it.
fn words(request: &LayerRequest) -> Vec<String> {
    let install = request.install.iter().map(ToString::to_string);
    install.chain(request.remove.iter().map(|name| format!("{name}-"))).collect()
}

/// The command that works in the session.
pub(super) fn command(request: &LayerRequest, lists: &str, packages: Vec<String>) -> SessionCommand {
    let flag = |set: bool, name: &str| if set { name.to_owned() } else { String::new() };
    let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "layer", lists].map(str::to_owned).to_vec();
    argv.extend([flag(request.replay, "expired"), flag(request.upgrade, "upgrade")]);
    argv.extend(packages);
    SessionCommand::new(argv)
        .with_env("SOURCE_DATE_EPOCH", request.epoch.seconds().to_string())
        .with_env("DEBIAN_FRONTEND", "noninteractive")
        .with_env("DEBCONF_NONINTERACTIVE_SEEN", "true")
        .with_env("LC_ALL", "C.UTF-8")
}

async fn run(
    cx: &Context,
    session: &mut dyn Session,
    command: SessionCommand,
    target: File,
    log: &mut dyn OutputSink,
) -> Result<(), LayerError> {
    let mut sink = Packed { target, said: Tail::new(TAIL), log };
    let exit = session.run(cx, &command, &mut sink).await?;
    if exit.success() {
        return Ok(());
    }
    let program = "apt-get".to_owned();
    Err(create::failure(&sink.said.text(), |tail| CommandError::Failed { program, exit, tail }).into())
}

/// Standard output into a file; what is said into a log, of which the end is kept.
struct Packed<'a> {
    target: File,
    said: Tail,
    log: &'a mut dyn OutputSink,
}

impl OutputSink for Packed<'_> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => self.target.write_all(bytes),
            Stream::Stderr => {
                self.said.write(stream, bytes)?;
                self.log.write(stream, bytes)
            }
        }
    }
}
