//! What apt inside is told besides its sources: options (apt.conf(5)) and priorities (apt_preferences(5)). Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use debbuild_core::{name::PackageName, version::Version};

use super::CreateError;

/// One option of apt, with a value that apt reads as it is meant. An item of a list is set by a key that ends in `::`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AptOption {
    /// The option, for example `APT::Install-Recommends`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Options that would lead apt past the gateway or past its checks, or that run commands, by parts of their names in lower case
/// with `::` at the end, wherever they stand: `Binary::apt::` before a name makes it an option of that program alone.
const REFUSED: [&str; 8] =
    ["::proxy", "dir::", "insecure", "unauthenticated", "-invoke", "pre-install-pkgs", "weak", "verify-"];

impl AptOption {
    /// An option with its value.
    ///
    /// # Errors
    /// [`CreateError::AptOption`] when it could not be written so that apt reads the same, or is one that debbuild sets.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Result<Self, CreateError> {
        let (key, value) = (key.into(), value.into());
        let refuse = |reason: &str| Err(CreateError::AptOption { key: key.clone(), reason: reason.to_owned() });
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./+:".contains(&b);
        if !key.starts_with(|c: char| c.is_ascii_alphabetic()) || !key.bytes().all(plain) {
            return refuse("not the name of an option of apt");
        }
        let lower = format!("{}::", key.to_ascii_lowercase());
        if REFUSED.iter().any(|part| lower.contains(part)) {
            return refuse("it would lead past the gateway or its checks, or run commands: use a hook for those");
        }
        if value.contains(|c: char| c == '"' || c.is_control()) {
            return refuse("its value has quotes or control characters");
        }
        Ok(Self { key, value })
    }
}

/// The options as a file of apt.conf(5).
#[must_use]
pub fn apt_conf(options: &[AptOption]) -> String {
    options.iter().map(|option| format!("{} \"{}\";\n", option.key, option.value)).collect()
}

/// The priority of all packages of one suite of an archive, told by what its Release says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pin {
    /// What the Release must say: the letters of apt_preferences(5) (`o`, `l`, `a`, `n`) and values.
    pub release: Vec<(char, String)>,
    /// The priority.
    pub priority: i16,
}

impl Pin {
    /// A priority for what these fields tell, of which those without a value, or with one that apt would take for a pattern or for
    /// several, say nothing; none when nothing is left.
    #[must_use]
    pub fn new(fields: [(char, Option<&str>); 4], priority: i16) -> Option<Self> {
        let exact =
            |value: &&str| !value.is_empty() && !value.contains(|c: char| c.is_control() || ",*?[]/\"".contains(c));
        let told = fields.into_iter().filter_map(|(letter, value)| Some((letter, value.filter(exact)?.to_owned())));
        let release: Vec<_> = told.collect();
        if release.is_empty() { None } else { Some(Self { release, priority }) }
    }

    /// Whether a Release with these fields has the same priority.
    #[must_use]
    pub fn holds_for(&self, fields: [(char, Option<&str>); 4]) -> bool {
        self.release.iter().all(|(letter, value)| fields.contains(&(*letter, Some(value.as_str()))))
    }
}

/// The priorities as a file of apt_preferences(5).
#[must_use]
pub fn preferences(pins: &[Pin]) -> String {
    let mut text = String::new();
    for pin in pins {
        let fields: Vec<String> = pin.release.iter().map(|(letter, value)| format!("{letter}={value}")).collect();
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _fine =
            writeln!(text, "{gap}Package: *\nPin: release {}\nPin-Priority: {}", fields.join(","), pin.priority);
    }
    text
}

/// Exact versions as a file of apt_preferences(5): of these packages no other version is chosen, and no other package at all.
/// Empty where there are none.
#[must_use]
pub fn exact_versions(versions: &BTreeMap<PackageName, Version>) -> String {
    let mut text = String::new();
    if !versions.is_empty() {
        text.push_str("Package: *\nPin: release *\nPin-Priority: -1\n");
    }
    for (name, version) in versions {
        // Writing to a string cannot fail.
        let _fine = writeln!(text, "\nPackage: {name}\nPin: version {version}\nPin-Priority: 1001");
    }
    text
}

/// Whether a variable of the environment can have this name: letters, digits and `_`, as POSIX has it.
#[must_use]
pub fn variable_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
