//! The APT sources of composed systems: the blueprint's archives where users reach them, each with the keyring it was verified with.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use debbuild_core::{
    digest::Sha256,
    lock::{ArchiveAccess, LockFile},
};

use crate::blueprint::{ArchiveChoice, Blueprint};

/// A file that a composed system gets at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemFile {
    /// This text.
    Text(String),
    /// The bytes of a stored blob.
    Stored(Sha256),
}

impl SystemFile {
    /// As an option of a node: `text:..` or `sha256:..`.
    pub(crate) fn to_option(&self) -> String {
        match self {
            Self::Text(text) => format!("text:{text}"),
            Self::Stored(digest) => format!("sha256:{digest}"),
        }
    }

    /// From an option of a node.
    pub(crate) fn from_option(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("text", text) => Some(Self::Text(text.to_owned())),
            ("sha256", digest) => digest.parse().ok().map(Self::Stored),
            _ => None,
        }
    }
}

/// The APT sources of the systems of a compose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemSources {
    /// Files by their paths in the system: for each archive `etc/apt/sources.list.d/NAME.sources` (deb822, sources.list(5)) and
    /// the keyrings in `etc/apt/keyrings` that it names.
    pub files: BTreeMap<String, SystemFile>,
    /// What is left out, and why, for people.
    pub left_out: Vec<String>,
}

impl SystemSources {
    /// The sources that a blueprint wants, of the archives that its lock names.
    #[must_use]
    pub fn new(blueprint: &Blueprint, lock: &LockFile) -> Self {
        let mut all = Self::default();
        for choice in blueprint.archives.iter().filter(|choice| choice.system) {
            all.add(choice, lock);
        }
        all
    }

    fn add(&mut self, choice: &ArchiveChoice, lock: &LockFile) {
        // An entry that stands for the host's archives has many, called `NAME:SUITE`.
        let of = |access: &&ArchiveAccess| access.name.split(':').next() == Some(choice.name.as_str());
        let mut keyrings: Vec<Sha256> = Vec::new();
        let mut stanzas: Vec<(Vec<String>, usize, Vec<&str>)> = Vec::new();
        for access in lock.archives.iter().filter(of) {
            let uris: Vec<String> = match &choice.system_uri {
                Some(uri) => vec![uri.clone()],
                None => access.uris.iter().filter(|uri| is_public(uri)).cloned().collect(),
            };
            if uris.is_empty() {
                let at = access.uris.join(" ");
                let line = format!("systems get no APT source for {}: only this machine reaches {at}", access.name);
                self.left_out.push(line);
                continue;
            }
            let known = keyrings.iter().position(|known| *known == access.keyring_sha256);
            let keyring = known.unwrap_or_else(|| {
                keyrings.push(access.keyring_sha256);
                keyrings.len() - 1
            });
            match stanzas.iter_mut().find(|(others, ring, _)| *others == uris && *ring == keyring) {
                Some((.., suites)) => suites.push(&access.suite),
                None => stanzas.push((uris, keyring, vec![&access.suite])),
            }
        }
        let path = |ring: usize| match ring {
            0 => format!("etc/apt/keyrings/{}.gpg", choice.name),
            // No archive has a plus in its name.
            more => format!("etc/apt/keyrings/{}+{more}.gpg", choice.name),
        };
        let stanza = |(uris, ring, suites): &(Vec<String>, usize, Vec<&str>)| {
            let (uris, suites, components) = (uris.join(" "), suites.join(" "), choice.components.join(" "));
            let expiry = if choice.expires { "" } else { "Check-Valid-Until: no\n" };
            let signed = format!("Signed-By: /{}\n{expiry}", path(*ring));
            format!("Types: deb\nURIs: {uris}\nSuites: {suites}\nComponents: {components}\n{signed}")
        };
        if stanzas.is_empty() {
            return;
        }
        let text = stanzas.iter().map(stanza).collect::<Vec<_>>().join("\n");
        self.files.insert(format!("etc/apt/sources.list.d/{}.sources", choice.name), SystemFile::Text(text));
        self.files.extend(keyrings.into_iter().enumerate().map(|(ring, id)| (path(ring), SystemFile::Stored(id))));
    }
}

/// Whether others than this machine may be given an address: HTTP, not on loopback, without the name of a user.
pub(crate) fn is_public(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let place = rest.split('/').next().unwrap_or_default();
    let host = match place.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    let here = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
        || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    matches!(scheme, "http" | "https") && !host.is_empty() && !here && !place.contains('@')
}

#[cfg(test)]
mod tests;
