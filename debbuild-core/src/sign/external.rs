//! Signing by a command of the user's choice: a hardware token, a signing service, sq(1).

use std::{collections::BTreeMap, ffi::OsString, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Fingerprint, SignError, Signer, frame};
use crate::{
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, Stdin},
    context::Context,
};

/// Which commands sign, and with what key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExternalOptions {
    /// The public keys in binary form.
    pub public_key: Vec<u8>,
    /// Their fingerprints, oldest first: several while one follows another and the commands sign with each.
    pub fingerprints: Vec<Fingerprint>,
    /// Program and arguments: text on standard input, clear-signed text on standard output.
    pub clear: Vec<String>,
    /// Program and arguments: data on standard input, armored detached signature on standard output.
    pub detached: Vec<String>,
    /// Variables added to the plain environment.
    pub env: BTreeMap<String, OsString>,
    /// How long one signature may take.
    pub timeout: Duration,
}

impl ExternalOptions {
    /// Commands as argv, without a shell; five minutes for each signature.
    #[must_use]
    pub fn new(public_key: Vec<u8>, fingerprint: Fingerprint, clear: Vec<String>, detached: Vec<String>) -> Self {
        let timeout = Duration::from_secs(300);
        Self { public_key, fingerprints: vec![fingerprint], clear, detached, env: BTreeMap::new(), timeout }
    }

    /// With the fingerprint of one more key that the commands sign with; the public keys are given together.
    #[must_use]
    pub fn with_key(mut self, fingerprint: Fingerprint) -> Self {
        self.fingerprints.push(fingerprint);
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// With another limit for one signature.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Signs by external commands; the secret key never comes near this process.
#[derive(Debug, Clone)]
pub struct ExternalSigner {
    runner: Arc<dyn CommandRunner>,
    options: ExternalOptions,
}

impl ExternalSigner {
    /// A signer by these commands.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, options: ExternalOptions) -> Self {
        Self { runner, options }
    }

    async fn run(&self, cx: &Context, argv: &[String], data: &[u8]) -> Result<Vec<u8>, SignError> {
        let (program, args) =
            argv.split_first().ok_or_else(|| SignError::NoKey("no command to sign with is configured".to_owned()))?;
        let mut spec = CommandSpec::new(program)
            .with_args(args)
            .with_stdin(Stdin::Bytes(data.to_vec()))
            .with_timeout(Some(self.options.timeout));
        for (key, value) in &self.options.env {
            spec = spec.with_env(key, value);
        }
        Ok(self.runner.output(cx, &spec).await?)
    }

    fn not_signed(argv: &[String], reason: impl Into<String>) -> SignError {
        SignError::NotSigned { tool: argv.first().cloned().unwrap_or_default(), reason: reason.into() }
    }
}

#[async_trait]
impl Signer for ExternalSigner {
    async fn public_key(&self, _: &Context) -> Result<Vec<u8>, SignError> {
        Ok(self.options.public_key.clone())
    }

    async fn fingerprints(&self, _: &Context) -> Result<Vec<Fingerprint>, SignError> {
        Ok(self.options.fingerprints.clone())
    }

    async fn clear_sign(&self, cx: &Context, text: &[u8]) -> Result<Vec<u8>, SignError> {
        let signed = self.run(cx, &self.options.clear, text).await?;
        frame::check("the text", &signed).map_err(|error| Self::not_signed(&self.options.clear, error.to_string()))?;
        Ok(signed)
    }

    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.run(cx, &self.options.detached, data).await?;
        if !signature.starts_with(b"-----BEGIN PGP SIGNATURE-----") {
            return Err(Self::not_signed(&self.options.detached, "its output is not an armored signature"));
        }
        Ok(signature)
    }
}
