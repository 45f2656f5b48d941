//! Explanations against trying everything, and what they say in cases that one can see through.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    super::{
        By, Changes, Clash, ExhaustiveResolver, Install, Installed, Need, Other, PRIORITY, PackageIndex, SatResolver,
        Step, Unfit, Versions, installability,
        plain::{Rules, field, index, install, is_native, options, stanza, universe, universes},
    },
    *,
};
use crate::{
    cancel::CancelToken,
    control::{BinaryPackage, MultiArch},
    relation::{Alternatives, Qualifier, Relation, Relations},
};

const LIMIT: Duration = Duration::from_secs(60);

fn explain(universe: &Universe, seeds: &str) -> Explanation {
    match why_not(&Context::new(), &SatResolver::new(), universe, &install(seeds), LIMIT).unwrap() {
        Answer::Unsatisfiable(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_what_is_needed_is_told() {
    let universe = universe(&[
        stanza("app", "1", "amd64", "Depends: mid, side, left\n"),
        stanza("mid", "1", "amd64", "Depends: right | none, side\nPre-Depends: left\n"),
        stanza("left", "1", "amd64", "Breaks: right (<< 2)\n"),
        stanza("right", "1", "amd64", ""),
        stanza("side", "1", "amd64", "Depends: role\n"),
        stanza("actor", "1", "amd64", "Provides: role\nConflicts: stranger\n"),
        stanza("stranger", "1", "amd64", ""),
    ]);
    let why = explain(&universe, "side, app");
    assert_eq!(
        why.sentences,
        [
            "the request needs app",
            "app 1 needs mid",
            "app 1 needs left",
            "mid 1 needs right | none",
            "left 1 breaks right (<< 2), and that is right 1",
        ]
    );
    assert!(why.minimal && why.missing.is_empty());
    let Step::Needs { by, need, relation, choices, others } = &why.steps[3] else { panic!("{why:?}") };
    assert_eq!((by.to_string().as_str(), *need, relation.as_str()), ("mid 1", Some(Need::Depends), "right | none"));
    assert_eq!((choices.len(), choices[0].package.as_str(), others.len()), (1, "right", 0));
    let Step::Conflicts { by, clash, package, .. } = &why.steps[4] else { panic!("{why:?}") };
    assert_eq!((by.package().unwrap().package.as_str(), *clash), ("left", Clash::Breaks));
    assert_eq!((package.package.as_str(), package.foreign), ("right", false));
    assert_eq!(
        explain(&universe, "role, stranger").sentences,
        [
            "the request needs role, which actor 1 provides",
            "the request needs stranger",
            "actor 1 conflicts with stranger, and that is stranger 1"
        ]
    );
}

#[test]
fn what_would_do_if_it_could_be_chosen_is_told() {
    let ours = index(&[stanza("lib", "1", "amd64", ""), stanza("base", "1", "amd64", "Conflicts: lib (<< 2)\n")]);
    let theirs = index(&[
        stanza("lib", "2", "amd64", ""),
        stanza("app", "1", "amd64", "Depends: lib (>= 2)\n"),
        stanza("one", "1", "amd64", "Depends: lib, base\n"),
        stanza("two", "1", "amd64", "Depends: old, plain:any\n"),
        stanza("old", "1", "i386", ""),
        stanza("plain", "1", "amd64", ""),
    ]);
    let universe = Universe::new(options(), [(ours, 990), (theirs, PRIORITY)]);
    let candidate =
        "app 1 needs lib (>= 2), which no package provides (there is lib 1 and lib 2, but it is not the candidate)";
    assert_eq!(explain(&universe, "app").sentences[1], candidate);
    assert_eq!(
        explain(&universe, "one").sentences[1..],
        [
            "one 1 needs lib (there is lib 2, but it is not the candidate)",
            "one 1 needs base",
            "base 1 conflicts with lib (<< 2), and that is lib 1"
        ]
    );
    let foreign = "two 1 needs old, which no package provides (there is old:i386 1, which does not count here)";
    assert_eq!(explain(&universe, "two").sentences[1], foreign);
    let any =
        "the request needs plain:any, which no package provides (there is plain 1, but it is not Multi-Arch: allowed)";
    assert_eq!(explain(&universe, "plain:any").sentences, [any]);
}

#[test]
fn versions_and_architectures_and_unusable_packages_are_reasons() {
    let universe = universe(&[
        stanza("skew", "1", "amd64", "Multi-Arch: same\n"),
        stanza("skew", "2", "i386", "Multi-Arch: same\n"),
        stanza("bad", "1", "amd64", "Depends: ((\n"),
    ]);
    let why = explain(&universe, "skew, skew:i386");
    let Some(Step::Conflicts { clash: Clash::Architectures, package, .. }) = why.steps.last() else {
        panic!("{why:?}")
    };
    assert_eq!(why.steps.len(), 3);
    assert!(why.sentences[2].contains("cannot be installed for two architectures"), "{package}: {why}");
    let why = explain(&universe, "bad");
    assert!(matches!(&why.steps[1], Step::Unusable { reason, .. } if reason.contains("Depends")), "{why:?}");
    assert!(why.sentences[1].starts_with("bad 1 cannot be used: "), "{why}");

    let stanzas = [stanza("lib", "1", "amd64", ""), stanza("lib", "2", "amd64", "")];
    let all = Universe::new(options().with_versions(Versions::All), [(index(&stanzas), PRIORITY)]);
    let why = explain(&all, "lib (<< 2), lib (>= 2)");
    assert_eq!(why.sentences[2], "lib 1 and lib 2 are two versions of one package");
}

#[test]
fn what_is_on_the_system_is_a_reason() {
    let status = "Package: old\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDepends: base\n\n\
        Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    let installed = Installed::new(Arc::new(PackageIndex::parse_status("status", status)));
    let packages = [stanza("app", "1", "amd64", "Conflicts: old\n"), stanza("bad", "1", "amd64", "")];
    let options = options().with_installed(installed).with_excluded(Relations::parse("bad").unwrap());
    let universe = Universe::new(options, [(index(&packages), PRIORITY)]);
    let explain = |seeds: &str, remove: &str, changes: Changes| {
        let [seeds, remove] = [seeds, remove].map(|text| Relations::parse(text).unwrap());
        let question = Question::Install(Install::new(seeds).with_remove(remove).with_changes(changes));
        match why_not(&Context::new(), &SatResolver::new(), &universe, &question, LIMIT).unwrap() {
            Answer::Unsatisfiable(why) => why.sentences,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        explain("old", "base", Changes::default()),
        ["the request needs old", "old 1 needs base", "the request removes base, and that is base 1"]
    );
    let keep = Changes { keep_all: true, ..Changes::default() };
    assert_eq!(
        explain("app", "", keep),
        ["the request needs app", "the installed system needs old", "app 1 conflicts with old, and that is old 1"]
    );
    let nothing_new = ["the request needs app", "app 1 cannot be used: nothing new may be installed"];
    assert_eq!(explain("app", "", Changes::upgrade()), nothing_new);
    let excluded = ["the request needs bad", "bad 1 cannot be used: it is excluded"];
    assert_eq!(explain("bad", "", Changes::default()), excluded);
}

#[test]
fn all_of_a_universe_are_explained_where_that_is_asked_for() {
    let universe = universe(&[
        stanza("app", "1", "amd64", "Depends: side, lib (>= 2)\n"),
        stanza("side", "1", "amd64", "Depends: left, right\n"),
        stanza("left", "1", "amd64", "Conflicts: right\n"),
        stanza("right", "1", "amd64", ""),
        stanza("lib", "1", "amd64", ""),
        stanza("real", "1", "amd64", "Depends: nothing\n"),
        stanza("other", "1", "amd64", "Provides: real (= 1)\n"),
    ]);
    let mut found = installability(&Context::new(), &SatResolver::new(), &universe).unwrap();
    assert!(found.broken.iter().all(|broken| !broken.explanation.minimal));
    minimise_all(&Context::new(), &universe, &mut found, LIMIT).unwrap();
    let told = |name: &str| {
        let broken = found.broken.iter().find(|broken| broken.package.as_str() == name).unwrap();
        (broken.explanation.minimal, broken.explanation.sentences.last().unwrap().as_str())
    };
    assert_eq!(found.broken.len(), 3);
    assert_eq!(told("app"), (true, "app 1 needs lib (>= 2), which no package provides (there is lib 1)"));
    assert_eq!(told("side"), (true, "left 1 conflicts with right, and that is right 1"));
    assert_eq!(told("real"), (false, "real 1 cannot be installed, only a package that provides it"));
}

#[test]
fn limits_and_cancelling_are_kept() {
    let universe = universe(&[stanza("app", "1", "amd64", "Depends: nothing\n")]);
    let answer = why_not(&Context::new(), &SatResolver::new(), &universe, &install("app"), Duration::ZERO).unwrap();
    let Answer::Unsatisfiable(why) = answer else { panic!("{answer:?}") };
    assert!(!why.minimal);
    assert_eq!(why.sentences.len(), 3, "what the solver said, and that it is not minimal: {why}");
    assert!(why.sentences[2].contains("longer than it need be"), "{why}");
    let satisfied = why_not(&Context::new(), &SatResolver::new(), &universe, &install(""), LIMIT).unwrap();
    assert!(matches!(satisfied, Answer::Satisfied(_)));

    let cancel = CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    let stopped = minimise(&cx, &universe, &install("app"), why, LIMIT);
    assert!(matches!(stopped, Err(ResolveError::Cancelled(_))), "{stopped:?}");
}

impl Rules {
    /// The groups of the one who asks that say this.
    fn groups<'a>(&'a self, by: Option<usize>, need: Option<Need>, text: &'a str) -> Vec<&'a Alternatives> {
        let field = match (by, need) {
            (None, None) => &self.seeds,
            (Some(by), Some(Need::PreDepends)) => &self.packages[by].relations.pre_depends,
            (Some(by), Some(Need::Depends)) => &self.packages[by].relations.depends,
            other => panic!("{other:?}"),
        };
        field.iter().filter(|group| group.to_string() == text).collect()
    }

    /// Whether it is a relation of that package, and says what the step says.
    fn is_real(&self, step: &Step, candidate: impl Fn(usize) -> bool) -> bool {
        let all = || (0..self.packages.len()).filter(|at| candidate(*at));
        match step {
            Step::Needs { by, need, relation, choices, .. } => {
                let by = self.asker(by);
                let groups = self.groups(by, *need, relation);
                let choices: Vec<usize> = choices.iter().map(|choice| self.find(choice)).collect();
                !choices.is_empty()
                    && !groups.is_empty()
                    && all().all(|at| choices.contains(&at) == self.meets(at, groups[0], by))
            }
            Step::Missing { by, need, relation, others } => {
                let by = self.asker(by);
                let groups = self.groups(by, *need, relation);
                let unfit = |other: &Other| {
                    let at = self.find(&other.package);
                    !self.meets(at, groups[0], by) || (other.unfit == Unfit::Candidate && !candidate(at))
                };
                !groups.is_empty() && !all().any(|at| self.meets(at, groups[0], by)) && others.iter().all(unfit)
            }
            Step::Conflicts { by, clash, relation, package } => {
                let (by, at) = (self.asker(by).expect("a package"), self.find(package));
                let (own, other) = (&self.packages[by], &self.packages[at]);
                let field = match clash {
                    Clash::Conflicts => &own.relations.conflicts,
                    Clash::Breaks => &own.relations.breaks,
                    Clash::Architectures => {
                        let together = own.multi_arch == MultiArch::Same
                            && other.multi_arch == MultiArch::Same
                            && own.version == other.version;
                        let apart = is_native(&own.architecture) != is_native(&other.architecture);
                        return own.package == other.package && apart && !together;
                    }
                    other => panic!("{other:?}"),
                };
                let text = relation.split_once("with ").or_else(|| relation.split_once("breaks ")).unwrap().1;
                let says = |relation: &Relation| {
                    let counts = match &relation.qualifier {
                        Some(Qualifier::Architecture(wanted)) => is_native(wanted) == is_native(&other.architecture),
                        _ => true,
                    };
                    relation.to_string() == text && counts && Self::has_name_and_version(other, relation)
                };
                own.package != other.package && field.iter().flat_map(|group| &group.0).any(says)
            }
            Step::TwoVersions { first, second } => {
                first.package == second.package && first != second && first.foreign == second.foreign
            }
            Step::Unusable { .. } => false,
        }
    }

    /// Whether a set, by bits, is as the step demands.
    fn holds(&self, step: &Step, set: u32) -> bool {
        let has = |at: usize| set >> at & 1 == 1;
        let asks = |by: &By| self.asker(by).is_none_or(has);
        match step {
            Step::Needs { by, choices, .. } => !asks(by) || choices.iter().any(|choice| has(self.find(choice))),
            Step::Missing { by, .. } => !asks(by),
            Step::Conflicts { by, package, .. } => !asks(by) || !has(self.find(package)),
            Step::TwoVersions { first, second } => !has(self.find(first)) || !has(self.find(second)),
            Step::Unusable { package, .. } => !has(self.find(package)),
        }
    }

    fn can_hold(&self, steps: &[&Step]) -> bool {
        (0u32..1 << self.packages.len()).any(|set| steps.iter().all(|step| self.holds(step, set)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_explanation_is_real_and_minimal(
        packages in universes(), seeds in field("Depends", 3), versions in prop::sample::select(vec![Versions::All, Versions::Candidate])
    ) {
        let universe = Universe::new(options().with_versions(versions), [(index(&packages), PRIORITY)]);
        let seeds = Relations::parse(seeds.trim().strip_prefix("Depends: ").unwrap_or_default()).unwrap();
        let question = Question::Install(Install::new(seeds.clone()));
        let all: Vec<BinaryPackage> = index(&packages).packages().map(Result::unwrap).collect();
        let rules = Rules { packages: all, seeds };
        let chosen: HashSet<String> = universe.all().filter_map(|id| universe.read(id).ok()).map(|package| {
            format!("{} {} {}", package.package, package.version, package.architecture)
        }).collect();
        let candidate = |at: usize| {
            let package = &rules.packages[at];
            chosen.contains(&format!("{} {} {}", package.package, package.version, package.architecture))
        };
        let theirs = ExhaustiveResolver.answer(&Context::new(), &universe, &question).unwrap();
        let resolvers: [&dyn Resolver; 2] = [&SatResolver::new(), &ExhaustiveResolver];
        for resolver in resolvers {
            let why = match (why_not(&Context::new(), resolver, &universe, &question, LIMIT).unwrap(), &theirs) {
                (Answer::Satisfied(_), Answer::Satisfied(_)) => continue,
                (Answer::Unsatisfiable(why), Answer::Unsatisfiable(_)) => why,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(why.minimal && why.sentences.len() == why.steps.len());
            for step in &why.steps {
                prop_assert!(rules.is_real(step, candidate), "not real: {step:?}");
            }
            let steps: Vec<&Step> = why.steps.iter().collect();
            prop_assert!(!rules.can_hold(&steps), "no conflict: {why}");
            for at in 0..steps.len() {
                let others = [&steps[..at], &steps[at + 1..]].concat();
                prop_assert!(rules.can_hold(&others), "{} is not needed: {why}", steps[at]);
            }
        }
    }
}
