//! Architectures as dpkg has them: concrete names, `all`, and the wildcards that match them.

mod emulator;

use std::fmt;

use crate::name::{NameError, checked_name};

checked_name! {
    /// A concrete Debian architecture (`amd64`) or `all`; never a wildcard, never `source`.
    Architecture, "architecture", is_architecture
}

impl Architecture {
    /// `all`: packages for every architecture.
    #[must_use]
    pub fn all() -> Self {
        Self("all".to_owned())
    }

    /// Whether this is `all`.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == "all"
    }
}

checked_name! {
    /// What `Architecture` fields and restrictions hold: a concrete architecture, `all`, `any`, or a wildcard such as
    /// `linux-any` and `any-amd64` (Policy 11.1.1).
    ArchitecturePattern, "architecture or wildcard", is_pattern
}

impl ArchitecturePattern {
    /// Whether this is a wildcard.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.split('-').any(|part| part == "any")
    }

    /// The architecture, when this is not a wildcard.
    #[must_use]
    pub fn concrete(&self) -> Option<Architecture> {
        Architecture::new(&self.0).ok()
    }

    /// Whether `architecture` is one that this stands for, as `dpkg-architecture -i` says: `linux-amd64` is another name of
    /// `amd64`, and `all` is matched only by itself.
    #[must_use]
    pub fn matches(&self, architecture: &Architecture) -> bool {
        if self.0 == architecture.as_str() {
            return true;
        }
        if architecture.is_all() || self.0 == "all" {
            return false;
        }
        if !self.is_wildcard() {
            return tuple(architecture.as_str()).eq(tuple(&self.0));
        }
        let Some(wanted) = wildcard_tuple(&self.0) else { return false };
        tuple(architecture.as_str()).zip(wanted).all(|(have, want)| want == "any" || have == want)
    }
}

/// ABI, C library, kernel and processor of a wildcard; what is not written matches everything.
fn wildcard_tuple(text: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [_] => Some(["any"; 4]),
        [os, cpu] => Some(["any", "any", os, cpu]),
        [libc, os, cpu] => Some(["any", libc, os, cpu]),
        [abi, libc, os, cpu] => Some([abi, libc, os, cpu]),
        _ => None,
    }
}

/// The architectures whose name does not say their processor, from dpkg's tupletable: name, ABI, processor.
const NAMED_ABIS: [(&str, &str, &str); 13] = [
    ("armel", "eabi", "arm"),
    ("armhf", "eabihf", "arm"),
    ("arm64ilp32", "ilp32", "arm64"),
    ("mips64", "abi64", "mips64"),
    ("mips64el", "abi64", "mips64el"),
    ("mips64r6", "abi64", "mips64r6"),
    ("mips64r6el", "abi64", "mips64r6el"),
    ("mipsn32", "abin32", "mips64"),
    ("mipsn32el", "abin32", "mips64el"),
    ("mipsn32r6", "abin32", "mips64r6"),
    ("mipsn32r6el", "abin32", "mips64r6el"),
    ("powerpcspe", "spe", "powerpc"),
    ("x32", "x32", "amd64"),
];

/// ABI, C library, kernel and processor of a concrete architecture.
fn tuple(name: &str) -> impl Iterator<Item = &str> + use<'_> {
    let (system, cpu) = name.rsplit_once('-').unwrap_or(("linux", name));
    let (libc, os) = match system {
        "uclibc-linux" => ("uclibc", "linux"),
        "musl-linux" => ("musl", "linux"),
        "dragonflybsd" | "freebsd" | "openbsd" | "netbsd" | "darwin" => ("bsd", system),
        "aix" | "solaris" => ("sysv", system),
        "uclinux" => ("uclibc", "uclinux"),
        "mint" => ("tos", "mint"),
        _ => ("gnu", system),
    };
    let named = NAMED_ABIS.iter().find(|(abi_name, abi, _)| {
        *abi_name == cpu && (libc == "gnu" && os == "linux" || matches!(*abi, "eabi" | "eabihf"))
    });
    let (abi, cpu) = named.map_or(("base", cpu), |(_, abi, cpu)| (*abi, *cpu));
    [abi, libc, os, cpu].into_iter()
}

fn is_pattern(text: &str) -> bool {
    let parts = text.split('-').count();
    is_architecture(text)
        || text == "any"
        || (2..=4).contains(&parts)
            && text.split('-').any(|part| part == "any")
            && text
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_architecture(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !matches!(text, "any" | "source")
        && text.split('-').all(|part| !part.is_empty() && part != "any")
}

#[cfg(test)]
mod tests;
