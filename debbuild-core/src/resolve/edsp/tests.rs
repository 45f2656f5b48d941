//! Unit tests of the protocol: what is asked, how it is answered, and texts of anybody.

use super::*;
use crate::{clock::Timestamp, context::Context, resolve::SatResolver};

/// A request of an amd64 system that also takes i386, with these fields.
fn request(fields: &str) -> String {
    format!("Request: EDSP 0.5\nArchitecture: amd64\nArchitectures: amd64 i386\n{fields}Solver: debbuild\n\n")
}

/// A version with apt's marks: `app 2 amd64`, more fields after a bar.
fn version(id: u64, what: &str) -> String {
    let (identity, more) = what.split_once('|').unwrap_or((what, ""));
    let [name, version, architecture] = identity.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{what}")
    };
    let more: String =
        more.split(';').map(str::trim).filter(|field| !field.is_empty()).map(|field| format!("{field}\n")).collect();
    let pin = if more.contains("APT-Pin") { "" } else { "APT-Pin: 500\n" };
    format!(
        "Package: {name}\nArchitecture: {architecture}\nVersion: {version}\nAPT-ID: {id}\nSource: {name}\nSource-Version: {version}\n{pin}{more}\n"
    )
}

/// All versions, numbered from 1.
fn universe<S: AsRef<str>>(versions: &[S]) -> String {
    versions.iter().zip(1..).map(|(what, id)| version(id, what.as_ref())).collect()
}

