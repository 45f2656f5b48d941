//! Reasons on the host's own archive, against dose, apt-cache and grep-dctrl, and the stanzas that unit tests replay.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    control::{SourceControl, paragraphs, read_sources},
    name::PackageName,
    relation::{Operator, Relation, Relations},
    resolve::{
        Answer, By, Clash, Explanation, Install, Needer, PRIORITY, PackageIndex, PackageVersion, Picture, Question,
        Rdeps, SatResolver, Solution, Step, Universe, UniverseOptions, Versions, installability, rdeps, why, why_not,
    },
};

use debbuild_suite::pool::full;

use super::{amd64, indexes, output, universe};

const LIMIT: Duration = Duration::from_secs(60);

fn exactly(package: &str, version: &str) -> Question {
    let relation = Relation::new(PackageName::new(package).unwrap());
    let relation = relation.with_constraint(Operator::Equal, version.parse().unwrap());
    Question::Install(Install::new(Relations::parse(&relation.to_string()).unwrap()))
}

fn explained(universe: &Universe, package: &str, version: &str) -> Explanation {
    match why_not(&Context::new(), &SatResolver::new(), universe, &exactly(package, version), LIMIT).unwrap() {
        Answer::Unsatisfiable(why) => why,
        other => panic!("{package} {version}: {other:?}"),
    }
}

/// What a reason comes down to: a package whose relation nothing satisfies, or two packages that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Missing(String, String),
    Conflict(BTreeSet<String>),
}

/// A relation without what dose adds: the architecture of each name.
fn plain(relation: &str) -> String {
    relation.replace(":amd64", "").replace(":any", "")
}

fn causes(why: &Explanation) -> BTreeSet<Cause> {
    let name = |by: &By| by.package().map(|package| package.package.to_string());
    let cause = |step: &Step| match step {
        Step::Missing { by, relation, .. } => Some(Cause::Missing(name(by)?, plain(relation))),
        Step::Conflicts { by, package, .. } => Some(Cause::Conflict([name(by)?, package.package.to_string()].into())),
        _ => None,
    };
    why.steps.iter().filter_map(cause).collect()
}

/// Each broken package with the causes that dose-debcheck names.
async fn dose(packages: &Path) -> BTreeMap<(String, String), BTreeSet<Cause>> {
    let spec = CommandSpec::new("dose-debcheck").with_args(["--deb-native-arch=amd64", "--explain", "--failures"]);
    let mut said = Capture::default();
    SystemRunner.run(&Context::new(), &spec.with_arg(packages), &mut said).await.unwrap();
    let report = String::from_utf8(said.stdout).unwrap();
    let mut found = BTreeMap::new();
    for broken in report.split("\n -\n  package: ").skip(1) {
        let mut lines = broken.lines();
        let package = lines.next().unwrap().to_owned();
        let version = lines.next().unwrap().trim_start_matches("  version: ").to_owned();
        let mut causes = BTreeSet::new();
        for reason in broken.split("\n   -\n").skip(1) {
            let after = |key: &str, text: &str| -> Vec<String> {
                text.lines().filter_map(|line| line.trim().strip_prefix(key)).map(str::to_owned).collect()
            };
            // The chains that lead there come after it.
            let own = reason.split("depchain").next().unwrap();
            let named = after("package: ", own);
            causes.insert(match &after("unsat-dependency: ", own)[..] {
                [relation] => Cause::Missing(named[0].clone(), plain(relation)),
                _ => Cause::Conflict(named.into_iter().take(2).collect()),
            });
        }
        found.insert((package, version), causes);
    }
    assert!(!found.is_empty(), "{report}{}", String::from_utf8_lossy(&said.stderr));
    found
}

/// The stanzas of an archive by name and version.
fn stanzas(text: &str) -> BTreeMap<(String, String), &str> {
    let of = |stanza: &'_ str| {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((field("Package: ")?, field("Version: ")?))
    };
    text.split_inclusive("\n\n").filter_map(|stanza| Some((of(stanza)?, stanza))).collect()
}

