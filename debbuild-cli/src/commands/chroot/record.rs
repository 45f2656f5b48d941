//! `debbuild chroot run --record`: how the command ended and what it used, for programs, beside what it printed itself.

use std::fs;

use debbuild_chroot::limits::Usage;
use debbuild_core::{command::Exit, path::IoResultExt as _};

use super::Door;
use crate::app::{AppError, session_run_json};

pub(super) fn keep(door: &Door, file: &str, ended: &Result<Exit, AppError>, usage: &Usage) -> Result<(), AppError> {
    let file = door.app.machine().path(file)?;
    let ended = ended.as_ref().copied().map_err(AppError::class);
    let text = format!("{}\n", session_run_json(ended, usage));
    Ok(fs::write(&file, text).at("write", &file)?)
}
