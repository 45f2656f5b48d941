//! What the indexes of an archive list: binary packages and sources, each with its files and its stanza.

use std::collections::HashMap;

use super::{LeftOut, MirrorError};
use crate::{
    acquire::PoolFile,
    arch::Architecture,
    control::{self, ControlError, Paragraph, Stanza, paragraphs},
    error::chain,
    name::{ComponentName, PackageName, PoolPath, SourceName},
    repo::EntryKind,
    version::Version,
};

/// A package or a source of an archive, as its index describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Binary package or source.
    pub kind: EntryKind,
    /// The component that it is in.
    pub component: ComponentName,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture; `None` for sources.
    pub architecture: Option<Architecture>,
    /// The source that it is, or was built from.
    pub source: SourceName,
    /// The version of that source.
    pub source_version: Version,
    /// Sources of which it holds parts (`Built-Using`, `Static-Built-Using`; Policy 7.8).
    pub built_using: Vec<(SourceName, Version)>,
    /// Its files; of a source the .dsc first.
    pub files: Vec<PoolFile>,
    /// Its stanza, each line ended; of a binary package with the long description where the archive has it elsewhere.
    pub stanza: String,
    /// The place of the archive that lists it.
    pub(super) origin: usize,
}

/// What one suite holds under one key only once.
pub(super) type Key = (EntryKind, PackageName, Version, String);

impl Listed {
    /// Its architecture, or `source`.
    #[must_use]
    pub fn architecture_name(&self) -> &str {
        self.architecture.as_ref().map_or("source", Architecture::as_str)
    }

    pub(super) fn key(&self) -> Key {
        (self.kind, self.name.clone(), self.version.clone(), self.architecture_name().to_owned())
    }

    /// Name, version and architecture, for people.
    pub(super) fn describe(&self) -> String {
        format!("{} {} {}", self.name, self.version, self.architecture_name())
    }
}

/// One index of an archive.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) kind: EntryKind,
    pub(super) component: ComponentName,
    /// Of which architecture the index is; `None` for Sources.
    pub(super) architecture: Option<Architecture>,
    pub(super) text: String,
    /// The place of the archive.
    pub(super) origin: usize,
    /// What messages call it.
    pub(super) what: String,
}

/// Long descriptions by package and `Description-md5`.
pub(super) type Descriptions = HashMap<(String, String), String>;

