//! Preferences against apt's own answers, on a throwaway apt.

use std::collections::BTreeMap;

use debbuild_core::{
    arch::Architecture,
    resolve::preferences::{Pinned, Preferences, Provenance},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::tree::{AptTree, installed, stanza};

/// A version: package, architecture, version.
type Key = (&'static str, &'static str, &'static str);

/// An index, and what it holds as package, architecture, version, source.
struct Index {
    provenance: Provenance,
    packages: Vec<(&'static str, &'static str, &'static str, &'static str)>,
}

fn indexes() -> Vec<Index> {
    let debian =
        Provenance::new().with_origin("Debian").with_label("Debian").with_suite("stable").with_codename("bookworm");
    let debian = debian.with_version("12.11").with_site("mirror.example");
    let backports =
        Provenance::new().with_origin("Debian").with_label("Debian Backports").with_suite("stable-backports");
    let backports = backports.with_codename("bookworm-backports").with_site("backports.example").with_component("main");
    let backports = backports.with_not_automatic(true).with_but_automatic_upgrades(true).with_version("12");
    let curious = Provenance::new().with_origin("Debian").with_suite("experimental").with_codename("rc-buggy");
    let curious = curious.with_not_automatic(true).with_site("mirror.example").with_component("main");
    let ours = Provenance::new().with_origin("Us").with_suite("local").with_codename("local").with_version("12x");
    let ours = ours.with_component("main").with_site("");
    let index =
        |of: &Provenance, architecture: &str, packages: &[(&'static str, &'static str, &'static str, &'static str)]| {
            Index { provenance: of.clone().with_architecture(architecture), packages: packages.to_vec() }
        };
    let main = debian.clone().with_component("main");
    vec![
        index(
            &main,
            "amd64",
            &[
                ("hello", "amd64", "2.10-3", "greetings"),
                ("hello-doc", "all", "2.10-3", "greetings"),
                ("libhello1", "amd64", "1:2.36", "hello"),
                ("greetings", "amd64", "1.0+b1", "other"),
            ],
        ),
        index(&main, "i386", &[("hello", "i386", "2.10-3", "greetings"), ("libhello1", "i386", "1:2.36", "hello")]),
        index(&debian.with_component("contrib"), "amd64", &[("hello-extra", "amd64", "7", "extra")]),
        index(
            &backports,
            "amd64",
            &[("hello", "amd64", "2.12~bpo12+1", "greetings"), ("hello-extra", "amd64", "7", "extra")],
        ),
        index(&curious, "amd64", &[("hello", "amd64", "3~rc1", "greetings"), ("libhello1", "amd64", "1:3", "hello")]),
        index(&ours, "amd64", &[("hello", "amd64", "2.11", "greetings"), ("greetings", "amd64", "1.0+b1", "other")]),
        Index {
            provenance: Provenance::new().with_site("flat.example").with_component(""),
            packages: vec![("hello", "amd64", "2.9", "greetings"), ("hello", "amd64", "2.10-3", "greetings")],
        },
        Index {
            provenance: Provenance::installed(),
            packages: vec![("hello", "amd64", "2.10-3", "greetings"), ("libhello1", "amd64", "1:2.30", "hello")],
        },
    ]
}

fn tree(indexes: &[Index]) -> AptTree {
    let mut tree = AptTree::new();
    let debian = "Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: bookworm\nVersion: 12.11\n";
    tree.suite("mirror.example/debian", "stable", debian, &["main", "contrib"]);
    let backports = "Origin: Debian\nLabel: Debian Backports\nSuite: stable-backports\nCodename: bookworm-backports\nVersion: 12\n\
        NotAutomatic: yes\nButAutomaticUpgrades: yes\n";
    tree.suite("backports.example/debian", "stable-backports", backports, &["main"]);
    let curious = "Origin: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes\n";
    tree.suite("mirror.example/debian", "experimental", curious, &["main"]);
    tree.suite("/nowhere/ours", "local", "Origin: Us\nSuite: local\nCodename: local\nVersion: 12x\n", &["main"]);
    for Index { provenance, packages } in indexes {
        let stanza = |(name, architecture, version, source): &(&str, &str, &str, &str)| {
            let source = format!("Source: {source}\n");
            if provenance.installed {
                installed(name, version, architecture, &source)
            } else {
                stanza(name, version, architecture, &source)
            }
        };
        let text: String = packages.iter().map(stanza).collect();
        let suite = provenance.suite.as_deref();
        let address = match suite {
            Some("now") => {
                tree.write("status", &text);
                continue;
            }
            None => {
                tree.flat("flat.example", &text);
                continue;
            }
            Some("local") => "/nowhere/ours",
            Some("stable-backports") => "backports.example/debian",
            Some(_) => "mirror.example/debian",
        };
        let (component, architecture) =
            (provenance.component.as_deref().unwrap(), provenance.architecture.as_deref().unwrap());
        tree.packages(address, suite.unwrap(), component, architecture, &text);
    }
    tree
}

/// Every version with the indexes that have it.
fn versions(indexes: &[Index]) -> BTreeMap<Key, (&'static str, Vec<&Provenance>)> {
    let mut versions: BTreeMap<Key, (&'static str, Vec<&Provenance>)> = BTreeMap::new();
    for Index { provenance, packages } in indexes {
        for (name, architecture, version, source) in packages {
            versions.entry((name, architecture, version)).or_insert((source, Vec::new())).1.push(provenance);
        }
    }
    versions
}

fn ours(preferences: &Preferences, indexes: &[Index]) -> BTreeMap<String, i32> {
    let native = Architecture::new("amd64").unwrap();
    let priority = |((name, architecture, version), (source, provenances)): (Key, (&str, Vec<&Provenance>))| {
        let own = Architecture::new(architecture).unwrap();
        let pinned = Pinned::new(name, version, &own, &native).with_source(source);
        let architecture = if architecture == "i386" { ":i386" } else { "" };
        (format!("{name}{architecture} {version}"), preferences.priority(&pinned, &provenances))
    };
    versions(indexes).into_iter().map(priority).collect()
}

/// The priorities of all versions as `apt-cache policy` shows them; `None` when apt refuses the preferences.
async fn apts(tree: &AptTree, indexes: &[Index]) -> Option<BTreeMap<String, i32>> {
    let keys = versions(indexes).into_keys();
    let mut names: Vec<String> = keys
        .map(|(name, architecture, _)| if architecture == "i386" { format!("{name}:i386") } else { name.to_owned() })
        .collect();
    names.dedup();
    let names: Vec<&str> = ["policy"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let (good, said, errors) = tree.apt("apt-cache", &names).await;
    if !good || errors.contains("E: ") {
        return None;
    }
    let (mut package, mut found) = ("", BTreeMap::new());
    for line in said.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            package = name;
        } else if let Some(version) = line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     "))
            && !version.starts_with(' ')
            && let Some((version, priority)) = version.split_once(' ')
            && let Ok(priority) = priority.parse()
        {
            found.insert(format!("{package} {version}"), priority);
        }
    }
    Some(found)
}

const NAMES: [&str; 20] = [
    "hello",
    "*",
    "h*",
    "/^lib.*[0-9]$/",
    "src:greetings",
    "src:hel?o",
    "src:*",
    "hello:i386",
    "hello:any",
    "hello:linux-any",
    "libhello1:*",
    "lib[!a-g]ello? hello-doc",
    "nothing hello-extra",
    "/ELL/:i386",
    "greetings",
    "HELLO",
    "src:other",
    "h\\ello",
    "x *",
    "[",
];

const PINS: [&str; 44] = [
    "version 2.*",
    "version 2.10-3",
    "version 2.1?-3",
    "version *",
    "version 1:*",
    "version 2.*bpo*",
    "version 2.*bpo12+1",
    "version *~rc?",
    "version /^2\\.1/",
    "version 3~RC*",
    "version [23]*",
    "version",
    "release stable",
    "release BOOKWORM",
    "release 12*",
    "release 12",
    "release 12.1?",
    "release *",
    "release now",
    "release a=now",
    "release a=stable*",
    "release n=*-backports, v=12",
    "release v=12.*",
    "release v=12.??",
    "release o=/^deb/,c=main",
    "release o=Debian, l=Debian Backports",
    "release l=?*",
    "release c=contrib",
    "release b=i386",
    "release b=amd64, a=local",
    "release x=y",
    "release a=",
    "release n=rc-[a-z]uggy",
    "release local, a=local",
    "RELEASE o=Us",
    "origin \"\"",
    "origin mirror.example",
    "origin \"*.example\"",
    "origin /back/",
    "Origin \"flat.example\"",
    "origin",
    "archive stable",
    "release c=",
    "release /stable/",
];

const PRIORITIES: [&str; 14] =
    ["-32768", "-1", "1", "99", "100", "101", "500", "990", "1000", "1001", "32767", "never", "0", "600"];

fn text() -> impl Strategy<Value = String> {
    let name = prop_oneof![2 => Just("*"), 5 => select(&NAMES[..])];
    // What apt refuses is rare: else most files would be refused.
    let priority = prop_oneof![1 => select(&PRIORITIES[..]), 8 => select(&PRIORITIES[..11])];
    let record = (name, select(&PINS[..]), priority, any::<bool>()).prop_map(|(name, pin, priority, explained)| {
        let why = if explained { "Explanation: because\n# of this\n" } else { "" };
        format!("{why}Package: {name}\nPin: {pin}\nPin-Priority: {priority}\n\n")
    });
    vec(record, 1..7).prop_map(|records| records.concat())
}

#[tokio::test]
async fn preferences_give_apts_priorities() {
    let indexes = indexes();
    let tree = tree(&indexes);
    let runner = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), runner);
    let (mut refused, mut seen) = (0, std::collections::BTreeSet::new());
    for _ in 0..600 {
        let text = text().new_tree(&mut runner).unwrap().current();
        tree.write("preferences", &text);
        let apt = apts(&tree, &indexes).await;
        let we = Preferences::parse(&text).ok().map(|preferences| ours(&preferences, &indexes));
        assert_eq!(we, apt, "{text}");
        refused += usize::from(apt.is_none());
        seen.extend(apt.into_iter().flat_map(BTreeMap::into_values));
    }
    assert!(refused > 20 && refused < 300 && seen.len() > 8, "{refused} refused, {seen:?}");
}
