//! Rows 33 to 36 as the resolver meets them: relations that cannot be read, floods and depths, dependencies that lead back to
//! themselves, and questions that nobody can answer in time.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use debbuild_core::{
    arch::Architecture,
    context::Context,
    control::{SourceControl, read_sources},
    error::chain,
    relation::Relations,
    resolve::{
        Answer, BuildDeps, BuildabilityOptions, Install, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver,
        SourcePackages, Universe, UniverseOptions, buildability,
        order::{OrderOptions, order},
    },
};

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stanza(name: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1\nArchitecture: all\n{more}Filename: pool/{name}.deb\nSize: 1\nSHA256: {SUM}\n\n"
    )
}

fn universe(index: &str) -> Universe {
    let index = PackageIndex::parse("example", index);
    assert_eq!(index.problems(), []);
    Universe::new(UniverseOptions::new(Architecture::new("amd64").unwrap()), [(Arc::new(index), PRIORITY)])
}

fn source(name: &str, depends: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: any\nBuild-Depends: {depends}\nDirectory: pool\n\
         Checksums-Sha256:\n {SUM} 1 {name}.tar.gz\n\n"
    )
}

fn sources(text: &str) -> Vec<SourceControl> {
    let (sources, problems) = read_sources(text);
    assert_eq!(problems, []);
    sources
}

fn install(relations: &str) -> Question {
    Question::Install(Install::new(Relations::parse(relations).unwrap()))
}

fn answer(on: &Universe, question: &Question) -> Answer {
    SatResolver::new().answer(&Context::new(), on, question).unwrap()
}

/// An index and a list of source packages with one that depends on this: it cannot be had, for that reason, and the others can.
fn set_aside(depends: &str, because: &str) {
    let bad = stanza("bad", &format!("Depends: {depends}\n"));
    let universe = universe(&(stanza("good", "") + &bad + &stanza("fine", "Depends: good\n")));
    assert!(matches!(answer(&universe, &install("fine")), Answer::Satisfied(_)));
    let Answer::Unsatisfiable(why) = answer(&universe, &install("bad")) else { panic!("{depends}") };
    assert!(why.sentences.iter().any(|sentence| sentence.contains(because)), "{:?}", why.sentences);
    let found = SourcePackages::parse(&(source("one", "good") + &source("two", depends)));
    assert_eq!((found.packages.len(), found.problems.len()), (1, 1));
    let says = chain(&found.problems[0].error);
    assert!(says.contains(because), "{says}");
}

#[test]
fn row_33_relations_that_do_not_end_in_an_index() {
    for depends in ["foo (>> )", "foo (>= 1", "foo [", "foo <!", "${x"] {
        set_aside(depends, "Depends");
    }
}

#[test]
fn row_34_floods_and_depths() {
    set_aside(&vec!["aa"; 100_000].join(" | "), "too many alternatives");
    for open in ["(", "[", "<"] {
        set_aside(&format!("aa {}", open.repeat(10_000)), "Depends");
    }
    // As deep and as wide as nobody's archive: packages one after the other, and many that are enough for one relation.
    let (depth, width, length) = (20_000, 2000, 3000);
    let next = |at: usize| if at + 1 < depth { format!("Depends: part-{}\n", at + 1) } else { String::new() };
    let deep: String = (0..depth).map(|at| stanza(&format!("part-{at}"), &next(at))).collect();
    let made = "Provides: made\nConflicts: made\n";
    let wide: String = (0..width).map(|at| stanza(&format!("made-{at}"), made)).collect();
    let tools: String = (0..=length).map(|at| stanza(&format!("tool-{at}"), "")).collect();
    let universe = universe(&(deep + &wide + &tools + &stanza("build-essential", "")));
    let Answer::Satisfied(found) = answer(&universe, &install("part-0, made")) else { panic!("no answer") };
    assert_eq!(found.packages.len(), depth + 1);
    // Source packages of which each needs the next.
    let chain: String = (0..length).map(|at| source(&format!("tool-{at}"), &format!("tool-{}", at + 1))).collect();
    let order = order(&Context::new(), &sources(&chain), &universe, &OrderOptions::new()).unwrap();
    assert_eq!((order.stages.len(), order.cycles.len(), order.blocked.len()), (length, 0, 0));
}

