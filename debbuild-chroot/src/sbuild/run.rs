//! The real builder: sbuild in unshare mode, confined, with the gateway as its only peer.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{
    blob::{Adopt, BlobStore},
    blocking,
    build::{BuildRecord, BuildRequest, BuilderInfo, Failure, Network},
    cancel::CancelToken,
    command::{CommandError, CommandRunner, CommandRunnerExt as _, CommandSpec},
    context::Context,
    digest::Sha256,
    error::{Class, Classify, chain},
    event::Unit,
    lock::LockedFile,
    path::{AbsPath, IoResultExt as _},
    task::TaskIo,
};

use super::{
    BuildBase, BuildBases, BuilderError, PackageBuilder, artifacts,
    artifacts::ArtifactError,
    config::{self, Layout, SbuildVersion},
    confirm,
    held::Held,
    input,
    locking::{self, LocalDeb},
    log::BuildLog,
    measure::{resources, stages},
    outcome::{Archives, End, Evidence, judge},
    scripted::{name_of, settle},
    sink::LogSink,
};
use crate::{
    confine::{BuildUser, Confinement, Scratch},
    gateway::{AccessRecord, Gateway, GatewayOptions},
};

/// What the builder is made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SbuildParts {
    /// Runs commands.
    pub runner: Arc<dyn CommandRunner>,
    /// The door to the archives.
    pub gateway: Gateway,
    /// Who runs sbuild.
    pub user: BuildUser,
    /// Where scratch folders are made.
    pub scratch: AbsPath,
    /// The size in bytes of a tmpfs that chroots are unpacked on; none: on the disk of `scratch`.
    pub tmpfs: Option<u64>,
}

impl SbuildParts {
    /// The parts, with chroots unpacked on disk.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, gateway: Gateway, user: BuildUser, scratch: AbsPath) -> Self {
        Self { runner, gateway, user, scratch, tmpfs: None }
    }

    /// With chroots unpacked in memory, which is several times faster.
    #[must_use]
    pub fn with_tmpfs(mut self, bytes: Option<u64>) -> Self {
        self.tmpfs = bytes;
        self
    }
}

/// Builds with this machine's sbuild.
#[derive(Debug)]
pub struct SbuildBuilder {
    parts: SbuildParts,
    version: SbuildVersion,
    bases: Arc<dyn BuildBases>,
}

/// Mounts the tmpfs if there is to be one, sets the limit on memory if there is one, runs sbuild and notes the time it used.
/// Constant: data arrives only as its arguments.
const WRAPPER: &str = r#"
if [ -n "$1" ]; then
    mount -t tmpfs -o "size=$1,nr_inodes=$2,mode=0755" tmpfs "$3" || { echo "cannot mount the scratch space" >&2; exit 125; }
fi
if [ -n "$4" ]; then
    ulimit -v "$4" || { echo "cannot limit the memory" >&2; exit 125; }
fi
times=$5
shift 5
"$@"
status=$?
times >"$times"
exit $status
"#;

/// Inodes of a tmpfs: one for every so many bytes, and at least enough for a chroot with compilers.
const BYTES_PER_INODE: u64 = 16 * 1024;
const FEWEST_INODES: u64 = 200_000;

/// A running attempt: its places and what was found on the way.
struct Attempt<'a> {
    request: &'a BuildRequest,
    base: &'a BuildBase,
    scratch: &'a Scratch,
    record: &'a mut BuildRecord,
}

impl SbuildBuilder {
    /// Looks at this machine's sbuild.
    ///
    /// # Errors
    /// [`BuilderError::Command`] when there is none, [`BuilderError::Version`] when it is too old.
    pub async fn detect(cx: &Context, parts: SbuildParts, bases: Arc<dyn BuildBases>) -> Result<Self, BuilderError> {
        let spec = CommandSpec::new("sbuild").with_arg("--version").with_env("HOME", "/nonexistent");
        let text = parts.runner.output(cx, &spec).await?;
        let version = SbuildVersion::parse(&String::from_utf8_lossy(&text))?;
        Ok(Self { parts, version, bases })
    }

