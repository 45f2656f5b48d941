//! Unit tests of kept problems: random ones are answered alike again, and what is left of those without a solution is needed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    arch::Architecture,
    context::Context,
    control::SourceControl,
    name::PackageName,
    relation::Relations,
    resolve::{
        BuildDeps, Changes, ExhaustiveResolver, Install, Installed, PackageIndex, Recommends, Resolver as _,
        SatResolver, UniverseOptions, Versions,
    },
};

const LIMIT: Duration = Duration::from_secs(30);

fn architecture(name: &str) -> Architecture {
    Architecture::new(name).unwrap()
}

fn stanza(name: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{more}Filename: pool/{name}_{version}_{architecture}.deb\nSize: 1\n\
         SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nDescription: not needed\n\n"
    )
}

fn index(name: &str, stanzas: &[String]) -> Arc<PackageIndex> {
    Arc::new(PackageIndex::parse(name, stanzas.concat()))
}

/// What an answer says, without what a kept problem leaves out of packages.
fn said(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Satisfied(solution) => {
            let each = solution.packages.iter().map(|selected| {
                let package = &selected.package;
                let location = &package.location;
                format!(
                    "{} {} {} {} {:?} {location:?}",
                    package.package, package.architecture, package.version, selected.origin, selected.reason
                )
            });
            each.collect()
        }
        // Which of two reasons comes first depends on their numbers.
        Answer::Unsatisfiable(why) => BTreeSet::from_iter(why.sentences.clone()).into_iter().collect(),
        Answer::Unknown(why) => vec![why.clone()],
    }
}

fn ask(problem: &Problem) -> Answer {
    SatResolver::new().answer(&Context::new(), &problem.universe().unwrap(), problem.question()).unwrap()
}

fn of(universe: &Universe, question: &Question) -> (Answer, Problem) {
    let answer = SatResolver::new().answer(&Context::new(), universe, question).unwrap();
    let problem = Problem::of(universe, question, &answer).unwrap();
    (answer, problem)
}

fn reduced(problem: &Problem) -> Problem {
    problem.clone().reduced(&Context::new(), &SatResolver::new(), LIMIT).unwrap()
}

impl Problem {
    /// The problem without each of its demands in turn.
    fn with_one_less(&self) -> impl Iterator<Item = Self> + '_ {
        let count = self.demands();
        (0..count).map(move |left_out| self.with(&(0..count).map(|at| at != left_out).collect::<Vec<_>>()))
    }
}

fn source(relations: &str) -> SourceControl {
    let sums = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 src.tar.gz";
    let text =
        format!("Format: 1.0\nSource: src\nVersion: 1\nArchitecture: any\n{relations}Checksums-Sha256:\n {sums}\n");
    SourceControl::from_unverified(text.as_bytes()).unwrap()
}

