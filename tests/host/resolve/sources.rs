//! Which real source packages can be built, against dose.

use std::{collections::BTreeSet, fs, sync::Arc};

use debbuild_core::{
    context::Context,
    control::read_sources,
    resolve::{BuildabilityOptions, PRIORITY, PackageIndex, Universe, UniverseOptions, Versions, buildability},
};
use debbuild_suite::pool::{RealArchive, full};

use super::{amd64, dose_broken};

/// The names of the source packages that cannot be built, as dose says and as we say; and how many were looked at.
async fn verdicts(packages: &str, sources: &str) -> (BTreeSet<String>, BTreeSet<String>, usize) {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let [index, list] = ["Packages", "Sources"].map(|name| folder.path().join(name));
    fs::write(&index, packages).unwrap();
    fs::write(&list, sources).unwrap();
    let theirs = dose_broken("dose-builddebcheck", &[index.to_str().unwrap(), list.to_str().unwrap()]).await;

    let index = PackageIndex::parse("main", packages);
    let options = UniverseOptions::new(amd64()).with_versions(Versions::All);
    let universe = Universe::new(options, [(Arc::new(index), PRIORITY)]);
    let (sources, problems) = read_sources(sources);
    assert!(problems.is_empty(), "{problems:?}");
    let found = buildability(&Context::new(), &sources, &universe, &BuildabilityOptions::new()).unwrap();
    assert_eq!(found.unknown, []);
    let ours = found.broken.iter().map(|one| one.source.to_string()).collect();
    (theirs, ours, found.checked)
}

/// Every 20th stanza.
fn sample(text: &str) -> String {
    let stanzas = text.split_inclusive("\n\n").enumerate();
    stanzas.filter(|(at, _)| at % 20 == 19).map(|(_, stanza)| stanza).collect()
}

/// Sections of which builds need much and the smallest build nothing.
const SECTIONS: [&str; 4] = ["haskell", "java", "python", "ruby"];

/// Packages without one of ten of those sections.
fn thinned(text: &str) -> String {
    let of = |stanza: &str| stanza.lines().find_map(|line| line.strip_prefix("Section: ")).map(str::to_owned);
    let mut at = 0;
    let stays = |stanza: &&str| {
        let thinned = of(stanza).is_some_and(|section| SECTIONS.contains(&section.as_str()));
        at += usize::from(thinned);
        !thinned || at % 10 > 0
    };
    text.split_inclusive("\n\n").filter(stays).collect()
}

/// In a full run all source packages of the archive, else every 20th: of the archive as it is, and of one with gaps.
#[tokio::test]
async fn dose_finds_the_same_real_sources_unbuildable() {
    let archive = RealArchive::open().await;
    let (packages, sources) = (archive.packages().await, archive.sources().await);
    let (sources, least) = if full() { (sources, 30_000) } else { (sample(&sources), 1500) };
    let (theirs, ours, checked) = verdicts(&packages, &sources).await;
    assert_eq!(ours, theirs, "of {checked}");
    assert!(checked > least && ours.len() < checked / 100, "{} of {checked}", ours.len());

    let (theirs, ours, checked) = verdicts(&thinned(&packages), &sources).await;
    assert_eq!(ours, theirs, "of {checked}");
    assert!(ours.len() > checked / 50 && ours.len() < checked, "{} of {checked}", ours.len());
}
