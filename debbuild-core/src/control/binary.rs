//! Binary packages: the control file of a .deb, and the stanzas of Packages.

use super::{
    ControlError, Paragraph, Problem, single_paragraph,
    tolerant::{Tolerance, collect},
};
use crate::{
    arch::Architecture,
    digest::Sha256,
    name::{PackageName, PoolPath, SourceName},
    relation::{Operator, Relation, Relations},
    version::Version,
};

/// How a package goes together with itself and with others of other architectures (`Multi-Arch`, Debian's multiarch specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum MultiArch {
    /// `no`, the default: it satisfies only relations of its own architecture.
    #[default]
    No,
    /// `same`: several architectures of it can be installed together, in one version.
    Same,
    /// `foreign`: it satisfies relations of every architecture.
    Foreign,
    /// `allowed`: the one that depends on it decides, by `:any`.
    Allowed,
}

impl std::str::FromStr for MultiArch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "no" => Ok(Self::No),
            "same" => Ok(Self::Same),
            "foreign" => Ok(Self::Foreign),
            "allowed" => Ok(Self::Allowed),
            _ => Err("is none of no, same, foreign and allowed"),
        }
    }
}

/// The relations of a binary package (Policy 7.2 to 7.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the field of that name")]
pub struct BinaryRelations {
    pub pre_depends: Relations,
    pub depends: Relations,
    pub recommends: Relations,
    pub suggests: Relations,
    pub enhances: Relations,
    pub breaks: Relations,
    pub conflicts: Relations,
    pub replaces: Relations,
    pub provides: Relations,
}

/// Where an index says that a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, below the archive's root.
    pub filename: PoolPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// A binary package as its control file (Policy 5.3) or a stanza of Packages describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinaryPackage {
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture, or `all`.
    pub architecture: Architecture,
    /// The source package that it was built from.
    pub source: SourceName,
    /// The version of that source package: differs from the package's own for a binNMU.
    pub source_version: Version,
    /// How it goes together with other architectures.
    pub multi_arch: MultiArch,
    /// Whether a system cannot be without it.
    pub essential: bool,
    /// Whether it is for building, and every build may rely on it (`Build-Essential`).
    pub build_essential: bool,
    /// Its section.
    pub section: Option<String>,
    /// Its priority.
    pub priority: Option<String>,
    /// What it takes installed, in KiB.
    pub installed_size: Option<u64>,
    /// Who keeps it.
    pub maintainer: Option<String>,
    /// The first line of its description.
    pub synopsis: Option<String>,
    /// Its relations.
    pub relations: BinaryRelations,
    /// Where it is, for a stanza of an index.
    pub location: Option<Location>,
}

