//! What a client needs to trust a suite: the keyring, and a deb822 `.sources` file with the key in it (sources.list(5)).

use std::fmt::Write as _;

use super::SuiteOptions;
use crate::sign::armor;

/// The public key of a suite, in the two forms that apt takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyExport {
    /// A binary keyring, for `Signed-By` with a path, gpgv and debootstrap.
    pub keyring: Vec<u8>,
    /// A `.sources` file with the key embedded.
    pub sources: String,
}

/// Writes the `.sources` file of a suite that is reached under `uri`.
pub(super) fn export(options: &SuiteOptions, uri: &str, keyring: Vec<u8>) -> KeyExport {
    let joined = |names: Vec<&str>| names.join(" ");
    let mut sources = String::new();
    for (name, value) in [
        ("Types", "deb deb-src".to_owned()),
        ("URIs", uri.to_owned()),
        ("Suites", options.suite.to_string()),
        ("Components", joined(options.components.iter().map(AsRef::as_ref).collect())),
        ("Signed-By", String::new()),
    ] {
        // Writing into a String does not fail.
        let _written = writeln!(sources, "{}", format!("{name}: {value}").trim_end());
    }
    for line in armor::armor(&keyring).lines() {
        let _written = writeln!(sources, " {}", if line.is_empty() { "." } else { line });
    }
    KeyExport { keyring, sources }
}
