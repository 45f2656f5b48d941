//! Is this machine ready? Findings, each with the command that mends it, and the mending.

mod checks;
mod sessions;
mod tools;

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    error::Class,
    event::Unit,
};
use serde::Serialize;

use super::{App, AppError, Failure, settle};

/// The version of [`Report`]'s wire form.
pub const SCHEMA: u32 = 1;

/// How a thing is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not there, and only some uses need it.
    Optional,
    /// Building does not work like this.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What needs it: `machine`, `chroots`, `builds`, `iso` and so on.
    pub group: String,
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub detail: String,
    /// The command that mends it, as an argument vector, to be run by root; empty where there is none.
    pub mend: Vec<String>,
}

impl Finding {
    fn ok(group: &str, name: &str, detail: impl Into<String>) -> Self {
        Self::new(group, name, Level::Ok, detail, &[])
    }

    fn new(group: &str, name: &str, level: Level, detail: impl Into<String>, mend: &[&str]) -> Self {
        let mend = mend.iter().map(|&word| word.to_owned()).collect();
        Self { group: group.to_owned(), name: name.to_owned(), level, detail: detail.into(), mend }
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form.
    pub schema: u32,
    /// Whether nothing is missing that building needs.
    pub ready: bool,
    /// The findings, group by group.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The mending commands of what is found like this, as a person types them: one installation, then the others.
    #[must_use]
    pub fn mend_lines(&self, level: Level, as_root: bool) -> Vec<String> {
        let lines = commands(self.findings.iter().filter(|finding| finding.level == level)).into_iter();
        lines.map(|words| if as_root { show(&words) } else { format!("sudo {}", show(&words)) }).collect()
    }
}

/// A command as a person types it.
fn show(words: &[&str]) -> String {
    let spec = words.split_first().map(|(first, rest)| CommandSpec::new(*first).with_args(rest.iter().copied()));
    spec.map(|spec| spec.to_string()).unwrap_or_default()
}

/// The mending commands of some findings: all packages in one installation, each other command once.
fn commands<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Vec<&'a str>> {
    let mut packages: Vec<&str> = Vec::new();
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for finding in findings {
        let words: Vec<&str> = finding.mend.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => {}
            ["apt-get", "install", rest @ ..] => packages.extend(rest),
            _ if commands.contains(&words) => {}
            _ => commands.push(words),
        }
    }
    if !packages.is_empty() {
        packages.sort_unstable();
        packages.dedup();
        let install = ["apt-get", "install", "-y", "--no-install-recommends"].into_iter().chain(packages);
        commands.splice(0..0, [vec!["apt-get", "update"], install.collect()]);
    }
    commands
}

impl App {
    /// Looks at the machine; changes nothing.
    ///
    /// # Errors
    /// Only when cancelled: what is wrong with the machine is a finding.
    pub async fn doctor(&self, cx: &Context) -> Result<Report, AppError> {
        let step = cx.step("look at this machine", Unit::None, None);
        let looked = checks::machine(self, step.context()).await;
        let mut findings = settle(step, looked)?;
        findings.extend(tools::look(self.settings().chroots.backend, tools::find));
        findings.extend(sessions::foreign(self, cx).await);
        let ready = findings.iter().all(|finding| finding.level != Level::Missing);
        Ok(Report { schema: SCHEMA, ready, findings })
    }

    /// Runs the mending commands of a report (packages in one installation), as root or by `sudo -n`.
    ///
    /// Returns the command lines that were run. With `optional` also what only some uses need.
    ///
    /// # Errors
    /// The first command that fails.
    pub async fn mend(&self, cx: &Context, report: &Report, optional: bool) -> Result<Vec<String>, AppError> {
        let least = if optional { Level::Optional } else { Level::Missing };
        let commands = commands(report.findings.iter().filter(|finding| finding.level >= least));
        let mut done = Vec::new();
        for words in commands {
            done.push(self.mend_one(cx, &words).await?);
        }
        Ok(done)
    }

    async fn mend_one(&self, cx: &Context, words: &[&str]) -> Result<String, AppError> {
        let root = self.machine().is_root();
        let mut argv = if root { Vec::new() } else { vec!["sudo", "-n"] };
        argv.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
        argv.extend(words);
        let Some((program, args)) = argv.split_first() else { return Ok(String::new()) };
        let line = show(words);
        let step = cx.step(&line, Unit::None, None);
        let spec = CommandSpec::new(*program).with_args(args.iter().copied());
        match self.runner().output(step.context(), &spec).await {
            Ok(_) => step.finish(),
            Err(error) => {
                step.fail(Class::Infrastructure);
                let failure = Failure::new(Class::Infrastructure, format!("cannot mend: {error}"));
                return Err(failure.with_hint(format!("run it yourself: {line}")).into());
            }
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests;