#[test]
fn row_35_source_packages_in_a_circle() {
    let circle: String =
        (0..300).map(|at| source(&format!("part-{at}"), &format!("part-{}", (at + 1) % 300))).collect();
    let packages: String = (0..300).map(|at| stanza(&format!("part-{at}"), "")).collect();
    let universe = universe(&(packages + &stanza("build-essential", "")));
    let order = order(&Context::new(), &sources(&circle), &universe, &OrderOptions::new()).unwrap();
    let [cycle] = &order.cycles[..] else { panic!("{:?}", order.cycles) };
    assert_eq!((cycle.members.len(), cycle.edges.len(), cycle.breaks.len()), (300, 300, 1));
    assert_eq!((order.stages.len(), order.unbuildable.len()), (300, 0));
}

#[test]
fn row_35_dependencies_in_a_circle() {
    let names = |at: usize| format!("Depends: part-{}\n", (at + 1) % 300);
    let circle: String = (0..300).map(|at| stanza(&format!("part-{at}"), &names(at))).collect();
    let all = circle.clone() + &stanza("build-essential", "Depends: part-7\n");
    let source = format!(
        "Format: 1.0\nSource: part\nVersion: 1\nArchitecture: any\nBuild-Depends: part-0\nChecksums-Sha256:\n {SUM} 1 part.tar.gz\n"
    );
    let source = SourceControl::from_unverified(source.as_bytes()).unwrap();
    let question = BuildDeps::new(source, Architecture::new("amd64").unwrap());
    let answer =
        SatResolver::new().answer(&Context::new(), &universe(&all), &Question::BuildDeps(Box::new(question))).unwrap();
    let Answer::Satisfied(found) = answer else { panic!("{answer:?}") };
    assert_eq!(found.packages.len(), 301);
    // A circle with one part that cannot be had: the whole way there is told.
    let broken = circle.replace("Package: part-150\nVersion: 1\n", "Package: part-150\nVersion: 0\n");
    let broken = broken.replace("Depends: part-150\n", "Depends: part-150 (>= 1)\n");
    let question = Question::Install(Install::new(Relations::parse("part-148").unwrap()));
    let answer = SatResolver::new().answer(&Context::new(), &universe(&broken), &question).unwrap();
    let Answer::Unsatisfiable(why) = answer else { panic!("{answer:?}") };
    assert!(why.sentences.iter().any(|sentence| sentence.contains("part-150 (>= 1)")), "{:?}", why.sentences);
}

#[test]
fn row_36_a_question_without_an_answer_in_time_is_unknown() {
    // Fourteen pigeons, thirteen holes: every order has to be tried.
    let (pigeons, holes) = (14, 13);
    let mut index = String::new();
    let mut all = String::new();
    for pigeon in 0..pigeons {
        let choices: Vec<String> = (0..holes).map(|hole| format!("in-{pigeon}-{hole}")).collect();
        index += &stanza(&format!("pigeon-{pigeon}"), &format!("Depends: {}\n", choices.join(" | ")));
        write!(all, "pigeon-{pigeon}, ").unwrap();
        for (hole, choice) in choices.iter().enumerate() {
            let others = (0..pigeons).filter(|other| *other != pigeon).map(|other| format!("in-{other}-{hole}"));
            index += &stanza(choice, &format!("Conflicts: {}\n", others.collect::<Vec<_>>().join(", ")));
        }
    }
    let (all, limit, late) = (all.trim_end_matches(", "), Duration::from_millis(300), "no answer was found within");
    let universe = universe(&(index + &stanza("build-essential", "")));
    let resolver = SatResolver::new().with_limit(limit);
    let answer = resolver.answer(&Context::new(), &universe, &install(all)).unwrap();
    let Answer::Unknown(reason) = answer else { panic!("{answer:?}") };
    assert!(reason.contains(late), "{reason}");
    // Among others, it is the only one about which nothing is said; what needs it waits.
    let two = sources(&(source("pigeon-0", all) + &source("later", "in-0-0, pigeon-0")));
    let options = BuildabilityOptions::new().with_limit(limit);
    let found = buildability(&Context::new(), &two, &universe, &options).unwrap();
    assert_eq!((found.checked, found.broken.len(), found.unknown.len()), (2, 0, 1), "{found:?}");
    assert!(found.unknown[0].reason.contains(late), "{found:?}");
    let order = order(&Context::new(), &two, &universe, &OrderOptions::new().with_limit(limit)).unwrap();
    assert_eq!((order.stages.len(), order.unknown.len(), order.blocked.len()), (0, 1, 1), "{order:?}");
}
