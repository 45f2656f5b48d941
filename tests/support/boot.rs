//! Boots in QEMU by software emulation, watched on the serial line for a marker.

use std::time::Duration;

use debbuild_core::{
    cancel::CancelToken,
    command::{CommandError, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
};

use crate::watch::Watch;

/// The firmware that a machine starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF, the UEFI of Debian's package `ovmf`.
    Uefi,
}

/// A boot that did not come to its marker.
#[derive(Debug, thiserror::Error)]
#[error("{reason}; the serial line ended with:\n{tail}")]
pub struct NoMarker {
    /// What ended it.
    pub reason: String,
    /// The end of what the serial line said.
    pub tail: String,
}

/// Starts a machine with 1 GiB, a serial line and these further arguments of QEMU, and waits until the serial line says
/// `marker`. Returns everything that it said. The machine has no network.
///
/// # Errors
/// [`NoMarker`] when it ends, or `limit` is over, before that.
pub async fn boot(firmware: Firmware, args: &[String], marker: &str, limit: Duration) -> Result<String, NoMarker> {
    let found = CancelToken::new();
    let mut watch = Watch::new(marker, found.clone());
    let mut spec = CommandSpec::new("qemu-system-x86_64")
        .with_args(["-accel", "tcg", "-cpu", "max", "-m", "1024", "-display", "none", "-monitor", "none"])
        .with_args(["-no-reboot", "-nic", "none", "-serial", "stdio"])
        .with_timeout(Some(limit))
        .with_grace(Duration::from_secs(1));
    if firmware == Firmware::Uefi {
        for (file, how) in [("OVMF_CODE_4M.fd", "readonly=on"), ("OVMF_VARS_4M.fd", "snapshot=on")] {
            spec = spec.with_args(["-drive", &format!("if=pflash,format=raw,{how},file=/usr/share/OVMF/{file}")]);
        }
    }
    let spec = spec.with_args(args);
    let ended = SystemRunner.run(&Context::new().with_cancel(found.clone()), &spec, &mut watch).await;
    let said = watch.text();
    let reason = match ended {
        Err(CommandError::Cancelled { .. }) if found.is_cancelled() => return Ok(said),
        Err(error) => error.to_string(),
        Ok(exit) => format!("the machine ended with {exit}"),
    };
    let lines: Vec<&str> = said.lines().collect();
    Err(NoMarker { reason, tail: lines[lines.len().saturating_sub(30)..].join("\n") })
}