    /// The version of the sbuild that it uses.
    #[must_use]
    pub fn version(&self) -> SbuildVersion {
        self.version
    }

    async fn attempt(&self, cx: &Context, attempt: &mut Attempt<'_>, io: &mut TaskIo<'_>) -> Result<(), Failure> {
        let (scratch, request) = (attempt.scratch.path().clone(), attempt.request);
        let folders = ["in", "out", "home", "sessions", "extra"];
        for name in folders {
            self.folder(attempt.scratch, name).map_err(|error| infrastructure(&error))?;
        }
        let (ask, to) = (request.clone(), scratch.join("in"));
        let control = blocking::run(move || input::stage(&ask, &to)).await?;
        control.source.as_str().clone_into(&mut attempt.record.source);
        control.version.as_str().clone_into(&mut attempt.record.version);
        let local = self.local(attempt, &scratch).map_err(|error| infrastructure(&error))?;
        let layout = self.write_config(attempt, &scratch, &local).map_err(|error| infrastructure(&error))?;

        let socket = attempt.scratch.socket().map_err(|error| infrastructure(&error))?;
        let options = GatewayOptions::new(attempt.base.archives.clone()).with_mode(attempt.base.mode.clone());
        let door = self.parts.gateway.open(cx, &socket, options).map_err(|error| infrastructure(&error))?;
        let name = format!("{}_{}_{}.build", control.source, control.version.without_epoch(), request.architecture);
        let path = scratch.join("log");
        let mut sink = LogSink::create(cx, path, name, io.log).map_err(|error| infrastructure(&error))?;
        let mut held = Held::find(cx, &*self.parts.runner, &request.options, &scratch).await;
        let spec = held.wrap(self.spec(attempt, &layout, held.of_process()));
        let (ran, used) = held.end(self.parts.runner.run(cx, &spec, &mut sink).await).await;
        let access = door.close().await;
        let (log, file, path) = sink.finish().map_err(|error| infrastructure(&error))?;
        attempt.record.log = Some(file);
        attempt.record.stages = stages(&log);
        attempt.record.resources = resources(used, &log, &scratch.join("home").join("times"));

        let verdict = verdict(&ran, &log, &access, request);
        let made = match &verdict {
            Some(_) => Ok(Vec::new()),
            None => self.collect(attempt, &control),
        };
        let kept = CleanContext::of(cx);
        let pins =
            keep(&kept.0, &*io.blobs, attempt, &log, &access, &local, (&path, made.as_deref().unwrap_or_default()))
                .await;
        pins.map_err(|error| infrastructure(&error))?;
        match verdict {
            Some(failure) if failure.class == Class::Dependencies.name() => {
                let local = (&scratch.join("extra"), local.as_slice());
                Err(confirm::settle(
                    failure,
                    confirm::ask(cx, &*io.blobs, &access, attempt.base, request, &control, local).await,
                ))
            }
            Some(failure) => Err(failure),
            None => made.map(|_| ()),
        }
    }

    fn folder(&self, scratch: &Scratch, name: &'static str) -> Result<(), BuilderError> {
        let path = scratch.path().join(name);
        fs::create_dir(&path).at("create", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).at("change the mode of", &path)?;
        Ok(scratch.give(&path, &self.parts.user)?)
    }

    /// Brings the request's own .debs in, each hashed on the way.
    fn local(&self, attempt: &Attempt<'_>, scratch: &AbsPath) -> Result<Vec<LocalDeb>, BuilderError> {
        let folder = scratch.join("extra");
        let bring = |from: &AbsPath| {
            let (size, sha256) = input::copy(from, &folder.child(from.name())?, u64::MAX - 1)?;
            Ok(LocalDeb { file: LockedFile { path: from.name().to_owned(), size, sha256 } })
        };
        attempt.request.options.extra_packages.iter().map(bring).collect()
    }

