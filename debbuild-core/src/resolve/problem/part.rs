//! The packages of a problem, by the index that they are from.

use std::sync::Arc;

use super::{
    super::{PackageIndex, Universe, encode::Roots, universe::SolvableId},
    ProblemError, reach,
    reach::Reached,
};
use crate::control::{Paragraph, Stanza, paragraphs};

/// The fields that are kept besides the relations, which can be reduced.
const FIELDS: [&str; 14] = [
    "Package",
    "Source",
    "Version",
    "Architecture",
    "Multi-Arch",
    "Essential",
    "Protected",
    "Important",
    "Priority",
    "Section",
    "Installed-Size",
    "Filename",
    "Size",
    "SHA256",
];

/// The relations that are demands.
const DEMANDS: [&str; 4] = ["Pre-Depends", "Depends", "Conflicts", "Breaks"];

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) priority: i32,
    /// Whether it is a list of packages without files, as dpkg's of what is installed.
    pub(super) status: bool,
    pub(super) stanzas: Vec<Kept>,
}

/// What is kept of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Whether it is on the system.
    pub(super) installed: bool,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// Groups of alternatives that a package demands.
    Demands(Vec<String>),
}

impl Kept {
    /// What is kept of a stanza, which has no line breaks then.
    pub(super) fn of(paragraph: &Paragraph<'_>, installed: bool, mentioned: bool, wishes: &[&'static str]) -> Self {
        let folded = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut fields = Vec::new();
        let mut text = |name: &'static str| {
            let value = paragraph.get(name).map(folded).filter(|value| !value.is_empty());
            fields.extend(value.map(|value| (name, Value::Text(value))));
        };
        FIELDS[..11].iter().for_each(|name| text(name));
        if !mentioned {
            wishes.iter().for_each(|name| text(name));
        }
        text("Provides");
        FIELDS[11..].iter().for_each(|name| text(name));
        for name in DEMANDS.into_iter().filter(|_| !mentioned) {
            let groups = paragraph.get(name).unwrap_or_default().split(',').map(folded);
            let groups: Vec<String> = groups.filter(|group| !group.is_empty()).collect();
            if !groups.is_empty() {
                let at = fields.iter().position(|(name, _)| FIELDS[11..].contains(name)).unwrap_or(fields.len());
                fields.insert(at, (name, Value::Demands(groups)));
            }
        }
        Self { installed, fields }
    }

    /// Its stanza in the list of what is installed, if it is.
    pub(super) fn installed(&self) -> String {
        let identity = ["Package", "Version", "Architecture"].map(|field| self.get(field).unwrap_or_default());
        let [package, version, architecture] = identity;
        match self.installed {
            true => format!("Package: {package}\nVersion: {version}\nArchitecture: {architecture}\n\n"),
            false => String::new(),
        }
    }

    /// A stanza, with an empty line behind it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            match value {
                Value::Text(value) => text += &format!("{name}: {value}\n"),
                Value::Demands(groups) => text += &format!("{name}: {}\n", groups.join(", ")),
            }
        }
        text + "\n"
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(own, value)| match value {
            Value::Text(value) if *own == name => Some(value.as_str()),
            _ => None,
        })
    }
}

impl Part {
    /// The index, as it is put into a universe.
    pub(super) fn index(&self) -> Result<Arc<PackageIndex>, ProblemError> {
        let text: String = self.stanzas.iter().map(Kept::text).collect();
        let index = match self.status {
            true => PackageIndex::parse_status(&self.name, text),
            false => PackageIndex::parse(&self.name, text),
        };
        match self.stanzas.len() - index.len() {
            0 => Ok(Arc::new(index)),
            wrong => Err(ProblemError::Index { name: self.name.clone(), wrong }),
        }
    }
}

/// What was reached, by index.
pub(super) fn parts(universe: &Universe, roots: &Roots, reached: &Reached) -> Result<Vec<Part>, ProblemError> {
    let wishes = reach::wishes(roots);
    let mut parts: Vec<Part> = Vec::new();
    for (id, mentioned) in reached.in_order() {
        let paragraph =
            paragraphs(universe.stanza(id)).next().unwrap_or(Err(crate::control::ControlError::Paragraphs(0)))?;
        let (name, priority) = (&**universe.origin(id), universe.priority_of(id));
        let status = is_status(universe, id, &paragraph);
        let fits = |part: &&mut Part| part.name == name && part.priority == priority && part.status == status;
        let kept = Kept::of(&paragraph, universe.is_installed(id), mentioned, &wishes);
        match parts.last_mut().filter(fits) {
            Some(part) => part.stanzas.push(kept),
            None => {
                // What cannot be written is told here.
                Stanza::new().field("Index", name)?;
                parts.push(Part { name: name.to_owned(), priority, status, stanzas: vec![kept] });
            }
        }
    }
    Ok(parts)
}

/// Whether a package comes from a list without files.
fn is_status(universe: &Universe, id: SolvableId, paragraph: &Paragraph<'_>) -> bool {
    paragraph.get("Filename").is_none() && universe.unusable(id).is_none()
}
