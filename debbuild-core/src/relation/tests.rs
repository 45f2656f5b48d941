//! Unit tests of relations.

use proptest::prelude::*;

use super::*;

fn relations(text: &str) -> Relations {
    Relations::parse(text).unwrap()
}

fn reduced(text: &str, host: &str, profiles: &[&str]) -> String {
    let profiles = profiles.iter().map(|name| BuildProfile::new(name).unwrap()).collect();
    relations(text).reduce(&Architecture::new(host).unwrap(), &profiles).to_string()
}

#[test]
fn every_part_is_read_and_written_back() {
    let text = "libc6 (>= 2.36), default-mta | mail-transport-agent, gcc:native (<< 5:13), perl:any [linux-any !x32], \
                libfoo:amd64 (= 1.0-1) [!hurd-any] <!nocheck> <cross !stage1>";
    assert_eq!(relations(text).to_string(), text);
    let again = relations("\n aa (>>1),\n bb|cc\t(<  2 ) , ,\n dd [ amd64 ]<x>,\n");
    assert_eq!(again.to_string(), "aa (>> 1), bb | cc (<= 2), dd [amd64] <x>");
    assert_eq!(relations(" , ").to_string(), "");
}

#[test]
fn errors_say_where() {
    for (bad, offset) in [
        ("foo (>> )", 8),
        ("x", 0),
        ("foo (>= 1", 9),
        ("foo (1)", 5),
        ("foo [", 5),
        ("foo []", 6),
        ("foo <!", 6),
        ("foo <a", 6),
        ("aa b", 3),
        ("aa, Foo", 4),
        ("aa |", 4),
        ("| aa", 0),
        ("aa:b_c", 3),
        ("${x", 3),
        ("ok, foo (= 1-)", 11),
        ("aa (= 1) (= 2)", 9),
    ] {
        let error = Relations::parse(bad).unwrap_err();
        assert_eq!(error.offset, offset, "{bad}: {error}");
    }
}

#[test]
fn floods_are_refused() {
    assert!(Relations::parse(&"aa|".repeat(100_000)).is_err());
    assert!(Relations::parse(&"aa,".repeat(100_000)).is_err());
    assert!(Relations::parse(&"[".repeat(10_000)).is_err());
    assert!(Relations::parse(&format!("aa {}", "<".repeat(10_000))).is_err());
}

#[test]
fn substitution_variables_are_reported() {
    let text = "${shlibs:Depends}, ${misc:Depends}, foo (= ${binary:Version}), bar | baz-${v}, real (>= 2)";
    let (relations, substvars) = Relations::parse_template(text).unwrap();
    assert_eq!(relations.to_string(), "real (>= 2)");
    assert_eq!(substvars.into_iter().collect::<Vec<_>>(), ["binary:Version", "misc:Depends", "shlibs:Depends", "v"]);
    assert_eq!(Relations::parse("aa, ${misc:Depends}").unwrap_err().offset, 4);
}

#[test]
fn restrictions_are_evaluated() {
    let text = "aa [amd64], bb [!amd64], cc [linux-any], dd [any-i386 any-arm64], ee";
    assert_eq!(reduced(text, "amd64", &[]), "aa, cc, ee");
    assert_eq!(reduced(text, "arm64", &[]), "bb, cc, dd, ee");
    assert_eq!(reduced(text, "hurd-i386", &[]), "bb, dd, ee");
    let text = "aa <nocheck>, bb <!nocheck>, cc <cross !nocheck> <stage1>, dd [arm64] | ee <cross>";
    assert_eq!(reduced(text, "amd64", &[]), "bb");
    assert_eq!(reduced(text, "amd64", &["nocheck"]), "aa");
    assert_eq!(reduced(text, "amd64", &["cross"]), "bb, cc, ee");
    assert_eq!(reduced(text, "arm64", &["nocheck", "stage1"]), "aa, cc, dd");
}

#[test]
fn constraints_go_by_dpkgs_order() {
    let accepts = |constraint: &str, version: &str| {
        let relations = relations(&format!("foo ({constraint})"));
        relations.0[0].0[0].constraint.as_ref().unwrap().accepts(&Version::new(version).unwrap())
    };
    assert!(accepts("= 1.0", "1.0-0"));
    assert!(accepts(">> 1.0~", "1.0"));
    assert!(!accepts("<< 1.0", "1.0"));
    assert!(accepts("<= 1.0", "1.0") && accepts(">= 1.0", "1:0.1"));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "[a-c0-9 ,|:(<>=)\\[\\]!${}\n.é-]{0,40}") {
        if let Ok((relations, _)) = Relations::parse_template(&text) {
            prop_assert_eq!(Relations::parse(&relations.to_string()).unwrap(), relations);
        }
    }
}
