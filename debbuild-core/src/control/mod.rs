//! Control files: paragraphs, and typed views of .dsc, .changes, .buildinfo, Packages, Sources and Release.
//!
//! What debbuild accepts (a .dsc, a .changes, a Release) is read strictly, and only from text that a verifier vouches for or
//! that the caller explicitly calls unverified. Other people's indexes are read tolerantly: values plus [`Problem`]s, from a text
//! ([`read_packages`]) or from a stream of any size ([`stream_packages`]).

mod binary;
mod buildinfo;
mod changes;
mod contents;
mod debian;
mod field;
mod files;
mod paragraph;
mod release;
mod signed;
mod source;
mod stream;
mod tolerant;
mod write;

pub use binary::{BinaryPackage, BinaryRelations, Location, MultiArch, read_packages};
pub(crate) use binary::{built_using, location, own_fields};
pub use buildinfo::{Buildinfo, InstalledPackage};
pub use changes::{Changes, ChangesFile};
pub use contents::{Contents, ContentsEntry, ContentsPackage, stream_contents};
pub use debian::{BinaryTemplate, DebianControl};
pub use files::FileEntry;
pub use paragraph::{Paragraph, Paragraphs, paragraphs, single_paragraph, utf8};
pub use release::{Release, ReleaseFile};
pub use signed::signed_text;
pub use source::{Profiled, SourceControl, SourceRelations, read_sources};
pub use stream::{LONGEST_PARAGRAPH, ParagraphReader, Stanzas, StreamError, stream_packages, stream_sources};
pub use tolerant::Found;
pub use write::Stanza;

use crate::{
    error::{Class, Classify},
    relation::RelationError,
};

/// The longest field that is read, in bytes.
pub const LONGEST_FIELD: usize = 1 << 20;
/// The longest value of a field that lists files: Release files of large archives list tens of thousands.
pub const LONGEST_LIST: usize = 64 << 20;
/// The most fields that one paragraph may have.
pub const MOST_FIELDS: usize = 1000;

/// Why a control file cannot be read, or a stanza not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The text is not what deb822(5) describes.
    #[error("line {line}: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is not exactly one paragraph.
    #[error("expected one paragraph, found {0}")]
    Paragraphs(usize),
    /// A field is missing.
    #[error("field {field} is missing, in the paragraph at line {line}")]
    Missing {
        /// The field.
        field: &'static str,
        /// The first line of the paragraph.
        line: usize,
    },
    /// A field has a value that cannot be.
    #[error("field {field}, in the paragraph at line {line}: {reason}")]
    Field {
        /// The field.
        field: String,
        /// The first line of the paragraph.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A relation field cannot be read.
    #[error("field {field}, in the paragraph at line {line}")]
    Relation {
        /// The field.
        field: &'static str,
        /// The first line of the paragraph.
        line: usize,
        /// What is wrong.
        source: RelationError,
    },
    /// The clear-signed text is not one block with nothing around it.
    #[error("not one clear-signed text: {0}")]
    Armor(&'static str),
    /// The file that has the control data cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// A name or a value that cannot be written.
    #[error("cannot write field {field:?}: {reason}")]
    Unwritable {
        /// The field.
        field: String,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Classify for ControlError {
    fn class(&self) -> Class {
        match self {
            Self::Unwritable { .. } => Class::Usage,
            _ => Class::Source,
        }
    }
}

/// Something wrong in somebody else's index that did not stop the reading of the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{error}", subject.as_ref().map_or(String::new(), |subject| format!("{subject}: ")))]
#[non_exhaustive]
pub struct Problem {
    /// The package concerned, where its name could be read.
    pub subject: Option<String>,
    /// What is wrong.
    pub error: ControlError,
}

#[cfg(test)]
mod tests;
