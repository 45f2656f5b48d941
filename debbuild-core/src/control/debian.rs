//! `debian/control` of a source tree (Policy 5.2, deb-src-control(5)): what it builds and from what, before substitution.

use std::collections::BTreeSet;

use super::{BinaryRelations, ControlError, MultiArch, Paragraph, SourceRelations, paragraphs, utf8};
use crate::{
    arch::ArchitecturePattern,
    name::{PackageName, SourceName},
    relation::{BuildProfile, Relations, Term, profile_formulas},
};

/// The control file of an unpacked source package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebianControl {
    /// The source package.
    pub source: SourceName,
    /// Its section.
    pub section: Option<String>,
    /// Its priority.
    pub priority: Option<String>,
    /// Who keeps it.
    pub maintainer: Option<String>,
    /// The version of Policy that it follows.
    pub standards_version: Option<String>,
    /// What it needs to be built.
    pub relations: SourceRelations,
    /// The binary packages that it describes, in their order.
    pub binaries: Vec<BinaryTemplate>,
    /// The substitution variables that its relation fields name, without `${}`; what holds one is not in the relations.
    pub substvars: BTreeSet<String>,
}

/// A binary package as `debian/control` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinaryTemplate {
    /// Its name.
    pub package: PackageName,
    /// The architectures that it is built for.
    pub architectures: Vec<ArchitecturePattern>,
    /// What kind of package it is, where it is not a `deb`: `udeb`.
    pub package_type: Option<String>,
    /// Its section, where it is not that of the source.
    pub section: Option<String>,
    /// Its priority, where it is not that of the source.
    pub priority: Option<String>,
    /// How it goes together with other architectures.
    pub multi_arch: MultiArch,
    /// Whether a system cannot be without it.
    pub essential: bool,
    /// The formulas (any of them, all terms in it) under which it is built; empty: always.
    pub build_profiles: Vec<Vec<Term<BuildProfile>>>,
    /// Its relations, without what holds a substitution variable.
    pub relations: BinaryRelations,
    /// The first line of its description.
    pub synopsis: Option<String>,
}

impl DebianControl {
    /// Reads a `debian/control`. Lines that begin with `#` are comments wherever they stand.
    ///
    /// # Errors
    /// [`ControlError`]; there must be a paragraph of the source and at least one of a binary package.
    pub fn read(bytes: &[u8]) -> Result<Self, ControlError> {
        let (text, numbers) = without_comments(utf8(bytes)?);
        Self::parse(&text).map_err(|error| renumbered(error, &numbers))
    }

    fn parse(text: &str) -> Result<Self, ControlError> {
        let mut all = paragraphs(text);
        let head = all.next().ok_or(ControlError::Paragraphs(0))??;
        let mut substvars = BTreeSet::new();
        let mut relations = |field| relations(&head, field, &mut substvars);
        let relations = SourceRelations {
            depends: relations("Build-Depends")?,
            depends_arch: relations("Build-Depends-Arch")?,
            depends_indep: relations("Build-Depends-Indep")?,
            conflicts: relations("Build-Conflicts")?,
            conflicts_arch: relations("Build-Conflicts-Arch")?,
            conflicts_indep: relations("Build-Conflicts-Indep")?,
        };
        let mut control = Self {
            source: head.required("Source")?,
            section: head.owned("Section")?,
            priority: head.owned("Priority")?,
            maintainer: head.owned("Maintainer")?,
            standards_version: head.owned("Standards-Version")?,
            relations,
            binaries: Vec::new(),
            substvars,
        };
        for paragraph in all {
            let paragraph = paragraph?;
            let binary = BinaryTemplate::read(&paragraph, &mut control.substvars)?;
            if control.binaries.iter().any(|other| other.package == binary.package) {
                return Err(paragraph.error("Package", format_args!("{} is described twice", binary.package)));
            }
            control.binaries.push(binary);
        }
        if control.binaries.is_empty() {
            return Err(ControlError::Missing { field: "Package", line: head.first_line() });
        }
        Ok(control)
    }
}

impl BinaryTemplate {
    fn read(paragraph: &Paragraph<'_>, substvars: &mut BTreeSet<String>) -> Result<Self, ControlError> {
        let mut relations = |field| relations(paragraph, field, substvars);
        let relations = BinaryRelations {
            pre_depends: relations("Pre-Depends")?,
            depends: relations("Depends")?,
            recommends: relations("Recommends")?,
            suggests: relations("Suggests")?,
            enhances: relations("Enhances")?,
            breaks: relations("Breaks")?,
            conflicts: relations("Conflicts")?,
            replaces: relations("Replaces")?,
            provides: relations("Provides")?,
        };
        paragraph.require("Architecture")?;
        let profiles = paragraph.get("Build-Profiles").unwrap_or_default();
        let wrong = |source| ControlError::Relation { field: "Build-Profiles", line: paragraph.first_line(), source };
        Ok(Self {
            package: paragraph.required("Package")?,
            architectures: paragraph.list("Architecture", false)?,
            package_type: paragraph
                .get("Package-Type")
                .or_else(|| paragraph.get("XC-Package-Type"))
                .filter(|kind| *kind != "deb")
                .map(str::to_owned),
            section: paragraph.owned("Section")?,
            priority: paragraph.owned("Priority")?,
            multi_arch: paragraph.parsed("Multi-Arch")?.unwrap_or_default(),
            essential: paragraph.flag("Essential")?,
            build_profiles: profile_formulas(profiles).map_err(wrong)?,
            relations,
            synopsis: paragraph.get("Description").and_then(|text| text.lines().next()).map(str::to_owned),
        })
    }
}

fn relations(
    paragraph: &Paragraph<'_>,
    field: &'static str,
    substvars: &mut BTreeSet<String>,
) -> Result<Relations, ControlError> {
    let text = paragraph.get(field).unwrap_or_default();
    let wrong = |source| ControlError::Relation { field, line: paragraph.first_line(), source };
    let (relations, found) = Relations::parse_template(text).map_err(wrong)?;
    substvars.extend(found);
    Ok(relations)
}

/// The text without its comments, and the number that each line of it had.
fn without_comments(text: &str) -> (String, Vec<usize>) {
    let lines = text.split_inclusive('\n').zip(1..).filter(|(line, _)| !line.starts_with('#'));
    lines.unzip()
}

fn renumbered(error: ControlError, numbers: &[usize]) -> ControlError {
    let was = |line: usize| numbers.get(line.saturating_sub(1)).copied().unwrap_or(line);
    match error {
        ControlError::Syntax { line, reason } => ControlError::Syntax { line: was(line), reason },
        ControlError::Missing { field, line } => ControlError::Missing { field, line: was(line) },
        ControlError::Field { field, line, reason } => ControlError::Field { field, line: was(line), reason },
        ControlError::Relation { field, line, source } => ControlError::Relation { field, line: was(line), source },
        other => other,
    }
}
