//! What apt would install for packages drawn from the whole archive, and what we would; each difference is explained.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    digest::Sha256,
    relation::Relations,
    resolve::{
        Answer, Install, Question, Reason, Recommends, Resolver as _, SatResolver, Solution, Universe, Versions,
    },
};

use debbuild_suite::pool::full;

use super::{apt_installs, indexes, universe};

/// How many packages are drawn: all 300 in a full run.
fn count() -> usize {
    if full() { 300 } else { 8 }
}

/// Names drawn evenly from the archive, the same ones every time as long as they are there.
fn drawn(texts: &[String]) -> Vec<String> {
    let names: BTreeSet<&str> =
        texts[0].lines().filter_map(|line| line.strip_prefix("Package: ")).map(str::trim).collect();
    let by_digest: BTreeMap<String, &str> =
        names.into_iter().map(|name| (Sha256::of(name.as_bytes()).to_string(), name)).collect();
    by_digest.into_values().take(count()).map(str::to_owned).collect()
}

fn ours(universe: &Universe, seed: &str, recommends: bool) -> Option<Solution> {
    let policy = if recommends { Recommends::Install } else { Recommends::Ignore };
    let question = Install::new(Relations::parse(seed).unwrap()).with_recommends(policy);
    match SatResolver::new().answer(&Context::new(), universe, &Question::Install(question)).unwrap() {
        Answer::Satisfied(solution) => Some(solution),
        Answer::Unsatisfiable(_) => None,
        other => panic!("{seed}: {other:?}"),
    }
}

fn names(solution: &Solution) -> BTreeSet<String> {
    solution.packages.iter().map(|selected| selected.package.package.to_string()).collect()
}

/// Whether dose finds nothing broken in a set of packages, given as their stanzas.
async fn dose_accepts(universe_text: &[String], set: &BTreeSet<String>, folder: &Path) -> bool {
    let mut text = String::new();
    for stanza in universe_text.iter().flat_map(|text| text.split("\n\n")) {
        let name = stanza.lines().find_map(|line| line.strip_prefix("Package: "));
        if name.is_some_and(|name| set.contains(name)) {
            writeln!(text, "{}\n", stanza.trim()).unwrap();
        }
    }
    let file = folder.join("set");
    fs::write(&file, text).unwrap();
    let spec = CommandSpec::new("dose-debcheck").with_args(["--deb-native-arch=amd64", "--latest=1"]).with_arg(file);
    SystemRunner.run(&Context::new(), &spec, &mut Capture::default()).await.unwrap().success()
}

/// Why a package is in our solution.
fn reason(solution: &Solution, name: &str) -> String {
    match solution.get(name).map(|selected| &selected.reason) {
        Some(Reason::NeededBy { package, relation, .. }) => format!("{name} for {relation} of {package}"),
        _ => name.to_owned(),
    }
}

#[tokio::test]
async fn apt_would_install_the_same_for_packages_drawn_from_the_archive() {
    let tree = tempfile::tempdir_in("/tmp").unwrap();
    fs::write(tree.path().join("status"), "").unwrap();
    let texts = indexes().await;
    let universe = universe(texts.clone(), Versions::Candidate);
    let mut report =
        "| seed | recommended | apt | debbuild | only apt | only debbuild |\n| --- | --- | ---: | ---: | --- | --- |\n"
            .to_owned();
    let (mut same, mut all) = (0, 0);
    for seed in drawn(&texts) {
        for recommends in [false, true] {
            all += 1;
            let theirs = apt_installs(tree.path(), &[&seed], recommends).await;
            let solution = ours(&universe, &seed, recommends);
            let ours = solution.as_ref().map(names);
            if theirs == ours {
                same += 1;
                continue;
            }
            let Some((solution, ours)) = solution.as_ref().zip(ours) else {
                panic!("{seed}: we find nothing, apt {theirs:?}");
            };
            assert!(dose_accepts(&texts, &ours, tree.path()).await, "{seed}: dose refuses {ours:?}");
            // Where apt gives up and we do not, dose has the last word.
            let theirs = theirs.unwrap_or_default();
            assert!(theirs.is_empty() || ours.len() <= theirs.len() + theirs.len() / 50, "{seed}: {ours:?} {theirs:?}");
            let only_apt: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
            let only_we: Vec<String> = ours.difference(&theirs).map(|name| reason(solution, name)).collect();
            let (theirs, ours, wish) = (theirs.len(), ours.len(), if recommends { "yes" } else { "no" });
            let (only_apt, only_we) = (only_apt.join(", "), only_we.join("; "));
            writeln!(report, "| {seed} | {wish} | {theirs} | {ours} | {only_apt} | {only_we} |").unwrap();
        }
    }
    let share = format!("{same} of {all} sets are those of apt-get; dose finds nothing broken in the others.\n\n");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/figures/resolver");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("seeds.md"), format!("{share}{report}")).unwrap();
    assert!(same * 100 >= all * 95, "{share}{report}");
}
