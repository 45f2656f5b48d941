//! The .deb reader on real packages, against dpkg-deb and tar.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufReader, Read as _},
};

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    deb::{Deb, DebEntry, DebLimits, EntryKind},
    digest::Sha256,
    path::AbsPath,
};
use debbuild_suite::pool::{RealArchive, full};

async fn dpkg_deb(flag: &str, file: &AbsPath) -> Vec<u8> {
    let spec = CommandSpec::new("dpkg-deb").with_args([flag, file.as_str()]).with_env("TZ", "UTC");
    SystemRunner.output(&Context::new(), &spec).await.unwrap()
}

/// An entry as `dpkg-deb --contents` prints it, with one space between columns.
fn as_tar_prints(entry: &DebEntry) -> String {
    let letter = match entry.kind {
        EntryKind::Directory => 'd',
        EntryKind::SymbolicLink => 'l',
        EntryKind::HardLink => 'h',
        _ => '-',
    };
    let mut mode: Vec<char> =
        (0..9).rev().map(|bit| if entry.mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' }).collect();
    for (bit, at, set) in [(0o4000, 2, 's'), (0o2000, 5, 's'), (0o1000, 8, 't')] {
        if entry.mode & bit != 0 {
            mode[at] = if mode[at] == 'x' { set } else { set.to_ascii_uppercase() };
        }
    }
    let path = match (entry.path.as_str(), entry.kind) {
        (".", _) => "./".to_owned(),
        (path, EntryKind::Directory) => format!("./{path}/"),
        (path, _) => format!("./{path}"),
    };
    let link = match (entry.kind, &entry.link) {
        (EntryKind::HardLink, Some(to)) => format!(" link to ./{to}"),
        (_, Some(to)) => format!(" -> {to}"),
        _ => String::new(),
    };
    let (mode, when) = (mode.into_iter().collect::<String>(), entry.modified.to_string().replace('T', " "));
    format!("{letter}{mode} {}/{} {} {} {path}{link}", entry.user, entry.group, entry.size, &when[..16])
}

/// The content of every plain file of a tar archive, as another reader of tar has it.
fn files(tar: &[u8]) -> BTreeMap<String, Sha256> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().to_str().unwrap().trim_start_matches("./").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.insert(path, Sha256::of(&bytes));
        }
    }
    found
}

async fn compare(file: &AbsPath) -> (usize, usize) {
    let (mut entries, mut contents) = (Vec::new(), BTreeMap::new());
    let input = BufReader::new(fs::File::open(file).unwrap());
    let deb = Deb::walk(&Context::new(), input, &DebLimits::default(), &mut |entry, content| {
        if entry.kind == EntryKind::File {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            contents.insert(entry.path.clone(), Sha256::of(&bytes));
        }
        entries.push(entry);
        Ok(())
    });
    let deb = deb.unwrap_or_else(|error| panic!("{file}: {error:?}"));

    assert_eq!(contents, files(&dpkg_deb("--fsys-tarfile", file).await), "{file}");
    let control = files(&dpkg_deb("--ctrl-tarfile", file).await);
    let ours: BTreeMap<String, Sha256> =
        deb.control_files.iter().map(|(name, bytes)| (name.clone(), Sha256::of(bytes))).collect();
    assert_eq!(ours, control, "{file}");
    // `dpkg-deb -f` prints the fields, in which our text and dpkg's must agree.
    let fields = String::from_utf8(dpkg_deb("--field", file).await).unwrap();
    assert_eq!(deb.control.trim_end(), fields.trim_end(), "{file}");
    let named = file.name().split('_').collect::<Vec<_>>();
    assert_eq!(
        (deb.package.package.as_str(), deb.package.architecture.as_str()),
        (named[0], named[2].trim_end_matches(".deb"))
    );

    let squeezed = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let listed = String::from_utf8(dpkg_deb("--contents", file).await).unwrap();
    let theirs: Vec<String> = listed.lines().map(squeezed).collect();
    let ours: Vec<String> = entries.iter().map(|entry| squeezed(&as_tar_prints(entry))).collect();
    // tar quotes what is not ASCII: then the names have been compared above, by content.
    for (ours, theirs) in ours.iter().zip(&theirs).filter(|(ours, _)| ours.is_ascii() && !ours.contains('\\')) {
        assert_eq!(ours, theirs, "{file}");
    }
    assert_eq!(ours.len(), theirs.len(), "{file}");
    let paths: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let missing: Vec<_> = deb.md5sums().filter(|(_, path)| !paths.contains(path)).collect();
    assert!(missing.is_empty(), "{file}: md5sums names what is not there: {missing:?}");
    assert!(deb.conffiles().all(|path| path.starts_with('/')), "{file}");
    (entries.len(), deb.conffiles().count())
}

#[tokio::test]
async fn real_packages_read_as_dpkg_deb_reads_them() {
    let archive = RealArchive::open().await;
    let debs = archive.debs(if full() { 1000 } else { 60 }).await;
    let (mut entries, mut conffiles) = (0, 0);
    for file in &debs {
        let counted = compare(file).await;
        entries += counted.0;
        conffiles += counted.1;
    }
    assert!(entries > debs.len() * 5 && conffiles > 10, "{entries} entries, {conffiles} configuration files");
}
