//! Unit tests of closure: what is checked and what only lies beside it, what is reported, and random repositories.

use proptest::prelude::*;

use super::*;
use crate::resolve::{SatResolver, SourcePackages, installability};

fn stanza(name: &str, version: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("{more}\n") };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}Filename: pool/{name}_{version}.deb\nSize: 1\n\
         SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n"
    )
}

fn index(name: &str, packages: &[(&str, &str, &str)]) -> Arc<PackageIndex> {
    let text: String = packages.iter().map(|(name, version, more)| stanza(name, version, more)).collect();
    let index = PackageIndex::parse(name, text);
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    Arc::new(index)
}

fn sources(packages: &[(&str, &str, &str)]) -> Vec<SourceControl> {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let stanza = |(name, architecture, depends): &(&str, &str, &str)| {
        format!(
            "Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: {architecture}\nBuild-Depends: {depends}\nDirectory: pool\n\
             Checksums-Sha256:\n {empty} 1 {name}.tar.gz\n\n"
        )
    };
    let found = SourcePackages::parse(&packages.iter().map(stanza).collect::<String>());
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    found.packages
}

fn options() -> ClosureOptions {
    ClosureOptions::new(UniverseOptions::new(Architecture::new("amd64").unwrap()))
}

fn check(repositories: &Repositories, options: &ClosureOptions) -> Closure {
    closure(&Context::new(), repositories, options).unwrap()
}

/// The packages at fault, and those about which nothing is known.
fn named(part: &Checked) -> Vec<String> {
    let subjects = part.faults.iter().map(|fault| &fault.subject);
    subjects.chain(part.unknown.iter().map(|doubt| &doubt.subject)).map(Subject::to_string).collect()
}

/// `SUBJECT: RELATION -> PACKAGE VERSION of ORIGIN`.
fn uses(found: &Closure) -> Vec<String> {
    let of = |needs: &Needs| {
        let subject = needs.subject.to_string();
        let one = move |one: &Use| {
            let Lent { package, version, origin, .. } = &one.package;
            format!("{subject}: {} -> {package} {version} of {origin}", one.relation)
        };
        needs.uses.iter().map(one).collect::<Vec<_>>()
    };
    found.needs.iter().flat_map(of).collect()
}

#[test]
fn lookasides_help_and_are_not_checked() {
    let ours = index("ours", &[("app", "1", "Depends: lib (>= 2)"), ("tool", "1", "Depends: nothing")]);
    let debian = index("debian", &[("lib", "2", "Depends: base"), ("base", "1", ""), ("bad", "1", "Depends: gone")]);
    let alone = check(&Repositories::new(vec![Arc::clone(&ours)]), &options());
    let part = alone.install.as_ref().unwrap();
    assert_eq!(named(part), ["app 1 amd64", "tool 1 amd64"]);
    assert_eq!((part.checked, alone.needs.len(), alone.lent.len()), (2, 0, 0));

    let beside = Repositories::new(vec![ours]).with_lookaside(vec![debian]);
    let found = check(&beside, &options());
    let part = found.install.as_ref().unwrap();
    assert_eq!((part.checked, named(part)), (2, vec!["tool 1 amd64".to_owned()]));
    assert_eq!(part.faults[0].explanation.missing[0].relation, "nothing");
    assert_eq!(uses(&found), ["app 1 amd64: lib (>= 2) -> lib 2 of debian"]);
    let lent: Vec<&str> = found.lent.iter().map(|lent| lent.package.as_str()).collect();
    assert_eq!(lent, ["base", "lib"]);
}

#[test]
fn strictness_decides_what_is_looked_at_and_what_fails() {
    let broken = Repositories::new(vec![index("x", &[("app", "1", "Depends: gone")])])
        .with_sources(sources(&[("src", "any", "gone")]));
    let found = |install, build| check(&broken, &options().with_install(install).with_build(build));
    let (off, lenient, fatal) = (Strictness::Off, Strictness::Lenient, Strictness::Fatal);
    let nothing = found(off, off);
    assert!(nothing.install.is_none() && nothing.build.is_none() && nothing.is_closed() && !nothing.fails());
    assert!(!found(lenient, lenient).is_closed() && !found(lenient, lenient).fails());
    assert!(found(fatal, off).fails() && found(off, fatal).fails() && !found(lenient, off).fails());
    let whole = Repositories::new(vec![index("x", &[("app", "1", "")])]);
    assert!(check(&whole, &options().with_install(fatal).with_build(fatal)).is_closed());
    for strictness in [off, lenient, fatal] {
        assert_eq!(strictness.to_string().parse(), Ok(strictness));
    }
    assert!("strict".parse::<Strictness>().is_err());
}

