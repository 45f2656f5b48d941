//! Unit tests of versions, and their differential tests against dpkg.

use proptest::{collection::vec, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::*;
use crate::{
    command::{CommandRunnerExt as _, CommandSpec, Stdin, SystemRunner},
    context::Context,
};

fn v(text: &str) -> Version {
    Version::new(text).unwrap()
}

#[test]
fn refuses_what_dpkg_refuses() {
    for bad in ["", " ", "1-", "1:", ":1", "a:1", "-1", "1:-1", "1.0-1-", "99999999999:1", "2147483648:1", "1 2"] {
        assert!(Version::tolerant(bad).is_err(), "{bad:?}");
    }
    for bad in ["1\0", "1\n", "1\u{661}", "1/../2", &"1".repeat(1_000_000)] {
        let error = Version::tolerant(bad).unwrap_err();
        assert!(error.text.len() <= LONGEST, "{bad:?}");
    }
}

#[test]
fn what_dpkg_warns_about_is_only_for_other_peoples_indexes() {
    for odd in ["a1", "1_2", "1-1_2", "1:a", "~1"] {
        assert!(Version::new(odd).is_err(), "{odd}");
        let (version, warning) = Version::tolerant(odd).unwrap();
        assert_eq!(version.as_str(), odd);
        assert!(warning.is_some(), "{odd}");
    }
}

#[test]
fn order_is_by_version_and_identity_by_text() {
    for (a, b) in [("1.0", "1.0-0"), ("1", "01"), ("1.", "1.0"), ("1", "0:1"), ("1a", "1a0"), ("1-~", "1-~0")] {
        assert_eq!(v(a).compare(&v(b)), Ordering::Equal, "{a} {b}");
        assert_ne!(v(a), v(b));
        assert_ne!(v(a).cmp(&v(b)), Ordering::Equal, "Ord agrees with Eq");
    }
    for (less, more) in [
        ("2.10-3", "2.10-3+0NAME1"),
        ("2.10-3+0NAME1", "2.10-3+b1"),
        ("2.10-3+0NAME1", "2.10-3+deb12u1"),
        ("1.0~rc1", "1.0"),
        ("9", "1:0.1"),
        ("1.0-99999999999999999998", "1.0-99999999999999999999"),
    ] {
        assert!(v(less) < v(more), "{less} {more}");
    }
}

#[test]
fn parts() {
    let version = v("1:2.0-rc-3");
    assert_eq!((version.epoch(), version.upstream(), version.revision()), (Some(1), "2.0-rc", Some("3")));
    assert_eq!(version.without_epoch(), "2.0-rc-3");
    assert_eq!(v("1:2:3-4").upstream(), "2:3");
    assert_eq!(v("1.0-1+b2").bin_nmu(), Some(2));
    for not in ["1.0-20240101120000", "1+b", "1+b+1", "1+b99999999999", "1+b1.1"] {
        assert_eq!(v(not).bin_nmu(), None, "{not}");
    }
    assert_eq!(v("1-1").with_suffix("+0NAME1").unwrap().as_str(), "1-1+0NAME1");
    assert!(v("1-1").with_suffix("-").is_err());
}

/// One shell asks dpkg about every line, so that a few hundred questions take a second.
async fn ask_dpkg(script: &str, lines: &[String]) -> Vec<String> {
    let spec = CommandSpec::new("sh")
        .with_args(["-c", script])
        .with_stdin(Stdin::Bytes(lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()));
    let out = SystemRunner.output(&Context::new(), &spec).await.unwrap();
    let answers: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), lines.len());
    answers
}

fn sample<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test]
async fn dpkg_agrees_on_order() {
    let part = "[0-9]{1,3}([a-c.~+]{0,2}[0-9]{0,2}){0,3}";
    let version = (prop::option::weighted(0.2, "[0-2]"), part, prop::option::of("[0-9a-b~+.]{1,4}"));
    let text = |(epoch, upstream, revision): (Option<String>, String, Option<String>)| {
        let epoch = epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
        format!("{epoch}{upstream}{}", revision.map_or(String::new(), |revision| format!("-{revision}")))
    };
    let pairs: Vec<(String, String)> =
        sample(&(version.clone(), version), 400).into_iter().map(|(a, b)| (text(a), text(b))).collect();
    let lines: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} {b}")).collect();
    let script = "while read -r a b; do if dpkg --compare-versions \"$a\" lt \"$b\"; then echo lt; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo eq; else echo gt; fi; done";
    for ((a, b), theirs) in pairs.iter().zip(ask_dpkg(script, &lines).await) {
        let ours = match v(a).compare(&v(b)) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(ours, theirs, "{a} {b}");
    }
}

#[tokio::test]
async fn dpkg_agrees_on_what_is_a_version() {
    let mut texts: Vec<String> =
        sample(&vec("[0-9a:._+~-]", 1..7), 300).into_iter().map(|characters| characters.concat()).collect();
    texts.extend(["2147483647:1", "2147483648:1", "1-2:3", "1_", "1--1", "1-é"].map(str::to_owned));
    // An epoch is what strtol takes for dpkg, and digits for us: texts with a sign in it are not asked.
    texts.retain(|text| !text.starts_with(['-', '+']));
    let script = "while read -r a; do dpkg --validate-version \"$a\" >/dev/null 2>&1; echo $?; done";
    for (text, status) in texts.iter().zip(ask_dpkg(script, &texts).await) {
        let ours = match Version::tolerant(text) {
            Ok((_, None)) => "0",
            Ok((_, Some(_))) => "1",
            Err(_) if !text.is_ascii() => "1",
            Err(_) => "2",
        };
        assert_eq!(ours, status, "{text}");
    }
}
