//! What every [`PackageSource`] and every [`Resolver`] must do.

use std::sync::Arc;

use super::{
    Answer, BuildDeps, Changes, Install, Installed, PRIORITY, PackageIndex, PackageSource, Question, Reason,
    Recommends, Removed, Resolver, Selected, Universe, UniverseOptions,
};
use crate::{arch::Architecture, cancel::CancelToken, context::Context, control::SourceControl, relation::Relations};

/// Packages that the cases for sources expect to find, as a Packages index.
#[must_use]
pub fn sample() -> String {
    stanzas(&[("app", "1", "Depends: lib (>= 1)"), ("lib", "1", "")])
}

fn stanzas(packages: &[(&str, &str, &str)]) -> String {
    let stanza = |(name, version, more): &(&str, &str, &str)| {
        let more = if more.is_empty() { String::new() } else { format!("{more}\n") };
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}Filename: pool/{name}_{version}.deb\nSize: 1\n\
             SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        )
    };
    packages.iter().map(stanza).collect::<Vec<_>>().join("\n")
}

fn native() -> Architecture {
    Architecture::new("amd64").expect("amd64 is an architecture")
}

fn install(seeds: &str) -> Install {
    Install::new(Relations::parse(seeds).expect("the seeds are relations"))
}

/// A source over [`sample`] gives its two packages, the same every time, and stops when it is cancelled.
///
/// # Panics
/// When the source does not conform.
pub async fn source(source: &dyn PackageSource) {
    let want = Question::Install(install("app"));
    let first = source.load(&Context::new(), &want).await.expect("the sample loads");
    let second = source.load(&Context::new(), &want).await.expect("the sample loads again");
    let names = |index: &PackageIndex| -> Vec<String> {
        index.packages().map(|package| package.expect("the stanza is good").package.to_string()).collect()
    };
    assert_eq!(names(&first), ["app", "lib"]);
    assert_eq!(names(&first), names(&second));
    assert_eq!(first.name(), source.name());
    assert!(first.problems().is_empty());
    let cancel = CancelToken::new();
    cancel.cancel();
    let stopped = source.load(&Context::new().with_cancel(cancel), &want).await;
    assert!(matches!(stopped, Err(super::SourceError::Cancelled(_))));
}

fn universe(packages: &[(&str, &str, &str)]) -> Universe {
    let index = PackageIndex::parse("test", stanzas(packages));
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    Universe::new(UniverseOptions::new(native()), [(Arc::new(index), PRIORITY)])
}

fn ask(resolver: &dyn Resolver, packages: &[(&str, &str, &str)], question: &Question) -> Answer {
    resolver.answer(&Context::new(), &universe(packages), question).expect("there is an answer")
}

/// The names of the packages of the solution; `None` when there is none.
fn names(answer: &Answer) -> Option<Vec<String>> {
    match answer {
        Answer::Satisfied(solution) => {
            Some(solution.packages.iter().map(|selected| selected.package.package.to_string()).collect())
        }
        _ => None,
    }
}

