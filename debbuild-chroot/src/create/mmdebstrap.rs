//! The real [`Bootstrapper`]: Debian's mmdebstrap, confined, with the gateway as its proxy.

use std::{
    fs::{self, Permissions},
    iter,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    command::{CommandError, CommandRunner, CommandRunnerExt as _, CommandSpec, OutputSink, Tail, Tee},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{BootstrapRequest, Bootstrapped, Bootstrapper, CreateError, options, sources};
use crate::confine::{BuildUser, Confinement, Scratch};

/// Makes base systems with mmdebstrap(1) in unshare mode.
#[derive(Debug, Clone)]
pub struct Mmdebstrap {
    runner: Arc<dyn CommandRunner>,
}

/// Takes away what only the making needed. Constant; the folder of the system is its first argument.
const TIDY: &str = r#"rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/resolv.conf "$1"/etc/hostname && mkdir -p "$1"/etc/apt/keyrings"#;

/// What it says where an architecture's programs do not run.
const FOREIGN: [&str; 2] =
    ["nor via qemu user emulation with binfmt_misc", "install arch-test for foreign architecture support"];

/// What tells apt of exact versions while the system is made: before all other preferences, of which the first decides.
const EXACT: &str = "/etc/apt/preferences.d/00debbuild-exact";

/// Takes it away. Constant, as [`TIDY`].
const FORGET: &str = r#"rm -f "$1"/etc/apt/preferences.d/00debbuild-exact"#;

impl Mmdebstrap {
    /// Runs mmdebstrap by this runner.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>) -> Self {
        Self { runner }
    }

    async fn version(&self, cx: &Context) -> Result<String, CreateError> {
        let spec = CommandSpec::new("mmdebstrap").with_arg("--version");
        let said = self.runner.output(cx, &spec).await?;
        Ok(String::from_utf8_lossy(&said).trim().trim_start_matches("mmdebstrap ").to_owned())
    }
}

/// The command line, as it runs inside; `place` gives paths in the scratch folder as seen there. Pure.
pub(super) fn command(request: &BootstrapRequest, place: impl Fn(&str) -> String) -> CommandSpec {
    let mut args = vec![
        "--mode=unshare".to_owned(),
        "--format=tar".to_owned(),
        format!("--variant={}", request.variant),
        format!("--architectures={}", architectures(request)),
        // An index that cannot be had is a failure, not a reason to go on with fewer packages.
        r#"--aptopt=APT::Update::Error-Mode "any""#.to_owned(),
        // The gateway answers when it has the first bytes, after its own tries.
        r#"--aptopt=Acquire::http::Timeout "300""#.to_owned(),
        // The gateway has tried again already: what it cannot get, apt will not get either.
        r#"--aptopt=Acquire::Retries "0""#.to_owned(),
    ];
    if !request.include.is_empty() {
        let names: Vec<&str> = request.include.iter().map(AsRef::as_ref).collect();
        args.push(format!("--include={}", names.join(",")));
    }
    for (file, _, inside) in apt_files(request) {
        // From the first update on.
        args.push(format!("--setup-hook=upload {} {inside}", place(file)));
    }
    if !request.versions.is_empty() {
        args.push(format!("--setup-hook=upload {} {EXACT}", place("exact")));
    }
    let mut hook = |text: String| args.push(format!("--customize-hook={text}"));
    hook(TIDY.to_owned());
    if !request.versions.is_empty() {
        hook(FORGET.to_owned());
    }
    for source in &request.sources {
        let file = source.key_file();
        hook(format!("upload {} /etc/apt/keyrings/{file}", place(&format!("keys/{file}"))));
    }
    hook(format!("upload {} /etc/apt/sources.list.d/debbuild.sources", place("final.sources")));
    for number in 0..request.hooks.len() {
        hook(place(&format!("hook-{number}")));
    }
    hook(format!("download /var/lib/dpkg/status {}", place("status")));
    args.extend([request.suite.to_string(), place("chroot.tar"), place("boot.sources")]);
    CommandSpec::new("mmdebstrap")
        .with_args(args)
        .with_env("http_proxy", Confinement::proxy())
        .with_env("SOURCE_DATE_EPOCH", request.epoch.seconds().to_string())
        .with_env("TMPDIR", place("tmp"))
        .with_env("HOME", place("tmp"))
}

/// The system's own architecture, and after it the one that dpkg knows besides.
fn architectures(request: &BootstrapRequest) -> String {
    let all: Vec<&str> = iter::once(&request.architecture).chain(&request.host).map(AsRef::as_ref).collect();
    all.join(",")
}

