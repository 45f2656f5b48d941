//! What became of a build, judged from how sbuild ended, its log, what it left and what the gateway saw, together.
//!
//! sbuild's own exit status says too little: it is 0 for a skipped build, and 3 both for a missing build dependency and
//! for a dead mirror.

use std::time::Duration;

use debbuild_core::{
    build::{BuildOptions, Failure},
    error::Class,
};

use super::{log::BuildLog, unmet};

/// How the sbuild process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By itself, with this status; `None` when a signal ended it.
    Exited(Option<i32>),
    /// Killed at the limit on time.
    Timeout(Duration),
    /// Killed at the limit on silence.
    Stalled(Duration),
    /// Killed because the caller cancelled.
    Cancelled,
}

/// What the gateway saw of the archives during the build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Archives {
    /// Every file that apt asked for was served or is known not to exist.
    Served,
    /// Something that the archives should have could not be served.
    Trouble(String),
    /// Nobody watched.
    Unknown,
}

/// Everything that the judgement rests on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Evidence<'a> {
    /// How sbuild ended.
    pub end: End,
    /// Its log.
    pub log: &'a BuildLog,
    /// The archives.
    pub archives: &'a Archives,
    /// The options of the build.
    pub options: &'a BuildOptions,
}

impl<'a> Evidence<'a> {
    /// The evidence of one run.
    #[must_use]
    pub fn new(end: End, log: &'a BuildLog, archives: &'a Archives, options: &'a BuildOptions) -> Self {
        Self { end, log, archives, options }
    }
}

/// Judges a run. `None`: it says that it succeeded; whether its files are there and right is still to be seen.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Option<Failure> {
    let log = evidence.log;
    let stage = log.current();
    match evidence.end {
        End::Cancelled => {
            return Some(failure(Class::Cancelled, Some(stage), "the build was cancelled".to_owned(), None));
        }
        End::Timeout(limit) => return Some(limit_hit(evidence, Class::Timeout, limit, "ran longer than")),
        End::Stalled(limit) => return Some(limit_hit(evidence, Class::Stalled, limit, "said nothing for")),
        End::Exited(_) => {}
    }
    match (log.summary("Status"), log.summary("Fail-Stage")) {
        (Some("successful"), _) if evidence.end == End::Exited(Some(0)) => None,
        (Some("skipped"), _) | (_, Some("arch-check")) => {
            let found = log.stage("arch-check").and_then(|stage| stage.last(|line| line.starts_with("E: ")));
            Some(said(Class::Architecture, "arch-check", found, "the source does not build on this architecture"))
        }
        (_, Some(stage)) => Some(at_stage(evidence, stage)),
        _ => Some(without_summary(evidence)),
    }
}

/// Package code runs in the stage `build` alone: before it, a limit says nothing about the source.
fn limit_hit(evidence: &Evidence<'_>, class: Class, limit: Duration, what: &str) -> Failure {
    let stage = evidence.log.current();
    let class = if matches!(stage, "build" | "results" | "post-build") { class } else { Class::Infrastructure };
    let message = format!("the build {what} {}s, its limit, in stage {stage}", limit.as_secs());
    failure(class, Some(stage), message, Some(evidence.log.lines()))
}

fn at_stage(evidence: &Evidence<'_>, stage: &str) -> Failure {
    let log = evidence.log;
    let error = |name: &str| log.stage(name).and_then(|stage| stage.last(|line| line.starts_with("E: ")));
    match stage {
        "build" => build_failed(evidence),
        "install-deps" => install_failed(evidence),
        "unpack"
        | "check-unpacked-version"
        | "parse-changes"
        | "source-only-changes"
        | "check-architecture"
        | "parse-control"
        | "fetch-src" => {
            let wrong = |line: &str| line.starts_with("dpkg-source: error:") || line.contains("parsechangelog: error");
            let found = log.stages().iter().rev().find_map(|stage| stage.last(wrong)).or_else(|| error(stage));
            space_or(evidence, said(Class::Source, stage, found, "the source package cannot be used"))
        }
        "check-space" => {
            let class = if evidence.options.disk.is_some() { Class::Disk } else { Class::Infrastructure };
            said(class, stage, error("check-space"), "not enough disk space to build")
        }
        "apt-get-clean" | "apt-get-update" | "apt-get-upgrade" | "apt-get-dist-upgrade" => {
            let found = log.stage("apt-get-update").and_then(|stage| stage.first(|line| line.starts_with("E: ")));
            said(Class::Infrastructure, stage, found, "the archives could not be read")
        }
        "post-build" => said(Class::Qa, stage, None, "a check after the build failed"),
        "abort" => said(Class::Infrastructure, stage, None, "sbuild was told to stop"),
        other => {
            let found = log.stages().iter().rev().find_map(|stage| stage.last(|line| line.starts_with("E: ")));
            said(Class::Infrastructure, other, found, "the build could not be prepared")
        }
    }
}

