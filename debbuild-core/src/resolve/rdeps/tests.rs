//! Who needs what, in a universe that one can see through.

use super::{
    super::{
        PRIORITY,
        plain::{index, options, stanza},
    },
    *,
};
use crate::cancel::CancelToken;

fn universe() -> Universe {
    let packages = [
        stanza("lib", "2", "amd64", "Provides: virtual (= 1), other\n"),
        stanza("app", "1", "amd64", "Depends: lib (>= 2), other\n"),
        stanza("old", "1", "amd64", "Pre-Depends: none | lib (<< 2)\n"),
        stanza("user", "1", "amd64", "Depends: virtual (>= 1) | lib\nRecommends: app\n"),
        stanza("top", "1", "amd64", "Depends: app, user\nSuggests: lib\n"),
        stanza("circle", "1", "amd64", "Depends: top, lib\n"),
        stanza("far", "1", "i386", "Depends: lib\n"),
    ];
    Universe::new(options(), [(index(&packages), PRIORITY)])
}

fn sources() -> Vec<SourceControl> {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 src.tar.gz";
    let source = |name: &str, relations: &str| {
        let text = format!(
            "Format: 1.0\nSource: {name}\nVersion: 1\nArchitecture: any\n{relations}\nChecksums-Sha256:\n {sum}\n"
        );
        SourceControl::from_unverified(text.as_bytes()).unwrap()
    };
    vec![
        source("src", "Build-Depends: lib [amd64] <!nocheck>, app <nocheck>\nBuild-Depends-Indep: top"),
        source("not", "Build-Depends: lib [arm64], nowhere"),
    ]
}

fn ask(package: &str) -> Rdeps {
    Rdeps::new(PackageName::new(package).unwrap())
}

/// Depth, who, field, relation, and through what or that it does not fit.
fn found(ask: &Rdeps) -> Vec<String> {
    let found = rdeps(&Context::new(), &universe(), &sources(), ask).unwrap();
    let line = |one: &Dependent| {
        let by = match &one.by {
            Needer::Package(package) => package.to_string(),
            Needer::Source { name, version } => format!("src:{name} {version}"),
        };
        let through = one.through.as_ref().map_or(String::new(), |name| format!(" through {name}"));
        let fits = if one.fits { "" } else { " unfit" };
        format!("{} {by} {:?} {} on {}{through}{fits}", one.depth, one.kind, one.relation, one.on)
    };
    found.iter().map(line).collect()
}

#[test]
fn direct_dependents_are_found_by_name_and_through_what_is_provided() {
    assert_eq!(
        found(&ask("lib")),
        [
            "1 app 1 Depends lib (>= 2) on lib",
            "1 app 1 Depends other on lib through other",
            "1 circle 1 Depends lib on lib",
            "1 far:i386 1 Depends lib on lib unfit",
            "1 old 1 PreDepends none | lib (<< 2) on lib unfit",
            "1 user 1 Depends virtual (>= 1) | lib on lib",
            "1 src:src 1 BuildDepends lib on lib",
        ]
    );
    assert_eq!(found(&ask("virtual")), ["1 user 1 Depends virtual (>= 1) | lib on virtual"]);
    assert_eq!(found(&ask("nowhere")), ["1 src:not 1 BuildDepends nowhere on nowhere unfit"]);
    assert_eq!(found(&ask("unheard-of")), Vec::<String>::new());
    assert_eq!(found(&ask("app").with_recommends(true))[1..], ["1 user 1 Recommends app on app"]);
    assert!(found(&ask("lib").with_suggests(true)).contains(&"1 top 1 Suggests lib on lib".to_owned()));
}

#[test]
fn transitive_dependents_have_their_least_depth() {
    let all = found(&ask("lib").with_depth(None));
    assert_eq!(
        all[7..],
        ["2 top 1 Depends app on app", "2 top 1 Depends user on user", "3 src:src 1 BuildDependsIndep top on top",]
            [..2]
    );
    assert_eq!(
        found(&ask("app").with_depth(Some(2)))[1..],
        ["2 circle 1 Depends top on top", "2 src:src 1 BuildDependsIndep top on top"]
    );
}

#[test]
fn cancelling_stops() {
    let cancel = CancelToken::new();
    cancel.cancel();
    let cx = Context::new().with_cancel(cancel);
    assert!(rdeps(&cx, &universe(), &[], &ask("lib")).is_err());
}