impl Index {
    /// The stanzas that are wanted. What cannot be read is left out, and said.
    pub(super) fn read(
        &self,
        wanted: impl Fn(&Paragraph<'_>) -> bool,
        descriptions: &Descriptions,
        left_out: &mut Vec<LeftOut>,
    ) -> Vec<Listed> {
        let mut listed = Vec::new();
        for paragraph in paragraphs(&self.text) {
            let read = match &paragraph {
                Ok(paragraph) if !wanted(paragraph) => continue,
                Ok(paragraph) if self.kind == EntryKind::Binary => self.binary(paragraph, descriptions),
                Ok(paragraph) => self.source(paragraph),
                Err(_) => paragraph.as_ref().map_err(Clone::clone).map(|_| None),
            };
            match read {
                Ok(Some(one)) => listed.push(one),
                Ok(None) => {}
                Err(error) => {
                    let name = paragraph.as_ref().ok().and_then(|paragraph| paragraph.get("Package"));
                    let what = name.map_or_else(|| self.what.clone(), |name| format!("{name} in {}", self.what));
                    left_out.push(LeftOut::new(what, chain(&error)));
                }
            }
        }
        listed
    }

    fn binary(&self, paragraph: &Paragraph<'_>, descriptions: &Descriptions) -> Result<Option<Listed>, ControlError> {
        let name: PackageName = paragraph.required("Package")?;
        let version: Version = paragraph.required("Version")?;
        let (source, source_version) = match paragraph.source()? {
            Some((source, own)) => (source, own.unwrap_or_else(|| version.clone())),
            None => (name.as_str().parse().map_err(|error| paragraph.error("Package", error))?, version.clone()),
        };
        let built_using = control::built_using(paragraph);
        let at = control::location(paragraph)?;
        Ok(Some(Listed {
            kind: EntryKind::Binary,
            component: self.component.clone(),
            architecture: Some(paragraph.required("Architecture")?),
            built_using,
            files: vec![PoolFile::new(at.filename.as_str(), at.size, at.sha256)],
            stanza: with_description(paragraph, descriptions)?,
            origin: self.origin,
            name,
            version,
            source,
            source_version,
        }))
    }

    /// A source; `None` for one that the archive does not hold whole.
    fn source(&self, paragraph: &Paragraph<'_>) -> Result<Option<Listed>, ControlError> {
        let mut files = source_files(paragraph)?;
        let Some(dsc) = files.iter().position(|file| file.path.ends_with(".dsc")) else { return Ok(None) };
        files[..=dsc].rotate_right(1);
        let version: Version = paragraph.required("Version")?;
        Ok(Some(Listed {
            kind: EntryKind::Source,
            component: self.component.clone(),
            name: paragraph.required("Package")?,
            architecture: None,
            source: paragraph.required("Package")?,
            source_version: version.clone(),
            built_using: Vec::new(),
            files,
            stanza: with_description(paragraph, &Descriptions::new())?,
            origin: self.origin,
            version,
        }))
    }
}

/// The files of a source; `.` as their folder, or `./` before it, as flat archives have it, is dropped.
fn source_files(paragraph: &Paragraph<'_>) -> Result<Vec<PoolFile>, ControlError> {
    const FIELD: &str = "Checksums-Sha256";
    let folder = paragraph.get("Directory").unwrap_or_default();
    let folder = folder.strip_prefix("./").unwrap_or(folder).trim_end_matches('/');
    let mut files = Vec::new();
    for line in paragraph.lines(FIELD) {
        let bad = || paragraph.error(FIELD, format_args!("not a line of a list of files: {line:?}"));
        let [sum, size, name] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return Err(bad()) };
        let path = if matches!(folder, "" | ".") { name.to_owned() } else { format!("{folder}/{name}") };
        let path = PoolPath::new(&path).map_err(|error| paragraph.error("Directory", error))?;
        let (sha256, size) = (sum.parse().map_err(|_| bad())?, size.parse().map_err(|_| bad())?);
        files.push(PoolFile::new(path.as_str(), size, sha256));
    }
    Ok(files)
}

/// The stanza as it is, with the long description where the archive keeps that by `Description-md5` in another file.
fn with_description(paragraph: &Paragraph<'_>, descriptions: &Descriptions) -> Result<String, ControlError> {
    let long = paragraph.get("Description-md5").and_then(|md5| {
        let package = paragraph.get("Package").unwrap_or_default();
        descriptions.get(&(package.to_owned(), md5.to_owned()))
    });
    let mut stanza = Stanza::new();
    for (name, value) in paragraph.fields() {
        match (name.to_ascii_lowercase().as_str(), long) {
            ("description-md5", Some(_)) => {}
            ("description", Some(long)) => {
                stanza.verbatim(name, long)?;
            }
            _ => {
                stanza.verbatim(name, value)?;
            }
        }
    }
    Ok(stanza.as_str().to_owned())
}

/// Reads a `Translation-en` index; stanzas that cannot be read are passed over, and those packages keep their short description.
pub(super) fn descriptions(text: &str, into: &mut Descriptions) {
    for paragraph in paragraphs(text).flatten() {
        let fields = ["Package", "Description-md5", "Description-en"].map(|name| paragraph.get(name));
        if let [Some(package), Some(md5), Some(text)] = fields {
            into.insert((package.to_owned(), md5.to_owned()), text.to_owned());
        }
    }
}

/// The bytes of an index as text.
pub(super) fn text(what: &str, bytes: &[u8]) -> Result<String, MirrorError> {
    let text = control::utf8(bytes).map_err(|source| MirrorError::Control { what: what.to_owned(), source })?;
    Ok(text.to_owned())
}
