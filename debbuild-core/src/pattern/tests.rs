//! What patterns select, and where bad ones are wrong.

use super::*;
use crate::control::paragraphs;

const STANZAS: &str = "\
Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\nSource: glibc\nSection: libs\nPriority: optional\nEssential: no\n
Package: dash\nVersion: 0.5.12-2\nArchitecture: amd64\nSection: shells\nPriority: required\nEssential: yes\n
Package: dash-doc\nVersion: 0.5.12-2~rc1\nArchitecture: all\nSource: dash (0.5.12-2)\nSection: contrib/doc\nPriority: extra\n
Package: g++\nVersion: 4:12.2.0-3\nArchitecture: arm64\nSource: gcc-defaults (1.203)\nPriority: optional\n";

fn selected(pattern: &str) -> Vec<&'static str> {
    let pattern = Pattern::new(pattern).unwrap();
    let all = paragraphs(STANZAS).map(Result::unwrap);
    let found = all.filter(|stanza| pattern.selects(&Subject::of(stanza)));
    found.map(|stanza| stanza.get("Package").unwrap()).collect()
}

#[test]
fn every_pattern_selects_what_the_manual_says() {
    for (pattern, expected) in [
        ("?true", &["libc6", "dash", "dash-doc", "g++"][..]),
        ("~F", &[]),
        ("~ndash", &["dash", "dash-doc"]),
        ("~n^DASH$", &["dash"]),
        ("?name(^lib)", &["libc6"]),
        ("?name(\"^(libc6|dash)$\")", &["libc6", "dash"]),
        ("?exact-name(g++)", &["g++"]),
        ("?exact-name(G++)", &[]),
        ("~V^4:", &["g++"]),
        ("?version(rc)", &["dash-doc"]),
        ("~ramd64", &["libc6", "dash"]),
        ("~rall", &["dash-doc"]),
        ("?architecture(linux-any)", &["libc6", "dash", "g++"]),
        ("?architecture(any-arm64)", &["g++"]),
        ("~sdoc", &["dash-doc"]),
        ("?section(^contrib/)", &["dash-doc"]),
        ("~poptional", &["libc6", "g++"]),
        ("~popt", &[]),
        ("~eglibc", &["libc6"]),
        ("?source-package(^dash$)", &["dash", "dash-doc"]),
        ("?source-version(1\\.203)", &["g++"]),
        ("?source-version(^0\\.5\\.12-2$)", &["dash", "dash-doc"]),
        ("?essential", &["dash"]),
        ("~E", &["dash"]),
        ("!~E", &["libc6", "dash-doc", "g++"]),
        ("?not(?essential)", &["libc6", "dash-doc", "g++"]),
        ("~ndash ~rall", &["dash-doc"]),
        ("~ndash~E", &["dash"]),
        ("(~ramd64|~rarm64)~n^[dg]!~E", &["g++"]),
        ("?and(~ndash, ~rall,)", &["dash-doc"]),
        ("~nlibc6 | ~E", &["libc6", "dash"]),
        ("?or(~nlibc6, ~E)", &["libc6", "dash"]),
        ("~ndash ~rall | ~E", &["dash", "dash-doc"]),
        ("(~nlibc6 | ~ndash) !~rall", &["libc6", "dash"]),
        (" ( ?and( ?true , ! ( ~nlib ) ) ) ", &["dash", "dash-doc", "g++"]),
    ] {
        assert_eq!(selected(pattern), expected, "{pattern}");
    }
}

#[test]
fn bad_patterns_say_where_they_are_wrong() {
    for (pattern, at, reason) in [
        ("", 1, "expected a pattern"),
        ("hello", 1, "begins with"),
        ("~nhello world", 9, "expected a pattern or the end"),
        ("~x", 1, "no pattern ~x"),
        ("~", 2, "a letter"),
        ("~n", 3, "a word"),
        ("~n hello", 3, "a word"),
        ("?installed", 1, "no pattern ?installed"),
        ("?name", 6, "needs an argument"),
        ("?name()", 7, "a word"),
        ("?name(a,b)", 8, "expected )"),
        ("?name(a", 8, "expected )"),
        ("?and(~na ~nb", 13, "expected , or )"),
        ("(~na", 5, "expected )"),
        ("~na)", 4, "the end"),
        ("~na |", 6, "expected a pattern"),
        ("~n\"abc", 3, "not closed"),
        ("ü~n*", 1, "begins with"),
        ("~na | ~n[", 9, "not a regular expression"),
        ("~n*", 3, "not a regular expression"),
        ("~r-x", 3, "architecture"),
    ] {
        let error = Pattern::new(pattern).unwrap_err();
        assert_eq!(error.at, at, "{pattern:?}: {error}");
        assert!(error.reason.contains(reason), "{pattern:?}: {error}");
        assert_eq!(error.class(), Class::Usage);
    }
    let deep = format!("{}~T{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Pattern::new(&deep).unwrap_err().reason.contains("deep"));
    assert!(Pattern::new(&"!".repeat(10_000)).unwrap_err().reason.contains("deep"));
    assert!(Pattern::new("~n((((a{99}){99}){99}){99})").is_err(), "an expression that would take all memory");
}

#[test]
fn any_of_several_and_none_of_nothing() {
    let two = Pattern::any(vec!["~nlibc6".parse().unwrap(), "~E".parse().unwrap()]);
    assert_eq!(two.to_string(), "(~nlibc6) | (~E)");
    assert_eq!(two, Pattern::new("(~nlibc6) | (~E)").unwrap());
    let subject = Subject { package: "dash", essential: true, ..Subject::default() };
    assert!(two.selects(&subject));
    assert!(!Pattern::any(Vec::new()).selects(&subject));
}
