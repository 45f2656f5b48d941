//! An index as tables of numbers: every text once, every group of alternatives once, packages as rows that refer to them.

use std::ops::Range;

use crate::{
    control::MultiArch,
    relation::{Operator, Qualifier, Relation},
};

/// A text of the table, by its place.
pub(in super::super) type TextId = u32;
/// A group of alternatives of the table, by its place.
pub(in super::super) type GroupId = u32;
/// No text.
pub(in super::super) const NONE: TextId = TextId::MAX;

/// The relation fields that a resolver asks about, in the order in which apt reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Field {
    PreDepends,
    Depends,
    Conflicts,
    Breaks,
    Recommends,
    Suggests,
    Provides,
}

impl Field {
    pub(super) const ALL: [Self; 7] = [
        Self::PreDepends,
        Self::Depends,
        Self::Conflicts,
        Self::Breaks,
        Self::Recommends,
        Self::Suggests,
        Self::Provides,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Recommends => "Recommends",
            Self::Suggests => "Suggests",
            Self::Provides => "Provides",
        }
    }

    /// Whether a package can do without it: what is wrong there is left out, in other people's indexes.
    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Recommends | Self::Suggests)
    }
}

const FIELDS: usize = Field::ALL.len();
/// How many numbers a row has.
pub(super) const ROW: usize = 9 + FIELDS + 1;

/// A package.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Row {
    pub(in super::super) package: TextId,
    pub(in super::super) version: TextId,
    pub(in super::super) architecture: TextId,
    pub(in super::super) source: TextId,
    /// [`NONE`]: the package's own.
    pub(in super::super) source_version: TextId,
    pub(super) flags: u32,
    /// Why it cannot be used; [`NONE`] for nearly all.
    pub(in super::super) bad: TextId,
    pub(super) start: u32,
    pub(super) len: u32,
    /// Where the groups of each field begin in the list of groups, and where the last ends.
    pub(super) fields: [u32; FIELDS + 1],
}

const ESSENTIAL: u32 = 1 << 8;
const PROTECTED: u32 = 1 << 9;

impl Row {
    /// The flags of a package: how it goes together with other architectures, the rank of its priority (0: not said, 1: required).
    pub(super) const fn flags(multi_arch: MultiArch, rank: u8, essential: bool, protected: bool) -> u32 {
        let multi_arch = match multi_arch {
            MultiArch::No => 0,
            MultiArch::Same => 1,
            MultiArch::Foreign => 2,
            MultiArch::Allowed => 3,
        };
        let essential = if essential { ESSENTIAL } else { 0 };
        let protected = if protected { PROTECTED } else { 0 };
        multi_arch | (rank as u32) << 2 | essential | protected
    }

    pub(in super::super) const fn multi_arch(&self) -> MultiArch {
        match self.flags & 3 {
            1 => MultiArch::Same,
            2 => MultiArch::Foreign,
            3 => MultiArch::Allowed,
            _ => MultiArch::No,
        }
    }

    /// The rank of its priority: 1 for `required` to 5 for `extra`, 0 where none is said.
    pub(in super::super) const fn rank(&self) -> u32 {
        self.flags >> 2 & 7
    }

    pub(in super::super) const fn essential(&self) -> bool {
        self.flags & ESSENTIAL != 0
    }

    /// `Protected` or its older name `Important`: apt prefers it among those that provide something.
    pub(in super::super) const fn protected(&self) -> bool {
        self.flags & PROTECTED != 0
    }

    pub(super) fn numbers(&self) -> [u32; ROW] {
        let mut all = [0; ROW];
        let own = [self.package, self.version, self.architecture, self.source, self.source_version, self.flags];
        all[..6].copy_from_slice(&own);
        all[6..9].copy_from_slice(&[self.bad, self.start, self.len]);
        all[9..].copy_from_slice(&self.fields);
        all
    }

    pub(super) fn of_numbers(all: &[u32; ROW]) -> Self {
        let [package, version, architecture, source, source_version, flags, bad, start, len, rest @ ..] = *all;
        Self { package, version, architecture, source, source_version, flags, bad, start, len, fields: rest }
    }
}

/// One of the alternatives of a group.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Alternative {
    pub(in super::super) package: TextId,
    /// [`NONE`]: any.
    pub(in super::super) version: TextId,
    pub(super) operator: u32,
    /// The architecture that is meant: one of the constants below, or a text.
    pub(in super::super) qualifier: u32,
}

/// No qualifier.
pub(in super::super) const UNQUALIFIED: u32 = u32::MAX;
/// `:any`.
pub(in super::super) const ANY: u32 = u32::MAX - 1;
/// `:native`.
pub(in super::super) const NATIVE: u32 = u32::MAX - 2;

