//! The content of a suite as segments: runs of entries, one line each, kept by the hash of their text and shared between states.
//!
//! A run ends where the digest of a package says so and another package's name follows: the same entries give the same
//! runs, whatever was there before, and one more package changes one run.

use std::{borrow::Borrow, ops::Range};

use super::{BuiltUsing, Entry, EntryKind, PoolFile};
use crate::{
    arch::Architecture,
    name::{ComponentName, PackageName, PoolPath, SourceName},
    version::Version,
};

/// How many entries a run has, about.
const LENGTH: u16 = 512;

/// Cuts sorted entries into runs. All entries of one name are in the same run.
pub(super) fn runs<T: Borrow<Entry>>(entries: &[T]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for (at, entry) in entries.iter().map(Borrow::<Entry>::borrow).enumerate() {
        let next: Option<&Entry> = entries.get(at + 1).map(Borrow::borrow);
        if next.is_none_or(|next| next.name != entry.name && ends(entry)) {
            runs.push(start..at + 1);
            start = at + 1;
        }
    }
    runs
}

fn ends(entry: &Entry) -> bool {
    let Some(file) = entry.files.first() else { return false };
    let [.., one, two] = file.sha256.as_bytes();
    u16::from_le_bytes([*one, *two]).is_multiple_of(LENGTH)
}

/// The text of a run.
pub(super) fn text(entries: &[impl Borrow<Entry>]) -> String {
    let mut text = String::with_capacity(entries.len() * 256);
    for entry in entries {
        line(entry.borrow(), &mut text);
    }
    text
}

/// One entry as a line; no part has a space, and `-` stands for what is not there or is as the part before.
pub(super) fn line(entry: &Entry, text: &mut String) {
    let kind = match entry.kind {
        EntryKind::Binary => "b",
        EntryKind::Udeb => "u",
        EntryKind::Source => "s",
    };
    let same = |is: bool, part| if is { "-" } else { part };
    let architecture = entry.architecture.as_ref().map_or("-", Architecture::as_str);
    // Most packages are what their own control data say.
    let kind = entry.control.map_or_else(|| kind.to_owned(), |control| format!("{kind}:{control}"));
    let using: Vec<String> = entry.built_using.iter().map(|used| format!("{}={}", used.source, used.version)).collect();
    for part in [
        kind.as_str(),
        entry.component.as_str(),
        entry.name.as_str(),
        entry.version.as_str(),
        architecture,
        same(entry.source.as_str() == entry.name.as_str(), entry.source.as_str()),
        same(entry.source_version == entry.version, entry.source_version.as_str()),
        entry.section.as_deref().unwrap_or("-"),
        entry.priority.as_deref().unwrap_or("-"),
        same(using.is_empty(), &using.join(",")),
    ] {
        text.push_str(part);
        text.push(' ');
    }
    let files: Vec<String> =
        entry.files.iter().map(|file| format!("{} {} {}", file.path, file.size, file.sha256)).collect();
    text.push_str(&files.join(" "));
    text.push('\n');
}

/// The entries of a run; `None` when it is not one.
pub(super) fn read(text: &str) -> Option<Vec<Entry>> {
    text.lines().map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut parts = line.split(' ');
    let mut part = || parts.next();
    let kind = part()?;
    let (kind, control) = match kind.split_once(':') {
        Some((kind, control)) => (kind, Some(control.parse().ok()?)),
        None => (kind, None),
    };
    let kind = match kind {
        "b" => EntryKind::Binary,
        "u" => EntryKind::Udeb,
        "s" => EntryKind::Source,
        _ => return None,
    };
    let component = ComponentName::new(part()?).ok()?;
    let name = part()?;
    let version = Version::new(part()?).ok()?;
    let architecture = match part()? {
        "-" => None,
        architecture => Some(Architecture::new(architecture).ok()?),
    };
    let source = match part()? {
        "-" => name,
        source => source,
    };
    let source_version = match part()? {
        "-" => version.clone(),
        version => Version::new(version).ok()?,
    };
    let given = |part: &str| (part != "-").then(|| part.to_owned());
    let (section, priority) = (given(part()?), given(part()?));
    let built_using = match part()? {
        "-" => Vec::new(),
        list => list.split(',').map(used).collect::<Option<_>>()?,
    };
    let mut files = Vec::new();
    while let Some(path) = parts.next() {
        let (path, size) = (PoolPath::new(path).ok()?, parts.next()?.parse().ok()?);
        files.push(PoolFile { path, size, sha256: parts.next()?.parse().ok()? });
    }
    Some(Entry {
        kind,
        component,
        name: PackageName::new(name).ok()?,
        version,
        architecture,
        source: SourceName::new(source).ok()?,
        source_version,
        section,
        priority,
        built_using,
        files,
        control,
    })
}

fn used(text: &str) -> Option<BuiltUsing> {
    let (source, version) = text.split_once('=')?;
    Some(BuiltUsing { source: SourceName::new(source).ok()?, version: Version::new(version).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    fn entry(number: u32) -> Entry {
        let name = format!("package{number:05}");
        Entry {
            kind: EntryKind::Binary,
            component: ComponentName::new("main").unwrap(),
            name: PackageName::new(&name).unwrap(),
            version: Version::new("1:2.0-1").unwrap(),
            architecture: Some(Architecture::new("amd64").unwrap()),
            source: SourceName::new(if number.is_multiple_of(2) { &name } else { "other" }).unwrap(),
            source_version: Version::new("3").unwrap(),
            section: (number.is_multiple_of(3)).then(|| "net".to_owned()),
            priority: None,
            built_using: vec![BuiltUsing {
                source: SourceName::new("used").unwrap(),
                version: Version::new("1:1").unwrap(),
            }],
            files: vec![PoolFile {
                path: PoolPath::new("pool/main/p/p/p.deb").unwrap(),
                size: 1,
                sha256: Sha256::of(name.as_bytes()),
            }],
            control: number.is_multiple_of(4).then(|| Sha256::of(b"said otherwise")),
        }
    }

    #[test]
    fn entries_come_back_and_garbage_does_not() {
        let entries: Vec<Entry> = (0..9).map(entry).collect();
        assert_eq!(read(&text(&entries)), Some(entries.clone()));
        let good = text(&entries[..1]);
        for bad in [
            "x",
            "b main",
            "b:x main",
            &good[..good.len() - 3],
            &good.replacen('b', "z", 1),
            &good.replace(" 1 ", " x "),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_more_package_changes_one_run() {
        let all: Vec<Entry> = (0..5000).map(entry).collect();
        let texts =
            |entries: &[Entry]| -> Vec<String> { runs(entries).into_iter().map(|run| text(&entries[run])).collect() };
        let whole = texts(&all);
        assert!((4..40).contains(&whole.len()), "{}", whole.len());
        assert_eq!(whole.concat(), text(&all));
        for gone in [0, 777, 2500, 4999] {
            let mut fewer = all.clone();
            fewer.remove(gone);
            let fewer = texts(&fewer);
            let shared = fewer.iter().filter(|text| whole.contains(text)).count();
            assert!(fewer.len() - shared <= 1, "{gone}: {shared} of {}", fewer.len());
        }
        assert!(runs::<Entry>(&[]).is_empty());
    }
}
