//! Verifying by sqv(1), Sequoia's verifier, which apt of trixie and later uses.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Fingerprint, Keyring, SignError, Signature, Verified, Verifier, frame,
    workspace::{Prepared, prepare, read_output},
};
use crate::{
    clock::Timestamp,
    command::{Capture, CommandError, CommandRunner, CommandSpec},
    context::Context,
    path::AbsPath,
};

/// Checks signatures by sqv: detached ones by every version, clear-signed texts by 1.3.0 and later.
///
/// sqv judges a key as of the time the signature was made, so a key that has expired since is accepted; `at` bounds the
/// time the signature was made. It says by which key, not when: [`Signature::made`] is `None`.
#[derive(Debug, Clone)]
pub struct SqvVerifier {
    runner: Arc<dyn CommandRunner>,
    scratch: AbsPath,
}

impl SqvVerifier {
    /// A verifier that puts its short-lived files below `scratch`.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, scratch: AbsPath) -> Self {
        Self { runner, scratch }
    }

    /// What the installed sqv can do; `None` when it is not installed.
    ///
    /// # Errors
    /// [`SignError::Command`].
    pub(super) async fn has_cleartext(cx: &Context, runner: &dyn CommandRunner) -> Result<Option<bool>, SignError> {
        let mut said = Capture::default();
        match runner.run(cx, &CommandSpec::new("sqv").with_arg("--help"), &mut said).await {
            Ok(exit) if exit.success() => Ok(Some(String::from_utf8_lossy(&said.stdout).contains("--cleartext"))),
            Ok(_) | Err(CommandError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn run(
        &self,
        cx: &Context,
        what: &str,
        files: &Prepared,
        args: Vec<String>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Signature>, SignError> {
        let mut spec = CommandSpec::new("sqv");
        for keyring in &files.keyrings {
            spec = spec.with_args(["--keyring", keyring.as_str()]);
        }
        if let Some(at) = at {
            spec = spec.with_args(["--not-after".to_owned(), Timestamp::from_seconds(at.seconds()).to_string()]);
        }
        let mut said = Capture::default();
        let exit = self.runner.run(cx, &spec.with_args(args), &mut said).await?;
        let refuse = |reason: String| SignError::NotVerified { what: what.to_owned(), reason };
        if !exit.success() {
            let stderr = String::from_utf8_lossy(&said.stderr);
            let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Err(refuse(format!("sqv ended with {exit}: {}", lines.join("; "))));
        }
        let fingerprints = String::from_utf8_lossy(&said.stdout);
        let signatures: Vec<Signature> = fingerprints
            .lines()
            .map(|line| Fingerprint::new(line).map(|fingerprint| Signature::new(fingerprint, None)))
            .collect::<Result<_, _>>()?;
        if signatures.is_empty() { Err(refuse("sqv named no key".to_owned())) } else { Ok(signatures) }
    }
}

#[async_trait]
impl Verifier for SqvVerifier {
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
        let args = vec![format!("--output={output}"), "--cleartext".to_owned(), files.message.to_string()];
        let signatures = self.run(cx, what, &files, args, at).await?;
        let text = read_output(&output).await?;
        files.workspace.close().await;
        let reason = || SignError::NotVerified { what: what.to_owned(), reason: "sqv wrote no text".to_owned() };
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
        let args = files.signature.iter().chain([&files.message]).map(ToString::to_string).collect();
        let signatures = self.run(cx, what, &files, args, at).await?;
        files.workspace.close().await;
        Ok(Verified::vouch(data.to_vec(), signatures))
    }
}