#[test]
fn what_cannot_be_shown_in_time_is_no_closure() {
    // Nothing greedy finds it: the preferred alternative does not go with the other relation.
    let packages =
        [("app", "1", "Depends: p1 | p2, p3"), ("p1", "1", "Conflicts: p3"), ("p2", "1", ""), ("p3", "1", "")];
    let repository = Repositories::new(vec![index("x", &packages)]);
    let strict = options().with_install(Strictness::Fatal);
    assert!(check(&repository, &strict).is_closed());
    let found = check(&repository, &strict.with_limit(Duration::ZERO));
    let part = found.install.as_ref().unwrap();
    assert_eq!((part.faults.len(), named(part)), (0, vec!["app 1 amd64".to_owned()]));
    assert!(!found.is_closed() && found.fails());
}

#[test]
fn what_a_repository_has_itself_is_not_taken_from_beside() {
    let ours = index(
        "ours",
        &[
            ("app", "1", "Depends: lib, data | other"),
            ("lib", "1", ""),
            ("other", "1", ""),
            ("front", "1", "Depends: app, theirs"),
        ],
    );
    let theirs = [("lib", "9", ""), ("data", "1", ""), ("theirs", "1", ""), ("app", "1", "")];
    let found = check(&Repositories::new(vec![ours]).with_lookaside(vec![index("theirs", &theirs)]), &options());
    assert!(found.is_closed());
    assert_eq!(uses(&found), ["front 1 amd64: theirs -> theirs 1 of theirs"]);
}

#[test]
fn a_package_is_checked_as_the_repository_has_it() {
    // Beside it there is a good one of the same name and version.
    let ours = index("ours", &[("app", "1", "Depends: gone"), ("front", "1", "Depends: app")]);
    let beside = index("beside", &[("app", "1", "")]);
    let found = check(&Repositories::new(vec![ours]).with_lookaside(vec![beside]), &options());
    assert_eq!(named(found.install.as_ref().unwrap()), ["app 1 amd64"]);
    assert_eq!(uses(&found), ["front 1 amd64: app -> app 1 of beside"]);
}

#[test]
fn sources_are_checked_where_they_build_something() {
    let ours = index("ours", &[("tool", "1", "")]);
    let debian = index("debian", &[("build-essential", "1", "Depends: gcc"), ("gcc", "1", ""), ("dh", "1", "")]);
    let repositories = Repositories::new(vec![ours]).with_lookaside(vec![debian]).with_sources(sources(&[
        ("good", "any", "tool, dh"),
        ("data", "all", "dh"),
        ("bad", "linux-any", "gone"),
        ("profile", "amd64", "gone <!nocheck>"),
        ("foreign", "s390x", "gone"),
    ]));
    let found = check(&repositories, &options());
    let part = found.build.as_ref().unwrap();
    assert_eq!((part.checked, named(part)), (4, vec!["bad 1 source".to_owned(), "profile 1 source".into()]));
    let base = "build-essential -> build-essential 1 of debian";
    let expected = [
        "data 1 source: dh -> dh 1 of debian".to_owned(),
        format!("data 1 source: {base}"),
        "good 1 source: dh -> dh 1 of debian".to_owned(),
        format!("good 1 source: {base}"),
    ];
    assert_eq!(uses(&found), expected);
    let nocheck = BTreeSet::from(["nocheck".parse().unwrap()]);
    let part = check(&repositories, &options().with_profiles(nocheck)).build.unwrap();
    assert_eq!(named(&part), ["bad 1 source"]);
}