/// What apt is told by files besides its sources: name in the scratch folder, text, path inside. Those that say nothing are not there.
pub(super) fn apt_files(request: &BootstrapRequest) -> Vec<(&'static str, String, &'static str)> {
    let preferences = options::preferences(&request.pins);
    let conf = options::apt_conf(&request.apt_options);
    let files = [
        ("preferences", preferences, "/etc/apt/preferences.d/debbuild"),
        ("apt.conf", conf, "/etc/apt/apt.conf.d/98debbuild"),
    ];
    files.into_iter().filter(|(_, text, _)| !text.is_empty()).collect()
}

/// Writes what the command line names into the scratch folder.
pub(super) fn prepare(request: &BootstrapRequest, scratch: &Scratch, user: &BuildUser) -> Result<(), CreateError> {
    let file = |name: &str, bytes: &[u8], mode: u32| -> Result<(), CreateError> {
        let path = scratch.path().descend(name)?;
        fs::write(&path, bytes).at("write", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).at("change the mode of", &path)?;
        Ok(())
    };
    for name in ["keys", "tmp"] {
        let path = scratch.path().child(name)?;
        fs::create_dir(&path).at("create", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).at("change the mode of", &path)?;
        scratch.give(&path, user)?;
    }
    for source in &request.sources {
        file(&format!("keys/{}", source.key_file()), &source.keys, 0o644)?;
    }
    let keys = scratch.inside("keys");
    file("boot.sources", sources::deb822(&request.sources, &keys, request.replay)?.as_bytes(), 0o644)?;
    file("final.sources", sources::deb822(&request.sources, "/etc/apt/keyrings", false)?.as_bytes(), 0o644)?;
    for (name, text, _) in apt_files(request) {
        file(name, text.as_bytes(), 0o644)?;
    }
    if !request.versions.is_empty() {
        file("exact", options::exact_versions(&request.versions).as_bytes(), 0o644)?;
    }
    for (number, hook) in request.hooks.iter().enumerate() {
        file(&format!("hook-{number}"), hook.text.as_bytes(), 0o755)?;
    }
    Ok(())
}

#[async_trait]
impl Bootstrapper for Mmdebstrap {
    async fn bootstrap(
        &self,
        cx: &Context,
        request: &BootstrapRequest,
        scratch: &Scratch,
        user: &BuildUser,
        log: &mut dyn OutputSink,
    ) -> Result<Bootstrapped, CreateError> {
        let version = self.version(cx).await?;
        prepare(request, scratch, user)?;
        let confinement = Confinement::new(user.clone(), scratch.path());
        let spec = confinement.wrap(command(request, |name| scratch.inside(name)));
        let mut tail = Tee(Tail::new(16 * 1024), log);
        let exit = self.runner.run(cx, &spec, &mut tail).await?;
        if !exit.success() {
            let said = tail.0.text();
            if FOREIGN.iter().any(|line| said.contains(line)) {
                return Err(CreateError::CannotRun(request.architecture.clone()));
            }
            return Err(failure(&said, |tail| CommandError::Failed { program: "mmdebstrap".to_owned(), exit, tail }));
        }
        let read = |name: &str| -> Result<AbsPath, CreateError> { Ok(scratch.path().child(name)?) };
        let status = read("status")?;
        let status = fs::read_to_string(&status).at("read", &status)?;
        Ok(Bootstrapped { tarball: read("chroot.tar")?, status, tool: ("mmdebstrap".to_owned(), version) })
    }
}

/// What a failed run means, from what was said last.
pub(crate) fn failure(said: &str, other: impl FnOnce(String) -> CommandError) -> CreateError {
    let lines = || said.lines().map(str::trim);
    if let Some(name) = lines().find_map(|line| line.strip_prefix("E: Unable to locate package ")) {
        return CreateError::NoPackage(name.to_owned());
    }
    let without_candidate = |line: &str| {
        let rest = line.strip_prefix("E: Package '")?;
        rest.strip_suffix("' has no installation candidate").map(str::to_owned)
    };
    if let Some(name) = lines().find_map(without_candidate) {
        return CreateError::NoPackage(name);
    }
    let mut unmet = lines().skip_while(|line| *line != "The following packages have unmet dependencies:").skip(1);
    if let Some(first) = unmet.next() {
        return CreateError::Dependencies(first.to_owned());
    }
    let told: Vec<&str> = lines().filter(|line| line.starts_with("E: ")).collect();
    let tail = if told.is_empty() { lines().rev().take(3).collect() } else { told };
    CreateError::Command(other(tail.join("; ")))
}
