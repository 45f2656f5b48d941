//! The build record, `result.json`: a wire type, written for every outcome. Its JSON schema is `docs/schemas/result-v1.json`.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, digest::Sha256, error::Class};

/// The schema version of build records.
pub const RECORD_SCHEMA: u32 = 1;

/// What became of a build or a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything asked for was made.
    Succeeded,
    /// The source is at fault, or cannot be built now.
    Failed,
    /// Infrastructure or cancelled: says nothing about the source.
    Aborted,
}

impl Outcome {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }

    /// The outcome that a failure of this class means: an infrastructure failure is never the source's.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Infrastructure
            | Class::Cancelled
            | Class::Internal
            | Class::Interrupted
            | Class::Config
            | Class::Usage
            | Class::NotAllowed
            | Class::NotFound
            | Class::Conflict => Self::Aborted,
            _ => Self::Failed,
        }
    }
}

/// Everything known about one build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BuildRecord {
    /// [`RECORD_SCHEMA`].
    pub schema: u32,
    /// The source package.
    pub source: String,
    /// Its version.
    pub version: String,
    /// The architecture it was built on.
    pub architecture: String,
    /// The suite it was built for.
    pub suite: String,
    /// The key of what was asked for.
    pub request_key: Option<Sha256>,
    /// The key of what really went in; null where it was not known before the end.
    pub build_key: Option<Sha256>,
    /// The chroot.
    pub chroot_id: Option<Sha256>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why not, unless it succeeded.
    pub failure: Option<Failure>,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What was made.
    pub artifacts: Vec<Artifact>,
    /// What it used.
    pub resources: Resources,
    /// What did the work.
    pub builder: BuilderInfo,
    /// Whether package code could reach a network.
    pub network: NetworkUse,
    /// The build profiles.
    pub profiles: Vec<String>,
    /// The digest of the build's lock.
    pub lock: Option<Sha256>,
    /// The log.
    pub log: Option<LogFile>,
}

impl BuildRecord {
    /// The record of a build that has not begun: aborted, with nothing known but what was asked for.
    #[must_use]
    pub fn new(
        source: impl Into<String>,
        version: impl Into<String>,
        architecture: impl Into<String>,
        suite: impl Into<String>,
        builder: BuilderInfo,
    ) -> Self {
        Self {
            schema: RECORD_SCHEMA,
            source: source.into(),
            version: version.into(),
            architecture: architecture.into(),
            suite: suite.into(),
            request_key: None,
            build_key: None,
            chroot_id: None,
            outcome: Outcome::Aborted,
            failure: None,
            stages: Vec::new(),
            artifacts: Vec::new(),
            resources: Resources::default(),
            builder,
            network: NetworkUse::None,
            profiles: Vec::new(),
            lock: None,
            log: None,
        }
    }

    /// The class of the failure, if it failed; an unknown name counts as internal.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.failure.as_ref().map(|failure| Class::from_name(&failure.class).unwrap_or(Class::Internal))
    }

    /// The record as it is written to `result.json`: pretty JSON with a final newline.
    ///
    /// # Errors
    /// Never for values of this type; the error is serde_json's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Why something did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The class, by its name.
    pub class: String,
    /// The stage in which it happened.
    pub stage: Option<String>,
    /// One line for people.
    pub message: String,
    /// The line of the log that shows it, counted from 1.
    pub log_line: Option<u64>,
}

impl Failure {
    /// A failure of this class with its line.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class: class.name().to_owned(), stage: None, message: message.into(), log_line: None }
    }
}

/// A stage of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// When it began, where known.
    pub started: Option<Timestamp>,
    /// How long it took, in seconds, where known.
    pub seconds: Option<f64>,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its plain file name.
    pub name: String,
    /// `deb`, `udeb`, `changes`, `buildinfo`, `dsc`, `tarball`, `log` or `other`.
    pub kind: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}

/// What a build used; null where not known.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// CPU time in seconds.
    pub cpu_seconds: Option<f64>,
    /// Highest memory use in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Highest disk use in bytes.
    pub peak_disk_bytes: Option<u64>,
    /// What its limit on memory was held by; null where it had none.
    #[serde(default)]
    pub limits_by: Option<LimitMeans>,
}

/// What limits on memory and processes are held by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LimitMeans {
    /// A scope of systemd's, with a control group of version 2 in it.
    Scope,
    /// A control group of version 2.
    Cgroup,
    /// The kernel's limits for processes, and a look at their memory from outside.
    Rlimits,
}

impl LimitMeans {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Cgroup => "cgroup",
            Self::Rlimits => "rlimits",
        }
    }
}

/// What did the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuilderInfo {
    /// The tool, for example `sbuild`.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The backend, for example `unshare`.
    pub backend: String,
    /// What it was isolated by, for example `user,net,pid,ipc,uts,mount`.
    pub isolation: String,
}

/// The network that package code could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkUse {
    /// None but its own loopback.
    None,
    /// The host's, because the request said so.
    Host,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Its plain file name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha256: Sha256,
}