/// How many numbers an alternative has.
pub(super) const ALTERNATIVE: usize = 4;

impl Alternative {
    pub(in super::super) const fn operator(&self) -> Operator {
        match self.operator {
            0 => Operator::StrictlyEarlier,
            1 => Operator::EarlierOrEqual,
            2 => Operator::Equal,
            3 => Operator::LaterOrEqual,
            _ => Operator::StrictlyLater,
        }
    }

    pub(super) const fn numbers(&self) -> [u32; ALTERNATIVE] {
        [self.package, self.version, self.operator, self.qualifier]
    }

    pub(super) const fn of_numbers([package, version, operator, qualifier]: [u32; ALTERNATIVE]) -> Self {
        Self { package, version, operator, qualifier }
    }
}

/// The tables of an index.
#[derive(Debug, Default)]
pub(in super::super) struct Table {
    /// All texts, one behind the other.
    pub(super) texts: String,
    /// Where each text ends.
    pub(super) text_ends: Vec<u32>,
    /// The texts that are names of packages, in the order in which they are first named: apt's order where it has no other.
    pub(in super::super) names: Vec<TextId>,
    pub(in super::super) rows: Vec<Row>,
    /// Groups by package and field.
    pub(super) lists: Vec<GroupId>,
    /// Where the alternatives of each group end.
    pub(super) group_ends: Vec<u32>,
    pub(super) alternatives: Vec<Alternative>,
}

fn range(ends: &[u32], at: u32) -> Range<usize> {
    let at = at as usize;
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[at] as usize
}

impl Table {
    pub(in super::super) fn text(&self, id: TextId) -> &str {
        &self.texts[range(&self.text_ends, id)]
    }

    /// How many texts there are.
    pub(in super::super) fn text_count(&self) -> usize {
        self.text_ends.len()
    }

    /// How many groups there are.
    pub(in super::super) fn group_count(&self) -> usize {
        self.group_ends.len()
    }

    pub(in super::super) fn alternatives(&self, group: GroupId) -> &[Alternative] {
        &self.alternatives[range(&self.group_ends, group)]
    }

    /// The groups of a field of a package.
    pub(in super::super) fn groups(&self, row: &Row, field: Field) -> &[GroupId] {
        let at = field as usize;
        &self.lists[row.fields[at] as usize..row.fields[at + 1] as usize]
    }

    /// A group as a control file has it.
    pub(in super::super) fn group_text(&self, group: GroupId) -> String {
        let mut text = String::new();
        for alternative in self.alternatives(group) {
            if !text.is_empty() {
                text.push_str(" | ");
            }
            text.push_str(self.text(alternative.package));
            match alternative.qualifier {
                UNQUALIFIED => {}
                ANY => text.push_str(":any"),
                NATIVE => text.push_str(":native"),
                architecture => {
                    text.push(':');
                    text.push_str(self.text(architecture));
                }
            }
            if alternative.version != NONE {
                for part in [" (", alternative.operator().as_str(), " ", self.text(alternative.version), ")"] {
                    text.push_str(part);
                }
            }
        }
        text
    }

    /// Adds a text, which is not there yet.
    pub(super) fn push_text(&mut self, text: &str) -> TextId {
        self.texts.push_str(text);
        self.text_ends.push(self.texts.len() as u32);
        (self.text_ends.len() - 1) as TextId
    }

    /// Adds a group; the texts of its relations are looked up by `name` (of packages) and `text` (of anything else).
    pub(super) fn push_group(&mut self, alternatives: Vec<Alternative>) -> GroupId {
        self.alternatives.extend(alternatives);
        self.group_ends.push(self.alternatives.len() as u32);
        (self.group_ends.len() - 1) as GroupId
    }
}

/// A relation with its texts as `name` and `text` number them.
pub(super) fn alternative<'r>(relation: &'r Relation, mut number: impl FnMut(&'r str, bool) -> TextId) -> Alternative {
    let package = number(relation.package.as_str(), true);
    let (version, operator) = match &relation.constraint {
        None => (NONE, 0),
        Some(constraint) => (number(constraint.version.as_str(), false), constraint.operator as u32),
    };
    let qualifier = match &relation.qualifier {
        None => UNQUALIFIED,
        Some(Qualifier::Any) => ANY,
        Some(Qualifier::Native) => NATIVE,
        Some(Qualifier::Architecture(architecture)) => number(architecture.as_str(), false),
    };
    Alternative { package, version, operator, qualifier }
}
