//! Rows 35 and 36: dependencies that lead back to themselves, and questions that nobody can answer in time.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use debbuild_core::{
    arch::Architecture,
    context::Context,
    control::SourceControl,
    relation::Relations,
    resolve::{
        Answer, BuildDeps, Install, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver, Universe,
        UniverseOptions,
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
    let question = Question::Install(Install::new(Relations::parse(all.trim_end_matches(", ")).unwrap()));
    let resolver = SatResolver::new().with_limit(Duration::from_millis(300));
    let answer = resolver.answer(&Context::new(), &universe(&index), &question).unwrap();
    let Answer::Unknown(reason) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("no answer was found within"), "{reason}");
}
