//! Which entry of which layer is the last word about a path. An entry that leads out of the system, or through a link, refuses it all.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read},
    ops::Bound,
};

use debbuild_core::{cancel::CancelToken, compressed, path::IoResultExt as _};
use tar::EntryType;

use super::{ENTRIES, ImportError, Layer, MOST};

/// An entry by the number of its layer, and its own.
pub(super) type Place = (usize, u64);

/// The entry that a path comes from.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    kind: EntryType,
    /// The file that a hard link is one with: its path, and where that was.
    target: Option<(Vec<u8>, Place)>,
}

/// Paths without `./` and `/` around them; the system itself is empty.
pub(super) type Tree = BTreeMap<Vec<u8>, Node>;

/// At most so many bytes.
struct Limited<R>(R, u64);

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        let more = || io::Error::other(format!("it has more than {MOST} bytes"));
        self.1 = self.1.checked_sub(count as u64).ok_or_else(more)?;
        Ok(count)
    }
}

/// An entry of a layer that is being read.
pub(super) type Entry<'a> = tar::Entry<'a, Box<dyn Read>>;

/// Shows every entry of a layer with its number.
pub(super) fn walk(
    layer: &Layer,
    cancel: &CancelToken,
    visit: &mut dyn FnMut(u64, &mut Entry<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let file = BufReader::with_capacity(1 << 18, File::open(&layer.file).at("open", &layer.file)?);
    let plain = compressed::reader(file).map_err(ImportError::Read)?;
    let limited: Box<dyn Read> = Box::new(Limited(plain, MOST));
    let mut archive = tar::Archive::new(limited);
    for (number, entry) in (0..).zip(archive.entries().map_err(ImportError::Read)?) {
        cancel.check()?;
        let mut entry = entry.map_err(ImportError::Read)?;
        if number == ENTRIES {
            return Err(refuse(&entry.path_bytes(), "there are too many"));
        }
        visit(number, &mut entry)?;
    }
    Ok(())
}

pub(super) fn refuse(path: &[u8], reason: impl Into<String>) -> ImportError {
    ImportError::Entry { path: String::from_utf8_lossy(path).into_owned(), reason: reason.into() }
}

/// The path without `.` and doubled slashes, relative to the system.
fn plain(path: &[u8]) -> Result<Vec<u8>, ImportError> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<&[u8]> = parts.collect();
    if parts.contains(&&b".."[..]) || path.contains(&0) {
        return Err(refuse(path, "it leads out of the system"));
    }
    Ok(parts.join(&b'/'))
}

/// Whether an entry is part of the system; device nodes, and what is in `/dev`, are not: every session has its own.
pub(super) fn is_kept(path: &[u8], kind: EntryType) -> Result<bool, ImportError> {
    let known = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() || kind.is_dir() || kind.is_symlink();
    match kind {
        _ if path.starts_with(b"dev/") => Ok(false),
        EntryType::Char | EntryType::Block | EntryType::XGlobalHeader => Ok(false),
        EntryType::Link | EntryType::Fifo => Ok(true),
        _ if known => Ok(true),
        _ => Err(refuse(path, "it is of a kind that no system has")),
    }
}

/// What the layers come to, the lowest first.
pub(super) fn plan(layers: &[Layer], cancel: &CancelToken) -> Result<Tree, ImportError> {
    let mut tree = Tree::new();
    for (number, layer) in layers.iter().enumerate() {
        walk(layer, cancel, &mut |index, entry| {
            let path = plain(&entry.path_bytes())?;
            if layer.whiteouts && hide(&mut tree, number, &path) {
                return Ok(());
            }
            let kind = entry.header().entry_type();
            if is_kept(&path, kind)? {
                let target = if kind.is_hard_link() { Some(linked(&tree, &path, entry)?) } else { None };
                put(&mut tree, path, Node { place: (number, index), kind, target });
            }
            Ok(())
        })?;
    }
    check(&tree)?;
    Ok(tree)
}

/// The path of an entry that is part of the system, if it is the last word about it.
pub(super) fn decided(tree: &Tree, place: Place, entry: &Entry<'_>) -> Result<Option<Vec<u8>>, ImportError> {
    let path = plain(&entry.path_bytes())?;
    Ok(tree.get(&path).is_some_and(|node| node.place == place).then_some(path))
}

/// The file that a hard link is one with.
pub(super) fn target<'a>(tree: &'a Tree, path: &[u8]) -> Option<&'a [u8]> {
    tree.get(path).and_then(|node| node.target.as_ref()).map(|(path, _)| path.as_slice())
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => {
            let (folder, name) = path.split_at(at);
            (folder, name.strip_prefix(b"/").unwrap_or(name))
        }
        None => (b"", path),
    }
}

/// The paths below a folder.
fn below(tree: &Tree, folder: &[u8]) -> Vec<Vec<u8>> {
    let inside = |path: &&Vec<u8>| folder.is_empty() || path.get(folder.len()) == Some(&b'/');
    let after = tree.range::<Vec<u8>, _>((Bound::Excluded(folder.to_vec()), Bound::Unbounded)).map(|(path, _)| path);
    after.take_while(|path| path.starts_with(folder)).filter(inside).cloned().collect()
}

/// Takes away what a whiteout hides of the layers below; whether the path is one.
fn hide(tree: &mut Tree, layer: usize, path: &[u8]) -> bool {
    let (folder, name) = split(path);
    let Some(hidden) = name.strip_prefix(b".wh.") else { return false };
    let gone = match hidden {
        b".wh..opq" => below(tree, folder),
        // Other names of the kind were of use to a file system of old.
        _ if hidden.starts_with(b".wh.") => Vec::new(),
        _ => {
            let hidden = if folder.is_empty() { hidden.to_vec() } else { [folder, hidden].join(&b'/') };
            let mut gone = below(tree, &hidden);
            gone.push(hidden);
            gone
        }
    };
    for path in gone {
        if tree.get(&path).is_some_and(|node| node.place.0 < layer) {
            tree.remove(&path);
        }
    }
    true
}

fn put(tree: &mut Tree, path: Vec<u8>, node: Node) {
    if !node.kind.is_dir() {
        for gone in below(tree, &path) {
            tree.remove(&gone);
        }
    }
    tree.insert(path, node);
}

/// What a hard link is one with: a file that is there.
fn linked(tree: &Tree, path: &[u8], entry: &Entry<'_>) -> Result<(Vec<u8>, Place), ImportError> {
    let target = plain(&entry.link_name_bytes().unwrap_or_default())?;
    match tree.get(&target) {
        Some(Node { target: Some(file), .. }) => Ok(file.clone()),
        Some(node) if !node.kind.is_dir() && !node.kind.is_symlink() => Ok((target, node.place)),
        _ => Err(refuse(path, format!("it is one with {:?}, which is no file", String::from_utf8_lossy(&target)))),
    }
}

/// Nothing may lie below what is not a folder, and hard links need their files as they were.
fn check(tree: &Tree) -> Result<(), ImportError> {
    for (path, node) in tree {
        let mut above = path.as_slice();
        while !above.is_empty() {
            above = split(above).0;
            if tree.get(above).is_some_and(|node| !node.kind.is_dir()) {
                return Err(refuse(path, format!("{:?} is not a folder", String::from_utf8_lossy(above))));
            }
        }
        if let Some((target, place)) = &node.target
            && tree.get(target).is_none_or(|file| file.place != *place)
        {
            let target = String::from_utf8_lossy(target);
            return Err(refuse(path, format!("a later layer replaces {target:?}, which it is one with")));
        }
    }
    Ok(())
}
