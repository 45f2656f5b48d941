//! Relations: every field of a real archive as `Dpkg::Deps` reads, prints and reduces it (what dpkg-checkbuilddeps uses).

use std::collections::BTreeMap;

use debbuild_core::{
    arch::Architecture,
    control::paragraphs,
    relation::{BuildProfile, Relations},
};
use debbuild_suite::pool::{RealArchive, full};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::perl;

const BINARY: [&str; 9] =
    ["Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Replaces", "Provides"];
const SOURCE: [&str; 6] = [
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
];

/// On what a build dependency is reduced; the short form of the test takes two.
const REDUCED: [(&str, &[&str]); 5] = [
    ("hurd-i386", &["nodoc", "cross"]),
    ("armhf", &["nocheck"]),
    ("amd64", &[]),
    ("x32", &["stage1", "nocheck"]),
    ("kfreebsd-amd64", &["pkg.linux.mintools"]),
];

fn reduced() -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    REDUCED.iter().take(if full() { REDUCED.len() } else { 2 })
}

/// Answers a line `0` or `1` (a build dependency), tab, field; with the field as dpkg prints it, and for a build dependency as
/// it is reduced for each of [`REDUCED`]; `!` where it cannot be read.
fn script() -> String {
    let reduced = reduced().map(|(host, profiles)| {
        let profiles = profiles.iter().map(|profile| format!("'{profile}',")).collect::<String>();
        format!("['{host}', [{profiles}]],")
    });
    format!(
        "use Dpkg::Deps; my @to = ({}); while (<STDIN>) {{ chomp; my ($build, $value) = split /\\t/, $_, 2;
         my $read = eval {{ deps_parse($value, build_dep => $build) }}; my @said = (defined $read ? $read->output : '!');
         if ($build && defined $read) {{ for my $to (@to) {{
           my $left = eval {{ deps_parse($value, build_dep => 1, reduce_restrictions => 1, host_arch => $to->[0],
                                         build_arch => 'amd64', build_profiles => $to->[1]) }};
           push @said, defined $left ? $left->output : '!'; }} }}
         print join(qq(\\t), @said), qq(\\n); }}",
        reduced.collect::<String>()
    )
}

fn ours(build: bool, value: &str) -> Result<String, String> {
    let read = Relations::parse(value).map_err(|error| error.to_string())?;
    let mut said = vec![read.to_string()];
    if build {
        said.extend(reduced().map(|(host, profiles)| {
            let profiles = profiles.iter().map(|name| BuildProfile::new(name).unwrap()).collect();
            read.reduce(&Architecture::new(host).unwrap(), &profiles).to_string()
        }));
    }
    Ok(said.join("\t"))
}

/// Every different field with how often it is there.
async fn fields() -> BTreeMap<(bool, String), usize> {
    let archive = RealArchive::open().await;
    let mut found = BTreeMap::new();
    for (index, names, build) in
        [(archive.packages().await, &BINARY[..], false), (archive.sources().await, &SOURCE[..], true)]
    {
        for paragraph in paragraphs(&index) {
            let paragraph = paragraph.unwrap();
            for value in names.iter().filter_map(|name| paragraph.get(name)) {
                *found.entry((build, value.replace('\n', " "))).or_default() += 1;
            }
        }
    }
    found
}

#[tokio::test]
async fn every_relation_of_the_archive_is_read_and_reduced_as_dpkg_does() {
    let fields = fields().await;
    let questions: Vec<String> = fields.keys().map(|(build, value)| format!("{}\t{value}", u8::from(*build))).collect();
    let theirs = perl(&script(), &questions).await;
    let (mut relations, mut different) = (0, Vec::new());
    for (((build, value), times), theirs) in fields.iter().zip(&theirs) {
        match ours(*build, value) {
            Ok(ours) if ours == *theirs => {
                relations += times * Relations::parse(value).unwrap().iter().map(|group| group.0.len()).sum::<usize>();
            }
            other => different.push(format!("{value}\n  dpkg {theirs}\n  we   {other:?}")),
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different[..different.len().min(10)].join("\n"));
    assert!(relations > 250_000, "{relations} relations");
}

#[tokio::test]
async fn what_we_take_of_broken_fields_dpkg_takes_in_the_same_sense() {
    let word = prop::sample::select(vec![
        "aa",
        "bb-1",
        "c+",
        "aa:any",
        "bb:native",
        "cc:amd64",
        "(>= 1)",
        "(<< 2:1-1~)",
        "(= 1",
        "(> 3)",
        "<",
        ">",
        "[amd64]",
        "[!amd64 !armhf]",
        "[linux-any]",
        "[any-i386 x32]",
        "[",
        "]",
        "<!nocheck>",
        "<cross !stage1>",
        "<nodoc>",
        "|",
        "|",
        ",",
        ",",
        ")",
        "A",
        "()",
        "[]",
        "<>",
    ]);
    let field = (prop::collection::vec(word, 1..9)).prop_map(|words| words.join(" "));
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..10_000).map(|_| field.new_tree(&mut runner).unwrap().current()).collect();
    let questions: Vec<String> = texts.iter().map(|text| format!("1\t{text}")).collect();
    let theirs = perl(&script(), &questions).await;
    let (mut both, mut stricter) = (0, Vec::new());
    for (text, theirs) in texts.iter().zip(&theirs) {
        match ours(true, text) {
            Ok(ours) => {
                assert_eq!(ours, *theirs, "{text}");
                both += 1;
            }
            Err(why) if !theirs.starts_with('!') => stricter.push(format!("{text} ({why})")),
            Err(_) => {}
        }
    }
    assert!(both > 300, "{both} fields are relations");
    // Upper case in names (Policy 5.6.7), brackets of which Dpkg::Deps reads only the outer ones, and alternatives that are
    // missing at an end, which dpkg itself refuses.
    let signs = ["A", "<", ">", "[", "]", "expected a package name"];
    let known = |line: &String| signs.iter().any(|sign| line.contains(sign));
    let other: Vec<&String> = stricter.iter().filter(|line| !known(line)).collect();
    assert!(other.is_empty(), "{other:?}");
}
