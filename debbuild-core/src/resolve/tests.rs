//! Unit tests of resolving: the shared cases, random universes against trying everything, and what only some universes show.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::{encode::violations, *};
use crate::{arch::Architecture, context::Context, control::SourceControl, relation::Relations};

#[test]
fn the_sat_resolver_conforms() {
    conformance::resolver(&SatResolver::new());
}

#[test]
fn the_exhaustive_resolver_conforms() {
    conformance::resolver(&ExhaustiveResolver);
}

fn stanza(name: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{more}Filename: pool/{name}_{version}_{architecture}.deb\nSize: 1\n\
         SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n"
    )
}

fn index(name: &str, stanzas: &[String]) -> Arc<PackageIndex> {
    let index = PackageIndex::parse(name, stanzas.concat());
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    Arc::new(index)
}

fn options() -> UniverseOptions {
    UniverseOptions::new(Architecture::new("amd64").unwrap())
}

fn install(seeds: &str) -> Question {
    Question::Install(Install::new(Relations::parse(seeds).unwrap()))
}

fn answer(universe: &Universe, seeds: &str) -> Answer {
    SatResolver::new().answer(&Context::new(), universe, &install(seeds)).unwrap()
}

fn versions(answer: &Answer) -> Vec<String> {
    let Answer::Satisfied(solution) = answer else { panic!("{answer:?}") };
    let text =
        |s: &Selected| format!("{}:{} {} {}", s.package.package, s.package.architecture, s.package.version, s.origin);
    solution.packages.iter().map(text).collect()
}

#[test]
fn priorities_choose_the_candidate_as_apt_does() {
    let debian = index("debian", &[stanza("app", "2", "amd64", ""), stanza("lib", "2", "all", "")]);
    let ours = index("ours", &[stanza("app", "1", "amd64", "")]);
    let backports = index("backports", &[stanza("app", "3", "amd64", "Depends: lib\n")]);
    let universe = |options, ours_first: i32| {
        let never = (index("never", &[stanza("lib", "9", "all", "")]), -1);
        let backports = (Arc::clone(&backports), 100);
        Universe::new(options, [(Arc::clone(&debian), PRIORITY), (Arc::clone(&ours), ours_first), backports, never])
    };
    assert_eq!(versions(&answer(&universe(options(), 500), "app")), ["app:amd64 2 debian"]);
    assert_eq!(versions(&answer(&universe(options(), 990), "app")), ["app:amd64 1 ours"]);
    assert_eq!(versions(&answer(&universe(options(), 990), "lib")), ["lib:all 2 debian"]);
    // apt does not look further than the candidate; a question about a whole archive does.
    let Answer::Unsatisfiable(why) = answer(&universe(options(), 500), "app (>= 3)") else { panic!() };
    assert_eq!(why.sentences, ["the request needs app (>= 3), which no package provides (there is app 2)"]);
    let all = options().with_versions(Versions::All);
    assert_eq!(versions(&answer(&universe(all, 500), "app (>= 3)")), ["app:amd64 3 backports", "lib:all 2 debian"]);
}

#[test]
fn packages_of_other_architectures_follow_multi_arch() {
    let packages = index(
        "x",
        &[
            stanza("app", "1", "i386", "Depends: lib, tool, plain | data\n"),
            stanza("lib", "1", "amd64", "Multi-Arch: same\n"),
            stanza("lib", "1", "i386", "Multi-Arch: same\n"),
            stanza("tool", "1", "amd64", "Multi-Arch: foreign\n"),
            stanza("plain", "1", "amd64", ""),
            stanza("data", "1", "i386", ""),
            stanza("data", "1", "amd64", ""),
            stanza("skew", "1", "amd64", "Multi-Arch: same\n"),
            stanza("skew", "2", "i386", "Multi-Arch: same\n"),
        ],
    );
    let foreign = options().with_foreign(vec![Architecture::new("i386").unwrap()]);
    let universe = Universe::new(foreign, [(Arc::clone(&packages), PRIORITY)]);
    let app = ["app:i386 1 x", "data:i386 1 x", "lib:amd64 1 x", "lib:i386 1 x", "tool:amd64 1 x"];
    assert_eq!(versions(&answer(&universe, "app:i386, lib")), app);
    assert!(matches!(answer(&universe, "app:i386, data"), Answer::Unsatisfiable(_)));
    assert!(matches!(answer(&universe, "skew, skew:i386"), Answer::Unsatisfiable(_)));
    let native = Universe::new(options(), [(packages, PRIORITY)]);
    assert!(matches!(answer(&native, "app:i386"), Answer::Unsatisfiable(_)));
}

#[test]
fn explanations_go_from_the_question_to_where_it_fails() {
    let packages = index(
        "x",
        &[
            stanza("app", "1", "amd64", "Depends: mid\n"),
            stanza("mid", "2", "amd64", "Depends: low (>= 3) | other\n"),
            stanza("low", "1", "amd64", ""),
            stanza("left", "1", "amd64", "Breaks: right (<< 2)\n"),
            stanza("right", "1", "amd64", ""),
            stanza("bad", "1", "amd64", "Depends: ((\n"),
        ],
    );
    let universe = Universe::new(options(), [(packages, PRIORITY)]);
    let sentences = |seeds: &str| match answer(&universe, seeds) {
        Answer::Unsatisfiable(why) => why.sentences,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        sentences("app"),
        [
            "the request needs app",
            "app 1 needs mid",
            "mid 2 needs low (>= 3) | other, which no package provides (there is low 1)"
        ]
    );
    let why = sentences("left, right");
    assert!(why.contains(&"left 1 breaks right (<< 2), and that is right 1".to_owned()), "{why:?}");
    let why = sentences("bad");
    assert!(why.iter().any(|line| line.starts_with("bad 1 cannot be used: field Depends")), "{why:?}");
}

