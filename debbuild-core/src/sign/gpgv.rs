//! Verifying by gpgv(1), GnuPG's verifier: it has no agent, no trust model and reads only the keyrings it is given.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Keyring, SignError, Signature, Verified, Verifier, frame,
    status::good_signatures,
    workspace::{Prepared, prepare, read_output},
};
use crate::{
    clock::Timestamp,
    command::{Capture, CommandError, CommandRunner, CommandSpec},
    context::Context,
    path::AbsPath,
};

/// Checks signatures by gpgv. What it vouches for is only what gpgv wrote to its output file.
///
/// gpgv itself always checks as of the machine's clock; `at` is applied to what it reports: a signature made later than
/// `at` is refused, a key or signature that has expired since then is accepted. Revocations count whenever they were made.
#[derive(Debug, Clone)]
pub struct GpgvVerifier {
    runner: Arc<dyn CommandRunner>,
    scratch: AbsPath,
}

impl GpgvVerifier {
    /// A verifier that puts its short-lived files below `scratch`.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, scratch: AbsPath) -> Self {
        Self { runner, scratch }
    }

    async fn run(
        &self,
        cx: &Context,
        what: &str,
        files: &Prepared,
        output: Option<&AbsPath>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Signature>, SignError> {
        let folder = files.workspace.path();
        let mut spec = CommandSpec::new("gpgv").with_args(["--homedir", folder.as_str(), "--status-fd", "1"]);
        for keyring in &files.keyrings {
            spec = spec.with_args(["--keyring", keyring.as_str()]);
        }
        if let Some(output) = output {
            spec = spec.with_args(["--output", output.as_str()]);
        }
        spec = spec.with_arg("--");
        for file in files.signature.iter().chain([&files.message]) {
            spec = spec.with_arg(file.as_str());
        }
        let mut said = Capture::default();
        let exit = self.runner.run(cx, &spec, &mut said).await?;
        let status = String::from_utf8_lossy(&said.stdout);
        // 0 is all good, 1 a bad signature, 2 anything else, also one unknown key among known ones: the lines decide.
        if !matches!(exit.status, Some(0..=2)) {
            let tail = String::from_utf8_lossy(&said.stderr).trim().to_owned();
            return Err(CommandError::Failed { program: "gpgv".to_owned(), exit, tail }.into());
        }
        good_signatures(&status, at).map_err(|reason| SignError::NotVerified { what: what.to_owned(), reason })
    }
}

#[async_trait]
impl Verifier for GpgvVerifier {
    async fn verify_clear(
        &self,
        cx: &Context,
        what: &str,
        signed: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        frame::check(what, signed)?;
        let files = prepare(&self.scratch, keys, signed, None).await?;
        let output = files.workspace.path().join("output");
        let signatures = self.run(cx, what, &files, Some(&output), at).await?;
        let text = read_output(&output).await?;
        files.workspace.close().await;
        let reason = || SignError::NotVerified { what: what.to_owned(), reason: "gpgv wrote no text".to_owned() };
        Ok(Verified::vouch(text.ok_or_else(reason)?, signatures))
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
        let files = prepare(&self.scratch, keys, data, Some(signature)).await?;
        let signatures = self.run(cx, what, &files, None, at).await?;
        files.workspace.close().await;
        Ok(Verified::vouch(data.to_vec(), signatures))
    }
}
