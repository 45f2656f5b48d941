//! Reads sbuild's log as it grows: the stages with their times, the end of what each said, and the summary.

use std::collections::{BTreeMap, VecDeque};

use debbuild_core::clock::Timestamp;

/// How many lines of the end of a stage are kept.
const TAIL_LINES: usize = 400;
/// How much of one line is kept, in bytes.
const LINE_BYTES: usize = 2_000;
/// The line that lists what is installed when the build begins, and how much of it is kept.
const INSTALLED: &[u8] = b"Package versions: ";
const INSTALLED_BYTES: usize = 1 << 20;
/// How many stages are kept apart: a package's output can imitate headings.
const STAGES: usize = 64;

/// A part of the log, named as sbuild names the stage in which a build can fail (`Fail-Stage`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStage {
    /// The name: `create-session`, `apt-get-update`, `fetch-src`, `install-deps`, `arch-check`, `unpack`, `build`, `post-build` ..
    pub name: &'static str,
    /// When its heading was seen.
    pub started: Timestamp,
    /// The line of its heading, counted from 1.
    pub first_line: u64,
    /// The end of what it said: line numbers and texts.
    pub tail: VecDeque<(u64, String)>,
}

impl LogStage {
    /// The last line that `wanted` accepts.
    pub fn last(&self, wanted: impl Fn(&str) -> bool) -> Option<(u64, &str)> {
        self.tail.iter().rev().find(|(_, text)| wanted(text)).map(|(line, text)| (*line, text.as_str()))
    }

    /// The first kept line that `wanted` accepts.
    pub fn first(&self, wanted: impl Fn(&str) -> bool) -> Option<(u64, &str)> {
        self.tail.iter().find(|(_, text)| wanted(text)).map(|(line, text)| (*line, text.as_str()))
    }
}

/// What is known from a log: give it the bytes as they come with [`BuildLog::push`], then [`BuildLog::finish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildLog {
    stages: Vec<LogStage>,
    summary: BTreeMap<String, String>,
    partial: Vec<u8>,
    installed: Vec<(String, String)>,
    lines: u64,
    previous: [String; 2],
    ended: Option<Timestamp>,
}

impl BuildLog {
    /// An empty log, begun at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let first = LogStage { name: "create-session", started: now, first_line: 1, tail: VecDeque::new() };
        Self {
            stages: vec![first],
            summary: BTreeMap::new(),
            partial: Vec::new(),
            installed: Vec::new(),
            lines: 0,
            previous: [String::new(), String::new()],
            ended: None,
        }
    }

    /// A whole log, read at `now`.
    #[must_use]
    pub fn parse(bytes: &[u8], now: Timestamp) -> Self {
        let mut log = Self::new(now);
        log.push(bytes, now);
        log.finish(now);
        log
    }

    /// Reads more of the log, which came at `now`.
    pub fn push(&mut self, bytes: &[u8], now: Timestamp) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.keep(&rest[..end]);
            let line = std::mem::take(&mut self.partial);
            self.line(&String::from_utf8_lossy(&line), now);
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let start = if self.partial.is_empty() { bytes } else { &self.partial };
        let limit = if start.starts_with(INSTALLED) { INSTALLED_BYTES } else { LINE_BYTES };
        let room = limit.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Ends the log at `now`.
    pub fn finish(&mut self, now: Timestamp) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&String::from_utf8_lossy(&line), now);
        }
        self.ended = Some(now);
    }

    /// The stages in order; the first is always `create-session`.
    #[must_use]
    pub fn stages(&self) -> &[LogStage] {
        &self.stages
    }

    /// The stage that the log ends in, the summary left out.
    #[must_use]
    pub fn current(&self) -> &str {
        let doing = self.stages.iter().rev().find(|stage| !matches!(stage.name, "summary" | "cleanup"));
        doing.map_or("create-session", |stage| stage.name)
    }

    /// The last stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&LogStage> {
        self.stages.iter().rev().find(|stage| stage.name == name)
    }

    /// A field of the summary, for example `Status` or `Fail-Stage`.
    #[must_use]
    pub fn summary(&self, field: &str) -> Option<&str> {
        self.summary.get(field).map(String::as_str)
    }

    /// The names and versions of everything that was installed when the build began; empty if it never did.
    #[must_use]
    pub fn installed(&self) -> &[(String, String)] {
        &self.installed
    }

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// When it ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    fn line(&mut self, text: &str, now: Timestamp) {
        self.lines += 1;
        let text = text.trim_end_matches('\r');
        let heading = heading(&self.previous, text);
        if let Some(name) = heading {
            self.open(name, now);
        }
        if self.stages.last().is_some_and(|stage| stage.name == "summary")
            && let Some((key, value)) = text.split_once(": ")
            && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b' ')
        {
            self.summary.insert(key.to_owned(), value.trim().to_owned());
        }
        let here = self.stages.last().map_or("", |stage| stage.name);
        if here == "dump-build-env" && self.installed.is_empty() && text.as_bytes().starts_with(INSTALLED) {
            let pairs = text[INSTALLED.len()..].split(' ').filter_map(|word| word.split_once('_'));
            self.installed = pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect();
        } else if heading.is_none()
            && let Some(stage) = self.stages.last_mut()
        {
            if stage.tail.len() == TAIL_LINES {
                stage.tail.pop_front();
            }
            stage.tail.push_back((self.lines, text.to_owned()));
        }
        self.previous.rotate_left(1);
        text.clone_into(&mut self.previous[1]);
    }

    fn open(&mut self, name: &'static str, now: Timestamp) {
        if name == "summary" {
            // Only the last one is sbuild's own.
            self.summary.clear();
            self.stages.retain(|stage| stage.name != "summary");
        } else if self.stages.len() >= STAGES {
            return;
        }
        let first_line = self.lines;
        self.stages.push(LogStage { name, started: now, first_line, tail: VecDeque::new() });
    }
}

/// The stage that begins with this line, if it ends a heading: a boxed title, or a title underlined with dashes.
fn heading(previous: &[String; 2], text: &str) -> Option<&'static str> {
    let rule = |line: &str| line.len() == 80 && line.starts_with("+-") && line.ends_with("-+");
    if rule(text) && rule(&previous[0]) {
        let title = previous[1].strip_prefix("| ")?.strip_suffix('|')?.trim_end();
        return section(title);
    }
    let title = &previous[1];
    let underlined =
        !title.is_empty() && text.len() == title.len() && text.bytes().all(|b| b == b'-') && previous[0].is_empty();
    if underlined { subsection(title) } else { None }
}

fn section(title: &str) -> Option<&'static str> {
    Some(match title {
        "Chroot Setup Commands" => "run-chroot-setup-commands",
        "Update chroot" => "apt-get-update",
        "Fetch source files" => "fetch-src",
        "Install package build dependencies" => "install-deps",
        "Check architectures" => "arch-check",
        "Build environment" => "dump-build-env",
        "Changes" | "Buildinfo" | "Package contents" => "results",
        "Post Build" => "post-build",
        "Cleanup" => "cleanup",
        "Summary" => "summary",
        _ => return None,
    })
}

fn subsection(title: &str) -> Option<&'static str> {
    Some(match title {
        "Unpack source" => "unpack",
        "Check disk space" => "check-space",
        "dpkg-buildpackage" => "build",
        _ => return None,
    })
}
