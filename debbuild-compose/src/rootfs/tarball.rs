//! Tarballs of root file systems: looked at and laid out anew in one pass, without unpacking, without root.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
};

use debbuild_core::{cancel::CancelToken, clock::Timestamp, path::AbsPath, path::IoResultExt as _};
use tar::{Archive, Builder, EntryType, Header};

use super::RootfsError;

/// The most that a single file of interest (dpkg's status, a kernel, an initramfs) may have, in bytes.
const MOST: u64 = 1 << 30;

/// A package as dpkg's status names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
}

/// A member of a tarball: its path without `./`, `""` for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) kind: EntryType,
    pub(crate) link: Option<String>,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) size: u64,
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> RootfsError {
    move |source| RootfsError::Tarball { action, source }
}

fn plain(bytes: &[u8]) -> Result<String, RootfsError> {
    let text = std::str::from_utf8(bytes).map_err(|error| failed("read")(io::Error::other(error)))?;
    let path = text.trim_start_matches("./").trim_matches('/');
    if path.split('/').any(|part| part == "..") {
        return Err(failed("read")(io::Error::other(format!("path with '..': {text:?}"))));
    }
    Ok(if path == "." { String::new() } else { path.to_owned() })
}

/// What is done with a member, its content and what else it carries.
pub(crate) type Visit<'a> = dyn FnMut(&Member, &mut dyn Read, &Extensions) -> Result<(), RootfsError> + 'a;

/// Calls `visit` for each member, with a reader of its content.
pub(crate) fn walk(tarball: &AbsPath, cancel: &CancelToken, visit: &mut Visit<'_>) -> Result<(), RootfsError> {
    let file = File::open(tarball).at("open", tarball)?;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 18, file));
    for entry in archive.entries().map_err(failed("read"))? {
        cancel.check()?;
        let mut entry = entry.map_err(failed("read"))?;
        let link = entry.link_name_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let header = entry.header();
        let number = |value: io::Result<u64>| value.map_err(failed("read"));
        let member = Member {
            path: plain(&entry.path_bytes())?,
            kind: header.entry_type(),
            link,
            mode: header.mode().map_err(failed("read"))?,
            uid: number(header.uid())?,
            gid: number(header.gid())?,
            size: number(header.size())?,
        };
        let mtime = number(header.mtime())?;
        let device = (header.device_major().ok().flatten(), header.device_minor().ok().flatten());
        let mut xattrs = Vec::new();
        if let Some(extensions) = entry.pax_extensions().map_err(failed("read"))? {
            for extension in extensions {
                let extension = extension.map_err(failed("read"))?;
                if let Ok(key) = extension.key()
                    && key.starts_with("SCHILY.xattr.")
                    // Access lists of journal folders: made again by tmpfiles.d at boot.
                    && !key.contains("posix_acl")
                {
                    xattrs.push((key.to_owned(), extension.value_bytes().to_vec()));
                }
            }
        }
        visit(&member, &mut entry, &Extensions { mtime, device, xattrs })?;
    }
    Ok(())
}

/// What else a member carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) mtime: u64,
    pub(crate) device: (Option<u32>, Option<u32>),
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
}

/// Writes a tarball whose bytes depend only on what is written: no names of users, no time after `epoch`.
pub(crate) struct Writer<W: Write> {
    builder: Builder<W>,
    epoch: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(target: W, epoch: Timestamp) -> Self {
        Self { builder: Builder::new(target), epoch: u64::try_from(epoch.seconds()).unwrap_or(0) }
    }

