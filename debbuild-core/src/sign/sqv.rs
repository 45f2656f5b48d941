//! Verifying by sqv(1), Sequoia's verifier, which apt of trixie and later uses.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Fingerprint, SignError, Signature,
    status::{CHANGED, EXPIRED, LATER, REVOKED, UNKNOWN, WEAK},
    workspace::{Prepared, Tool},
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
}

#[async_trait]
impl Tool for SqvVerifier {
    const NAME: &'static str = "sqv";

    fn scratch(&self) -> &AbsPath {
        &self.scratch
    }

    async fn check(
        &self,
        cx: &Context,
        what: &str,
        files: &Prepared,
        output: Option<&AbsPath>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Signature>, SignError> {
        let mut spec = CommandSpec::new("sqv");
        for keyring in &files.keyrings {
            spec = spec.with_args(["--keyring", keyring.as_str()]);
        }
        if let Some(at) = at {
            spec = spec.with_args(["--not-after".to_owned(), Timestamp::from_seconds(at.seconds()).to_string()]);
        }
        if let Some(output) = output {
            spec = spec.with_arg(format!("--output={output}")).with_arg("--cleartext");
        }
        for file in files.signature.iter().chain([&files.message]) {
            spec = spec.with_arg(file.as_str());
        }
        let mut said = Capture::default();
        let exit = self.runner.run(cx, &spec, &mut said).await?;
        let refuse = |reason: String| SignError::NotVerified { what: what.to_owned(), reason };
        if !exit.success() {
            let stderr = String::from_utf8_lossy(&said.stderr);
            return Err(refuse(reason(&stderr, &exit.to_string())));
        }
        let fingerprints = String::from_utf8_lossy(&said.stdout);
        let signatures: Vec<Signature> = fingerprints
            .lines()
            .map(|line| Fingerprint::new(line).map(|fingerprint| Signature::new(fingerprint, None)))
            .collect::<Result<_, _>>()?;
        if signatures.is_empty() { Err(refuse("sqv named no key".to_owned())) } else { Ok(signatures) }
    }
}

/// Why sqv refused, in the words that gpgv's answers are told in where they mean the same, with sqv's own after them.
fn reason(stderr: &str, exit: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = lines.join("; ");
    let has = |text: &str| said.contains(text);
    let told = if has("has been manipulated") {
        CHANGED
    } else if has("Missing key") {
        UNKNOWN
    } else if has("is revoked") {
        REVOKED
    } else if has("is not considered secure") {
        if has("is not bound") { "the key's own signatures are over a weak hash" } else { WEAK }
    } else if has("Not live until") || has("was created after") {
        LATER
    } else if has("xpired on") || has("not alive") {
        EXPIRED
    } else {
        return format!("sqv ended with {exit}: {said}");
    };
    format!("{told}: {said}")
}
