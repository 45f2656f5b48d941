//! The packages of a lock as lists that other tools take.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{LockFile, LockedPackage};

/// How a list of packages is written, one in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ListStyle {
    /// `package=version`, and `package:arch=version` for packages of other architectures: what debrebuild(1) makes of a .buildinfo.
    #[default]
    Debrebuild,
    /// `package:arch=version` for every package, which means one package for `apt-get install` whatever architectures a system has.
    Apt,
    /// The sha256 and the path of each file below the root of its archive, as `sha256sum --check` reads them.
    Sources,
}

impl ListStyle {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debrebuild => "debrebuild",
            Self::Apt => "apt",
            Self::Sources => "sources",
        }
    }
}

impl fmt::Display for ListStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ListStyle {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Debrebuild, Self::Apt, Self::Sources].into_iter().find(|style| style.name() == text);
        found.ok_or("is none of debrebuild, apt and sources")
    }
}

impl LockFile {
    /// Every package once, also those that only one deliverable has, by name, architecture and version.
    #[must_use]
    pub fn all_packages(&self) -> Vec<&LockedPackage> {
        let all: BTreeSet<&LockedPackage> = self.packages.iter().chain(self.additions.values().flatten()).collect();
        all.into_iter().collect()
    }

    /// Every package as a line of a list.
    #[must_use]
    pub fn list(&self, style: ListStyle) -> Vec<String> {
        let line = |package: &&LockedPackage| {
            let LockedPackage { name, architecture, version, sha256, path, .. } = *package;
            let own = architecture.is_all() || *architecture == self.architecture;
            match style {
                ListStyle::Debrebuild if own => format!("{name}={version}"),
                // apt counts packages for all architectures among those of the system's own.
                ListStyle::Apt if own => format!("{name}:{}={version}", self.architecture),
                ListStyle::Debrebuild | ListStyle::Apt => format!("{name}:{architecture}={version}"),
                ListStyle::Sources => format!("{sha256}  {path}"),
            }
        };
        let mut lines: Vec<String> = self.all_packages().iter().map(line).collect();
        lines.dedup();
        lines
    }
}
