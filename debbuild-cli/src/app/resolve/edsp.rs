//! debbuild as a solver for apt.

use std::{fs, os::unix::fs::PermissionsExt as _};

use debbuild_core::{
    blocking,
    command::{Capture, CommandSpec},
    context::Context,
    path::{AbsPath, IoResultExt as _},
    resolve::{
        Recommends, SatResolver,
        edsp::{Reply, Scenario, ScenarioError, Settings},
    },
};

use super::super::{App, AppError};

/// What apt runs: it looks for a solver by its name, and runs it without arguments.
const SOLVER: &str = "#!/bin/sh\n# apt-get --solver debbuild\nexec debbuild --quiet resolve edsp\n";

impl App {
    /// Answers what apt asks. That nothing can be done, or that apt's question cannot be read, is a reply too.
    ///
    /// # Errors
    /// Class `cancelled`.
    pub async fn resolve_edsp(&self, cx: &Context, scenario: String, settings: Settings) -> Result<Reply, AppError> {
        let cx = cx.clone();
        blocking::run(move || {
            let reply =
                Scenario::read(&scenario).and_then(|scenario| scenario.reply(&cx, &SatResolver::new(), &settings));
            cx.cancel().check()?;
            Ok(reply.unwrap_or_else(|error| Reply::refused(&error)))
        })
        .await
    }

    /// What apt's own configuration on this machine says about recommended packages, and about those that are never removed as not
    /// needed; apt's defaults where there is no apt.
    ///
    /// # Errors
    /// Class `usage` for expressions that cannot be used.
    pub async fn apt_settings(&self, cx: &Context) -> Result<Settings, AppError> {
        let spec = CommandSpec::new("apt-config").with_args(["dump", "--format", "%f %v%n"]);
        let mut said = Capture::default();
        match self.runner().run(cx, &spec, &mut said).await {
            Ok(exit) if exit.success() => Ok(settings(&String::from_utf8_lossy(&said.stdout))?),
            _ => Ok(Settings::new()),
        }
    }

    /// Puts the solver into a folder of solvers (`/usr/lib/apt/solvers`), and returns its file. apt finds `debbuild` itself where it
    /// looks for commands.
    ///
    /// # Errors
    /// What writing gives.
    pub fn install_edsp(&self, folder: &AbsPath) -> Result<AbsPath, AppError> {
        fs::create_dir_all(folder).at("create", folder)?;
        let file = folder.join("debbuild");
        fs::write(&file, SOLVER).at("write", &file)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).at("make executable", &file)?;
        Ok(file)
    }
}

/// The settings in a dump of apt's configuration: a name and a value on each line.
fn settings(dump: &str) -> Result<Settings, ScenarioError> {
    let mut settings = Settings::new();
    let (mut recommends, mut suggests) = (true, true);
    let mut kept = Vec::new();
    for (name, value) in dump.lines().filter_map(|line| line.split_once(' ')) {
        match name {
            "APT::Install-Recommends" => {
                let wanted = if yes(value) { Recommends::Install } else { Recommends::Ignore };
                settings = settings.with_recommends(wanted);
            }
            "APT::Install-Suggests" => settings = settings.with_suggests(yes(value)),
            "APT::AutoRemove::RecommendsImportant" => recommends = yes(value),
            "APT::AutoRemove::SuggestsImportant" => suggests = yes(value),
            "APT::NeverAutoRemove::" => kept.push(value.to_owned()),
            // apt keeps the running kernel and the latest; which these are does not stand in the question, so all stay.
            "APT::VersionedKernelPackages::" => kept.push(format!("^{value}-[0-9]")),
            _ => {}
        }
    }
    settings.with_keeping(recommends, suggests).with_kept(&kept)
}

/// How apt reads a flag.
fn yes(value: &str) -> bool {
    !matches!(value, "no" | "false" | "without" | "off" | "disable" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_configuration_is_followed() {
        let read = settings(
            "APT \nAPT::Install-Recommends false\nAPT::Install-Suggests 1\nAPT::AutoRemove::SuggestsImportant no\n\
             APT::NeverAutoRemove:: ^firmware-linux.*\nAPT::VersionedKernelPackages:: linux-.*\n",
        );
        let read = read.unwrap();
        assert_eq!((read.recommends, read.suggests), (Recommends::Ignore, true));
        assert_eq!((read.recommends_keep, read.suggests_keep), (true, false));
        let keeps = |names: &[&str]| names.iter().map(|name| read.keeps(name)).collect::<Vec<_>>();
        assert_eq!(keeps(&["firmware-linux-free", "linux-image-6.1.0-1-amd64", "linux-libc-dev"]), [true, true, false]);
        assert!(settings("APT::NeverAutoRemove:: (").is_err());
    }
}