impl BinaryPackage {
    /// Reads the control file of a .deb, which has no location.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_control(text: &str) -> Result<Self, ControlError> {
        Self::read(&single_paragraph(text)?, &mut Tolerance::none())
    }

    /// Reads a stanza of a Packages index of somebody else, which must say where the file is: what can be left out and is wrong is
    /// left out, see [`read_packages`].
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_stanza(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        Self::stanza(paragraph, &mut Tolerance::noting())
    }

    /// The same for lists that may name no files, as dpkg's own of what is installed.
    #[cfg(feature = "resolve")]
    pub(crate) fn listed(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        match paragraph.get("Filename") {
            Some(_) => Self::from_stanza(paragraph),
            None => Self::read(paragraph, &mut Tolerance::noting()),
        }
    }

    pub(super) fn stanza(paragraph: &Paragraph<'_>, tolerance: &mut Tolerance) -> Result<Self, ControlError> {
        let package = Self::read(paragraph, tolerance)?;
        Ok(Self { location: Some(location(paragraph)?), ..package })
    }

    fn read(paragraph: &Paragraph<'_>, tolerance: &mut Tolerance) -> Result<Self, ControlError> {
        let package: PackageName = paragraph.required("Package")?;
        let version = tolerance.version(paragraph, "Version", paragraph.require("Version")?)?;
        let (source, source_version) = match paragraph.source_with(tolerance)? {
            Some((source, version)) => (source, version),
            None => (package.as_str().parse().map_err(|error| paragraph.error("Package", error))?, None),
        };
        Ok(Self {
            architecture: paragraph.required("Architecture")?,
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            multi_arch: tolerance.or_default(paragraph.parsed("Multi-Arch"))?.unwrap_or_default(),
            essential: tolerance.or_default(paragraph.flag("Essential"))?,
            build_essential: tolerance.or_default(paragraph.flag("Build-Essential"))?,
            section: tolerance.or_default(paragraph.owned("Section"))?,
            priority: tolerance.or_default(paragraph.owned("Priority"))?,
            installed_size: tolerance.or_default(paragraph.parsed("Installed-Size"))?,
            maintainer: tolerance.or_default(paragraph.owned("Maintainer"))?,
            synopsis: paragraph.get("Description").and_then(|text| text.lines().next()).map(str::to_owned),
            relations: BinaryRelations {
                pre_depends: paragraph.relations("Pre-Depends")?,
                depends: paragraph.relations("Depends")?,
                recommends: tolerance.or_default(paragraph.relations("Recommends"))?,
                suggests: tolerance.or_default(paragraph.relations("Suggests"))?,
                enhances: tolerance.or_default(paragraph.relations("Enhances"))?,
                breaks: paragraph.relations("Breaks")?,
                conflicts: paragraph.relations("Conflicts")?,
                replaces: paragraph.relations("Replaces")?,
                provides: paragraph.relations("Provides")?,
            },
            location: None,
            package,
            version,
        })
    }

    /// The name of its file in a pool (deb(5) practice): without the epoch, which file names do not have.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_{}_{}.deb", self.package, self.version.without_epoch(), self.architecture)
    }
}

/// Where the stanza says that the file is; a `./` before it, as flat archives have, is dropped.
pub(crate) fn location(paragraph: &Paragraph<'_>) -> Result<Location, ControlError> {
    let filename = paragraph.require("Filename")?;
    let filename = filename.strip_prefix("./").unwrap_or(filename);
    Ok(Location {
        filename: filename.parse().map_err(|error| paragraph.error("Filename", error))?,
        size: paragraph.required("Size")?,
        sha256: paragraph.required("SHA256")?,
    })
}

/// The fields of a control file that are the package's own: without those that say where an archive has it.
pub(crate) fn own_fields<'a>(paragraph: &Paragraph<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    const THEIRS: [&str; 8] = ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status", "Description-md5"];
    let is_theirs = |name: &str| THEIRS.iter().any(|other| other.eq_ignore_ascii_case(name));
    paragraph.fields().filter(move |(name, _)| !is_theirs(name))
}

/// The sources of which a binary package holds parts, in exact versions (`Built-Using`, Policy 7.8, and `Static-Built-Using`). It
/// only says what to keep: what names none is passed over.
pub(crate) fn built_using(paragraph: &Paragraph<'_>) -> Vec<(SourceName, Version)> {
    let lists = ["Built-Using", "Static-Built-Using"].map(|field| paragraph.relations(field).unwrap_or_default());
    let exact = |relation: &Relation| {
        let constraint = relation.constraint.as_ref().filter(|constraint| constraint.operator == Operator::Equal)?;
        Some((SourceName::new(relation.package.as_str()).ok()?, constraint.version.clone()))
    };
    lists.iter().flat_map(|list| list.iter()).flat_map(|group| &group.0).filter_map(exact).collect()
}

/// Reads a Packages index of somebody else: the stanzas that can be read, and what is wrong with them and with the others. A
/// version that dpkg only warns about, and a field that an installation can do without, do not lose the stanza.
#[must_use]
pub fn read_packages(text: &str) -> (Vec<BinaryPackage>, Vec<Problem>) {
    collect(text, BinaryPackage::stanza)
}
