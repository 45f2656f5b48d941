//! `debbuild resolve edsp`: what apt asks, from standard input to standard output.

use std::io::{self, Read as _};

use debbuild_core::{
    path::IoResultExt as _,
    resolve::edsp::{LONGEST, Progress},
};

use super::super::{Answer, Done, Door};
use crate::app::{AppError, reply_json};

#[derive(Debug, clap::Args)]
pub(super) struct EdspArgs {
    /// A file with what apt asks (`APT_EDSP_DUMP_FILENAME`), in place of standard input
    file: Option<String>,
    /// Put the solver into this folder of apt's solvers, and answer nothing
    #[arg(long, value_name = "FOLDER", conflicts_with = "file")]
    install: Option<String>,
}

pub(super) async fn edsp(door: &Door, args: EdspArgs) -> Answer {
    let machine = door.app.machine();
    if let Some(folder) = &args.install {
        let file = door.app.install_edsp(&machine.path(folder)?)?;
        door.out.show(&serde_json::json!({ "solver": file.as_str() }), |_| format!("{file}\n"))?;
        return Ok(Done::Well);
    }
    let progress = |percentage, what| Progress::new(door.cx.clock().now(), percentage, what).to_string();
    door.out.protocol(|| progress(0, "debbuild reads what is asked"))?;
    let scenario = match &args.file {
        Some(file) => {
            let file = machine.path(file)?;
            String::from_utf8_lossy(&std::fs::read(&file).at("read", &file)?).into_owned()
        }
        None => input()?,
    };
    let settings = door.app.apt_settings(&door.cx).await?;
    door.out.protocol(|| progress(30, "debbuild looks for a solution"))?;
    let reply = door.app.resolve_edsp(&door.cx, scenario, settings).await?;
    // An error that apt is told of is an answer: another exit status would mean that the solver itself failed.
    door.out.show(&reply_json(&reply), |_| reply.to_string())?;
    Ok(Done::Well)
}

/// Standard input, not longer than a scenario can be.
fn input() -> Result<String, AppError> {
    let mut bytes = Vec::new();
    let failed = |error: io::Error| {
        let message = format!("cannot read standard input: {error}");
        crate::app::Failure::new(debbuild_core::error::Class::Infrastructure, message)
    };
    io::stdin().lock().take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
