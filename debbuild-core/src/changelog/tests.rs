//! Unit tests of changelogs, and what dpkg-parsechangelog says about them.

use super::*;
use crate::{
    command::{CommandRunnerExt as _, CommandSpec, Stdin, SystemRunner},
    context::Context,
};

const CHANGELOG: &str = "hello (2.10-3) unstable; urgency=Medium, binary-only=no

  [ A. Person ]
  * Say hello (again).
    - at length

 -- A. Person <person@debian.example>  Mon, 26 Dec 2022 16:30:00 +0100

hello (2.10-2) broken header

 -- nobody
";

fn rebuild() -> Rebuild {
    Rebuild::new("NAME", "bookworm".parse().unwrap(), "B. Builder <builder@debian.example>")
}

#[test]
fn the_top_entry_is_read_whatever_is_below() {
    let entry = top_entry(CHANGELOG).unwrap();
    assert_eq!((entry.source.as_str(), entry.version.as_str()), ("hello", "2.10-3"));
    assert_eq!((entry.distributions, entry.urgency.as_deref()), (vec!["unstable".to_owned()], Some("medium")));
    assert_eq!(entry.maintainer, "A. Person <person@debian.example>");
    assert_eq!(entry.date.to_string(), "2022-12-26T15:30:00Z");
    assert_eq!(entry.date_text, "Mon, 26 Dec 2022 16:30:00 +0100");
}

#[test]
fn bad_top_entries_are_refused() {
    assert_eq!(top_entry(" \n"), Err(ChangelogError::Empty));
    for (from, to) in [
        ("2.10-3", "2.10-"),
        ("hello (2.10-3)", "Hello (2.10-3)"),
        ("hello (2.10-3)", "hello 2.10-3"),
        ("26 Dec 2022", "26 Dex 2022"),
        (" -- ", "-- "),
        (" <person@debian.example>", ""),
    ] {
        assert!(top_entry(&CHANGELOG.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn versions_of_rebuilds_sort_between_parent_and_updates() {
    let v = |text: &str| Version::new(text).unwrap();
    for parent in ["2.10-3", "2.10", "1:2.10-3~bpo1"] {
        let version = rebuild().version(&v(parent)).unwrap();
        assert_eq!(version.as_str(), format!("{parent}+0NAME1"));
        assert!(v(parent) < version);
        for update in ["+b1", "+deb12u1"] {
            assert!(version < v(&format!("{parent}{update}")));
        }
        assert!(version < rebuild().with_number(2).version(&version).unwrap());
        assert_eq!(rebuild().with_number(10).version(&version).unwrap().as_str(), format!("{parent}+0NAME10"));
    }
    for vendor in ["", "NAME1", "a b", "a-b", "é"] {
        assert!(Rebuild { vendor: vendor.into(), ..rebuild() }.version(&v("1")).is_err(), "{vendor}");
    }
    assert!(rebuild().with_number(0).version(&v("1")).is_err());
}

#[tokio::test]
async fn a_rebuild_is_the_parent_with_one_more_entry_of_the_same_date() {
    let parent = top_entry(CHANGELOG).unwrap();
    let version = rebuild().version(&parent.version).unwrap();
    let head = rebuild().undated_entry(&parent.source, &version).unwrap();
    let text = format!("{head}{}\n\n{CHANGELOG}", parent.date_text);
    let entry = top_entry(&text).unwrap();
    assert_eq!((&entry.version, &entry.date_text), (&version, &parent.date_text));

    let spec =
        CommandSpec::new("dpkg-parsechangelog").with_args(["-l", "-"]).with_stdin(Stdin::Bytes(text.into_bytes()));
    let said = String::from_utf8(SystemRunner.output(&Context::new(), &spec).await.unwrap()).unwrap();
    for line in [
        "Source: hello",
        "Version: 2.10-3+0NAME1",
        "Distribution: bookworm",
        "Date: Mon, 26 Dec 2022 16:30:00 +0100",
        "   * No-change rebuild for bookworm.",
    ] {
        assert!(said.contains(&format!("{line}\n")), "{line}: {said}");
    }
}

#[test]
fn nothing_breaks_out_of_the_new_entry() {
    let parent = top_entry(CHANGELOG).unwrap();
    let maintained = |maintainer: &str| Rebuild { maintainer: maintainer.into(), ..rebuild() };
    for bad in [
        maintained(""),
        maintained("nobody"),
        maintained("A  <a@b>"),
        maintained("A <a@b>\nevil"),
        rebuild().with_change("x\n\n -- y"),
        rebuild().with_change(""),
        rebuild().with_number(0),
    ] {
        let entry = bad.undated_entry(&parent.source, &parent.version);
        assert!(matches!(entry, Err(ChangelogError::Unwritable { .. })), "{bad:?}");
    }
}

#[test]
fn every_entry_is_read_and_what_cannot_be_is_a_problem() {
    let other = "hello (2.10-1+b1) sid experimental; urgency=low, binary-only=yes\n\n  * Binary-only.\n\n -- B <b@c>  Thu, 1 Jan 1970 00:00:00 +0000\n";
    let text = format!("{CHANGELOG}\nstray line\nanother\n\n{other}\nLocal variables:\nmode: debian-changelog\nEnd:\n");
    let all: Vec<_> = entries(&text).collect();
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(all[0].as_ref().unwrap().changes, "  [ A. Person ]\n  * Say hello (again).\n    - at length");
    assert_eq!(all[1].as_ref().unwrap_err().line, 9);
    let entry = all[2].as_ref().unwrap();
    assert_eq!((entry.distributions.join(" "), entry.binary_only), ("sid experimental".to_owned(), true));
    assert_eq!((entry.maintainer.as_str(), entry.changes.as_str()), ("B <b@c>", "  * Binary-only."));
    assert_eq!(entries("").count(), 0);
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "(hello \\(1-1\\) sid; urgency=low\n| -- A <a@b>  Mon, 26 Dec 2022 16:30:00 \\+0100\n|  x\n|[ -;()<>@a\n#$*/:é])*") {
        let count = entries(&text).count();
        proptest::prop_assert!(count <= text.lines().count());
    }
}
