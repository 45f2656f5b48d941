//! The command line: what is global; each noun has its own file in `commands`.

use clap::{CommandFactory as _, Parser};

use crate::{
    app::{AppError, Machine, Overrides},
    commands::Command,
    console::Format,
};

/// Build Debian packages in clean chroots, keep and publish them, and compose systems from them
#[derive(Debug, Parser)]
#[command(name = "debbuild", version, max_term_width = 100, propagate_version = false)]
#[command(after_help = "Exit codes: 0 done, 1 the work failed, 2 usage or configuration, 3 not found, 4 not allowed, \
    5 conflict, 6 infrastructure, 7 cancelled, 8 dependencies, 9 a limit was hit, 70 internal error, 130 interrupted.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// What standard output and standard error are written for
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Only warnings and errors on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// The state folder
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<String>,
    /// One more configuration file, above the others
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// One setting, above all files and variables
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Global {
    /// The layer of configuration that these flags are.
    pub(crate) fn overrides(&self, machine: &Machine) -> Result<Overrides, AppError> {
        let config = self.config.as_deref().map(|file| machine.path(file)).transpose()?;
        let mut overrides = Overrides::new().with_config(config);
        overrides.set.extend(self.set.iter().cloned());
        if let Some(home) = &self.home {
            overrides = overrides.with_set("home", machine.path(home)?.as_str());
        }
        Ok(overrides)
    }
}

/// The whole command line as clap knows it, for help, completions and man pages.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests;