#[test]
fn a_cancelled_check_stops() {
    let cancel = crate::cancel::CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    for kinds in [(Strictness::Lenient, Strictness::Off), (Strictness::Off, Strictness::Lenient)] {
        let repositories = Repositories::new(vec![index("x", &[("app", "1", "Depends: gone")])])
            .with_sources(sources(&[("src", "any", "gone")]));
        let stopped = closure(&cx, &repositories, &options().with_install(kinds.0).with_build(kinds.1));
        assert!(matches!(stopped, Err(ResolveError::Cancelled(_))), "{stopped:?}");
    }
}

fn package() -> impl Strategy<Value = (bool, String)> {
    let relation = ("p[a-f]", prop::option::weighted(0.3, "(<=|=|>=) [1-2]"))
        .prop_map(|(name, version)| version.map_or(name.clone(), |version| format!("{name} ({version})")));
    let group = prop::collection::vec(relation.clone(), 1..3).prop_map(|group| group.join(" | "));
    let depends = prop::collection::vec(group, 0..3).prop_map(|groups| groups.join(", "));
    let conflicts = prop::option::weighted(0.3, relation);
    (any::<bool>(), "p[a-f]", "[1-2]", depends, conflicts).prop_map(|(ours, name, version, depends, conflicts)| {
        let mut more = Vec::new();
        more.extend((!depends.is_empty()).then(|| format!("Depends: {depends}")));
        more.extend(conflicts.map(|conflicts| format!("Conflicts: {conflicts}")));
        (ours, stanza(&name, &version, &more.join("\n")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_repositories_are_as_closed_as_their_packages_can_be_installed(
        packages in prop::collection::vec(package(), 1..12),
    ) {
        // A version of a package is there once.
        let mut seen = BTreeSet::new();
        let once = |one: &(bool, String)| seen.insert(one.1.lines().take(2).map(str::to_owned).collect::<Vec<_>>());
        let packages: Vec<(bool, String)> = packages.into_iter().filter(once).collect();
        let of = |ours: bool| {
            let text: String = packages.iter().filter(|one| one.0 == ours).map(|one| one.1.as_str()).collect();
            Arc::new(PackageIndex::parse(if ours { "ours" } else { "beside" }, text))
        };
        let (ours, beside) = (of(true), of(false));
        let found = check(&Repositories::new(vec![Arc::clone(&ours)]).with_lookaside(vec![Arc::clone(&beside)]), &options());
        let key = |name: &str, version: &Version| format!("{name} {version} amd64");

        // The verdicts are those on the whole, of our packages only.
        let own: BTreeSet<String> = ours.packages().flatten().map(|one| key(one.package.as_str(), &one.version)).collect();
        let all = options().universe.with_versions(Versions::All);
        let whole = Universe::new(all, [(Arc::clone(&ours), PRIORITY), (Arc::clone(&beside), PRIORITY)]);
        let broken = installability(&Context::new(), &SatResolver::new(), &whole).unwrap().broken;
        let broken = broken.iter().map(|one| key(one.package.as_str(), &one.version)).filter(|key| own.contains(key));
        let part = found.install.as_ref().unwrap();
        prop_assert_eq!(part.checked, own.len());
        prop_assert_eq!(named(part), broken.collect::<Vec<_>>());

        // What is said to be lent is enough.
        let lent: BTreeSet<String> = found.lent.iter().map(|one| key(one.package.as_str(), &one.version)).collect();
        let is_lent = |stanza: &&String| {
            let mut lines = stanza.lines().map(|line| line.split_once(": ").map_or("", |(_, value)| value));
            lent.contains(&format!("{} {} amd64", lines.next().unwrap_or_default(), lines.next().unwrap_or_default()))
        };
        let text: String = packages.iter().filter(|one| !one.0).map(|one| &one.1).filter(is_lent).cloned().collect();
        let enough = Repositories::new(vec![ours]).with_lookaside(vec![Arc::new(PackageIndex::parse("lent", text))]);
        let again = check(&enough, &options());
        prop_assert_eq!(named(again.install.as_ref().unwrap()), named(part));

        // Whoever needs nothing from beside is as good without it.
        let alone = check(&Repositories::new(vec![of(true)]), &options());
        let needy = named(alone.install.as_ref().unwrap());
        prop_assert!(!found.lent.is_empty() || needy == named(part));
    }
}