/// The packages that an explanation names, each with no relations but those that are steps.
fn fixture(archive: &str, why: &Explanation) -> String {
    let mut relations: BTreeMap<&PackageVersion, BTreeSet<&str>> = BTreeMap::new();
    for step in &why.steps {
        let (by, relation, others): (_, &str, Vec<&PackageVersion>) = match step {
            Step::Needs { by, relation, choices, .. } => (by.package(), relation, choices.iter().collect()),
            Step::Missing { by, relation, others, .. } => {
                (by.package(), relation, others.iter().map(|other| &other.package).collect())
            }
            Step::Conflicts { by, clash, relation, package } => {
                let verb = if *clash == Clash::Breaks { "breaks " } else { "conflicts with " };
                (by.package(), relation.strip_prefix(verb).unwrap(), vec![package])
            }
            other => panic!("{other:?}"),
        };
        others.into_iter().for_each(|other| _ = relations.entry(other).or_default());
        if let Some(by) = by {
            relations.entry(by).or_default().insert(relation);
        }
    }
    let archive = stanzas(archive);
    let mut text = String::new();
    for (package, kept) in relations {
        let stanza = archive[&(package.package.to_string(), package.version.to_string())];
        let paragraph = paragraphs(stanza).next().unwrap().unwrap();
        for field in ["Package", "Version", "Architecture", "Multi-Arch", "Provides"] {
            if let Some(value) = paragraph.get(field) {
                text.push_str(&format!("{field}: {value}\n"));
            }
        }
        for field in ["Pre-Depends", "Depends", "Conflicts", "Breaks"] {
            let all = Relations::parse(paragraph.get(field).unwrap_or_default()).unwrap();
            let kept: Vec<String> = all.iter().map(ToString::to_string).filter(|one| kept.contains(&**one)).collect();
            if !kept.is_empty() {
                text.push_str(&format!("{field}: {}\n", kept.join(", ")));
            }
        }
        for field in ["Filename", "Size", "SHA256"] {
            text.push_str(&format!("{field}: {}\n", paragraph.get(field).unwrap()));
        }
        text.push('\n');
    }
    text
}

/// The packages that unit tests explain again (`debbuild-core/src/resolve/why_not/broken`).
const KEPT: [&str; 5] =
    ["console-setup-freebsd", "design-desktop", "parl-desktop-eu", "webext-dav4tbsync", "webext-xnotepp"];

#[tokio::test]
async fn dose_names_the_same_missing_and_conflicting_packages() {
    let main = indexes().await.remove(0);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().join("Packages");
    std::fs::write(&file, &main).unwrap();
    let theirs = dose(&file).await;
    let on = universe(vec![main.clone()], Versions::All);
    let found = installability(&Context::new(), &SatResolver::new(), &on).unwrap();
    let broken: Vec<(String, String)> =
        found.broken.iter().map(|one| (one.package.to_string(), one.version.to_string())).collect();
    assert_eq!(broken, theirs.keys().cloned().collect::<Vec<_>>());
    for (package, version) in &broken {
        let why = explained(&on, package, version);
        assert!(why.minimal && why.steps.len() < 12, "{package}: {why}");
        assert_eq!(causes(&why), theirs[&(package.clone(), version.clone())], "{package}: {why}");
        // What the explanation names is enough to come to it again.
        let part = fixture(&main, &why);
        let index = PackageIndex::parse("part", part.clone());
        assert!(index.problems().is_empty(), "{part}");
        let options = UniverseOptions::new(amd64()).with_versions(Versions::All);
        let small = Universe::new(options, [(Arc::new(index), PRIORITY)]);
        assert_eq!(explained(&small, package, version).sentences, why.sentences, "{part}");
        keep(package, &part);
    }
}

/// `DEBBUILD_UPDATE=1` writes the stanzas that unit tests replay anew.
fn keep(package: &str, part: &str) {
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
    let update = std::env::var_os("DEBBUILD_UPDATE").is_some();
    if update && KEPT.contains(&package) {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("debbuild-core/src/resolve/why_not/broken").join(package);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("Packages"), part).unwrap();
    }
}

#[tokio::test]
async fn dose_names_the_same_where_packages_are_gone() {
    // Every 400th package is taken away: much then misses something, often behind alternatives and conflicts.
    let main = indexes().await.remove(0);
    let thinned: String =
        main.split_inclusive("\n\n").enumerate().filter(|(at, _)| at % 400 != 7).map(|(_, stanza)| stanza).collect();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().join("Packages");
    std::fs::write(&file, &thinned).unwrap();
    let theirs = dose(&file).await;
    let on = universe(vec![thinned], Versions::All);
    let (mut same, mut other) = (0, Vec::new());
    let sample = if full() { 400 } else { 150 };
    for ((package, version), causes_of_dose) in theirs.iter().step_by(theirs.len().div_ceil(sample)) {
        let why = explained(&on, package, version);
        assert!(why.minimal, "{package}: {why}");
        let ours = causes(&why);
        if ours.is_subset(causes_of_dose) || causes_of_dose.is_subset(&ours) {
            same += 1;
        } else {
            other.push(format!("{package}: {why}; dose {causes_of_dose:?}"));
        }
    }
    assert!(same > 100 && other.len() * 20 <= same, "{same} the same, others:\n{}", other.join("\n"));
}

