//! A backend of chroots of one's own: bubblewrap isolates each command, each session has a copy of the base.
//!
//! `cargo run --example chroot_backend -- CHROOT.tar COMMAND..`

use std::{env, error::Error};

use async_trait::async_trait;
use debbuild_chroot::backend::*;
use debbuild_core::{build::ChrootId, command::*, context::Context, digest::Sha256, path::*};

#[derive(Debug)]
struct Bubblewrap;

/// The copy goes when the session does.
#[derive(Debug)]
struct Copy(tempfile::TempDir);

#[async_trait]
impl ChrootBackend for Bubblewrap {
    fn name(&self) -> &'static str {
        "bubblewrap"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_isolated(true).with_rootless(true)
    }

    async fn open(
        &self,
        cx: &Context,
        base: &ChrootRef,
        how: &SessionOptions,
    ) -> Result<Box<dyn Session>, ChrootError> {
        self.capabilities().check(self.name(), how)?;
        let copy = tempfile::tempdir_in("/var/tmp").at("create a folder for", &base.tarball)?;
        let tar =
            CommandSpec::new("tar").with_args(["--extract", "--no-same-owner", "--exclude=./dev/*", "--directory"]);
        SystemRunner.output(cx, &tar.with_arg(copy.path()).with_args(["--file", base.tarball.as_str()])).await?;
        Ok(Box::new(Copy(copy)))
    }
}

#[async_trait]
impl Session for Copy {
    async fn run(&mut self, cx: &Context, it: &SessionCommand, out: &mut dyn OutputSink) -> Result<Exit, ChrootError> {
        let bwrap = CommandSpec::new("bwrap").with_args(["--unshare-all", "--die-with-parent", "--uid", "0", "--bind"]);
        let bwrap =
            bwrap.with_arg(self.0.path()).with_args(["/", "--proc", "/proc", "--dev", "/dev", "--chdir", &it.cwd]);
        let bwrap = bwrap.with_args(it.env.iter().flat_map(|(key, value)| ["--setenv", key, value]));
        let bwrap = bwrap.with_args(["--", "sh", "-c", r#"exec "$@""#, "sh"]).with_args(&it.argv);
        Ok(SystemRunner.run(cx, &bwrap.with_stdin(it.stdin.clone()).with_timeout(it.timeout), out).await?)
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows its answer")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let tarball = AbsPath::new(words.next().ok_or("usage: chroot_backend TAR COMMAND..")?)?;
    let base = ChrootRef { id: ChrootId::new(Sha256::of(tarball.as_str().as_bytes())), tarball };
    let (cx, mut said) = (Context::new(), Capture::default());
    let mut session = Bubblewrap.open(&cx, &base, &SessionOptions::new()).await?;
    let exit = session.run(&cx, &SessionCommand::new(words), &mut said).await?;
    session.close(&cx).await?;
    print!("{}", String::from_utf8_lossy(&said.stdout));
    std::process::exit(exit.status.unwrap_or(125))
}