    /// Writes a member with its content.
    pub(crate) fn copy(
        &mut self,
        member: &Member,
        content: &mut dyn Read,
        extensions: &Extensions,
    ) -> Result<(), RootfsError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(member.kind);
        header.set_mode(member.mode);
        header.set_uid(member.uid);
        header.set_gid(member.gid);
        header.set_mtime(extensions.mtime.min(self.epoch));
        header.set_size(if member.kind.is_file() { member.size } else { 0 });
        if let (Some(major), Some(minor)) = extensions.device {
            header.set_device_major(major).and_then(|()| header.set_device_minor(minor)).map_err(failed("write"))?;
        }
        let path = if member.path.is_empty() { "./".to_owned() } else { format!("./{}", member.path) };
        let path = if member.kind.is_dir() && !path.ends_with('/') { format!("{path}/") } else { path };
        if !extensions.xattrs.is_empty() {
            let pairs = extensions.xattrs.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
            self.builder.append_pax_extensions(pairs).map_err(failed("write"))?;
        }
        let written = match &member.link {
            Some(link) => self.builder.append_link(&mut header, &path, link),
            None => self.builder.append_data(&mut header, &path, content),
        };
        written.map_err(failed("write"))
    }

    /// Writes a folder of root's.
    pub(crate) fn folder(&mut self, path: &str) -> Result<(), RootfsError> {
        self.plain(path, EntryType::Directory, None, &[])
    }

    /// Writes a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> Result<(), RootfsError> {
        self.plain(path, EntryType::Symlink, Some(target), &[])
    }

    /// Writes a file of root's.
    pub(crate) fn file(&mut self, path: &str, content: &[u8]) -> Result<(), RootfsError> {
        self.plain(path, EntryType::Regular, None, content)
    }

    fn plain(&mut self, path: &str, kind: EntryType, link: Option<&str>, content: &[u8]) -> Result<(), RootfsError> {
        let mode = match kind {
            EntryType::Directory => 0o755,
            EntryType::Symlink => 0o777,
            _ => 0o644,
        };
        let link = link.map(str::to_owned);
        let size = content.len() as u64;
        let member = Member { path: path.to_owned(), kind, link, mode, uid: 0, gid: 0, size };
        self.copy(&member, &mut &content[..], &Extensions { mtime: self.epoch, ..Extensions::default() })
    }

    /// Ends the tarball and returns what it was written to.
    pub(crate) fn finish(self) -> Result<W, RootfsError> {
        self.builder.into_inner().map_err(failed("write"))
    }
}

/// Opens a new file for a tarball.
pub(crate) fn create(path: &AbsPath) -> Result<BufWriter<File>, RootfsError> {
    Ok(BufWriter::with_capacity(1 << 18, File::create_new(path).at("create", path)?))
}

/// The content of a member, which may have up to a gibibyte.
pub(crate) fn content(member: &Member, reader: &mut dyn Read) -> Result<Vec<u8>, RootfsError> {
    if member.size > MOST {
        return Err(failed("read")(io::Error::other(format!("{} has {} bytes", member.path, member.size))));
    }
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(failed("read"))?;
    Ok(bytes)
}

/// The packages that dpkg's status in the tarball has as installed.
pub(crate) fn installed(tarball: &AbsPath, cancel: &CancelToken) -> Result<Vec<Installed>, RootfsError> {
    let mut status = None;
    walk(tarball, cancel, &mut |member, reader, _| {
        if member.path == "var/lib/dpkg/status" {
            status = Some(content(member, reader)?);
        }
        Ok(())
    })?;
    let status = status.ok_or(RootfsError::Missing { what: "dpkg status", advice: "it has no dpkg" })?;
    Ok(parse_status(&String::from_utf8_lossy(&status)))
}

/// dpkg's own file: fields begin at the line's start, stanzas end with an empty line.
pub(crate) fn parse_status(text: &str) -> Vec<Installed> {
    let stanza = |stanza: &str| {
        let field = |name: &str| {
            let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        let state = field("Status")?;
        if !state.ends_with(" installed") {
            return None;
        }
        Some(Installed { name: field("Package")?, version: field("Version")?, architecture: field("Architecture")? })
    };
    text.split("\n\n").filter_map(stanza).collect()
}
