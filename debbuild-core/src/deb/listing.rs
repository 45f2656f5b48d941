//! The inner archives: the kinds of tar entries that dpkg 1.21 unpacks (ustar and GNU long names), and no others.

use std::{error::Error, io};

use tar::{Archive, Entry, EntryType, Header};

use super::{
    DebError, DebLimits,
    compress::{Compression, TooLarge, Unpacked},
};
use crate::{clock::Timestamp, context::Context};

/// The longest path or link target, in bytes (Linux's PATH_MAX).
const LONGEST_PATH: u64 = 4096;
/// An archive smaller than this may be compressed as well as it likes.
const RATIO_FROM: u64 = 64 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the kind of file of that name")]
pub enum EntryKind {
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// A file that a package would install.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebEntry {
    /// Its path below the root, without a leading `./`; the root itself is `.`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// Its permissions, set-id and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The owner's name, which counts before the number.
    pub user: String,
    /// The group's name.
    pub group: String,
    /// When it was changed.
    pub modified: Timestamp,
    /// Where a link leads: for a hard link a path as [`DebEntry::path`], for a symbolic link its text.
    pub link: Option<String>,
}

/// What is done with each entry and its content.
pub type Visitor<'a> = &'a mut dyn FnMut(DebEntry, &mut dyn io::Read) -> Result<(), DebError>;

/// Reads the archive inside one member to its end.
#[expect(clippy::too_many_arguments, reason = "the one bridge between the three layers of a .deb")]
pub(super) fn read(
    cx: &Context,
    input: impl io::Read,
    member: &str,
    size: u64,
    compression: Compression,
    most: u64,
    limits: &DebLimits,
    visit: Visitor<'_>,
) -> Result<(), DebError> {
    let limit = most.min(size.saturating_mul(limits.ratio).max(RATIO_FROM));
    let failed = |source: io::Error| read_error(member, limit, source);
    let unpacked = Unpacked::new(input, compression, limit, limits).map_err(failed)?;
    let mut archive = Archive::new(unpacked);
    let (mut path, mut link) = (None, None);
    for (count, entry) in archive.entries().map_err(failed)?.raw(true).enumerate() {
        cx.cancel().check()?;
        let mut entry = entry.map_err(failed)?;
        if count >= limits.entries {
            return Err(DebError::member(member, format!("has more than {} entries", limits.entries)));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName => path = Some(long_name(member, limit, &mut entry)?),
            EntryType::GNULongLink => link = Some(long_name(member, limit, &mut entry)?),
            _ => {
                let listed = listed(entry.header(), path.take(), link.take())
                    .map_err(|reason| DebError::member(member, reason))?;
                visit(listed, &mut entry).map_err(|error| match error {
                    DebError::Read { source, .. } => failed(source),
                    other => other,
                })?;
            }
        }
    }
    archive.into_inner().finish().map_err(failed)
}

fn read_error(member: &str, limit: u64, source: io::Error) -> DebError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&source);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<TooLarge>() || inner.is_some_and(|inner| inner.is::<TooLarge>()) {
            return DebError::Limit { member: member.to_owned(), limit };
        }
        cause = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    DebError::Read { member: member.to_owned(), source }
}

/// GNU's long path or link target: the content of an entry of its own.
fn long_name(member: &str, limit: u64, entry: &mut Entry<'_, impl io::Read>) -> Result<Vec<u8>, DebError> {
    if entry.size() > LONGEST_PATH {
        return Err(DebError::member(member, "has a path that is too long"));
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(entry, &mut bytes).map_err(|source| read_error(member, limit, source))?;
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    Ok(bytes)
}

fn listed(header: &Header, path: Option<Vec<u8>>, link: Option<Vec<u8>>) -> Result<DebEntry, String> {
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("{:?} is not UTF-8", String::from_utf8_lossy(bytes)))
    };
    let path = text(&path.unwrap_or_else(|| header.path_bytes().into_owned()))?;
    let link = link.or_else(|| header.link_name_bytes().map(|bytes| bytes.into_owned()));
    let link = link.map(|bytes| text(&bytes)).transpose()?;
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => EntryKind::File,
        EntryType::Link => EntryKind::HardLink,
        EntryType::Symlink => EntryKind::SymbolicLink,
        EntryType::Char => EntryKind::CharacterDevice,
        EntryType::Block => EntryKind::BlockDevice,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Fifo => EntryKind::Fifo,
        other => return Err(format!("{path:?} is an entry of kind {:?}", char::from(other.as_byte()))),
    };
    let bad = |error: io::Error| format!("{path:?}: {error}");
    let link = match kind {
        EntryKind::HardLink => Some(clean_path(&link.unwrap_or_default())?),
        EntryKind::SymbolicLink => Some(link.filter(|to| !to.is_empty()).ok_or(format!("{path:?} leads nowhere"))?),
        _ => None,
    };
    let name = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    Ok(DebEntry {
        kind,
        size: if kind == EntryKind::File { header.entry_size().map_err(bad)? } else { 0 },
        mode: header.mode().map_err(bad)? & 0o7777,
        uid: header.uid().map_err(bad)?,
        gid: header.gid().map_err(bad)?,
        user: name(header.username_bytes()),
        group: name(header.groupname_bytes()),
        modified: Timestamp::from_seconds(i64::try_from(header.mtime().map_err(bad)?).unwrap_or(i64::MAX)),
        link,
        path: clean_path(&path)?,
    })
}

/// The path below the root. Absolute paths, `..` and empty parts are refused: nothing good has them.
fn clean_path(path: &str) -> Result<String, String> {
    let inner = path.strip_prefix("./").unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() && path.starts_with('.') || inner == "." {
        return Ok(".".to_owned());
    }
    let bad = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
    if inner.len() as u64 > LONGEST_PATH || inner.split('/').any(bad) {
        return Err(format!("{path:?} is not a path below the root"));
    }
    Ok(inner.to_owned())
}
