//! Which verifier this machine has: sqv where it can do the job, else gpgv.

use std::sync::Arc;

use async_trait::async_trait;

use super::{GpgvVerifier, Keyring, SignError, SqvVerifier, Verified, Verifier};
use crate::{
    clock::Timestamp,
    command::{CommandError, CommandRunner, CommandSpec, Discard},
    context::Context,
    path::AbsPath,
};

/// One verifier for clear-signed texts and one for detached signatures.
#[derive(Debug, Clone)]
pub struct ToolVerifier {
    clear: Arc<dyn Verifier>,
    detached: Arc<dyn Verifier>,
    tools: [&'static str; 2],
}

impl ToolVerifier {
    /// The tool that checks clear-signed texts, then the one for detached signatures.
    #[must_use]
    pub const fn tools(&self) -> [&'static str; 2] {
        self.tools
    }
}

/// Finds out what is installed. sqv before 1.3.0 (bookworm has 1.1.0) checks only detached signatures.
///
/// # Errors
/// [`SignError::Command`] with `NotFound` when neither sqv nor gpgv can do the job.
pub async fn detect(cx: &Context, runner: Arc<dyn CommandRunner>, scratch: AbsPath) -> Result<ToolVerifier, SignError> {
    let sqv = SqvVerifier::has_cleartext(cx, &*runner).await?;
    if sqv == Some(true) {
        let verifier: Arc<dyn Verifier> = Arc::new(SqvVerifier::new(runner, scratch));
        return Ok(ToolVerifier { clear: Arc::clone(&verifier), detached: verifier, tools: ["sqv", "sqv"] });
    }
    let exit = runner.run(cx, &CommandSpec::new("gpgv").with_arg("--version"), &mut Discard).await?;
    if !exit.success() {
        let (program, tail) = ("gpgv".to_owned(), "gpgv --version failed".to_owned());
        return Err(CommandError::Failed { program, exit, tail }.into());
    }
    let gpgv: Arc<dyn Verifier> = Arc::new(GpgvVerifier::new(Arc::clone(&runner), scratch.clone()));
    Ok(match sqv {
        Some(_) => {
            let sqv = Arc::new(SqvVerifier::new(runner, scratch));
            ToolVerifier { clear: gpgv, detached: sqv, tools: ["gpgv", "sqv"] }
        }
        None => ToolVerifier { clear: Arc::clone(&gpgv), detached: gpgv, tools: ["gpgv", "gpgv"] },
    })
}

#[async_trait]
impl Verifier for ToolVerifier {
    async fn verify_clear(
        &self,
        cx: &Context,
        what: &str,
        signed: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        self.clear.verify_clear(cx, what, signed, keys, at).await
    }

    async fn verify_detached(
        &self,
        cx: &Context,
        what: &str,
        data: &[u8],
        signature: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        self.detached.verify_detached(cx, what, data, signature, keys, at).await
    }
}
