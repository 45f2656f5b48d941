//! Builds as tasks of a queue: the parameters of kind `build`, and the executor that a worker calls.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    blob::{Adopt, BlobStore},
    blocking,
    build::{BuildOptions, BuildRequest, ChrootId},
    context::Context,
    control::SourceControl,
    digest::Sha256,
    error::{Class, Classify as _, chain},
    name::{FileName, PackageName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    task::{Capabilities, Refusal, TaskExecutor, TaskInput, TaskIo, TaskOutcome, TaskSpec},
};
use serde::{Deserialize, Serialize};

use super::{BuildBases, BuilderError, PackageBuilder};

/// The kind of task that a build is.
pub const BUILD_TASK: &str = "build";
/// The schema version of [`BuildTask`].
const SCHEMA: u32 = 1;

/// The parameters of a task of kind `build`: a wire type. The source package and local .debs are the task's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BuildTask {
    /// The name of the .dsc among the inputs.
    pub dsc: FileName,
    /// The suite that the result is for.
    pub suite: SuiteName,
    /// The architecture to build on and for.
    pub architecture: Architecture,
    /// The chroot; null: the newest for that suite and architecture.
    #[serde(default)]
    pub chroot: Option<Sha256>,
    /// Whether `Architecture: all` packages are built too.
    #[serde(default = "yes")]
    pub arch_all: bool,
    /// Build profiles.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Words of `DEB_BUILD_OPTIONS`.
    #[serde(default)]
    pub build_options: Vec<String>,
    /// Packages to install in addition to the build dependencies.
    #[serde(default)]
    pub add_depends: Vec<PackageName>,
    /// Names of .debs among the inputs that build dependencies may come from.
    #[serde(default)]
    pub extra_packages: Vec<FileName>,
    /// Additional environment variables of the build.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How long the whole build may take.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// How long it may be silent.
    #[serde(default)]
    pub stalled_seconds: Option<u64>,
    /// How much memory it may use.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// How much disk it may use.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
}

const fn yes() -> bool {
    true
}

impl BuildTask {
    /// The parameters of a request; `chroot` is left open when `pinned` is false.
    ///
    /// # Errors
    /// [`BuilderError::Option`] when a file has no plain name.
    pub fn of(request: &BuildRequest, pinned: bool) -> Result<Self, BuilderError> {
        let options = &request.options;
        let name = |path: &AbsPath| {
            let error = || BuilderError::Option { kind: "file name", text: path.to_string() };
            path.name().parse::<FileName>().map_err(|_| error())
        };
        Ok(Self {
            dsc: name(&request.dsc)?,
            suite: request.suite.clone(),
            architecture: request.architecture.clone(),
            chroot: pinned.then(|| request.chroot.digest()),
            arch_all: options.arch_all,
            profiles: options.profiles.clone(),
            build_options: options.build_options.clone(),
            add_depends: options.add_depends.clone(),
            extra_packages: options.extra_packages.iter().map(name).collect::<Result<_, _>>()?,
            environment: options.environment.clone(),
            timeout_seconds: options.timeout.map(|limit| limit.as_secs()),
            stalled_seconds: options.stalled.map(|limit| limit.as_secs()),
            memory_bytes: options.memory,
            disk_bytes: options.disk,
        })
    }

    /// The task of a request, with its files brought into the store. The caller pins them before the store is swept.
    ///
    /// # Errors
    /// [`BuilderError`] when a file is missing or is not what the .dsc says.
    pub async fn submit(
        cx: &Context,
        blobs: &dyn BlobStore,
        request: &BuildRequest,
        pinned: bool,
    ) -> Result<TaskSpec, BuilderError> {
        let task = Self::of(request, pinned)?;
        let bytes = fs::read(&request.dsc).at("read", &request.dsc)?;
        let wrong = |error: &dyn std::fmt::Display| BuilderError::Source(format!("{}: {error}", request.dsc.name()));
        let control = SourceControl::from_unverified(&bytes).map_err(|error| wrong(&error))?;
        let mut inputs = vec![adopt(cx, blobs, &request.dsc, Some(request.dsc_sha256)).await?];
        for entry in &control.files {
            let path = request.dsc.parent().child(entry.name.as_str())?;
            inputs.push(adopt(cx, blobs, &path, Some(entry.sha256)).await?);
        }
        for path in &request.options.extra_packages {
            inputs.push(adopt(cx, blobs, path, None).await?);
        }
        let needs = Capabilities::new([request.architecture.clone()], ["sbuild".to_owned()]);
        let parameters = serde_json::to_value(&task).map_err(|error| wrong(&error))?;
        Ok(TaskSpec::new(BUILD_TASK, SCHEMA, parameters).with_inputs(inputs).with_needs(needs))
    }

    /// Reads the parameters of a task.
    ///
    /// # Errors
    /// [`Refusal`] when it is of another kind or schema, or cannot be read.
    pub fn read(task: &TaskSpec) -> Result<Self, Refusal> {
        if task.kind != BUILD_TASK {
            return Err(Refusal::new(&task.kind, "not a build"));
        }
        if task.schema != SCHEMA {
            return Err(Refusal::new(&task.kind, format!("schema {} where {SCHEMA} is known", task.schema)));
        }
        let read: Self = serde_json::from_value(task.parameters.clone())
            .map_err(|error| Refusal::new(&task.kind, format!("parameters cannot be read: {error}")))?;
        let missing = |name: &&FileName| !task.inputs.iter().any(|input| input.name == name.as_str());
        match std::iter::once(&read.dsc).chain(&read.extra_packages).find(missing) {
            Some(name) => Err(Refusal::new(&task.kind, format!("{name} is not among the inputs"))),
            None => Ok(read),
        }
    }