#[test]
fn a_build_that_cannot_be_is_kept_with_what_it_fails_of() {
    let native = architecture("amd64");
    let packages = index(
        "main",
        &[
            stanza("base", "1", "amd64", "Essential: yes\nDepends: lib\n"),
            stanza("build-essential", "1", "amd64", "Depends: make, lib\n"),
            stanza("make", "1", "amd64", "Section: devel\nDepends: lib\n"),
            stanza("lib", "1", "amd64", "Source: libs (3)\nMulti-Arch: same\n"),
            stanza("tool", "1", "amd64", "Depends: lib, left,\n right | virtual, make\nSuggests: unrelated\n"),
            stanza("left", "1", "amd64", "Conflicts: right, unrelated\n"),
            stanza("right", "1", "all", ""),
            stanza("other", "1", "amd64", "Provides: virtual (= 2)\nBreaks: make (<< 2)\nPre-Depends: lib\n"),
            stanza("unrelated", "1", "amd64", "Depends: tool\n"),
        ],
    );
    let universe = Universe::new(UniverseOptions::new(native.clone()), [(packages, 500)]);
    let build = BuildDeps::new(source("Build-Depends: make, tool <!nocheck>\nBuild-Conflicts: none [i386]\n"), native);
    let question = Question::BuildDeps(Box::new(build));
    let (answer, problem) = of(&universe, &question);
    assert!(!problem.to_string().contains("unrelated\nVersion") && problem.len() == 8, "{problem}");
    assert_eq!(said(&ask(&problem)), said(&answer));
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    insta::assert_snapshot!(reduced(&problem).to_string().replace(sum, "SUM"), @r"
    Debbuild-Problem: 1
    Question: build-deps
    Builds: any all
    Answer: unsatisfiable
    Architecture: amd64
    Versions: candidate

    Package: src
    Version: 1
    Format: 1.0
    Build-Depends: tool <!nocheck>
    Checksums-Sha256:

    Index: main
    Priority: 500

    Package: build-essential
    Version: 1
    Architecture: amd64
    Filename: pool/build-essential_1_amd64.deb
    Size: 1
    SHA256: SUM

    Package: make
    Version: 1
    Architecture: amd64
    Section: devel
    Filename: pool/make_1_amd64.deb
    Size: 1
    SHA256: SUM

    Package: tool
    Version: 1
    Architecture: amd64
    Depends: left, right | virtual, make
    Filename: pool/tool_1_amd64.deb
    Size: 1
    SHA256: SUM

    Package: left
    Version: 1
    Architecture: amd64
    Conflicts: right
    Filename: pool/left_1_amd64.deb
    Size: 1
    SHA256: SUM

    Package: right
    Version: 1
    Architecture: all
    Filename: pool/right_1_all.deb
    Size: 1
    SHA256: SUM

    Package: other
    Version: 1
    Architecture: amd64
    Provides: virtual (= 2)
    Breaks: make (<< 2)
    Filename: pool/other_1_amd64.deb
    Size: 1
    SHA256: SUM
    ");
}

#[test]
fn files_of_anybody_are_read_or_refused() {
    let good = "Debbuild-Problem: 1\nQuestion: install\nSeeds: aa, bb | cc (>= 1)\nAnswer: unknown\nArchitecture: amd64\nForeign-Architectures: i386\n\
        Held: aa\nRemove: cc\nVersions: all\n\nIndex: x\nPriority: -5\nFiles: no\n\nPackage: aa\nVersion: 1\nArchitecture: all\nUnknown: y\n";
    let problem = Problem::read(good).unwrap();
    assert_eq!((problem.len(), problem.expected(), problem.is_empty()), (1, AnswerKind::Unknown, false));
    assert!(problem.universe().unwrap().is_empty(), "its priority is negative");
    let error = |old: &str, new: &str| {
        let text = good.replace(old, new);
        assert_ne!(text, good);
        crate::error::chain(&Problem::read(&text).unwrap_err())
    };
    for (old, new, expected) in [
        (good, "", "problem: expected one paragraph, found 0"),
        (
            "Problem: 1",
            "Problem: 2",
            "problem: field Debbuild-Problem, in the paragraph at line 1: is another form than 1",
        ),
        ("Seeds: aa", "Seeds: ((", "problem: field Seeds, in the paragraph at line 1: "),
        ("install", "x", "problem: field Question, in the paragraph at line 1: is neither install nor build-deps"),
        ("install", "build-deps", "problem: field Package is missing, in the paragraph at line 11"),
        (
            "unknown",
            "maybe",
            "problem: field Answer, in the paragraph at line 1: is none of satisfied, unsatisfiable and unknown",
        ),
        (
            "all\n\nIndex",
            "some\n\nIndex",
            "problem: field Versions, in the paragraph at line 1: is neither candidate nor all",
        ),
        (
            "Index: x\nPriority: -5\nFiles: no\n\n",
            "",
            "problem: the stanza at line 11: a package before the first index",
        ),
        ("Priority: -5\n", "", "problem: field Priority is missing, in the paragraph at line 11"),
        ("Version: 1\n", "", "problem: index x has 1 stanzas that are no packages"),
        ("Unknown: y", "Package: y", "problem: line 18: field given twice"),
    ] {
        let said = error(old, new);
        assert!(said.starts_with(expected), "{said}");
    }
    let named = Universe::new(
        UniverseOptions::new(architecture("amd64")),
        [(index("a\nb", &[stanza("aa", "1", "all", "")]), 1)],
    );
    let question = Question::Install(Install::new(Relations::parse("aa").unwrap()));
    assert!(matches!(Problem::of(&named, &question, &Answer::Unknown(String::new())), Err(ProblemError::Control(_))));
}

/// A relation field about the packages of a small universe.
fn field(name: &'static str, most: usize) -> impl Strategy<Value = String> {
    let relation =
        ("p[a-f]", prop::option::weighted(0.2, "(:any|:i386)"), prop::option::weighted(0.4, "(<<|<=|=|>=|>>) [1-3]"));
    let relation = relation.prop_map(|(name, qualifier, version)| {
        let version = version.map_or(String::new(), |version| format!(" ({version})"));
        format!("{name}{}{version}", qualifier.unwrap_or_default())
    });
    let group = prop::collection::vec(relation, 1..4).prop_map(|group| group.join(" | "));
    prop::collection::vec(group, 0..most).prop_map(move |groups| match (groups.len(), name) {
        (0, _) => String::new(),
        (_, "Conflicts" | "Breaks") => format!("{name}: {}\n", groups.join(", ").replace(" | ", ", ")),
        _ => format!("{name}: {}\n", groups.join(", ")),
    })
}

fn package() -> impl Strategy<Value = String> {
    let provides =
        prop::option::weighted(0.4, ("p[a-f]", prop::option::of("[1-3]"))).prop_map(|provides| match provides {
            None => String::new(),
            Some((name, None)) => format!("Provides: {name}\n"),
            Some((name, Some(version))) => format!("Provides: {name} (= {version})\n"),
        });
    let marks = ("(|Multi-Arch: same\n|Multi-Arch: foreign\n|Multi-Arch: allowed\n)", prop::bool::weighted(0.1));
    let marks = marks.prop_map(|(more, essential)| if essential { more + "Essential: yes\n" } else { more });
    let own = ("p[a-e]", "[1-3]", "(amd64|amd64|i386|all)");
    (own, marks, field("Depends", 3), field("Recommends", 2), field("Conflicts", 2), field("Breaks", 2), provides)
        .prop_map(|((name, version, architecture), marks, depends, recommends, conflicts, breaks, provides)| {
            stanza(&name, &version, &architecture, &[marks, provides, depends, recommends, conflicts, breaks].concat())
        })
}

fn question() -> impl Strategy<Value = Question> {
    let seeds =
        field("Depends", 4).prop_map(|field| field.trim().strip_prefix("Depends: ").unwrap_or_default().to_owned());
    let rarely = || prop::bool::weighted(0.15);
    let changed = (any::<bool>(), rarely(), rarely());
    let remove = prop::option::weighted(0.2, "p[a-f]").prop_map(Option::unwrap_or_default);
    (seeds, 0..5_usize, any::<bool>(), remove, changed).prop_map(|(seeds, kind, essential, remove, changed)| {
        let seeds = Relations::parse(&seeds).unwrap();
        let recommends = [Recommends::Ignore, Recommends::TopLevel, Recommends::Install][kind % 3];
        match kind {
            4 => {
                let source = source(&format!("Build-Depends: {seeds}\n").replace("Build-Depends: \n", ""));
                Question::BuildDeps(Box::new(BuildDeps::new(source, architecture("amd64"))))
            }
            _ => {
                let mut changes = Changes::default();
                (changes.upgrade_all, changes.keep_all, changes.nothing_new) = changed;
                let install = Install::new(seeds).with_recommends(recommends).with_essential(essential);
                Question::Install(install.with_remove(Relations::parse(&remove).unwrap()).with_changes(changes))
            }
        }
    })
}

/// A system on which some of these are installed, in one version each: those of no index and those that are chosen.
fn system(packages: &[(String, usize, bool)], held: Option<String>) -> Installed {
    let mut names = BTreeSet::new();
    let mut status = String::new();
    for (stanza, index, chosen) in packages {
        let lines: Vec<&str> = stanza.lines().collect();
        let architecture = if lines[2].contains("i386") { "i386" } else { "amd64" };
        if (*index == 3 || *chosen) && names.insert((lines[0], architecture)) {
            let own =
                lines.iter().filter(|line| !["Filename", "Size", "SHA256"].iter().any(|field| line.starts_with(field)));
            status += &own.map(|line| format!("{line}\n")).collect::<String>();
        }
    }
    let held = held.into_iter().map(|name| PackageName::new(&name).unwrap()).collect();
    Installed::new(PackageIndex::parse_status("status", status).into()).with_held(held)
}

/// A question about packages, each with its index and whether it is chosen, is kept, reduced and read again with the same answer.
fn keeps_its_answer(
    packages: Vec<(String, usize, bool)>,
    question: Question,
    all: bool,
    (installed, held): (bool, Option<String>),
) -> Result<(), TestCaseError> {
    let mut seen = BTreeSet::new();
    let once = |(stanza, ..): &(String, usize, bool)| {
        seen.insert(stanza.lines().take(3).map(str::to_owned).collect::<Vec<_>>())
    };
    let packages: Vec<(String, usize, bool)> = packages.into_iter().filter(once).collect();
    let base = stanza("build-essential", "1", "amd64", "");
    let indexes = (0..3).map(|at| {
        let own = packages.iter().filter(|(_, index, _)| *index == at).map(|(stanza, ..)| stanza.clone());
        (index(&format!("index {at}"), &own.chain([base.clone()]).collect::<Vec<_>>()), [500, 990, 500][at])
    });
    let options = UniverseOptions::new(architecture("amd64")).with_foreign(vec![architecture("i386")]);
    let options = options.with_versions(if all { Versions::All } else { Versions::Candidate });
    let options = if installed { options.with_installed(system(&packages, held)) } else { options };
    let universe = Universe::new(options, indexes);
    let (answer, problem) = of(&universe, &question);
    let again = Problem::read(&problem.to_string()).unwrap();
    prop_assert_eq!(&again, &problem);
    prop_assert_eq!(said(&ask(&again)), said(&answer));
    let least = reduced(&problem);
    prop_assert_eq!(&Problem::read(&least.to_string()).unwrap(), &least);
    prop_assert_eq!(ask(&least).kind(), answer.kind());
    if answer.kind() == AnswerKind::Unsatisfiable {
        prop_assert_eq!(least.expected(), AnswerKind::Unsatisfiable);
        // Nothing that is left is too much: without any one demand there is a solution. What is installed may also help.
        let alone = !least.to_string().contains("Installed: yes");
        for without in least.with_one_less().filter(|_| alone) {
            let answer = ExhaustiveResolver.answer(&Context::new(), &without.universe().unwrap(), without.question());
            if let Ok(answer) = answer {
                prop_assert_eq!(answer.kind(), AnswerKind::Satisfied, "{}\nwithout one: {}", least, without);
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_needed_only_beside_something_installed_goes_with_it() {
    let packages = [
        ("pc", "amd64", "Conflicts: pa, pa, pa\n", 3, false),
        ("pa", "amd64", "", 0, false),
        ("pe", "amd64", "Depends: pa\nConflicts: pa, pa\nBreaks: pa\n", 1, false),
        ("pe", "all", "Provides: pf (= 1)\nBreaks: pb\n", 0, true),
    ];
    let packages = packages.map(|(name, arch, more, index, chosen)| (stanza(name, "1", arch, more), index, chosen));
    let install = Install::new(Relations::parse("pe | pa, pc, pf").unwrap());
    let question = Question::Install(install.with_recommends(Recommends::Ignore).with_essential(false));
    keeps_its_answer(packages.to_vec(), question, false, (true, None)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_kept_problem_has_the_same_answer(
        packages in prop::collection::vec((package(), 0..4_usize, prop::bool::weighted(0.25)), 1..14),
        question in question(),
        all in any::<bool>(),
        installed in (any::<bool>(), prop::option::weighted(0.2, "p[a-e]")),
    ) {
        keeps_its_answer(packages, question, all, installed)?;
    }
}
