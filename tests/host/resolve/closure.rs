//! Closure of a part of the host's own archive beside the rest of it, against dose.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    resolve::{
        Closure, ClosureOptions, PackageIndex, Repositories, SourcePackages, Strictness, UniverseOptions, closure,
    },
};

use super::{amd64, dose_broken, indexes, sources};

/// A digit of a package that has nothing to do with anything, the same every time (FNV-1a).
fn draw(name: &str, of: u64) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, mix) % of
}

/// The archive in two: a tenth that is checked, and the rest that lies beside it, from which one package of 500 is missing.
async fn parts() -> (String, String) {
    let (mut checked, mut beside) = (String::new(), String::new());
    for stanza in indexes().await.remove(0).split_inclusive("\n\n") {
        let name = stanza.lines().next().unwrap_or_default();
        match (draw(name, 10), draw(name, 500)) {
            (0, _) => checked.push_str(stanza),
            (_, 7) => {}
            _ => beside.push_str(stanza),
        }
    }
    (checked, beside)
}

fn index(name: &str, text: &str) -> Arc<PackageIndex> {
    Arc::new(PackageIndex::parse(name, text))
}

fn options() -> ClosureOptions {
    ClosureOptions::new(UniverseOptions::new(amd64()))
}

/// Checks away from async threads, as these questions are long.
async fn check(repositories: Repositories, options: ClosureOptions) -> Closure {
    let checked = move || closure(&Context::new(), &repositories, &options).unwrap();
    tokio::task::spawn_blocking(checked).await.unwrap()
}

/// What dose-debcheck finds broken of the packages in the foreground, and how many these are.
async fn dose(foreground: &Path, background: &Path) -> (BTreeSet<String>, usize) {
    let file = |kind: &str, path: &Path| format!("--{kind}={}", path.display());
    let spec = CommandSpec::new("dose-debcheck").with_args(["--deb-native-arch=amd64", "--failures"]);
    let spec = spec.with_args([file("fg", foreground), file("bg", background)]);
    let mut said = Capture::default();
    SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
    let report = String::from_utf8(said.stdout).unwrap();
    let value = |key: &str| report.lines().filter_map(|line| line.strip_prefix(key)).map(str::trim).collect::<Vec<_>>();
    let [count] = value("foreground-packages:")[..] else { panic!("{report}") };
    (value("  package:").into_iter().map(str::to_owned).collect(), count.parse().unwrap())
}

#[tokio::test]
async fn dose_finds_the_same_faults_of_a_repository_beside_another() {
    let (checked, beside) = parts().await;
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let [foreground, background] = ["checked", "beside"].map(|name| folder.path().join(name));
    std::fs::write(&foreground, &checked).unwrap();
    std::fs::write(&background, &beside).unwrap();
    let (theirs, count) = dose(&foreground, &background).await;

    let repositories =
        Repositories::new(vec![index("checked", &checked)]).with_lookaside(vec![index("beside", &beside)]);
    let found = check(repositories, options().with_build(Strictness::Off)).await;
    let part = found.install.as_ref().unwrap();
    let ours: BTreeSet<String> = part.faults.iter().map(|fault| fault.subject.name.clone()).collect();
    assert_eq!((&ours, part.checked, part.unknown.len()), (&theirs, count, 0));
    assert!(ours.len() > 20 && ours.len() < part.checked / 2, "{} of {}", ours.len(), part.checked);

    // What is said to be lent is all that is needed of what lies beside.
    assert!(found.needs.len() > part.checked / 2 && found.needs.len() < part.checked, "{}", found.needs.len());
    let names: BTreeSet<&str> = found.lent.iter().map(|lent| lent.package.as_str()).collect();
    let is_lent = |stanza: &&str| {
        let name = stanza.lines().find_map(|line| line.strip_prefix("Package: "));
        name.is_some_and(|name| names.contains(name))
    };
    let lent: String = beside.split_inclusive("\n\n").filter(is_lent).collect();
    assert!(lent.len() < beside.len() / 2, "{} of {} bytes", lent.len(), beside.len());
    std::fs::write(&background, &lent).unwrap();
    assert_eq!(dose(&foreground, &background).await, (theirs, count));
}

#[tokio::test]
async fn dose_finds_the_same_sources_at_fault() {
    let main = indexes().await.remove(0);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let [packages, list] = ["Packages", "Sources"].map(|name| folder.path().join(name));
    std::fs::write(&packages, &main).unwrap();
    std::fs::write(&list, sources()).unwrap();
    let theirs = dose_broken("dose-builddebcheck", &[packages.to_str().unwrap(), list.to_str().unwrap()]).await;

    let repositories = Repositories::new(Vec::new())
        .with_sources(SourcePackages::parse(&sources()).packages)
        .with_lookaside(vec![index("main", &main)]);
    let found = check(repositories, options()).await;
    let part = found.build.as_ref().unwrap();
    let ours: BTreeSet<String> = part.faults.iter().map(|fault| fault.subject.name.clone()).collect();
    assert_eq!((ours, part.unknown.len(), found.install.map(|part| part.checked)), (theirs, 0, Some(0)));
    assert!(found.needs.iter().all(|needs| needs.uses.iter().any(|one| one.relation == "build-essential")));
}