fn without_summary(evidence: &Evidence<'_>) -> Failure {
    let (log, stage) = (evidence.log, evidence.log.current());
    let found = log.stages().iter().rev().find_map(|stage| stage.last(|line| !line.trim().is_empty()));
    let how = match evidence.end {
        End::Exited(Some(status)) => format!("with status {status}"),
        _ => "by a signal".to_owned(),
    };
    let last = found.map_or_else(String::new, |(_, text)| format!(": {text}"));
    let message = format!("sbuild ended {how} before it could say why{last}");
    failure(Class::Infrastructure, Some(stage), message, found.map(|(line, _)| line))
}

fn install_failed(evidence: &Evidence<'_>) -> Failure {
    let stage = "install-deps";
    let part = evidence.log.stage(stage);
    let fetch = part.and_then(|part| part.first(|line| line.starts_with("E: Failed to fetch ")));
    if let Archives::Trouble(what) = evidence.archives {
        return said(Class::Infrastructure, stage, fetch, &format!("the archives could not be read: {what}"));
    }
    if fetch.is_some() {
        return said(Class::Infrastructure, stage, fetch, "a package could not be fetched");
    }
    let unmet = part.map(unmet::read).unwrap_or_default();
    if let Some(first) = unmet.first() {
        let all: Vec<String> = unmet.iter().map(ToString::to_string).collect();
        let message = format!("build dependencies cannot be satisfied: {}", all.join("; "));
        return failure(Class::Dependencies, Some(stage), message, Some(first.line));
    }
    let found =
        part.and_then(|part| part.last(|line| line.starts_with("E: ") && !line.contains("Package installation")));
    space_or(evidence, said(Class::Infrastructure, stage, found, "the build dependencies could not be installed"))
}

fn build_failed(evidence: &Evidence<'_>) -> Failure {
    let stage = "build";
    let Some(part) = evidence.log.stage(stage) else {
        return said(Class::Compile, stage, None, "dpkg-buildpackage failed");
    };
    let resource = [
        (Class::Memory, evidence.options.memory.is_some(), MEMORY.as_slice()),
        (Class::Disk, true, &["No space left on device", "Disk quota exceeded"]),
    ];
    for (class, watched, signs) in resource {
        if watched && let Some(found) = part.last(|line| signs.iter().any(|sign| line.contains(sign))) {
            return space_or(evidence, said(class, stage, Some(found), ""));
        }
    }
    if let Some(found) = part.first(is_test_failure) {
        return said(Class::Test, stage, Some(found), "");
    }
    let found = part.first(is_compile_error).or_else(|| part.last(|line| line.starts_with("dpkg-buildpackage: error")));
    said(Class::Compile, stage, found, if found.is_some() { "" } else { "dpkg-buildpackage failed" })
}

/// What programs say when there is no memory left, and the kernel or the shell when it kills them.
const MEMORY: [&str; 6] = [
    "virtual memory exhausted",
    "Cannot allocate memory",
    "out of memory",
    "Out of memory",
    "std::bad_alloc",
    "MemoryError",
];

/// make(1) or debhelper naming a failed target that runs tests (Policy 4.9; dh_auto_test(1)).
fn is_test_failure(line: &str) -> bool {
    let target = |line: &str| {
        let inside = line.split_once("*** [").and_then(|(_, rest)| rest.split_once(']'));
        inside.is_some_and(|(inside, _)| {
            let name = inside.rsplit(": ").next().unwrap_or(inside);
            matches!(name, "check" | "test" | "tests" | "check-recursive" | "check-am" | "check-TESTS")
                || name.contains("dh_auto_test")
        })
    };
    line.starts_with("dh_auto_test: error") || (line.starts_with("make") && target(line))
}

/// The first line that says what went wrong: a tool's `error:`, or make naming the target.
fn is_compile_error(line: &str) -> bool {
    let noise = line.starts_with("dpkg-buildpackage: error");
    !noise
        && (line.contains(": error: ")
            || line.contains(": fatal error: ")
            || line.starts_with("make") && line.contains("*** "))
}

/// A full disk is the quota's or the host's, never the source's.
fn space_or(evidence: &Evidence<'_>, other: Failure) -> Failure {
    let full = |line: &str| line.contains("No space left on device") || line.contains("Disk quota exceeded");
    let Some((line, text)) = evidence.log.stages().iter().rev().find_map(|stage| stage.last(full)) else {
        return other;
    };
    let class = if evidence.options.disk.is_some() { Class::Disk } else { Class::Infrastructure };
    failure(class, other.stage.as_deref(), text.trim().to_owned(), Some(line))
}

fn said(class: Class, stage: &str, found: Option<(u64, &str)>, otherwise: &str) -> Failure {
    let words = found.map(|(_, text)| text.trim().trim_start_matches("E: "));
    let message = match words {
        Some(words) if otherwise.is_empty() => words.to_owned(),
        Some(words) => format!("{otherwise}: {words}"),
        None => otherwise.to_owned(),
    };
    failure(class, Some(stage), message, found.map(|(line, _)| line))
}

fn failure(class: Class, stage: Option<&str>, message: String, log_line: Option<u64>) -> Failure {
    let mut failure = Failure::new(class, message);
    failure.stage = stage.map(str::to_owned);
    failure.log_line = log_line;
    failure
}
