//! .changes files: what an upload or a build consists of.

use super::{
    ControlError, FileEntry, Paragraph,
    files::file_entries,
    signed::{clean, signed_text},
    single_paragraph,
};
use crate::{
    arch::Architecture, clock::Timestamp, name::PackageName, name::SourceName, sign::Verified, version::Version,
};

/// A file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesFile {
    /// Name, size and digest.
    pub file: FileEntry,
    /// The section that its `Files` line gives, perhaps with a component: `non-free/libs`.
    pub section: String,
    /// The priority that its `Files` line gives.
    pub priority: String,
}

/// A .changes file (Policy 5.5, deb-changes(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The source package.
    pub source: SourceName,
    /// The version of the source package: differs from the upload's own for a binNMU.
    pub source_version: Version,
    /// The version of the upload.
    pub version: Version,
    /// Whether the source is part of it.
    pub has_source: bool,
    /// The architectures of the binary packages in it; may hold `all`.
    pub architectures: Vec<Architecture>,
    /// The binary packages in it; empty for an upload of the source alone.
    pub binaries: Vec<PackageName>,
    /// The distributions that it is meant for.
    pub distributions: Vec<String>,
    /// How urgent it is: `low`, `medium`, `high`, `emergency`, `critical`.
    pub urgency: Option<String>,
    /// Who keeps the package.
    pub maintainer: Option<String>,
    /// Who made the upload.
    pub changed_by: Option<String>,
    /// When it was made.
    pub date: Option<Timestamp>,
    /// The bugs that it closes.
    pub closes: Vec<u32>,
    /// Its files.
    pub files: Vec<ChangesFile>,
}

impl Changes {
    /// Reads the text of a .changes that a verifier vouches for.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn from_verified(text: &Verified) -> Result<Self, ControlError> {
        Self::read(&single_paragraph(clean(text.text())?)?)
    }

    /// Reads a .changes, signed or not, whose signature nobody has checked: for what our own builds leave behind.
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
        paragraph.require("Architecture")?;
        let mut has_source = false;
        let mut architectures = Vec::new();
        for word in paragraph.words("Architecture") {
            match word {
                "source" => has_source = true,
                word => architectures.push(word.parse().map_err(|error| paragraph.error("Architecture", error))?),
            }
        }
        Ok(Self {
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            has_source,
            architectures,
            binaries: paragraph.list("Binary", false)?,
            distributions: paragraph.words("Distribution").map(str::to_owned).collect(),
            urgency: paragraph.one_line("Urgency")?.and_then(|text| text.split(' ').next()).map(str::to_lowercase),
            maintainer: paragraph.owned("Maintainer")?,
            changed_by: paragraph.owned("Changed-By")?,
            date: paragraph.date("Date")?,
            closes: paragraph.list("Closes", false)?,
            files: files(paragraph)?,
            version,
        })
    }
}

/// `Files` must be there, because only it says where a file belongs; its names agree with those of the checksums.
fn files(paragraph: &Paragraph<'_>) -> Result<Vec<ChangesFile>, ControlError> {
    let entries = file_entries(paragraph)?;
    if paragraph.get("Files").is_none() {
        return Err(ControlError::Missing { field: "Files", line: paragraph.first_line() });
    }
    let place = |entry: FileEntry| {
        let words = |line: &'_ str| -> Option<(String, String)> {
            let [_, _, section, priority, name] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
                return None;
            };
            (name == entry.name.as_str()).then(|| (section.to_owned(), priority.to_owned()))
        };
        let (section, priority) = paragraph
            .lines("Files")
            .find_map(words)
            .ok_or_else(|| paragraph.error("Files", format_args!("no section and priority for {}", entry.name)))?;
        Ok(ChangesFile { file: entry, section, priority })
    };
    entries.into_iter().map(place).collect()
}
