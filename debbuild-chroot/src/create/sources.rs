//! Sources lists (deb822 style, sources.list(5)) for inside: addresses that lead through the gateway, keys by file.

use debbuild_core::{
    control::{ControlError, Stanza},
    name::{ComponentName, SuiteName},
};

/// One entry of a sources list inside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InnerSource {
    /// A plain word, unique among the sources: names its key file.
    pub name: String,
    /// The address, `http://`.
    pub uri: String,
    /// The suite.
    pub suite: SuiteName,
    /// The components.
    pub components: Vec<ComponentName>,
    /// The keys that may sign it, binary or armored.
    pub keys: Vec<u8>,
    /// Whether an expired Release is refused.
    pub check_valid_until: bool,
}

impl InnerSource {
    /// An entry with all checks.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        uri: impl Into<String>,
        suite: SuiteName,
        components: Vec<ComponentName>,
        keys: Vec<u8>,
    ) -> Self {
        Self { name: name.into(), uri: uri.into(), suite, components, keys, check_valid_until: true }
    }

    /// Whether an expired Release is refused.
    #[must_use]
    pub fn with_check_valid_until(mut self, check: bool) -> Self {
        self.check_valid_until = check;
        self
    }

    /// The name of the key file: apt tells armored from binary keys by the ending.
    #[must_use]
    pub fn key_file(&self) -> String {
        let ending = if self.keys.starts_with(b"-----BEGIN") { "asc" } else { "gpg" };
        format!("{}.{ending}", self.name)
    }
}

/// The sources list with keys in `keyrings` (a folder, as apt sees it). With `expired`, expiry is checked nowhere: for replays,
/// which verify as of the time of their lock.
///
/// # Errors
/// [`ControlError`] when an address cannot be a field's value.
pub fn deb822(sources: &[InnerSource], keyrings: &str, expired: bool) -> Result<String, ControlError> {
    let mut text = String::new();
    for source in sources {
        let mut stanza = Stanza::new();
        stanza.field("Types", "deb")?.field("URIs", &source.uri)?.field("Suites", &source.suite)?;
        let components: Vec<&str> = source.components.iter().map(ComponentName::as_str).collect();
        stanza.field("Components", components.join(" "))?;
        stanza.field("Signed-By", format!("{keyrings}/{}", source.key_file()))?;
        if expired || !source.check_valid_until {
            stanza.field("Check-Valid-Until", "no")?;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(stanza.as_str());
    }
    Ok(text)
}