    fn write_config(
        &self,
        attempt: &Attempt<'_>,
        scratch: &AbsPath,
        local: &[LocalDeb],
    ) -> Result<Layout, BuilderError> {
        let inside = |name: &str| attempt.scratch.inside(name);
        let mut layout = Layout::new(
            attempt.base.tarball.as_str(),
            inside(&format!("in/{}", attempt.request.dsc.name())),
            inside("out"),
            inside("sessions"),
        );
        layout.proxy = Some(Confinement::proxy());
        layout.extra_packages = local.iter().map(|deb| inside(&format!("extra/{}", deb.file.path))).collect();
        let path = scratch.join("sbuildrc");
        let mut options = attempt.request.options.clone();
        for (name, value) in &attempt.base.environment {
            options.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        fs::write(&path, config::sbuildrc(self.version, &layout, &options)).at("write", &path)?;
        Ok(layout)
    }

    fn spec(&self, attempt: &Attempt<'_>, layout: &Layout, memory: Option<u64>) -> CommandSpec {
        let BuildRequest { suite, architecture, options, .. } = attempt.request;
        let inside = |name: &str| attempt.scratch.inside(name);
        let size = options.disk.or(self.parts.tmpfs);
        let inodes = size.map(|size| (size / BYTES_PER_INODE).max(FEWEST_INODES));
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        let setup = [
            number(size),
            number(inodes),
            layout.sessions.clone(),
            number(memory.map(|bytes| bytes / 1024)),
            inside("home/times"),
        ];
        let user = &self.parts.user.name;
        let spec = CommandSpec::new("sh")
            .with_args(["-c", WRAPPER, "sbuild-wrapper"])
            .with_args(setup)
            .with_arg("sbuild")
            .with_args(config::argv(self.version, suite.as_str(), architecture.as_str(), layout, options))
            .with_env("HOME", inside("home"))
            .with_env("SBUILD_CONFIG", inside("sbuildrc"))
            .with_env("USER", user)
            .with_env("LOGNAME", user)
            .with_timeout(options.timeout)
            .with_stalled(options.stalled);
        Confinement::new(self.parts.user.clone(), attempt.scratch.path()).wrap(spec)
    }

    fn collect(
        &self,
        attempt: &Attempt<'_>,
        control: &debbuild_core::control::SourceControl,
    ) -> Result<Vec<debbuild_core::build::Artifact>, Failure> {
        let out = attempt.scratch.path().join("out");
        artifacts::verify(&out, control, &attempt.request.architecture).map(|made| made.files).map_err(|error| {
            let class = if matches!(error, ArtifactError::Source(_)) { Class::Source } else { Class::Infrastructure };
            let mut failure = Failure::new(class, error.to_string());
            failure.stage = Some("results".to_owned());
            failure
        })
    }
}

#[async_trait]
impl PackageBuilder for SbuildBuilder {
    async fn build(
        &self,
        cx: &Context,
        request: &BuildRequest,
        io: &mut TaskIo<'_>,
    ) -> Result<BuildRecord, BuilderError> {
        config::check(request)?;
        if request.options.network == Network::On {
            let reason = "confined builds have no network but the archives".to_owned();
            return Err(BuilderError::Unsupported(reason));
        }
        let base = self.bases.by_id(cx, request.chroot).await?;
        let builder = BuilderInfo {
            tool: "sbuild".to_owned(),
            version: self.version.to_string(),
            backend: "unshare".to_owned(),
            isolation: "user,net,pid,ipc,uts,mount".to_owned(),
        };
        let (name, version) = name_of(&request.dsc);
        let mut record =
            BuildRecord::new(name, version, request.architecture.as_str(), request.suite.as_str(), builder);
        record.chroot_id = Some(request.chroot.digest());
        record.request_key = Some(locking::request_key(request).digest());
        record.profiles.clone_from(&request.options.profiles);
        if cx.cancel().is_cancelled() {
            settle(&mut record, Some(Failure::new(Class::Cancelled, "the build was cancelled")));
            return Ok(record);
        }
        let step = cx.step(format!("build {} {}", record.source, record.version), Unit::None, None);
        let scratch = Scratch::create(&self.parts.scratch, "build", &self.parts.user)?;
        let mut attempt = Attempt { request, base: &base, scratch: &scratch, record: &mut record };
        let failure = self.attempt(step.context(), &mut attempt, io).await.err();
        let clean = CleanContext::of(cx);
        if let Err(error) = scratch.remove(&clean.0, &*self.parts.runner, &self.parts.user).await {
            cx.warn(format!("a scratch folder could not be removed: {}", chain(&error)));
        }
        settle(&mut record, failure);
        match record.class() {
            Some(class) => step.fail(class),
            None => step.finish(),
        }
        Ok(record)
    }
}

/// A context for what must be done even after the work was cancelled.
struct CleanContext(Context);

impl CleanContext {
    fn of(cx: &Context) -> Self {
        Self(cx.clone().with_cancel(CancelToken::new()))
    }
}

fn infrastructure<E: Classify + 'static>(error: &E) -> Failure {
    let class = match error.class() {
        Class::Cancelled => Class::Cancelled,
        Class::Source => Class::Source,
        _ => Class::Infrastructure,
    };
    Failure::new(class, chain(error))
}

