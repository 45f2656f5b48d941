//! `debbuild completions SHELL`, `debbuild man DIR`.

use std::{fs, io};

use debbuild_core::error::{Class, Classify};

use super::{Answer, Done};
use crate::{args, console::Printer};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder; it is made where it does not exist
    dir: std::path::PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write manual pages into {folder}")]
struct ManError {
    folder: String,
    source: io::Error,
}

impl Classify for ManError {
    fn class(&self) -> Class {
        Class::Infrastructure
    }
}

pub(super) fn completions(out: &Printer, args: &CompletionsArgs) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "debbuild", &mut script);
    out.bytes(&script)?;
    Ok(Done::Well)
}

pub(super) fn man(args: &ManArgs) -> Answer {
    fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(args::command(), &args.dir))
        .map_err(|source| ManError { folder: args.dir.display().to_string(), source })?;
    Ok(Done::Well)
}
