//! The plain archive of a system: each path once, as its last layer has it.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufWriter, Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use debbuild_core::cancel::CancelToken;
use tar::{Builder, EntryType, Header};

use super::{
    Flattened, ImportError, Layer,
    plan::{Entry, Tree, decided, refuse, target, walk},
};

/// The most ids that the user namespace of a session has.
const IDS: u64 = 1 << 16;
/// The most that a file of interest may have, in bytes.
const INTEREST: u64 = 256 << 20;
const STATUS: &[u8] = b"var/lib/dpkg/status";
const OS_RELEASE: &[u8] = b"usr/lib/os-release";

/// Writes what the plan decided.
pub(super) fn write(layers: &[Layer], tree: &Tree, to: File, cancel: &CancelToken) -> Result<Flattened, ImportError> {
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 18, to));
    let mut system = Flattened { status: String::new(), os_release: String::new(), latest: 0, devices: 0 };
    for (number, layer) in layers.iter().enumerate() {
        walk(layer, cancel, &mut |index, entry| {
            let kind = entry.header().entry_type();
            if kind.is_character_special() || kind.is_block_special() {
                system.devices += 1;
            }
            match decided(tree, (number, index), entry)? {
                Some(path) => one(&mut builder, tree, &path, entry, &mut system),
                None => Ok(()),
            }
        })?;
    }
    let finished = builder.into_inner().and_then(|mut file| file.flush());
    finished.map_err(ImportError::Read)?;
    if system.status.is_empty() { Err(ImportError::NoStatus) } else { Ok(system) }
}

fn one(
    builder: &mut Builder<BufWriter<File>>,
    tree: &Tree,
    path: &[u8],
    entry: &mut Entry<'_>,
    system: &mut Flattened,
) -> Result<(), ImportError> {
    let mut header = header(path, entry)?;
    system.latest = system.latest.max(i64::try_from(header.mtime().map_err(ImportError::Read)?).unwrap_or(i64::MAX));
    let kind = header.entry_type();
    let attributes = attributes(entry).map_err(ImportError::Read)?;
    if !attributes.is_empty() {
        let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        builder.append_pax_extensions(pairs).map_err(ImportError::Read)?;
    }
    let name = if path.is_empty() { Path::new("./") } else { Path::new(OsStr::from_bytes(path)) };
    let link = match kind {
        EntryType::Symlink => Some(entry.link_name_bytes().unwrap_or_default().into_owned()),
        EntryType::Link => Some(target(tree, path).unwrap_or_default().to_vec()),
        _ => None,
    };
    let text = match path {
        STATUS => Some(&mut system.status),
        OS_RELEASE => Some(&mut system.os_release),
        _ => None,
    };
    let written = match (link, text) {
        (Some(link), _) => linked(builder, &mut header, name, &link),
        (None, Some(text)) if kind.is_file() => {
            let mut bytes = Vec::new();
            entry.take(INTEREST).read_to_end(&mut bytes).map_err(ImportError::Read)?;
            *text = String::from_utf8_lossy(&bytes).into_owned();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes.as_slice())
        }
        (None, _) => builder.append_data(&mut header, name, entry),
    };
    written.map_err(ImportError::Read)
}

/// The header without names of users, with an id that sessions have, and of a kind that every tar knows.
fn header(path: &[u8], entry: &Entry<'_>) -> Result<Header, ImportError> {
    let old = entry.header();
    let number = |value: io::Result<u64>| value.map_err(ImportError::Read);
    let kind = old.entry_type();
    let file = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
    let (uid, gid) = (number(old.uid())?, number(old.gid())?);
    if uid >= IDS || gid >= IDS {
        return Err(refuse(path, format!("it belongs to {uid}:{gid}, beyond the ids that sessions have")));
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(if file { EntryType::Regular } else { kind });
    header.set_mode(old.mode().map_err(ImportError::Read)? & 0o7777);
    header.set_uid(uid);
    header.set_gid(gid);
    header.set_mtime(number(old.mtime())?);
    header.set_size(if file { entry.size() } else { 0 });
    Ok(header)
}

/// Extended attributes, without access lists: sessions have no use for them.
fn attributes(entry: &mut Entry<'_>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        if let Ok(key) = extension.key()
            && key.starts_with("SCHILY.xattr.")
            && !key.contains("posix_acl")
        {
            all.push((key.to_owned(), extension.value_bytes().to_vec()));
        }
    }
    Ok(all)
}

/// A link with its target as it is: it may lead anywhere, which only matters inside.
fn linked(builder: &mut Builder<BufWriter<File>>, header: &mut Header, path: &Path, link: &[u8]) -> io::Result<()> {
    if header.set_link_name_literal(link).is_ok() {
        return builder.append_data(header, path, io::empty());
    }
    builder.append_link(header, path, OsStr::from_bytes(link))
}
