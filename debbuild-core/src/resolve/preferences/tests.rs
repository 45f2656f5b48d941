//! Unit tests of preferences; tests/host compares them with apt's own answers.

use super::*;
use crate::arch::Architecture;

fn architecture(name: &str) -> Architecture {
    Architecture::new(name).unwrap()
}

fn stable() -> Provenance {
    let of = Provenance::new().with_suite("stable").with_codename("bookworm").with_version("12.11");
    of.with_origin("Debian").with_label("Debian").with_component("main").with_site("mirror.example")
}

fn backports() -> Provenance {
    let of = stable().with_suite("stable-backports").with_codename("bookworm-backports");
    of.with_not_automatic(true).with_but_automatic_upgrades(true)
}

/// The priority of a version of `hello`, from source `greetings`, in these indexes.
fn of(text: &str, version: &str, indexes: &[&Provenance]) -> i32 {
    let native = architecture("amd64");
    let pinned = Pinned::new("hello", version, &native, &native).with_source("greetings");
    Preferences::parse(text).unwrap().priority(&pinned, indexes)
}

fn record(package: &str, pin: &str, priority: &str) -> String {
    format!("Explanation: because\nPackage: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n")
}

#[test]
fn without_preferences_the_archive_says_the_priority() {
    let curious = stable().with_not_automatic(true);
    for (index, expected) in [(stable(), 500), (backports(), 100), (curious, 1), (Provenance::installed(), 100)] {
        assert_eq!(of("", "1", &[&index]), expected);
    }
    assert_eq!((of("", "1", &[&backports(), &stable()]), of("", "1", &[])), (500, 0));
}

#[test]
fn the_first_record_that_names_the_package_and_selects_the_version_decides() {
    let text =
        record("*", "release *", "7") + &record("hello", "version 2*", "-5") + &record("h?l*", "release *", "1001");
    assert_eq!((of(&text, "2.1", &[&stable()]), of(&text, "1", &[&stable()])), (-5, 1001));
    let others = record("src:greetings", "release *", "8") + &record("hello", "release *", "9");
    assert_eq!(of(&others, "1", &[&stable()]), 8);
    let general = record("*", "release a=stable", "7") + &record("*", "origin mirror.example", "9");
    assert_eq!((of(&general, "1", &[&stable()]), of(&general, "1", &[&backports()])), (7, 9));
    assert_eq!(of(&general, "1", &[&backports(), &stable()]), 9, "the highest of its indexes");
    // A record selects a version as soon as one of its indexes fits.
    assert_eq!(of(&record("hello", "release a=stable", "-1"), "1", &[&backports(), &stable()]), -1);
}

#[test]
fn never_is_for_indexes_and_is_stronger_than_any_record() {
    let never = record("hello", "version *", "1001")
        + &record("*", "release n=*-backports", "1")
        + &record("*", "release l=Debian,c=main,a=*-backports", "never");
    assert_eq!((of(&never, "1", &[&backports()]), of(&never, "1", &[&backports(), &stable()])), (NEVER, 1001));
    assert_eq!(of(&record("hello", "release *", "-32768"), "1", &[&stable()]), NEVER + 1);
}

#[test]
fn names_may_be_lists_globs_expressions_sources_and_of_an_architecture() {
    let native = architecture("amd64");
    let names = |package: &str, pinned: Pinned<'_>| {
        Preferences::parse(&record(package, "release *", "9")).unwrap().priority(&pinned, &[&stable()]) == 9
    };
    let (foreign, all) = (architecture("i386"), Architecture::all());
    let own = Pinned::new("hello", "1", &native, &native);
    for (package, expected) in [
        ("x hello", true),
        ("hel", false),
        ("/^HE.*O$/", true),
        ("/ll/", true),
        ("h[a-e]llo", true),
        ("h[!a-e]llo", false),
        ("hello:amd64", true),
        ("hello:any", true),
        ("hello:i386", false),
        ("hello:linux-any", true),
        ("hello:No_Such", false),
        ("x *", true),
    ] {
        assert_eq!(names(package, own), expected, "{package}");
    }
    assert!(
        names("hello", Pinned::new("hello", "1", &all, &native))
            && !names("hello", Pinned::new("hello", "1", &foreign, &native))
    );
    assert!(names("src:g?eet*", own.with_source("greetings")) && !names("greetings", own.with_source("greetings")));
}

#[test]
fn releases_match_in_all_their_parts() {
    for (pin, expected) in [
        ("stable", true),
        ("BOOKWORM", true),
        ("12*", true),
        ("12.1", false),
        ("a=stable, n=bookworm,v=12.11", true),
        ("a=stable,n=sid", false),
        ("o=/^deb/,l=Deb??n,c=main", true),
        ("c=contrib", false),
        ("b=amd64", false),
        ("x=unknown", false),
        ("a=", false),
    ] {
        assert_eq!(of(&record("hello", &format!("release {pin}"), "9"), "1", &[&stable()]) == 9, expected, "{pin}");
    }
    let local = stable().with_site("");
    assert_eq!(of(&record("*", "origin \"\"", "9"), "1", &[&local]), 9);
    assert_eq!(of(&record("*", "release now", "9"), "1", &[&Provenance::installed()]), 9);
}

#[test]
fn the_release_that_was_asked_for_comes_before_all_records_for_all_packages() {
    let preferences = Preferences::parse(&record("*", "release *", "1")).unwrap();
    let preferences = preferences.with_target_release("bookworm-backports").unwrap();
    assert_eq!((preferences.of_index(&backports()), preferences.of_index(&stable())), (990, 1));
    let more = preferences.and(Preferences::parse(&record("hello", "version 1", "3")).unwrap()).unwrap();
    assert!(!more.is_general());
    assert!(Preferences::default().with_target_release("[z-a]").is_err());
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_line_and_what_apt_ignores_a_warning() {
    let error = |text: String| crate::error::chain(&Preferences::parse(&text).unwrap_err());
    let good = record("a", "release *", "1");
    assert_eq!(error(format!("{good}Pin: release *\n")), "preferences: the record at line 6: no field Package");
    for (text, expected) in [
        (record("a", "release *", "0"), "no priority, or one of zero"),
        (record("a", "release *", "32768"), "not a priority from -32768 to 32767: \"32768\""),
        (record("a", "release *", "never"), "the priority never is only for Package: *"),
        (record("a", "release a=/(/", "1"), "not an expression: \"/(/\": unclosed group"),
    ] {
        assert_eq!(error(text), format!("preferences: the record at line 1: {expected}"));
    }
    assert_eq!(error("a\n".to_owned()), "preferences: line 1: expected a field and a colon");
    let many = record(&"a ".repeat(10_001), "release *", "1");
    assert_eq!(error(many), "preferences: more than 10000 names of packages");
    let ignored = record("*", "version 1", "5") + &record("a", "archive x", "5") + "Package: b\n\n# a comment\n#\n";
    let ignored = Preferences::parse(&ignored).unwrap();
    assert_eq!(
        ignored.warnings(),
        [
            "the record at line 1 is ignored: its pin \"version\" for all packages is not known",
            "the record at line 6 is ignored: its pin \"archive\" is not known"
        ]
    );
    assert!(ignored.is_general());
}
