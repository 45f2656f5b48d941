//! How long a build took in its stages, and what it used.

use std::fs;

use debbuild_core::{
    build::{Resources, Stage},
    clock::Timestamp,
    path::AbsPath,
};

use super::log::{BuildLog, LogStage};

/// The stages of the log with their times.
pub(super) fn stages(log: &BuildLog) -> Vec<Stage> {
    let found: Vec<_> = log.stages().iter().filter(|stage| stage.name != "summary").collect();
    let ends = found.iter().skip(1).map(|next| Some(next.started)).chain([log.ended()]);
    let stage = |(stage, end): (&&LogStage, Option<Timestamp>)| Stage {
        name: stage.name.to_owned(),
        started: Some(stage.started),
        seconds: end.map(|end| end.since(stage.started).as_secs_f64()),
    };
    found.iter().zip(ends).map(stage).collect()
}

/// What a build used: what is known of it, what the log's summary says, and else the times that the wrapper noted.
pub(super) fn resources(mut used: Resources, log: &BuildLog, times: &AbsPath) -> Resources {
    let disk = log.summary("Build-Space").and_then(|text| text.parse::<u64>().ok());
    used.peak_disk_bytes = disk.map(|kib| kib * 1024);
    let noted = || fs::read_to_string(times).ok().and_then(|text| cpu_seconds(&text));
    used.cpu_seconds = used.cpu_seconds.or_else(noted);
    used
}

/// User and system time of all children, from the second line of the shell's `times`: `0m12.340000s 0m1.200000s`.
pub(super) fn cpu_seconds(times: &str) -> Option<f64> {
    let part = |word: &str| {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    times.lines().nth(1)?.split_whitespace().map(part).sum()
}