fn installs(resolver: &dyn Resolver, packages: &[(&str, &str, &str)], seeds: &str, expected: &[&str]) {
    let answer = ask(resolver, packages, &Question::Install(install(seeds)));
    assert_eq!(
        names(&answer).as_deref(),
        Some(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
        "{seeds}"
    );
}

fn refuses(resolver: &dyn Resolver, packages: &[(&str, &str, &str)], seeds: &str) {
    let answer = ask(resolver, packages, &Question::Install(install(seeds)));
    assert!(matches!(answer, Answer::Unsatisfiable(_)), "{seeds}: {answer:?}");
}

/// Depends, Pre-Depends, versions, alternatives in their order, and what is missing.
///
/// # Panics
/// When the resolver does not conform.
pub fn depends(resolver: &dyn Resolver) {
    let packages = [
        ("app", "1", "Depends: lib (>= 1), data"),
        ("lib", "1", "Pre-Depends: base"),
        ("data", "1", ""),
        ("base", "1", ""),
        ("other", "1", ""),
    ];
    installs(resolver, &packages, "app", &["app", "base", "data", "lib"]);
    installs(resolver, &packages, "nothing | other | data", &["other"]);
    installs(resolver, &packages, "data | other", &["data"]);
    installs(resolver, &packages, "lib (<< 1) | data (= 1-0)", &["data"]);
    refuses(resolver, &packages, "lib (>> 1)");
    refuses(resolver, &packages, "app, nothing");
    let answer = ask(resolver, &[("app", "1", "Depends: nothing (>= 2)")], &Question::Install(install("app")));
    let Answer::Unsatisfiable(why) = answer else { panic!("{answer:?}") };
    assert_eq!((why.missing[0].needed_by.as_str(), why.missing[0].relation.as_str()), ("app 1", "nothing (>= 2)"));
    let circle = [("chicken", "1", "Depends: egg"), ("egg", "1", "Depends: chicken")];
    installs(resolver, &circle, "egg", &["chicken", "egg"]);
}

/// Virtual packages, with and without versions (Policy 7.5).
///
/// # Panics
/// When the resolver does not conform.
pub fn provides(resolver: &dyn Resolver) {
    let packages =
        [("mta1", "1", "Provides: mta"), ("mta2", "1", "Provides: mta (= 2), other-mta (= 1)\nConflicts: mta")];
    // Of equal ones apt takes the one that is named last.
    installs(resolver, &packages, "mta", &["mta2"]);
    installs(resolver, &packages, "mta (>= 2)", &["mta2"]);
    installs(resolver, &packages, "other-mta (<= 1)", &["mta2"]);
    refuses(resolver, &packages, "mta (>= 3)");
    refuses(resolver, &packages, "mta1, mta2");
    installs(resolver, &[("self", "1", "Provides: virtual\nDepends: virtual")], "self", &["self"]);
}

/// Conflicts and Breaks, by version and by virtual name, never with itself.
///
/// # Panics
/// When the resolver does not conform.
pub fn conflicts(resolver: &dyn Resolver) {
    let packages = [
        ("aa", "1", "Conflicts: bb (<< 2)\nDepends: cc | dd"),
        ("bb", "1", ""),
        ("cc", "1", "Breaks: aa"),
        ("dd", "1", "Provides: role\nConflicts: role"),
        ("ee", "1", "Breaks: bb (<< 1)"),
    ];
    installs(resolver, &packages, "aa", &["aa", "dd"]);
    refuses(resolver, &packages, "aa, bb");
    installs(resolver, &packages, "bb, ee", &["bb", "ee"]);
    refuses(resolver, &packages, "aa, cc");
}

/// Multi-Arch in one architecture: `:any` needs `allowed`.
///
/// # Panics
/// When the resolver does not conform.
pub fn qualifiers(resolver: &dyn Resolver) {
    let packages = [("tool", "1", "Multi-Arch: allowed"), ("plain", "1", ""), ("foreign", "1", "Multi-Arch: foreign")];
    installs(resolver, &packages, "tool:any", &["tool"]);
    refuses(resolver, &packages, "plain:any");
    installs(resolver, &packages, "plain:native, foreign:amd64", &["foreign", "plain"]);
    refuses(resolver, &packages, "plain:i386");
}

/// Recommended packages come along where they can, and never in the way.
///
/// # Panics
/// When the resolver does not conform.
pub fn recommends(resolver: &dyn Resolver) {
    let packages = [
        ("app", "1", "Recommends: nice, foe, nothing"),
        ("nice", "1", "Recommends: nicer | app"),
        ("nicer", "1", "Recommends: nicest"),
        ("nicest", "1", ""),
        ("foe", "1", "Conflicts: app"),
    ];
    installs(resolver, &packages, "app", &["app"]);
    let question = Question::Install(install("app").with_recommends(Recommends::Install));
    let answer = ask(resolver, &packages, &question);
    assert_eq!(names(&answer).expect("it can be installed"), ["app", "nice"]);
}

/// Essential packages and build dependencies, with their reasons.
///
/// # Panics
/// When the resolver does not conform.
pub fn roots(resolver: &dyn Resolver) {
    let packages = [
        ("base", "1", "Essential: yes"),
        ("build-essential", "1", "Depends: gcc"),
        ("gcc", "1", ""),
        ("tool", "1", ""),
        ("doc-tool", "1", ""),
        ("check", "1", ""),
        ("foe", "1", ""),
    ];
    let question = Question::Install(install("tool").with_essential(true));
    assert_eq!(names(&ask(resolver, &packages, &question)).expect("it can be installed"), ["base", "tool"]);
    let dsc = |more: &str| {
        let text = format!(
            "Format: 1.0\nSource: src\nVersion: 1\nArchitecture: any\nBuild-Depends: tool, check <!nocheck>, win-tool [hurd-any]\n\
             Build-Depends-Indep: doc-tool\n{more}Checksums-Sha256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 src.tar.gz\n"
        );
        BuildDeps::new(SourceControl::from_unverified(text.as_bytes()).expect("the .dsc is good"), native())
    };
    let profiles = std::collections::BTreeSet::from(["nocheck".parse().expect("a profile")]);
    let question = dsc("").with_profiles(profiles).with_any_only();
    let answer = ask(resolver, &packages, &Question::BuildDeps(Box::new(question)));
    assert_eq!(names(&answer).expect("it can be built"), ["base", "build-essential", "gcc", "tool"]);
    let Answer::Satisfied(solution) = &answer else { unreachable!() };
    assert_eq!(solution.get("base").expect("it is there").reason, Reason::Essential);
    let chain: Vec<&str> = solution.chain("gcc").iter().map(|selected| selected.package.package.as_str()).collect();
    assert_eq!(chain, ["build-essential", "gcc"]);
    let answer = ask(resolver, &packages, &Question::BuildDeps(Box::new(dsc("Build-Conflicts: foe, gcc (>> 1)\n"))));
    assert_eq!(names(&answer).expect("it can be built").len(), 6);
    let answer = ask(resolver, &packages, &Question::BuildDeps(Box::new(dsc("Build-Conflicts: gcc\n"))));
    assert!(matches!(answer, Answer::Unsatisfiable(_)), "{answer:?}");
}

/// A system that has packages already: what is there stays, gives way or goes, as the question allows.
///
/// # Panics
/// When the resolver does not conform.
pub fn systems(resolver: &dyn Resolver) {
    let here = [("app", "1", "Depends: lib (= 1)"), ("lib", "1", ""), ("tool", "1", "")];
    let archive = [
        ("app", "2", "Depends: lib (= 2)"),
        ("lib", "2", ""),
        ("tool", "2", ""),
        ("other", "1", "Depends: lib (>= 2)"),
        ("foe", "1", "Conflicts: tool"),
    ];
    let system = |held: &[&str]| {
        let held = held.iter().map(|name| name.parse().expect("a name")).collect();
        let installed = Installed::new(Arc::new(PackageIndex::parse_status("here", stanzas(&here)))).with_held(held);
        let archive = Arc::new(PackageIndex::parse("archive", stanzas(&archive)));
        Universe::new(UniverseOptions::new(native()).with_installed(installed), [(archive, PRIORITY)])
    };
    let after = |held: &[&str], question: Install| match resolver.answer(
        &Context::new(),
        &system(held),
        &Question::Install(question),
    ) {
        Ok(Answer::Satisfied(solution)) => {
            let here = |s: &Selected| format!("{} {}", s.package.package, s.package.version);
            let gone = |removed: &Removed| format!("-{}", removed.package);
            Some(solution.packages.iter().map(here).chain(solution.removed.iter().map(gone)).collect::<Vec<_>>())
        }
        Ok(Answer::Unsatisfiable(_)) => None,
        other => panic!("{other:?}"),
    };
    let expect = |held: &[&str], question: Install, expected: Option<&[&str]>| {
        let expected = expected.map(|expected| expected.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(after(held, question.clone()), expected, "{question:?}");
    };
    let nothing = || Install::new(Relations::default());
    let keeping = Changes { keep_all: true, ..Changes::default() };
    expect(&[], nothing(), Some(&["app 1", "lib 1", "tool 1"]));
    expect(&[], install("tool"), Some(&["app 1", "lib 1", "tool 2"]));
    expect(&["tool"], install("tool"), Some(&["app 1", "lib 1", "tool 1"]));
    expect(&[], install("other"), Some(&["app 2", "lib 2", "other 1", "tool 1"]));
    expect(&["lib"], install("other"), None);
    expect(&[], install("foe"), Some(&["app 1", "foe 1", "lib 1", "-tool"]));
    expect(&[], install("foe").with_changes(keeping), None);
    expect(&[], install("other").with_changes(Changes::upgrade()), None);
    expect(&[], nothing().with_remove(install("lib").seeds), Some(&["tool 1", "-app", "-lib"]));
    expect(&[], nothing().with_changes(Changes::upgrade()), Some(&["app 2", "lib 2", "tool 2"]));
    expect(&["app"], nothing().with_changes(Changes::dist_upgrade()), Some(&["app 1", "lib 1", "tool 2"]));
}

/// Packages that are excluded are as if they were not there, but not what provides their names.
///
/// # Panics
/// When the resolver does not conform.
pub fn excluded(resolver: &dyn Resolver) {
    let packages = [("one", "1", ""), ("two", "1", "Provides: one"), ("old", "1", ""), ("old", "2", "")];
    let index = Arc::new(PackageIndex::parse("test", stanzas(&packages)));
    let names = |excluded: &str, seeds: &str| {
        let options = UniverseOptions::new(native()).with_excluded(install(excluded).seeds);
        let universe = Universe::new(options, [(Arc::clone(&index), PRIORITY)]);
        let answer = resolver.answer(&Context::new(), &universe, &Question::Install(install(seeds)));
        names(&answer.expect("there is an answer"))
    };
    assert_eq!(names("one", "one").expect("it is provided"), ["two"]);
    assert_eq!(names("one (<< 1), two", "one").expect("another version is excluded"), ["one"]);
    assert_eq!(names("one, two", "one"), None);
    assert_eq!(names("old (>= 2)", "old (>= 2)"), None);
    assert_eq!(names("old (>= 2)", "old").expect("the other version is the candidate"), ["old"]);
}

/// Two questions at once do not disturb each other, and cancelling stops.
///
/// # Panics
/// When the resolver does not conform.
pub fn cancels(resolver: &dyn Resolver) {
    let cancel = CancelToken::new();
    cancel.cancel();
    let on = universe(&[("app", "1", "Depends: lib"), ("lib", "1", "")]);
    let question = Question::Install(install("app"));
    let stopped = resolver.answer(&Context::new().with_cancel(cancel), &on, &question);
    assert!(matches!(stopped, Err(super::ResolveError::Cancelled(_))), "{stopped:?}");
}

/// All cases for resolvers.
///
/// # Panics
/// When the resolver does not conform.
pub fn resolver(resolver: &dyn Resolver) {
    depends(resolver);
    provides(resolver);
    conflicts(resolver);
    qualifiers(resolver);
    recommends(resolver);
    roots(resolver);
    systems(resolver);
    excluded(resolver);
    cancels(resolver);
}
