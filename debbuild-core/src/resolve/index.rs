//! A Packages index in memory: what the solver always needs is read at once, the rest of a stanza when it is asked for.

use std::{ops::Range, sync::Arc};

use crate::{
    arch::Architecture,
    control::{BinaryPackage, ControlError, MultiArch, Paragraph, Problem, paragraphs, utf8},
    name::PackageName,
    relation::{Operator, Relations},
    version::Version,
};

/// The packages of one index. Immutable.
#[derive(Debug)]
pub struct PackageIndex {
    name: Arc<str>,
    text: String,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

/// What the solver always needs of a package.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) package: PackageName,
    pub(super) version: Version,
    pub(super) architecture: Architecture,
    pub(super) multi_arch: MultiArch,
    pub(super) essential: bool,
    /// The rank of its priority: 0 for `required`.
    pub(super) rank: u8,
    pub(super) provides: Vec<(PackageName, Option<Version>)>,
    /// The source package, and its version where that differs.
    pub(super) source: (String, Option<String>),
    span: Range<usize>,
}

impl PackageIndex {
    /// Reads a Packages index. Stanzas that cannot be read are left out; they and versions that
    /// dpkg would warn about are reported by [`PackageIndex::problems`].
    #[must_use]
    pub fn parse(name: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        let mut all = paragraphs(&text);
        let mut start = 0;
        while let Some(paragraph) = all.next() {
            let span = start..all.offset();
            start = span.end;
            let subject = paragraph.as_ref().ok().and_then(|p| p.get("Package")).map(str::to_owned);
            match paragraph.and_then(|paragraph| Entry::read(&paragraph, span)) {
                Ok((entry, warning)) => {
                    entries.push(entry);
                    problems.extend(warning.map(|error| Problem { subject, error }));
                }
                Err(error) => problems.push(Problem { subject, error }),
            }
        }
        Self { name: name.into(), text, entries, problems }
    }

    /// Reads a Packages index from its bytes.
    ///
    /// # Errors
    /// [`ControlError::Syntax`] when the bytes are not text.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, ControlError> {
        Ok(Self::parse(name, utf8(bytes)?))
    }

    /// What it is called in answers.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many packages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What could not be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The packages in their order, each read when it is reached.
    pub fn packages(&self) -> impl Iterator<Item = Result<BinaryPackage, ControlError>> {
        (0..self.entries.len()).map(|at| self.package(at))
    }

    pub(super) fn label(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn package(&self, at: usize) -> Result<BinaryPackage, ControlError> {
        let stanza = &self.text[self.entries[at].span.clone()];
        let paragraph = paragraphs(stanza).next().ok_or(ControlError::Paragraphs(0))??;
        BinaryPackage::from_stanza(&paragraph)
    }
}

impl Entry {
    /// Reads what is always needed, and says what dpkg would warn about.
    fn read(paragraph: &Paragraph<'_>, span: Range<usize>) -> Result<(Self, Option<ControlError>), ControlError> {
        let (version, warning) = paragraph.foreign_version()?;
        let provides = match paragraph.get("Provides") {
            None => Vec::new(),
            Some(_) => provided(&paragraph.relations("Provides")?),
        };
        let rank = match paragraph.get("Priority") {
            Some("required") => 0,
            Some("important") => 1,
            Some("standard") => 2,
            Some("optional") => 3,
            _ => 4,
        };
        let package: PackageName = paragraph.required("Package")?;
        let source = match paragraph.source() {
            Ok(Some((source, version))) => (source.to_string(), version.map(|version| version.to_string())),
            _ => (package.to_string(), None),
        };
        let entry = Self {
            package,
            source,
            version,
            architecture: paragraph.required("Architecture")?,
            multi_arch: paragraph.parsed("Multi-Arch")?.unwrap_or_default(),
            essential: paragraph.flag("Essential")?,
            rank,
            provides,
            span,
        };
        Ok((entry, warning))
    }
}

/// The virtual packages of a `Provides` field. A version counts only with `=` (Policy 7.5).
fn provided(relations: &Relations) -> Vec<(PackageName, Option<Version>)> {
    let each = relations.iter().flat_map(|group| &group.0);
    each.map(|relation| {
        let version = relation.constraint.as_ref().filter(|constraint| constraint.operator == Operator::Equal);
        (relation.package.clone(), version.map(|constraint| constraint.version.clone()))
    })
    .collect()
}
