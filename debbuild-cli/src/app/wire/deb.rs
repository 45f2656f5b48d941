//! .deb files as every door shows them.

use debbuild_core::{
    control::single_paragraph,
    deb::{Compression, Deb, DebEntry, EntryKind},
};
use serde_json::{Map, Value, json};

/// A .deb: its name, fields as they stand, control files with their sizes, configuration files.
#[must_use]
pub fn deb_json(deb: &Deb) -> Value {
    let paragraph = single_paragraph(&deb.control).ok();
    let fields = paragraph.iter().flat_map(|paragraph| paragraph.fields());
    let fields: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let files = deb.control_files.iter().map(|(name, bytes)| json!({ "name": name, "size": bytes.len() }));
    json!({
        "package": deb.package.package.to_string(),
        "version": deb.package.version.to_string(),
        "architecture": deb.package.architecture.to_string(),
        "source": deb.package.source.to_string(),
        "source_version": deb.package.source_version.to_string(),
        "format": deb.format,
        "control_compression": compression(deb.control_compression),
        "fields": fields,
        "control_files": files.collect::<Vec<_>>(),
        "conffiles": deb.conffiles().collect::<Vec<_>>(),
    })
}

const fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Xz => "xz",
        Compression::Zstd => "zstd",
        Compression::Bzip2 => "bzip2",
        _ => "other",
    }
}

/// The name of a kind of file.
pub(super) const fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::HardLink => "hard-link",
        EntryKind::SymbolicLink => "symbolic-link",
        EntryKind::CharacterDevice => "character-device",
        EntryKind::BlockDevice => "block-device",
        EntryKind::Directory => "directory",
        EntryKind::Fifo => "fifo",
        _ => "other",
    }
}

/// A file that a package would install: `kind` is `file`, `hard-link`, `symbolic-link`, `character-device`, `block-device`,
/// `directory` or `fifo`; `mode` is octal.
#[must_use]
pub fn deb_entry_json(entry: &DebEntry) -> Value {
    json!({
        "path": entry.path,
        "kind": kind_name(entry.kind),
        "size": entry.size,
        "mode": format!("{:04o}", entry.mode),
        "user": entry.user,
        "group": entry.group,
        "uid": entry.uid,
        "gid": entry.gid,
        "modified": entry.modified.to_string(),
        "link": entry.link,
    })
}
