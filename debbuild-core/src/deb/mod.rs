//! Reading a .deb (deb(5)): strict about its structure, limited in every size, and never writing a file.

mod ar;
mod compress;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod listing;

use std::{collections::BTreeMap, io};

pub use compress::Compression;
pub use listing::{DebEntry, EntryKind, Visitor};

use crate::{
    cancel::Cancelled,
    context::Context,
    control::{BinaryPackage, ControlError, utf8},
    error::{Class, Classify},
};

/// What a .deb may cost its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebLimits {
    /// The most bytes that the control archive may unpack to.
    pub control: u64,
    /// The most bytes that the data archive may unpack to.
    pub data: u64,
    /// How many times larger than packed an archive may be, once it is larger than 64 MiB.
    pub ratio: u64,
    /// The most entries of an archive.
    pub entries: usize,
    /// The most memory that a decompressor may take, in bytes.
    pub memory: u64,
}

impl Default for DebLimits {
    /// 64 MiB of control, 64 GiB of data, 1:1000, four million entries, 256 MiB of memory: beyond all of Debian's packages.
    fn default() -> Self {
        Self { control: 64 << 20, data: 64 << 30, ratio: 1000, entries: 4_000_000, memory: 256 << 20 }
    }
}

/// Why a .deb was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DebError {
    /// The outer archive is not what deb(5) describes.
    #[error("not a .deb: {0}")]
    Format(String),
    /// An inner archive has something that no package may have.
    #[error("{member}: {reason}")]
    Member {
        /// The member of the outer archive.
        member: String,
        /// What is wrong.
        reason: String,
    },
    /// An inner archive is larger than the limits allow.
    #[error("{member} unpacks to more than {limit} bytes")]
    Limit {
        /// The member of the outer archive.
        member: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The bytes end too early, are damaged, or could not be read.
    #[error("cannot read {member}")]
    Read {
        /// The member of the outer archive, or the archive itself.
        member: String,
        /// The reader's or decompressor's answer.
        source: io::Error,
    },
    /// The control file cannot be read.
    #[error("bad control file")]
    Control(#[from] ControlError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl DebError {
    fn member(member: &str, reason: impl Into<String>) -> Self {
        Self::Member { member: member.to_owned(), reason: reason.into() }
    }
}

impl Classify for DebError {
    fn class(&self) -> Class {
        match self {
            Self::Cancelled(_) => Class::Cancelled,
            // Only the system's own answers have a number; damage is found by us or by a decompressor.
            Self::Read { source, .. } if source.raw_os_error().is_some() => Class::Infrastructure,
            _ => Class::Source,
        }
    }
}

/// What a .deb says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deb {
    /// The version of its format, for example `2.0`.
    pub format: String,
    /// Its control file, read.
    pub package: BinaryPackage,
    /// Its control file as it stands, for the stanza of an index.
    pub control: String,
    /// The files of its control archive: `control`, `md5sums`, `conffiles`, `postinst` and so on.
    pub control_files: BTreeMap<String, Vec<u8>>,
    /// How the control archive is compressed.
    pub control_compression: Compression,
}

impl Deb {
    /// Reads the control archive and stops.
    ///
    /// # Errors
    /// [`DebError`].
    pub fn read(cx: &Context, input: impl io::Read, limits: &DebLimits) -> Result<Self, DebError> {
        let mut archive = ar::Reader::new(input)?;
        Self::control(cx, &mut archive, limits)
    }

    /// Reads everything, and lists the files of the data archive in their order. The input must end with the archive.
    ///
    /// # Errors
    /// [`DebError`].
    pub fn read_all(cx: &Context, input: impl io::Read, limits: &DebLimits) -> Result<(Self, Vec<DebEntry>), DebError> {
        let mut entries = Vec::new();
        let deb = Self::walk(cx, input, limits, &mut |entry, _| {
            entries.push(entry);
            Ok(())
        })?;
        Ok((deb, entries))
    }

