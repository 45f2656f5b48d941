//! What a client needs to trust a suite: the keyring, and a deb822 `.sources` file with the key in it (sources.list(5)).

use std::fmt::Write as _;

use super::{RepoError, Repository, SuiteOptions};
use crate::{
    context::Context,
    name::SuiteName,
    sign::{Signer, armor},
};

/// The public key of a suite, in the two forms that apt takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyExport {
    /// A binary keyring, for `Signed-By` with a path, gpgv and debootstrap.
    pub keyring: Vec<u8>,
    /// A `.sources` file with the key embedded.
    pub sources: String,
}

impl Repository {
    /// The public key of a suite that is reached under `uri`.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::Sign`].
    pub async fn export_key(
        &self,
        cx: &Context,
        suite: &SuiteName,
        uri: &str,
        signer: &dyn Signer,
    ) -> Result<KeyExport, RepoError> {
        let options = self.reached(suite, uri).await?;
        Ok(export(&options, uri, signer.public_key(cx).await?))
    }

    /// A `.sources` file (sources.list(5)) of a suite that is reached under `uri`, checked with the keyring at this path.
    ///
    /// # Errors
    /// [`RepoError::NoSuite`], [`RepoError::Option`].
    pub async fn sources_file(
        &self,
        _: &Context,
        suite: &SuiteName,
        uri: &str,
        keyring: &str,
    ) -> Result<String, RepoError> {
        Ok(sources(&self.reached(suite, uri).await?, uri, keyring))
    }

    /// The options of a suite, for clients that reach it so.
    async fn reached(&self, suite: &SuiteName, uri: &str) -> Result<SuiteOptions, RepoError> {
        let named = suite.clone();
        let options = self.stored(move |store| store.options(&named)).await?;
        if uri.is_empty() || uri.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let reason = format!("not a URI: {uri:?}");
            return Err(RepoError::Option { suite: suite.clone(), field: "uri", reason });
        }
        Ok(options)
    }
}

/// Writes the `.sources` file of a suite that is reached under `uri`, with the key in it.
fn export(options: &SuiteOptions, uri: &str, keyring: Vec<u8>) -> KeyExport {
    let mut signed_by = String::new();
    for line in armor::armor(&keyring).lines() {
        // Writing into a String does not fail.
        let _written = write!(signed_by, "\n {}", if line.is_empty() { "." } else { line });
    }
    KeyExport { keyring, sources: sources(options, uri, &signed_by) }
}

/// The `.sources` file of a suite that is reached under `uri`; `signed_by` is a path, or the key itself.
fn sources(options: &SuiteOptions, uri: &str, signed_by: &str) -> String {
    let joined = |names: Vec<&str>| names.join(" ");
    let mut sources = String::new();
    for (name, value) in [
        ("Types", "deb deb-src".to_owned()),
        ("URIs", uri.to_owned()),
        ("Suites", options.suite.to_string()),
        ("Components", joined(options.components.iter().map(AsRef::as_ref).collect())),
        ("Signed-By", signed_by.to_owned()),
    ] {
        let separator = if value.starts_with('\n') { "" } else { " " };
        let _written = writeln!(sources, "{name}:{separator}{value}");
    }
    sources
}