    fn options(&self, folder: &AbsPath) -> Result<BuildOptions, BuilderError> {
        let mut options = BuildOptions::default().with_profiles(self.profiles.clone()).with_memory(self.memory_bytes);
        options.build_options.clone_from(&self.build_options);
        options.arch_all = self.arch_all;
        options.add_depends.clone_from(&self.add_depends);
        options.environment.clone_from(&self.environment);
        options.disk = self.disk_bytes;
        if let Some(seconds) = self.timeout_seconds {
            options.timeout = Some(Duration::from_secs(seconds));
        }
        if let Some(seconds) = self.stalled_seconds {
            options.stalled = Some(Duration::from_secs(seconds));
        }
        let files = self.extra_packages.iter().map(|name| folder.child(name.as_str()));
        options.extra_packages = files.collect::<Result<_, _>>()?;
        Ok(options)
    }
}

async fn adopt(
    cx: &Context,
    blobs: &dyn BlobStore,
    path: &AbsPath,
    expected: Option<Sha256>,
) -> Result<TaskInput, BuilderError> {
    let blob = blobs.adopt(cx, path, Adopt::Copy, expected).await?;
    Ok(TaskInput { name: path.name().to_owned(), size: blob.size, sha256: blob.id })
}

/// Does tasks of kind `build`.
#[derive(Debug)]
pub struct BuildExecutor {
    builder: Arc<dyn PackageBuilder>,
    bases: Arc<dyn BuildBases>,
    architectures: Vec<Architecture>,
}

impl BuildExecutor {
    /// An executor for these architectures.
    #[must_use]
    pub fn new(builder: Arc<dyn PackageBuilder>, bases: Arc<dyn BuildBases>, architectures: Vec<Architecture>) -> Self {
        Self { builder, bases, architectures }
    }

    async fn request(
        &self,
        cx: &Context,
        spec: &TaskSpec,
        task: &BuildTask,
        io: &TaskPlace<'_>,
    ) -> Result<BuildRequest, BuilderError> {
        let folder = io.scratch.child("inputs")?;
        let mut dsc = None;
        for input in &spec.inputs {
            let bytes = io.blobs.read(cx, input.sha256, None).await?;
            let (to, folder) = (folder.child(&input.name)?, folder.clone());
            let write = move || {
                fs::create_dir_all(&folder).at("create", &folder)?;
                fs::write(&to, &bytes).at("write", &to).map(|()| to)
            };
            let path = blocking::run(write).await?;
            if input.name == task.dsc.as_str() {
                dsc = Some((path, input.sha256));
            }
        }
        let (dsc, sha256) = dsc.ok_or_else(|| BuilderError::Source(format!("{} is not among the inputs", task.dsc)))?;
        let chroot = match task.chroot {
            Some(id) => ChrootId::new(id),
            None => self.bases.newest(cx, &task.suite, &task.architecture).await?.id,
        };
        let request = BuildRequest::new(dsc, sha256, task.suite.clone(), task.architecture.clone(), chroot);
        Ok(request.with_options(task.options(&folder)?))
    }
}

/// The parts of a [`TaskIo`] that can be shared between threads.
struct TaskPlace<'a> {
    blobs: &'a dyn BlobStore,
    scratch: &'a AbsPath,
}

#[async_trait]
impl TaskExecutor for BuildExecutor {
    fn kinds(&self) -> Vec<String> {
        vec![BUILD_TASK.to_owned()]
    }

    fn consider(&self, task: &TaskSpec) -> Result<(), Refusal> {
        let read = BuildTask::read(task)?;
        if self.architectures.contains(&read.architecture) {
            return Ok(());
        }
        Err(Refusal::new(&task.kind, format!("this machine does not build for {}", read.architecture)))
    }

    async fn execute(&self, cx: &Context, spec: &TaskSpec, io: &mut TaskIo<'_>) -> TaskOutcome {
        let task = match self.consider(spec).and_then(|()| BuildTask::read(spec)) {
            Ok(task) => task,
            Err(refusal) => return TaskOutcome::failed(Class::NotAllowed, refusal.to_string()),
        };
        if cx.cancel().is_cancelled() {
            return TaskOutcome::failed(Class::Cancelled, "cancelled");
        }
        let (blobs, scratch) = (Arc::clone(&io.blobs), io.scratch.clone());
        let place = TaskPlace { blobs: &*blobs, scratch: &scratch };
        let request = match self.request(cx, spec, &task, &place).await {
            Ok(request) => request,
            Err(error) => return TaskOutcome::failed(error.class(), chain(&error)),
        };
        let record = match self.builder.build(cx, &request, io).await {
            Ok(record) => record,
            Err(error) => return TaskOutcome::failed(error.class(), chain(&error)),
        };
        let mut outcome = TaskOutcome::succeeded(record.artifacts.clone());
        outcome.outcome = record.outcome;
        outcome.failure.clone_from(&record.failure);
        match serde_json::to_value(&record) {
            Ok(value) => outcome.with_record(value),
            Err(error) => TaskOutcome::failed(Class::Internal, error.to_string()),
        }
    }
}
