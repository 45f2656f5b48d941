//! .buildinfo files: with what a build was made.

use std::collections::BTreeMap;

use super::{
    ControlError, FileEntry, Paragraph,
    files::file_entries,
    signed::{clean, signed_text},
    single_paragraph,
};
use crate::{
    arch::{Architecture, ArchitecturePattern},
    clock::Timestamp,
    name::{PackageName, SourceName},
    relation::{Operator, Qualifier, Relations},
    sign::Verified,
    version::Version,
};

/// A package that was installed during the build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledPackage {
    /// Its name.
    pub package: PackageName,
    /// Its architecture, where it is not that of the build.
    pub architecture: Option<Architecture>,
    /// Its version.
    pub version: Version,
}

/// A .buildinfo file (deb-buildinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Buildinfo {
    /// The source package.
    pub source: SourceName,
    /// The version of the source package: differs from the build's own for a binNMU.
    pub source_version: Version,
    /// The version of the build.
    pub version: Version,
    /// The architectures that were built, and `source`'s place is kept by [`Buildinfo::has_source`].
    pub architectures: Vec<ArchitecturePattern>,
    /// Whether the source was built too.
    pub has_source: bool,
    /// The packages that were built.
    pub binaries: Vec<PackageName>,
    /// The architecture of the machine that built.
    pub build_architecture: Architecture,
    /// When the build ended.
    pub build_date: Option<Timestamp>,
    /// The folder that it was built in.
    pub build_path: Option<String>,
    /// Who built it, for example `Debian`.
    pub build_origin: Option<String>,
    /// What came out.
    pub files: Vec<FileEntry>,
    /// What was installed, of what the build depends on.
    pub installed: Vec<InstalledPackage>,
    /// The environment of the build.
    pub environment: BTreeMap<String, String>,
}

impl Buildinfo {
    /// Reads the text of a .buildinfo that a verifier vouches for.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_verified(text: &Verified) -> Result<Self, ControlError> {
        Self::read(&single_paragraph(clean(text.text())?)?)
    }

    /// Reads a .buildinfo, signed or not, whose signature nobody has checked.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_unverified(bytes: &[u8]) -> Result<Self, ControlError> {
        Self::read(&single_paragraph(&signed_text(bytes)?)?)
    }

    fn read(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        let missing = |field| ControlError::Missing { field, line: paragraph.first_line() };
        let (source, source_version) = paragraph.source()?.ok_or_else(|| missing("Source"))?;
        let version: Version = paragraph.required("Version")?;
        let words = paragraph.words("Architecture").filter(|word| *word != "source");
        let architectures = words.map(|word| word.parse().map_err(|error| paragraph.error("Architecture", error)));
        Ok(Self {
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            architectures: architectures.collect::<Result<_, _>>()?,
            has_source: paragraph.words("Architecture").any(|word| word == "source"),
            binaries: paragraph.list("Binary", false)?,
            build_architecture: paragraph.required("Build-Architecture")?,
            build_date: paragraph.date("Build-Date")?,
            build_path: paragraph.owned("Build-Path")?,
            build_origin: paragraph.owned("Build-Origin")?,
            files: file_entries(paragraph)?,
            installed: installed(paragraph)?,
            environment: environment(paragraph)?,
            version,
        })
    }
}

fn installed(paragraph: &Paragraph<'_>) -> Result<Vec<InstalledPackage>, ControlError> {
    const FIELD: &str = "Installed-Build-Depends";
    let Relations(groups) = paragraph.relations(FIELD)?;
    let one = |relation: &crate::relation::Relation| {
        let constraint = relation.constraint.as_ref().filter(|constraint| constraint.operator == Operator::Equal)?;
        let architecture = match &relation.qualifier {
            Some(Qualifier::Architecture(architecture)) => Some(architecture.clone()),
            _ => None,
        };
        Some(InstalledPackage { package: relation.package.clone(), architecture, version: constraint.version.clone() })
    };
    let each = groups.iter().map(|group| match &group.0[..] {
        [relation] => one(relation).ok_or_else(|| paragraph.error(FIELD, format_args!("no version for {relation}"))),
        _ => Err(paragraph.error(FIELD, format_args!("has alternatives: {group}"))),
    });
    each.collect()
}

/// Lines of `NAME="value"`, in which a backslash keeps the next character (deb-buildinfo(5)).
fn environment(paragraph: &Paragraph<'_>) -> Result<BTreeMap<String, String>, ControlError> {
    let mut variables = BTreeMap::new();
    for line in paragraph.lines("Environment") {
        let value =
            line.split_once('=').and_then(|(name, value)| Some((name, value.strip_prefix('"')?.strip_suffix('"')?)));
        let (name, quoted) =
            value.ok_or_else(|| paragraph.error("Environment", format_args!("not a variable: {line:?}")))?;
        let mut value = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(c) = characters.next() {
            value.extend(if c == '\\' { characters.next() } else { Some(c) });
        }
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}
