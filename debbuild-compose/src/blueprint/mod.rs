//! Blueprints: what a distribution consists of, in TOML, checked completely before anything is done.
//!
//! Packages are named in three places: at the top (in every deliverable), in a variant (in every deliverable of the
//! variant) and in a deliverable (only there). Lists give sets of packages a name.
//!
//! ```
//! use debbuild_compose::blueprint::Blueprint;
//!
//! let text = "
//!     packages = ['systemd-sysv']
//!     [compose]
//!     short = 'Minimal'
//!     version = '1'
//!     [archives.main]
//!     uri = 'http://mirror.example/debian'
//!     suite = 'bookworm'
//!     [variants.base.container]
//! ";
//! let blueprint = Blueprint::parse("/srv/minimal.toml", text, &mut |_, _| Err("no includes here".to_owned()))?;
//! assert_eq!(blueprint.variants[0].deliverables[0].kind().name(), "container");
//! # Ok::<(), debbuild_core::config::ConfigError>(())
//! ```

mod check;
mod deliverable;
mod wire;

use std::{collections::BTreeMap, fs};

use debbuild_core::{
    arch::Architecture,
    config::{ConfigError, Document, Included, Place},
    digest::{KeyHasher, Sha256},
    name::PackageName,
    path::AbsPath,
};
pub use deliverable::{Container, Deliverable, DeliverableKind, DeliverableOptions, Iso, Ostree, Repository};

use crate::identity::{ComposeType, Label};

/// A blueprint that was read and checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Blueprint {
    /// The release's short name: the first part of the compose id.
    pub short: String,
    /// The release's name for people; the short name where none is given.
    pub name: String,
    /// The release's version.
    pub version: String,
    /// Why it is made.
    pub kind: ComposeType,
    /// The milestone.
    pub label: Option<Label>,
    /// The architecture that it is made for.
    pub architecture: Architecture,
    /// Whether Recommends are followed.
    pub recommends: bool,
    /// Where packages come from, by name.
    pub archives: Vec<ArchiveChoice>,
    /// Packages of every deliverable; essential ones need not be named.
    pub packages: Vec<Selection>,
    /// What is made.
    pub variants: Vec<Variant>,
    /// The digest of every key and value, wherever they were written.
    values: Sha256,
}

/// A package that the blueprint names, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// The package.
    pub package: PackageName,
    /// The file and line that name it.
    pub place: Place,
}

/// One flavour of the release.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// Its name, which is also the name of its folder.
    pub name: String,
    /// Packages of each of its deliverables.
    pub packages: Vec<Selection>,
    /// What is made of it, each kind at most once, in the order of [`DeliverableKind::ALL`].
    pub deliverables: Vec<Deliverable>,
}

/// An archive as the blueprint names it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveChoice {
    /// The name of the table.
    pub name: String,
    /// Where it is.
    pub source: ArchiveSource,
    /// The suite (or codename).
    pub suite: String,
    /// Its components; `main` where none are named.
    pub components: Vec<String>,
    /// Its pin priority, as apt_preferences(5) has it; 500 where none is given.
    pub priority: i32,
    /// The keyring; without one the caller knows it (the host's, or debbuild's own).
    pub keyring: Option<AbsPath>,
    /// Whether a Release past its Valid-Until is refused.
    pub expires: bool,
    /// Whether composed systems get it as an APT source.
    pub system: bool,
    /// Where composed systems find it; without one where it was read, if others than this machine reach it there.
    pub system_uri: Option<String>,
    /// Where it was written.
    pub place: Place,
}

/// Where an archive is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArchiveSource {
    /// At this URI.
    Uri(String),
    /// Where the host's own APT sources say; the caller reads them.
    Host,
    /// A repository that debbuild keeps, by name; the caller knows its folder.
    Repository(String),
}

impl Blueprint {
    /// Reads a blueprint; `origin` is its absolute path (relative keyrings and includes are meant from its folder).
    ///
    /// `load(origin, name)` gives the text of an include: see [`Document::include`].
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line and, for an unknown key, the nearest known one.
    pub fn parse(
        origin: &str,
        text: &str,
        load: &mut dyn FnMut(&str, &str) -> Result<Included, String>,
    ) -> Result<Self, ConfigError> {
        Self::from_document(&Document::parse(origin, text)?.include("include", load)?)
    }

    /// Reads a blueprint file and what it includes.
    ///
    /// # Errors
    /// [`ConfigError`]; a file that cannot be read is [`ConfigError::Include`].
    pub fn read(path: &AbsPath) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Include {
            place: Place::named(path.as_str()),
            name: path.to_string(),
            message: error.to_string(),
        })?;
        Self::parse(path.as_str(), &text, &mut |origin, name| {
            let folder = AbsPath::new(origin).map_err(|error| error.to_string())?.parent();
            let path = check::beside(&folder, name)?;
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            Ok(Included { origin: path.to_string(), text })
        })
    }

    /// Checks a document that may have more layers (flags, for example).
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_document(document: &Document) -> Result<Self, ConfigError> {
        let wire: wire::File = document.read()?;
        let mut values = KeyHasher::new("blueprint/1");
        for leaf in document.leaves() {
            values.part(&leaf.key, leaf.value);
        }
        check::blueprint(wire, document.origin(), values.finish())
    }

    /// What tells blueprints apart: every value, and what is left of the variants and deliverables.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let mut digest = KeyHasher::new("blueprint-part/1");
        digest.part("values", self.values.as_bytes());
        for variant in &self.variants {
            let kinds = variant.deliverables.iter().map(|deliverable| deliverable.kind().name());
            digest.list(&variant.name, kinds);
        }
        digest.finish()
    }

    /// The variant of that name.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// The same without the variants and deliverables that `keep` refuses; for making a part of a compose.
    #[must_use]
    pub fn only(mut self, mut keep: impl FnMut(&str, DeliverableKind) -> bool) -> Self {
        for variant in &mut self.variants {
            variant.deliverables.retain(|deliverable| keep(&variant.name, deliverable.kind()));
        }
        self.variants.retain(|variant| !variant.deliverables.is_empty());
        self
    }

    /// The packages that are named, by where: `""` at the top, `VARIANT`, or `VARIANT/KIND`.
    #[must_use]
    pub fn selections(&self) -> BTreeMap<String, Vec<Selection>> {
        let mut sets = BTreeMap::from([(String::new(), self.packages.clone())]);
        for variant in &self.variants {
            sets.insert(variant.name.clone(), variant.packages.clone());
            for deliverable in &variant.deliverables {
                let name = format!("{}/{}", variant.name, deliverable.kind());
                sets.insert(name, deliverable.packages.clone());
            }
        }
        sets
    }
}

#[cfg(test)]
mod tests;