    /// Reads everything, and shows each entry of the data archive with its content, in their order; what of a content is not read
    /// is read over. Nothing is written anywhere: what an entry becomes is the visitor's matter. The input must end with the archive.
    ///
    /// # Errors
    /// [`DebError`], and whatever the visitor returns.
    pub fn walk(cx: &Context, input: impl io::Read, limits: &DebLimits, visit: Visitor<'_>) -> Result<Self, DebError> {
        let mut archive = ar::Reader::new(input)?;
        let deb = Self::control(cx, &mut archive, limits)?;
        let (name, size) = required(&mut archive, "data.tar")?;
        let compression = Compression::of("data.tar", &name)?;
        listing::read(cx, &mut archive, &name, size, compression, limits.data, limits, visit)?;
        archive.finish()?;
        Ok(deb)
    }

    fn control<R: io::Read>(cx: &Context, archive: &mut ar::Reader<R>, limits: &DebLimits) -> Result<Self, DebError> {
        let format = format_version(archive)?;
        let (name, size) = required(archive, "control.tar")?;
        let control_compression = Compression::of("control.tar", &name)?;
        let mut control_files = BTreeMap::new();
        let mut take =
            |entry: DebEntry, content: &mut dyn io::Read| control_file(&name, entry, content, &mut control_files);
        listing::read(cx, archive, &name, size, control_compression, limits.control, limits, &mut take)?;
        let control = control_files.get("control").ok_or_else(|| DebError::member(&name, "has no control file"))?;
        let control = utf8(control)?.to_owned();
        Ok(Self {
            format,
            package: BinaryPackage::from_control(&control)?,
            control,
            control_files,
            control_compression,
        })
    }

    /// The files of the package that `md5sums` lists, as (32 hex digits, path without a leading `/`).
    pub fn md5sums(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines("md5sums").filter_map(|line| line.split_once("  "))
    }

    /// The configuration files, as absolute paths. Those marked for removal (deb-conffiles(5)) are left out.
    pub fn conffiles(&self) -> impl Iterator<Item = &str> {
        self.lines("conffiles").filter(|line| line.starts_with('/'))
    }

    fn lines(&self, file: &str) -> impl Iterator<Item = &str> {
        let bytes = self.control_files.get(file).map_or(&[][..], Vec::as_slice);
        std::str::from_utf8(bytes).unwrap_or_default().lines().map(str::trim_end).filter(|line| !line.is_empty())
    }
}

/// `debian-binary`: the first line is the version of the format, of which only the major number matters.
fn format_version<R: io::Read>(archive: &mut ar::Reader<R>) -> Result<String, DebError> {
    let (name, size) = archive.next_member()?.ok_or_else(|| DebError::Format("it is empty".to_owned()))?;
    if name != "debian-binary" || size > 64 {
        return Err(DebError::Format(format!("it begins with {name:?}, not with debian-binary")));
    }
    let text = archive.read_small()?;
    let text = String::from_utf8_lossy(&text);
    let version = text.lines().next().unwrap_or_default();
    match version.split_once('.') {
        Some(("2", minor)) if minor.parse::<u32>().is_ok() && text.contains('\n') => Ok(version.to_owned()),
        _ => Err(DebError::Format(format!("unknown format version {version:?}"))),
    }
}

/// The next member, which must be this archive; members whose name begins with `_` are for others and are passed over.
fn required<R: io::Read>(archive: &mut ar::Reader<R>, stem: &str) -> Result<(String, u64), DebError> {
    while let Some((name, size)) = archive.next_member()? {
        if name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Ok((name, size));
        }
        if !name.starts_with('_') {
            return Err(DebError::Format(format!("found {name:?} where {stem} should be")));
        }
    }
    Err(DebError::Format(format!("it has no {stem}")))
}

/// Keeps a file of the control archive; these are plain files in one folder.
fn control_file(
    member: &str,
    entry: DebEntry,
    content: &mut dyn io::Read,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), DebError> {
    if entry.kind == EntryKind::Directory && entry.path == "." {
        return Ok(());
    }
    if entry.kind != EntryKind::File || entry.path.contains('/') {
        return Err(DebError::member(member, format!("{:?} is not a plain control file", entry.path)));
    }
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).map_err(|source| DebError::Read { member: member.to_owned(), source })?;
    match files.insert(entry.path.clone(), bytes) {
        None => Ok(()),
        Some(_) => Err(DebError::member(member, format!("has {:?} twice", entry.path))),
    }
}

#[cfg(test)]
mod tests;