fn solved(universe: &Universe, question: &Question) -> Solution {
    match why_not(&Context::new(), &SatResolver::new(), universe, question, LIMIT).unwrap() {
        Answer::Satisfied(solution) => solution,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn graphviz_and_librsvg_read_pictures_of_real_reasons() {
    let on = universe(indexes().await, Versions::Candidate);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let question = Question::Install(Install::new(Relations::parse("task-gnome-desktop").unwrap()));
    let solution = solved(&on, &question);
    let mut pictures = Vec::new();
    for package in ["libc6", "systemd", "gnome-shell", "task-gnome-desktop"] {
        let reasons = why(&on, &question, &solution, &solution.get(package).unwrap().package).unwrap().unwrap();
        assert_eq!(reasons.chains[0].len(), solution.chain(package).len(), "{package}");
        pictures.push(Picture::of_why(&reasons));
    }
    let clash = Question::Install(Install::new(Relations::parse("postfix, exim4, libc6").unwrap()));
    let Answer::Unsatisfiable(conflict) = why_not(&Context::new(), &SatResolver::new(), &on, &clash, LIMIT).unwrap()
    else {
        panic!("postfix and exim4 go together");
    };
    pictures.push(Picture::of_explanation(&conflict));
    for (at, picture) in pictures.iter().enumerate() {
        let (dot, svg) = (folder.path().join(format!("{at}.dot")), folder.path().join(format!("{at}.svg")));
        std::fs::write(&dot, picture.dot()).unwrap();
        std::fs::write(&svg, picture.svg()).unwrap();
        let drawn = String::from_utf8(output("dot", &["-Tsvg", dot.to_str().unwrap()]).await).unwrap();
        assert_eq!(drawn.matches("class=\"node\"").count(), picture.nodes.len());
        let png = output("rsvg-convert", &[svg.to_str().unwrap()]).await;
        assert!(png.starts_with(b"\x89PNG") && png.len() > 2000);
    }
}

#[tokio::test]
async fn apt_cache_knows_the_same_reverse_dependencies() {
    let on = universe(indexes().await, Versions::All);
    for name in ["libssl3", "tzdata", "adduser", "hello", "postfix", "libc6", "no-such-package"] {
        let ask = Rdeps::new(PackageName::new(name).unwrap());
        let ours: BTreeSet<String> = rdeps(&Context::new(), &on, &[], &ask)
            .unwrap()
            .into_iter()
            .filter(|one| one.through.is_none())
            .filter_map(|one| if let Needer::Package(by) = one.by { Some(by.package.to_string()) } else { None })
            .collect();
        let spec = CommandSpec::new("apt-cache").with_args(["rdepends", "--important", name]);
        let mut said = Capture::default();
        SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        // A bar stands before alternatives; what is further in provides the package.
        let theirs = text.lines().filter_map(|line| line.strip_prefix("  ").or_else(|| line.strip_prefix(" |")));
        let theirs: BTreeSet<String> = theirs.filter(|name| !name.starts_with(' ')).map(str::to_owned).collect();
        assert_eq!(ours, theirs, "{name}");
        assert!(name == "no-such-package" || name == "hello" || ours.len() > 10, "{name}: {ours:?}");
    }
}

#[tokio::test]
async fn grep_dctrl_knows_the_same_sources_that_build_depend() {
    // The host has no Sources: one is made of the binary packages, each with its own dependencies as build dependencies.
    let main = indexes().await.remove(0);
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut text = String::new();
    for stanza in main.split_inclusive("\n\n").step_by(7) {
        let paragraph = paragraphs(stanza).next().unwrap().unwrap();
        let Some(depends) = paragraph.get("Depends") else { continue };
        let (name, field) = (
            paragraph.get("Package").unwrap(),
            if text.len().is_multiple_of(2) { "Build-Depends" } else { "Build-Depends-Indep" },
        );
        text.push_str(&format!(
            "Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: any\n{field}: {depends}\nDirectory: pool\nChecksums-Sha256:\n {sum} 1 {name}.tar.gz\n\n"
        ));
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().join("Sources");
    std::fs::write(&file, &text).unwrap();
    let (sources, problems): (Vec<SourceControl>, _) = read_sources(&text);
    assert!(problems.is_empty() && sources.len() > 5000);
    let on = universe(vec![main], Versions::Candidate);
    for name in ["perl", "python3", "libssl3", "zlib1g"] {
        let ask = Rdeps::new(PackageName::new(name).unwrap());
        let found = rdeps(&Context::new(), &on, &sources, &ask).unwrap().into_iter();
        let ours: BTreeSet<String> = found
            .filter(|one| one.through.is_none())
            .filter_map(|one| if let Needer::Source { name, .. } = one.by { Some(name.to_string()) } else { None })
            .collect();
        let pattern = format!("(^|[ ,|]){}($|[ ,:(])", name.replace('.', "\\."));
        let args =
            ["-n", "-s", "Package", "-F", "Build-Depends,Build-Depends-Indep", "-e", &pattern, file.to_str().unwrap()];
        let theirs = String::from_utf8(output("grep-dctrl", &args).await).unwrap();
        let theirs: BTreeSet<String> = theirs.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        assert_eq!(ours, theirs, "{name}");
        assert!(ours.len() > 50, "{name}: {}", ours.len());
    }
}
