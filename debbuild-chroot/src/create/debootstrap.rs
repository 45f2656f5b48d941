//! Another [`Bootstrapper`]: Debian's debootstrap(8), which needs real root; for who asks for it, and for nobody else.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    command::{CommandError, CommandRunner, CommandRunnerExt as _, CommandSpec, OutputSink, Tail, Tee},
    context::Context,
    name::ComponentName,
    path::IoResultExt as _,
    sign::armor,
};

use super::{BootstrapRequest, Bootstrapped, Bootstrapper, CreateError, InnerSource, Variant, mmdebstrap};
use crate::confine::{BuildUser, Confinement, Mapping, Scratch};

const SCRIPT: &str = include_str!("debootstrap.sh");
const NAME: &str = "debootstrap";
/// What it says where an architecture's programs do not run.
const FOREIGN: &str = "Unable to execute target architecture";

/// Makes base systems with debootstrap(8) as root of the host: programs of the packages run as root then, in namespaces of their own but
/// for users. The archives are reached through the gateway alone.
#[derive(Debug, Clone)]
pub struct Debootstrap {
    runner: Arc<dyn CommandRunner>,
}

impl Debootstrap {
    /// Runs debootstrap by this runner.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>) -> Self {
        Self { runner }
    }
}

/// debootstrap's name of a variant; its own default has none.
fn variant(variant: Variant) -> Result<&'static str, CreateError> {
    match variant {
        Variant::Minbase => Ok("minbase"),
        Variant::Buildd => Ok("buildd"),
        Variant::Important => Ok(""),
        other => Err(CreateError::ToolVariant { tool: NAME, variant: other }),
    }
}

/// The archive of the suite itself.
fn own(request: &BootstrapRequest) -> Result<&InnerSource, CreateError> {
    let own = request.sources.iter().find(|source| source.suite == request.suite).or(request.sources.first());
    own.ok_or_else(|| CreateError::NoPackage(format!("{NAME}: there is no archive")))
}

/// The command as it runs inside; `place` is the scratch folder as seen there. Pure.
pub(super) fn command(request: &BootstrapRequest, place: &str) -> Result<CommandSpec, CreateError> {
    let own = own(request)?;
    let components: Vec<&str> = own.components.iter().map(ComponentName::as_str).collect();
    let packages = request.include.iter().map(ToString::to_string);
    let args = ["-c", SCRIPT, NAME, place, request.suite.as_str(), request.architecture.as_str()].map(str::to_owned);
    Ok(CommandSpec::new("sh")
        .with_args(args)
        .with_args([variant(request.variant)?, &components.join(","), &own.uri])
        .with_arg(if request.replay { "expired" } else { "" })
        .with_arg(request.host.as_ref().map_or("", Architecture::as_str))
        .with_args(packages)
        .with_env("http_proxy", Confinement::proxy())
        .with_env("SOURCE_DATE_EPOCH", request.epoch.seconds().to_string()))
}

#[async_trait]
impl Bootstrapper for Debootstrap {
    async fn bootstrap(
        &self,
        cx: &Context,
        request: &BootstrapRequest,
        scratch: &Scratch,
        user: &BuildUser,
        log: &mut dyn OutputSink,
    ) -> Result<Bootstrapped, CreateError> {
        if !rustix::process::geteuid().is_root() {
            return Err(CreateError::NeedsRoot(NAME));
        }
        let said = self.runner.output(cx, &CommandSpec::new(NAME).with_arg("--version")).await?;
        let version = String::from_utf8_lossy(&said).trim().trim_start_matches(NAME).trim().to_owned();
        mmdebstrap::prepare(request, scratch, user)?;
        // gpgv(1) reads no other form of keys.
        let (keys, ring) = (&own(request)?.keys, scratch.path().child("boot.gpg")?);
        fs::write(&ring, armor::dearmor(keys).unwrap_or_else(|_| keys.clone())).at("write", &ring)?;
        let confinement = Confinement::new(user.clone(), scratch.path()).with_mapping(Mapping::Host);
        let spec = confinement.wrap(command(request, confinement.inside())?);
        let mut tail = Tee(Tail::new(16 * 1024), log);
        let exit = self.runner.run(cx, &spec, &mut tail).await?;
        if !exit.success() {
            let (program, said) = (NAME.to_owned(), tail.0.text());
            if said.contains(FOREIGN) {
                return Err(CreateError::CannotRun(request.architecture.clone()));
            }
            return Err(mmdebstrap::failure(&said, |tail| CommandError::Failed { program, exit, tail }));
        }
        let (status, tarball) = (scratch.path().child("status")?, scratch.path().child("chroot.tar")?);
        let status = fs::read_to_string(&status).at("read", &status)?;
        Ok(Bootstrapped { tarball, status, tool: (NAME.to_owned(), version) })
    }
}
