//! Source packages: .dsc files and the stanzas of Sources.

use std::collections::BTreeSet;

use super::{
    ControlError, FileEntry, Paragraph, Problem,
    files::file_entries,
    signed::{clean, signed_text},
    single_paragraph,
    tolerant::{Tolerance, collect},
};
use crate::{
    arch::ArchitecturePattern,
    name::{PackageName, PoolPath, SourceName},
    relation::{BuildProfile, Relations, Term, profile_formulas, profiles_hold},
    sign::Verified,
    version::Version,
};

/// The relations of a source package (Policy 7.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SourceRelations {
    /// `Build-Depends`: for every build.
    pub depends: Relations,
    /// `Build-Depends-Arch`: for builds of architecture-dependent packages.
    pub depends_arch: Relations,
    /// `Build-Depends-Indep`: for builds of architecture-independent packages.
    pub depends_indep: Relations,
    /// `Build-Conflicts`.
    pub conflicts: Relations,
    /// `Build-Conflicts-Arch`.
    pub conflicts_arch: Relations,
    /// `Build-Conflicts-Indep`.
    pub conflicts_indep: Relations,
}

/// A binary package that is built only with some build profiles, or without them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profiled {
    /// The binary package.
    pub package: PackageName,
    /// The formulas of which one must hold, with all its terms.
    pub profiles: Vec<Vec<Term<BuildProfile>>>,
}

impl Profiled {
    /// Whether it is built with these profiles.
    #[must_use]
    pub fn is_built(&self, active: &BTreeSet<BuildProfile>) -> bool {
        profiles_hold(&self.profiles, active)
    }
}

/// A source package as a .dsc (Policy 5.4, dsc(5)) or a stanza of Sources describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceControl {
    /// Its name.
    pub source: SourceName,
    /// Its version.
    pub version: Version,
    /// The source format, for example `3.0 (quilt)`.
    pub format: String,
    /// The binary packages that it builds on some architecture.
    pub binaries: Vec<PackageName>,
    /// Those of them that depend on build profiles, as far as `Package-List` says.
    pub profiled: Vec<Profiled>,
    /// The architectures that it builds for; `all` stands for its architecture-independent packages.
    pub architectures: Vec<ArchitecturePattern>,
    /// Who keeps it.
    pub maintainer: Option<String>,
    /// Its section, where an index says so.
    pub section: Option<String>,
    /// Its priority, where an index says so.
    pub priority: Option<String>,
    /// Whether an archive has it only because others were built from it (`Extra-Source-Only`), beside the version that it offers.
    pub extra_only: bool,
    /// What it needs to be built.
    pub relations: SourceRelations,
    /// Its files with their digests; for an index stanza that lists the .dsc, with it.
    pub files: Vec<FileEntry>,
    /// The folder of its files below the archive's root, where an index says so.
    pub directory: Option<PoolPath>,
}

impl SourceControl {
    /// Reads the text of a .dsc that a verifier vouches for.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_verified(text: &Verified) -> Result<Self, ControlError> {
        Self::dsc(&single_paragraph(clean(text.text())?)?)
    }

    /// Reads a .dsc, signed or not, whose signature nobody has checked: for local input that the caller takes as it is.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_unverified(bytes: &[u8]) -> Result<Self, ControlError> {
        Self::dsc(&single_paragraph(&signed_text(bytes)?)?)
    }

    /// Reads a stanza of a Sources index of somebody else: what can be left out and is wrong is left out, see [`read_sources`].
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_stanza(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        Self::stanza(paragraph, &mut Tolerance::noting())
    }

    pub(super) fn stanza(paragraph: &Paragraph<'_>, tolerance: &mut Tolerance) -> Result<Self, ControlError> {
        Self::read(paragraph, "Package", tolerance)
    }

    fn dsc(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        let source = Self::read(paragraph, "Source", &mut Tolerance::none())?;
        if source.files.is_empty() {
            return Err(paragraph.error("Checksums-Sha256", "lists no file"));
        }
        Ok(source)
    }

    fn read(paragraph: &Paragraph<'_>, name: &'static str, tolerance: &mut Tolerance) -> Result<Self, ControlError> {
        let architectures: Vec<ArchitecturePattern> = paragraph.list("Architecture", false)?;
        Ok(Self {
            source: paragraph.required(name)?,
            version: tolerance.version(paragraph, "Version", paragraph.require("Version")?)?,
            format: paragraph.require("Format")?.to_owned(),
            binaries: paragraph.list("Binary", true)?,
            profiled: tolerance.or_default(profiled(paragraph))?,
            architectures,
            maintainer: tolerance.or_default(paragraph.owned("Maintainer"))?,
            section: tolerance.or_default(paragraph.owned("Section"))?,
            priority: tolerance.or_default(paragraph.owned("Priority"))?,
            extra_only: tolerance.or_default(paragraph.flag("Extra-Source-Only"))?,
            relations: SourceRelations {
                depends: paragraph.relations("Build-Depends")?,
                depends_arch: paragraph.relations("Build-Depends-Arch")?,
                depends_indep: paragraph.relations("Build-Depends-Indep")?,
                conflicts: paragraph.relations("Build-Conflicts")?,
                conflicts_arch: paragraph.relations("Build-Conflicts-Arch")?,
                conflicts_indep: paragraph.relations("Build-Conflicts-Indep")?,
            },
            files: file_entries(paragraph)?,
            directory: paragraph.parsed("Directory")?,
        })
    }

    /// The .dsc among its files, where the index lists it.
    #[must_use]
    pub fn dsc_file(&self) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name.as_str().ends_with(".dsc"))
    }
}

/// The lines of `Package-List` with a key `profile`, whose value has `,` between terms and `+` between formulas (dsc(5)).
fn profiled(paragraph: &Paragraph<'_>) -> Result<Vec<Profiled>, ControlError> {
    let mut found = Vec::new();
    for line in paragraph.lines("Package-List") {
        let mut words = line.split_ascii_whitespace();
        let Some(package) = words.next() else { continue };
        let Some(profile) = words.find_map(|word| word.strip_prefix("profile=")) else { continue };
        let wrong = |error: &dyn std::fmt::Display| paragraph.error("Package-List", error);
        let formulas = format!("<{}>", profile.replace(',', " ").replace('+', "> <"));
        let profiles = profile_formulas(&formulas).map_err(|error| wrong(&error))?;
        found.push(Profiled { package: package.parse().map_err(|error| wrong(&error))?, profiles });
    }
    Ok(found)
}

/// Reads a Sources index of somebody else: the stanzas that can be read, and what is wrong with them and with the others. A
/// version that dpkg only warns about, and a field that a source package can do without, do not lose the stanza.
#[must_use]
pub fn read_sources(text: &str) -> (Vec<SourceControl>, Vec<Problem>) {
    collect(text, SourceControl::stanza)
}
