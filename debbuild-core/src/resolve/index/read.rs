//! Reading a Packages index into tables: most groups of alternatives stand in many packages, and are read once.

use std::collections::HashMap;

use super::table::{Alternative, Field, GroupId, NONE, Row, Table, TextId, alternative};
use crate::{
    arch::Architecture,
    control::{ControlError, MultiArch, Paragraph, Problem, location, paragraphs},
    error::chain,
    name::PackageName,
    relation::{Alternatives, Relations},
};

/// Where the stanzas of an index are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stanzas {
    /// An archive: each says where its file is.
    Archive,
    /// dpkg's list of what is installed, or something else without files: of those that say their status, only installed ones count.
    Status,
}

/// The most relations of one field, as [`Relations::parse`] has it.
const MOST: usize = 50_000;

pub(super) fn read(text: &str, stanzas: Stanzas) -> (Table, Vec<Problem>) {
    let mut reader =
        Reader { table: Table::default(), texts: HashMap::new(), named: Vec::new(), groups: HashMap::new(), stanzas };
    let mut problems = Vec::new();
    let mut all = paragraphs(text);
    let mut start = 0;
    while let Some(paragraph) = all.next() {
        let (from, to) = (start, all.offset());
        start = to;
        let subject = paragraph.as_ref().ok().and_then(|p| p.get("Package")).map(str::to_owned);
        match paragraph.and_then(|paragraph| reader.stanza(&paragraph, from, to)) {
            Ok(warning) => problems.extend(warning.map(|error| Problem { subject, error })),
            Err(error) => problems.push(Problem { subject, error }),
        }
    }
    (reader.table, problems)
}

struct Reader<'t> {
    table: Table,
    texts: HashMap<String, TextId>,
    /// By text: whether it is known as the name of a package.
    named: Vec<bool>,
    /// By what stands between commas.
    groups: HashMap<&'t str, GroupId>,
    stanzas: Stanzas,
}

impl<'t> Reader<'t> {
    /// Reads one stanza, and says what dpkg would warn about.
    fn stanza(
        &mut self,
        paragraph: &Paragraph<'t>,
        from: usize,
        to: usize,
    ) -> Result<Option<ControlError>, ControlError> {
        if self.stanzas == Stanzas::Status && !is_installed(paragraph) {
            return Ok(None);
        }
        let package: PackageName = paragraph.required("Package")?;
        let (version, warning) = paragraph.foreign_version()?;
        let architecture: Architecture = paragraph.required("Architecture")?;
        let multi_arch: MultiArch = paragraph.parsed("Multi-Arch")?.unwrap_or_default();
        let essential = paragraph.flag("Essential")?;
        let protected = paragraph.flag("Protected")? || paragraph.flag("Important")?;
        let flags = Row::flags(multi_arch, rank(paragraph.get("Priority")), essential, protected);
        let (Ok(start), Ok(len)) = (u32::try_from(from), u32::try_from(to - from)) else {
            return Err(paragraph.error("Package", "stands behind the first 4 GiB"));
        };
        let mut bad = self.file(paragraph).err();
        let (source, source_version) = match paragraph.source() {
            Ok(Some((source, version))) => {
                let version = version.map_or(NONE, |version| self.number(version.as_str(), false));
                (self.number(source.as_str(), false), version)
            }
            Ok(None) => (self.number(package.as_str(), false), NONE),
            Err(error) => {
                bad.get_or_insert(error);
                (self.number(package.as_str(), false), NONE)
            }
        };
        let mut row = Row {
            package: self.number(package.as_str(), true),
            version: self.number(version.as_str(), false),
            architecture: self.number(architecture.as_str(), false),
            source,
            source_version,
            flags,
            bad: NONE,
            start,
            len,
            fields: Default::default(),
        };
        for field in Field::ALL {
            row.fields[field as usize] = self.table.lists.len() as u32;
            if let Err(error) = self.field(paragraph, field)
                && !field.is_weak()
            {
                bad.get_or_insert(error);
            }
        }
        row.fields[Field::ALL.len()] = self.table.lists.len() as u32;
        if let Some(error) = bad {
            row.bad = self.number(&chain(&error), false);
        }
        self.table.rows.push(row);
        Ok(warning)
    }

    /// Whether the stanza says where its file is, as it must.
    fn file(&self, paragraph: &Paragraph<'t>) -> Result<(), ControlError> {
        match self.stanzas {
            Stanzas::Archive => location(paragraph).map(|_| ()),
            Stanzas::Status => Ok(()),
        }
    }

    /// Adds the groups of a field to the lists; none where one of them cannot be read.
    fn field(&mut self, paragraph: &Paragraph<'t>, field: Field) -> Result<(), ControlError> {
        let Some(value) = paragraph.get(field.name()) else { return Ok(()) };
        let before = self.table.lists.len();
        for piece in value.split(',') {
            let piece = piece.trim_ascii();
            if piece.is_empty() {
                continue;
            }
            let group = match self.groups.get(piece) {
                Some(known) => Some(*known),
                None => self.group(piece),
            };
            match group {
                Some(group) if self.table.lists.len() - before < MOST => self.table.lists.push(group),
                _ => return self.whole(paragraph, field, before),
            }
        }
        Ok(())
    }

    /// Reads a field at once, for an error that says where it is.
    fn whole(&mut self, paragraph: &Paragraph<'t>, field: Field, before: usize) -> Result<(), ControlError> {
        self.table.lists.truncate(before);
        for alternatives in &paragraph.relations(field.name())?.0 {
            let group = self.add(alternatives);
            self.table.lists.push(group);
        }
        Ok(())
    }

    fn group(&mut self, piece: &'t str) -> Option<GroupId> {
        let relations = Relations::parse(piece).ok()?;
        let [alternatives] = &*relations.0 else { return None };
        let group = self.add(alternatives);
        self.groups.insert(piece, group);
        Some(group)
    }

    fn add(&mut self, alternatives: &Alternatives) -> GroupId {
        let each = alternatives.0.iter().map(|relation| alternative(relation, |text, name| self.number(text, name)));
        let alternatives: Vec<Alternative> = each.collect();
        self.table.push_group(alternatives)
    }

    /// The number of a text; whether it is the name of a package is noted.
    fn number(&mut self, text: &str, name: bool) -> TextId {
        let id = match self.texts.get(text) {
            Some(known) => *known,
            None => {
                let id = self.table.push_text(text);
                self.texts.insert(text.to_owned(), id);
                self.named.push(false);
                id
            }
        };
        if name && !std::mem::replace(&mut self.named[id as usize], true) {
            self.table.names.push(id);
        }
        id
    }
}

/// Whether dpkg has the package installed, as far as a stanza of its list says (`Status: install ok installed`).
fn is_installed(paragraph: &Paragraph<'_>) -> bool {
    paragraph.get("Status").is_none_or(|status| status.split_ascii_whitespace().nth(2) == Some("installed"))
}

/// The rank of a priority (Policy 2.5), as apt numbers them.
fn rank(priority: Option<&str>) -> u8 {
    match priority {
        Some("required") => 1,
        Some("important") => 2,
        Some("standard") => 3,
        Some("optional") => 4,
        Some("extra") => 5,
        _ => 0,
    }
}