#[test]
fn every_package_of_a_universe_is_checked() {
    let packages = index(
        "x",
        &[
            stanza("app", "1", "amd64", "Depends: lib\n"),
            stanza("app", "2", "amd64", "Depends: lib (>= 2)\n"),
            stanza("lib", "1", "all", ""),
            stanza("virtual-lib", "1", "all", "Provides: app (= 2)\nDepends: app (>= 3)\n"),
            stanza("real", "1", "amd64", "Depends: nothing\n"),
            stanza("other", "1", "amd64", "Provides: real (= 1)\n"),
        ],
    );
    let check = |versions| {
        let universe = Universe::new(options().with_versions(versions), [(Arc::clone(&packages), PRIORITY)]);
        installability(&Context::new(), &SatResolver::new(), &universe).unwrap()
    };
    let names = |found: &Installability| -> Vec<String> {
        found.broken.iter().map(|broken| format!("{} {}", broken.package, broken.version)).collect()
    };
    let all = check(Versions::All);
    assert_eq!((all.checked, names(&all)), (6, ["app 2", "real 1", "virtual-lib 1"].map(str::to_owned).to_vec()));
    assert_eq!(all.broken[0].explanation.missing[0].relation, "lib (>= 2)");
    assert_eq!(check(Versions::Candidate).checked, 5);
}

#[test]
fn a_limit_of_time_is_an_answer() {
    let universe = Universe::new(options(), [(index("x", &[stanza("app", "1", "amd64", "")]), PRIORITY)]);
    let resolver = SatResolver::new().with_limit(Duration::ZERO);
    let answer = resolver.answer(&Context::new(), &universe, &install("app")).unwrap();
    assert!(matches!(answer, Answer::Unknown(_)));
    let other = BuildDeps::new(source(), Architecture::new("arm64").unwrap());
    let refused = SatResolver::new().answer(&Context::new(), &universe, &Question::BuildDeps(Box::new(other)));
    assert!(matches!(refused, Err(ResolveError::Architecture { .. })));
}

fn source() -> SourceControl {
    let sums = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 src.tar.gz";
    let text = format!("Format: 1.0\nSource: src\nVersion: 1\nArchitecture: any\nChecksums-Sha256:\n {sums}\n");
    SourceControl::from_unverified(text.as_bytes()).unwrap()
}

/// A relation field about the packages of a small universe.
fn field(name: &'static str) -> impl Strategy<Value = String> {
    let relation = ("p[a-e]", prop::option::weighted(0.4, "(<<|<=|=|>=|>>) [1-3]"));
    let relation = relation.prop_map(|(name, version)| match version {
        Some(version) => format!("{name} ({version})"),
        None => name,
    });
    let group = prop::collection::vec(relation, 1..3).prop_map(|group| group.join(" | "));
    prop::collection::vec(group, 0..3).prop_map(move |groups| match (groups.len(), name) {
        (0, _) => String::new(),
        // Only Depends, Pre-Depends and Recommends have alternatives.
        (_, "Conflicts" | "Breaks") => format!("{name}: {}\n", groups.join(", ").replace(" | ", ", ")),
        _ => format!("{name}: {}\n", groups.join(", ")),
    })
}

fn package() -> impl Strategy<Value = String> {
    let provides =
        prop::option::weighted(0.3, ("p[a-e]", prop::option::of("[1-3]"))).prop_map(|provides| match provides {
            None => String::new(),
            Some((name, None)) => format!("Provides: {name}\n"),
            Some((name, Some(version))) => format!("Provides: {name} (= {version})\n"),
        });
    ("p[a-d]", "[1-3]", field("Depends"), field("Conflicts"), field("Breaks"), provides).prop_map(
        |(name, version, depends, conflicts, breaks, provides)| {
            stanza(&name, &version, "amd64", &format!("{depends}{conflicts}{breaks}{provides}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn trying_everything_agrees(packages in prop::collection::vec(package(), 1..8), seeds in field("Depends")) {
        // A version of a package is there once.
        let mut seen = BTreeSet::new();
        let once = |stanza: &String| seen.insert(stanza.lines().take(2).map(str::to_owned).collect::<Vec<_>>());
        let packages: Vec<String> = packages.into_iter().filter(once).collect();
        let options = options().with_versions(Versions::All);
        let universe = Universe::new(options, [(index("random", &packages), PRIORITY)]);
        let seeds = seeds.trim().strip_prefix("Depends: ").unwrap_or_default();
        let question = install(seeds);
        let ours = SatResolver::new().answer(&Context::new(), &universe, &question).unwrap();
        let theirs = ExhaustiveResolver.answer(&Context::new(), &universe, &question).unwrap();
        match (&ours, &theirs) {
            (Answer::Satisfied(ours), Answer::Satisfied(least)) => {
                prop_assert!(least.packages.len() <= ours.packages.len());
                let chosen: Vec<_> = universe.all().filter(|id| {
                    ours.packages.iter().any(|selected| Ok(&*selected.package) == universe.read(*id).as_ref())
                }).collect();
                prop_assert_eq!(chosen.len(), ours.packages.len());
                let roots = encode::roots(&universe, &question).unwrap();
                prop_assert_eq!(violations(&universe, &roots, &chosen), Vec::<String>::new());
            }
            (Answer::Unsatisfiable(why), Answer::Unsatisfiable(_)) => prop_assert!(!why.sentences.is_empty()),
            other => prop_assert!(false, "they disagree: {other:?}"),
        }
    }
}
