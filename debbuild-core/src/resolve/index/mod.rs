//! A Packages index in memory: what the solver always needs as tables, the rest of a stanza when it is asked for.

mod cache;
mod read;
mod table;

use std::{
    fmt,
    sync::{Arc, LazyLock, OnceLock},
};

pub use cache::IndexCache;
pub(super) use table::{ANY, Alternative, Field, GroupId, NATIVE, NONE, Row, Table, TextId, UNQUALIFIED};

use crate::{
    control::{BinaryPackage, ControlError, Problem, paragraphs, utf8},
    version::Version,
};

/// The packages of one index. Immutable.
pub struct PackageIndex {
    name: Arc<str>,
    text: String,
    table: Table,
    /// By text: the version that it is.
    versions: Vec<OnceLock<Option<Version>>>,
    problems: Vec<Problem>,
}

impl fmt::Debug for PackageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackageIndex").field("name", &self.name).field("packages", &self.len()).finish_non_exhaustive()
    }
}

impl PackageIndex {
    /// Reads a Packages index. Stanzas that cannot be read are left out; they and versions that
    /// dpkg would warn about are reported by [`PackageIndex::problems`].
    #[must_use]
    pub fn parse(name: &str, text: impl Into<String>) -> Self {
        Self::read(name, text.into(), read::Stanzas::Archive)
    }

    /// Reads dpkg's list of what is installed (`/var/lib/dpkg/status`), or other stanzas that name no files. Of stanzas with a
    /// `Status`, only those count that are installed.
    #[must_use]
    pub fn parse_status(name: &str, text: impl Into<String>) -> Self {
        Self::read(name, text.into(), read::Stanzas::Status)
    }

    fn read(name: &str, text: String, stanzas: read::Stanzas) -> Self {
        let (table, problems) = read::read(&text, stanzas);
        Self { problems, ..Self::of_table(name, text, table) }
    }

    fn of_table(name: &str, text: String, table: Table) -> Self {
        let versions = std::iter::repeat_with(OnceLock::new).take(table.text_count()).collect();
        Self { name: name.into(), text, table, versions, problems: Vec::new() }
    }

    /// Reads a Packages index from its bytes.
    ///
    /// # Errors
    /// [`ControlError::Syntax`] when the bytes are not text.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, ControlError> {
        Ok(Self::parse(name, utf8(bytes)?))
    }

    /// With more of what could not be read, by whoever made the index.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems.extend(problems);
        self
    }

    /// What it is called in answers.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many packages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.rows.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What could not be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The packages in their order, each read when it is reached.
    pub fn packages(&self) -> impl Iterator<Item = Result<BinaryPackage, ControlError>> {
        self.table.rows.iter().map(|row| self.package(row))
    }

    pub(super) fn label(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// The version that a text of the table is.
    pub(super) fn version(&self, text: TextId) -> &Version {
        static NO_VERSION: LazyLock<Option<Version>> = LazyLock::new(|| Version::new("0").ok());
        let read = || Version::tolerant(self.table.text(text)).ok().map(|(version, _)| version);
        // Only what was read as a version is asked for, so the second is never needed.
        let version = self.versions[text as usize].get_or_init(read).as_ref().or(NO_VERSION.as_ref());
        version.unwrap_or_else(|| unreachable!("0 is a version"))
    }

    /// The stanza of a package.
    pub(super) fn stanza(&self, row: &Row) -> &str {
        let start = row.start as usize;
        &self.text[start..start + row.len as usize]
    }

    pub(super) fn package(&self, row: &Row) -> Result<BinaryPackage, ControlError> {
        let paragraph = paragraphs(self.stanza(row)).next().ok_or(ControlError::Paragraphs(0))??;
        BinaryPackage::listed(&paragraph)
    }
}