fn verdict(
    ran: &Result<debbuild_core::command::Exit, CommandError>,
    log: &BuildLog,
    access: &AccessRecord,
    request: &BuildRequest,
) -> Option<Failure> {
    let end = match ran {
        Ok(exit) => End::Exited(exit.status),
        Err(CommandError::Timeout { limit, .. }) => End::Timeout(*limit),
        Err(CommandError::Stalled { limit, .. }) => End::Stalled(*limit),
        Err(CommandError::Cancelled { .. }) => End::Cancelled,
        Err(error @ CommandError::Memory { .. }) => return Some(Failure::new(Class::Memory, error.to_string())),
        Err(error) => return Some(infrastructure(error)),
    };
    let archives = match access.infrastructure_failure() {
        Some(failed) => Archives::Trouble(format!("{} {}: {}", failed.archive, failed.path, failed.reason)),
        None if access.has_release() => Archives::Served,
        None => Archives::Trouble("no index was served".to_owned()),
    };
    judge(&Evidence::new(end, log, &archives, &request.options))
}

/// Brings everything into the store and pins it: artifacts, log, lock, and what the lock names.
async fn keep(
    cx: &Context,
    blobs: &dyn BlobStore,
    attempt: &mut Attempt<'_>,
    log: &BuildLog,
    access: &AccessRecord,
    local: &[LocalDeb],
    (log_path, made): (&AbsPath, &[debbuild_core::build::Artifact]),
) -> Result<(), BuilderError> {
    let mut pins: Vec<Sha256> = Vec::new();
    let out = attempt.scratch.path().join("out");
    for artifact in made {
        let path = out.child(&artifact.name)?;
        pins.push(blobs.adopt(cx, &path, Adopt::Copy, Some(artifact.sha256)).await?.id);
    }
    attempt.record.artifacts = made.to_vec();
    pins.push(blobs.adopt(cx, log_path, Adopt::Copy, attempt.record.log.as_ref().map(|log| log.sha256)).await?.id);
    for deb in local {
        let path = attempt.scratch.path().join("extra").child(&deb.file.path)?;
        pins.push(blobs.adopt(cx, &path, Adopt::Copy, Some(deb.file.sha256)).await?.id);
    }
    match locking::lock(cx, blobs, attempt.base, log, access, local).await {
        Ok(lock) => {
            attempt.record.build_key = Some(locking::build_key(attempt.request, &lock).digest());
            let json = lock.to_json().map_err(|error| BuilderError::Unsupported(error.to_string()))?;
            let blob = blobs.put(cx, Bytes::from(json)).await?;
            attempt.record.lock = Some(blob.id);
            pins.extend(lock.blobs());
            pins.push(blob.id);
        }
        Err(reason) if made.is_empty() => cx.note(format!("the build has no lock: {reason}")),
        Err(reason) => cx.warn(format!("the build has no lock: {reason}")),
    }
    let name = attempt.record.request_key.map_or_else(|| "unnamed".to_owned(), |key| key.to_string());
    Ok(blobs.pin(cx, "build", &name, &pins).await?)
}