/// What is done, one line for each change; the message of an error.
fn answered(scenario: &str, settings: &Settings) -> String {
    let scenario = Scenario::read(scenario).unwrap();
    match scenario.reply(&Context::new(), &SatResolver::new(), settings).unwrap() {
        Reply::Solution(changes) => {
            let line =
                |change: &Change| format!("{:?} {} {} {}", change.action, change.id, change.package, change.version);
            changes.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Reply::Error { kind, message } => format!("{kind} {message}"),
    }
}

fn reply<S: AsRef<str>>(fields: &str, versions: &[S]) -> String {
    answered(&(request(fields) + &universe(versions)), &Settings::new())
}

const YES: &str = "APT-Candidate: yes";
const HERE: &str = "Installed: yes; APT-Candidate: yes";

#[test]
fn candidates_are_installed_with_what_they_need_and_recommend() {
    let versions = [
        &format!("app 2 amd64|{YES}; Depends: lib (>= 1), one | two; Recommends: nice, missing; Suggests: more"),
        "app 3 amd64|",
        &format!("lib 1 amd64|{YES}; Multi-Arch: same"),
        &format!("lib 1 i386|{YES}; Multi-Arch: same"),
        &format!("one 1 all|{YES}"),
        &format!("two 1 all|{YES}"),
        &format!("nice 1 amd64|{YES}"),
        &format!("more 1 amd64|{YES}"),
    ];
    let ask = |fields: &str| reply(fields, &versions);
    let plain = "Install 1 app 2\nInstall 3 lib 1\nInstall 5 one 1";
    assert_eq!(
        ask("Install: app:amd64\n"),
        format!("Install 1 app 2\nInstall 3 lib 1\nInstall 7 nice 1\nInstall 5 one 1")
    );
    assert_eq!(ask("Install: app:amd64\nPreferences: no-recommends\n"), plain);
    let suggests = ask("Install: app:amd64\nPreferences: top-level-recommends, suggests\n");
    assert_eq!(suggests, "Install 1 app 2\nInstall 3 lib 1\nInstall 8 more 1\nInstall 7 nice 1\nInstall 5 one 1");
    assert_eq!(ask("Install: lib:i386\n"), "Install 4 lib 1");
    assert!(ask("Install: lib:i386 app:amd64\n").contains("Install 4 lib 1\n"));
    let scenario = request("Install: app:amd64\nPreferences: -removed\n") + &universe(&versions);
    let refused = Scenario::read(&scenario).unwrap().reply(&Context::new(), &SatResolver::new(), &Settings::new());
    assert!(refused.unwrap_err().to_string().starts_with("no preference of this solver: \"-removed\""));
}

#[test]
fn what_is_installed_stays_unless_it_must_go() {
    let versions = [
        &format!("app 1 amd64|{HERE}; Depends: lib"),
        "lib 1 amd64|Installed: yes",
        &format!("lib 2 amd64|{YES}"),
        &format!("new 1 amd64|{YES}; Depends: lib (>= 2); Breaks: old"),
        &format!("old 1 amd64|{HERE}"),
        &format!("wants 1 amd64|{HERE}; Recommends: nobody"),
        &format!("nobody 1 amd64|{YES}"),
    ];
    assert_eq!(reply("", &versions), "");
    assert_eq!(reply("Install: app:amd64\n", &versions), "");
    assert_eq!(reply("Install: lib:amd64\n", &versions), "Install 3 lib 2");
    assert_eq!(reply("Install: new:amd64\n", &versions), "Install 3 lib 2\nInstall 4 new 1\nRemove 5 old 1");
    assert_eq!(reply("Remove: lib:amd64\n", &versions), "Remove 1 app 1\nRemove 2 lib 1");
    assert_eq!(reply("Upgrade-All: yes\n", &versions), "Install 3 lib 2");
    let unmet = reply("Install: new:amd64\nForbid-Remove: yes\n", &versions);
    assert!(unmet.starts_with("ERR_UNSOLVABLE the request cannot be met\n"), "{unmet}");
    assert!(unmet.contains("new 1 breaks old, and that is old 1"), "{unmet}");
    let held = versions.map(|version| version.replace("Installed: yes;", "Installed: yes; Hold: yes;"));
    assert!(reply("Install: app:amd64\nRemove: nobody:amd64\n", &held).is_empty());
}

#[test]
fn a_package_that_is_installed_twice_counts_once() {
    let twice = [&format!("old 1 all|{HERE}"), &format!("app 2 amd64|{YES}"), &format!("old 1 amd64|{HERE}")];
    assert_eq!(reply("Install: app:amd64\n", &twice), "Install 2 app 2");
}

#[test]
fn what_cannot_stay_takes_nothing_else_with_it() {
    let versions = [
        &format!("base 3 amd64|{YES}"),
        &format!("old 2 amd64|{HERE}; Depends: base, user, base (<< 3)"),
        &format!("other 1 amd64|{YES}; Provides: service"),
        &format!("user 1 amd64|{HERE}; Depends: service"),
        "base 2 amd64|Installed: yes; Provides: service",
    ];
    let said = reply("Upgrade-All: yes\n", &versions);
    assert_eq!(said, "Install 1 base 3\nInstall 3 other 1\nRemove 2 old 2");
}

#[test]
fn held_packages_do_not_change_and_refused_ones_do_not_come() {
    let versions = [
        "lib 1 amd64|Installed: yes; Hold: yes",
        &format!("lib 2 amd64|{YES}; Hold: yes"),
        &format!("app 1 amd64|{YES}; Depends: lib (>= 2)"),
        &format!("other 1 amd64|{YES}; Recommends: refused; Depends: lib"),
        &format!("refused 1 amd64|{YES}; Hold: yes"),
    ];
    assert!(reply("Install: app:amd64\n", &versions).starts_with("ERR_UNSOLVABLE"));
    assert_eq!(reply("Upgrade-All: yes\n", &versions), "");
    assert_eq!(reply("Install: other:amd64\n", &versions), "Install 4 other 1");
    // apt lists a held package only where its user insists.
    assert_eq!(reply("Install: lib:amd64 app:amd64\n", &versions), "Install 3 app 1\nInstall 2 lib 2");
    let refused = Scenario::read(&(request("Install: refused:amd64\n") + &universe(&versions)))
        .unwrap()
        .question(&Settings::new())
        .unwrap_err();
    assert_eq!(refused.to_string(), "scenario: refused:amd64 is to be installed and is held");
}

#[test]
fn apts_candidate_may_be_older_and_other_versions_need_less_strict_pinning() {
    let versions = [
        "lib 2 amd64|Installed: yes; APT-Pin: 100",
        &format!("lib 1 amd64|{YES}; APT-Pin: 1001"),
        "lib 3 amd64|",
        &format!("app 1 amd64|{YES}; Depends: lib (= 1)"),
        &format!("next 1 amd64|{YES}; Depends: lib (>= 3)"),
        "never 1 amd64|APT-Pin: -1",
    ];
    assert_eq!(reply("Install: app:amd64\n", &versions), "Install 4 app 1\nInstall 2 lib 1");
    assert!(reply("Install: next:amd64\n", &versions).starts_with("ERR_UNSOLVABLE"));
    let lenient = "Strict-Pinning: no\n";
    assert_eq!(reply(&format!("Install: next:amd64\n{lenient}"), &versions), "Install 3 lib 3\nInstall 5 next 1");
    let never = request("Install: never:amd64\n") + &universe(&versions);
    let why = Scenario::read(&never).unwrap().question(&Settings::new()).unwrap_err().to_string();
    assert_eq!(why, "scenario: never:amd64 is to be installed and has no candidate");
}

#[test]
fn what_nobody_needs_any_more_is_told_or_removed() {
    let versions = [
        &format!("app 1 amd64|{HERE}; Depends: lib; Recommends: nice"),
        &format!("lib 1 amd64|{HERE}; APT-Automatic: yes"),
        &format!("nice 1 amd64|{HERE}; APT-Automatic: yes; Suggests: more"),
        &format!("more 1 amd64|{HERE}; APT-Automatic: yes"),
        &format!("left 1 amd64|{HERE}; APT-Automatic: yes; Depends: deep"),
        &format!("deep 1 amd64|{HERE}; APT-Automatic: yes"),
        &format!("base 1 amd64|{HERE}; APT-Automatic: yes; Essential: yes"),
        &format!("linux-image-6 1 amd64|{HERE}; APT-Automatic: yes"),
        &format!("user 1 amd64|{YES}; Depends: deep"),
    ];
    let scenario = |fields: &str| request(fields) + &universe(&versions);
    let settings = Settings::new().with_kept(&["^linux-image-.*$"]).unwrap();
    assert_eq!(answered(&scenario(""), &settings), "Autoremove 5 left 1\nAutoremove 6 deep 1");
    assert_eq!(answered(&scenario("Autoremove: yes\n"), &settings), "Remove 5 left 1\nRemove 6 deep 1");
    assert_eq!(answered(&scenario("Autoremove: yes\nInstall: user:amd64 left:amd64\n"), &settings), "Install 9 user 1");
    let removed = answered(&scenario("Remove: app:amd64\n"), &settings);
    assert!(
        removed.starts_with("Remove 1 app 1\nAutoremove 2 lib 1\nAutoremove 3 nice 1\nAutoremove 4 more 1\n"),
        "{removed}"
    );
    let strict = Settings::new().with_keeping(false, false);
    let all = answered(&scenario(""), &strict);
    assert!(
        all.contains("Autoremove 3 nice 1\nAutoremove 4 more 1\n") && all.ends_with("Autoremove 8 linux-image-6 1"),
        "{all}"
    );
}

#[test]
fn packages_that_apt_makes_up_are_asked_about_under_their_names() {
    let versions = [
        &format!("builddeps:./hello_1.dsc 1 amd64|{YES}; APT-Pin: -1; Depends: app; Conflicts: bad"),
        &format!("app 1 amd64|{YES}"),
        &format!("bad 1 amd64|{HERE}"),
        &format!("satisfy:command-line 1 amd64|{YES}; APT-Pin: -1; Depends: missing"),
    ];
    let fields = "Install: builddeps:./hello_1.dsc:amd64\n";
    assert_eq!(reply(fields, &versions), "Install 2 app 1\nInstall 1 builddeps:./hello_1.dsc 1\nRemove 3 bad 1");
    let unmet = reply("Install: satisfy:command-line:amd64\n", &versions);
    assert!(unmet.contains("\nsatisfy:command-line 1 needs missing, which no package provides"), "{unmet}");
}

#[test]
fn a_package_that_is_asked_for_is_not_replaced_by_one_that_provides_it() {
    let versions =
        [&format!("app 1 amd64|{YES}; Depends: missing"), &format!("other 1 amd64|{YES}; Provides: app (= 1)")];
    let said = reply("Install: app:amd64\n", &versions);
    assert_eq!(said, "ERR_UNSOLVABLE app:amd64 cannot be installed, only something that provides it");
}

#[test]
fn what_is_written_is_what_the_protocol_has() {
    let error = Reply::Error { kind: "ERR_UNSOLVABLE", message: "in short\nat length\n\nand more ".to_owned() };
    assert_eq!(error.to_string(), "Error: ERR_UNSOLVABLE\nMessage: in short\n at length\n .\n and more\n\n");
    let progress = Progress::new(Timestamp::from_seconds(0), 30, "thinking");
    assert_eq!(
        progress.to_string(),
        "Progress: Thu, 01 Jan 1970 00:00:00 +0000\nPercentage: 30\nMessage: thinking\n\n"
    );
    let refused = Reply::refused(&Scenario::read("").unwrap_err());
    assert_eq!(refused.to_string(), "Error: ERR_SCENARIO\nMessage: scenario: expected one paragraph, found 0\n\n");
}

#[test]
fn requests_are_read_as_apt_writes_them() {
    let read = |fields: &str| Scenario::read(&request(fields)).map(|scenario| scenario.request().clone());
    let flags = |fields: &str| {
        let request = read(fields).unwrap();
        (request.upgrade_all, request.forbid_new_install, request.forbid_remove)
    };
    assert_eq!(flags("Upgrade: yes\n"), (true, true, true));
    assert_eq!(flags("Dist-Upgrade: yes\n"), (true, false, false));
    // `apt upgrade`: new packages may come.
    assert_eq!(flags("Upgrade-All: yes\nUpgrade: yes\nForbid-Remove: yes\n"), (true, false, true));
    let own = read("Install: a:b:amd64 c:i386\nRemove: d:amd64\nStrict-Pinning: no\n").unwrap();
    let names: Vec<String> = own.install.iter().map(|(name, of)| format!("{name}/{of}")).collect();
    assert_eq!((names.join(" ").as_str(), own.remove.len(), own.strict_pinning), ("a:b/amd64 c/i386", 1, false));
    assert_eq!(own.foreign.len(), 1);

    let error = |text: &str| crate::error::chain(&Scenario::read(text).unwrap_err());
    for (fields, expected) in [
        ("Install: a\n", "field Install, in the paragraph at line 1: not a package with its architecture: \"a\""),
        ("Autoremove: maybe\n", "field Autoremove, in the paragraph at line 1: is neither 'yes' nor 'no'"),
    ] {
        assert_eq!(error(&request(fields)), format!("scenario: {expected}"));
    }
    let other = request("").replace("EDSP 0.5", "EIPP 0.1");
    assert!(error(&other).contains("is not EDSP 0.5"));
    let twice = request("") + &version(1, "a 1 amd64") + &version(1, "b 1 amd64");
    assert_eq!(error(&twice), "scenario: two packages with the APT-ID 1");
    assert!(error(&(request("") + "Package: a\nVersion: 1\n")).starts_with("scenario: field APT-ID is missing"));
    let unknown = Scenario::read(&request("Remove: gone:amd64\n")).unwrap().question(&Settings::new()).unwrap_err();
    assert_eq!(unknown.to_string(), "scenario: the request is about gone:amd64, which is not there");
}
