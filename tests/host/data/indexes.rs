//! Indexes and changelogs of a real archive, read from streams.

use std::{collections::BTreeSet, fs, io::Read as _};

use debbuild_core::{
    changelog,
    command::{CommandRunnerExt as _, CommandSpec, Stdin, SystemRunner},
    context::Context,
    control::{paragraphs, read_packages, stream_contents, stream_packages, stream_sources},
    deb::{Deb, DebLimits, EntryKind},
};
use debbuild_suite::pool::{RealArchive, full};

#[tokio::test]
async fn the_archives_indexes_are_read_from_streams_without_a_problem() {
    let archive = RealArchive::open().await;
    let text = archive.packages().await;
    let (whole, problems) = read_packages(&text);
    assert_eq!(problems, []);
    let mut count = 0;
    for (found, whole) in stream_packages(text.as_bytes()).zip(&whole) {
        assert_eq!(found.unwrap().value.as_ref(), Some(whole));
        count += 1;
    }
    assert_eq!(count, whole.len());

    let sources = archive.sources().await;
    let found: Vec<_> = stream_sources(sources.as_bytes()).map(Result::unwrap).collect();
    let problems: Vec<String> = found.iter().flat_map(|found| &found.problems).map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(found.len() > 30_000 && found.iter().all(|found| found.value.is_some()));
    assert!(sources.lines().count() > paragraphs(&sources).count());
}

#[tokio::test]
async fn contents_name_the_packages_of_the_index() {
    let archive = RealArchive::open().await;
    let bytes = archive.index("main/Contents-all").await;
    let index = archive.packages().await;
    let known: BTreeSet<&str> = paragraphs(&index).map(|p| p.unwrap().get("Package").unwrap()).collect();
    let (mut lines, mut unknown, mut problems) = (0, BTreeSet::new(), Vec::new());
    for found in stream_contents(&bytes[..]) {
        let found = found.unwrap();
        problems.extend(found.problems.iter().map(ToString::to_string));
        for package in found.value.into_iter().flat_map(|entry| entry.packages) {
            if !known.contains(package.package.as_str()) {
                unknown.insert(package.package);
            }
        }
        lines += 1;
    }
    assert!(problems.is_empty(), "{}: {:?}", problems.len(), &problems[..problems.len().min(3)]);
    assert_eq!(lines, bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count());
    // Contents are made at another moment than Packages.
    assert!(unknown.len() < known.len() / 100, "{unknown:?}");
}

/// The changelog that a package brings, if it is the Debian one.
fn changelog_of(file: &debbuild_core::path::AbsPath) -> Option<String> {
    let mut text = None;
    let input = std::io::BufReader::new(fs::File::open(file).unwrap());
    let read = Deb::walk(&Context::new(), input, &DebLimits::default(), &mut |entry, content| {
        if entry.kind == EntryKind::File
            && entry.path.starts_with("usr/share/doc/")
            && entry.path.ends_with("/changelog.Debian.gz")
        {
            let mut bytes = Vec::new();
            let mut plain = flate2::read::MultiGzDecoder::new(content);
            plain.read_to_end(&mut bytes).unwrap();
            text = String::from_utf8(bytes).ok();
        }
        Ok(())
    });
    read.unwrap();
    text
}

/// Source, version, distribution, urgency and date of each entry, as dpkg-parsechangelog says.
async fn theirs(text: &str) -> Vec<String> {
    let spec = CommandSpec::new("dpkg-parsechangelog")
        .with_args(["--all", "--format", "rfc822", "-l", "-"])
        .with_stdin(Stdin::Bytes(text.as_bytes().to_vec()));
    let said = String::from_utf8(SystemRunner.output(&Context::new(), &spec).await.unwrap()).unwrap();
    let fields = ["Source", "Version", "Distribution", "Urgency", "Maintainer", "Date"];
    let one = |p: debbuild_core::control::Paragraph<'_>| fields.map(|name| p.get(name).unwrap_or_default()).join("\t");
    paragraphs(&said).map(|paragraph| one(paragraph.unwrap())).collect()
}

#[tokio::test]
async fn real_changelogs_read_as_dpkg_parsechangelog_reads_them() {
    let archive = RealArchive::open().await;
    let debs = archive.debs(if full() { 1000 } else { 60 }).await;
    let (mut files, mut entries, mut problems) = (0, 0, 0);
    for text in debs.iter().filter_map(changelog_of) {
        let said = theirs(&text).await;
        let mut said = said.iter();
        for entry in changelog::entries(&text) {
            let Ok(entry) = entry else {
                problems += 1;
                continue;
            };
            let urgency = entry.urgency.unwrap_or_default();
            let ours = [
                entry.source.as_str(),
                entry.version.as_str(),
                &entry.distributions.join(" "),
                &urgency,
                &entry.maintainer,
                &entry.date_text,
            ]
            .join("\t");
            // What we took must be among dpkg's, in the same order.
            assert!(said.any(|theirs| *theirs == ours), "{ours}: not in\n{text}");
            entries += 1;
        }
        files += 1;
    }
    assert!(files > debs.len() / 3 && entries > files * 3, "{files} changelogs, {entries} entries");
    assert!(problems * 20 < entries, "{problems} problems for {entries} entries");
}
