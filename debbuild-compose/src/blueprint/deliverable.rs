//! What can be made of a variant, and the options of each kind.

use std::{collections::BTreeMap, fmt};

use super::Selection;

/// A kind of deliverable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeliverableKind {
    /// An APT repository with everything that is in the variant.
    Repository,
    /// An OSTree repository with one commit.
    Ostree,
    /// A live ISO for BIOS and UEFI.
    Iso,
    /// An OCI image.
    Container,
}

impl DeliverableKind {
    /// Every kind, in the order in which they are made.
    pub const ALL: [Self; 4] = [Self::Repository, Self::Container, Self::Iso, Self::Ostree];

    /// The name in blueprints and metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Ostree => "ostree",
            Self::Iso => "iso",
            Self::Container => "container",
        }
    }

    /// The folder below `<variant>/<arch>/` of a compose.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Repository => "repo",
            Self::Ostree => "ostree",
            Self::Iso => "iso",
            Self::Container => "images",
        }
    }
}

impl fmt::Display for DeliverableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that is made of a variant.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Deliverable {
    /// Packages that only it has.
    pub packages: Vec<Selection>,
    /// Whether the compose may go on without it.
    pub failable: bool,
    /// Its kind, with the options of the kind.
    pub options: DeliverableOptions,
}

impl Deliverable {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> DeliverableKind {
        match self.options {
            DeliverableOptions::Repository(_) => DeliverableKind::Repository,
            DeliverableOptions::Ostree(_) => DeliverableKind::Ostree,
            DeliverableOptions::Iso(_) => DeliverableKind::Iso,
            DeliverableOptions::Container(_) => DeliverableKind::Container,
        }
    }
}

/// The options of each kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DeliverableOptions {
    /// An APT repository.
    Repository(Repository),
    /// An OSTree commit.
    Ostree(Ostree),
    /// A live ISO.
    Iso(Iso),
    /// An OCI image.
    Container(Container),
}

/// Options of an APT repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repository {
    /// The suite that it is published as.
    pub suite: String,
    /// `Origin` of its Release.
    pub origin: String,
}

/// Options of an OSTree commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ostree {
    /// The ref that points to the commit: `minimal/1/amd64/base`.
    pub reference: String,
}

/// Options of a live ISO.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Iso {
    /// The volume id: up to 32 of `A-Z 0-9 _`.
    pub volume: String,
    /// Arguments that the kernel gets after `boot=live`.
    pub arguments: Vec<String>,
    /// The zstd level of the squashfs, 1 to 22.
    pub compression: u8,
    /// How long the boot menu waits, in seconds.
    pub timeout: u32,
}

/// Options of an OCI image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// Its tag.
    pub tag: String,
    /// `Entrypoint` of the image's configuration.
    pub entrypoint: Vec<String>,
    /// `Cmd` of the image's configuration.
    pub command: Vec<String>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}
