//! Verifying by gpgv(1), GnuPG's verifier: it has no agent, no trust model and reads only the keyrings it is given.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    SignError, Signature,
    status::good_signatures,
    workspace::{Prepared, Tool},
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
}

#[async_trait]
impl Tool for GpgvVerifier {
    const NAME: &'static str = "gpgv";

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
        good_signatures(&status, at, cx.now())
            .map_err(|reason| SignError::NotVerified { what: what.to_owned(), reason })
    }
}
