//! Versions: what dpkg takes, and in what order.

use std::{cmp::Ordering, collections::BTreeSet};

use debbuild_core::{command::CommandSpec, control::paragraphs, version::Version};
use debbuild_suite::pool::RealArchive;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::{lines, perl};

const COMPARE: &str =
    "use Dpkg::Version; while (<STDIN>) { chomp; my ($a, $b) = split / /; print version_compare($a, $b), qq(\\n); }";
const CHECK: &str = "use Dpkg::Version; while (<STDIN>) { chomp; print version_check($_) ? 1 : 0, qq(\\n); }";

fn number(order: Ordering) -> String {
    (order as i8).to_string()
}

fn tolerant(text: &str) -> Version {
    Version::tolerant(text).unwrap_or_else(|error| panic!("{text}: {error}")).0
}

/// Asks perl about every pair, and dpkg itself about some of them.
async fn agree(pairs: &[(String, String)]) {
    let questions: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} {b}")).collect();
    let theirs = perl(COMPARE, &questions).await;
    let mut seen = BTreeSet::new();
    for ((a, b), theirs) in pairs.iter().zip(&theirs) {
        let ours = tolerant(a).compare(&tolerant(b));
        assert_eq!(number(ours), *theirs, "{a} {b}");
        assert_eq!(tolerant(b).compare(&tolerant(a)), ours.reverse(), "{b} {a}");
        seen.insert(theirs.as_str());
    }
    assert!(seen.contains("-1") && seen.contains("1"), "the pairs show every order: {seen:?}");
    let script = "while read -r a b; do if dpkg --compare-versions \"$a\" lt \"$b\"; then echo -1; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo 0; else echo 1; fi; done";
    let every = pairs.len().div_ceil(400);
    let sample: String = questions.iter().step_by(every).map(|line| format!("{line}\n")).collect();
    let said = lines(CommandSpec::new("sh").with_args(["-c", script]), sample).await;
    assert_eq!(said, theirs.iter().step_by(every).cloned().collect::<Vec<_>>());
}

fn sample<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test]
async fn ten_thousand_pairs_are_ordered_as_dpkg_orders_them() {
    let part = "[0-9]{1,3}([a-cA-C.~+-]{0,2}[0-9]{0,2}){0,3}";
    let version = (prop::option::weighted(0.2, "[0-2]"), part, prop::option::of("[0-9a-b~+.]{1,4}"));
    // The second is often the first with a little change: unrelated versions differ at once, and show little.
    let pair = (version.clone(), version, prop::option::weighted(0.6, (0_usize..12, "[0-9a.~+]")));
    let text = |(epoch, upstream, revision): (Option<String>, String, Option<String>)| {
        let epoch = epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
        format!("{epoch}{upstream}{}", revision.map_or(String::new(), |revision| format!("-{revision}")))
    };
    let pairs = sample(&pair, 12_000).into_iter().filter_map(|(a, b, change)| {
        let (a, mut b) = (text(a), text(b));
        if let Some((at, sign)) = change {
            b = a.clone();
            b.replace_range(at.min(b.len())..(at + 1).min(b.len()), &sign);
        }
        (Version::new(&a).is_ok() && Version::new(&b).is_ok()).then_some((a, b))
    });
    let pairs: Vec<(String, String)> = pairs.take(10_000).collect();
    assert_eq!(pairs.len(), 10_000);
    agree(&pairs).await;
}

#[tokio::test]
async fn dpkg_and_we_take_the_same_texts_for_versions() {
    let texts: BTreeSet<String> = sample(&"[0-9ab:._+~-]{1,7}", 6_000).into_iter().collect();
    // An epoch is what strtol takes for dpkg, and digits for us and for Dpkg::Version; a hyphen begins an option.
    let odd = |text: &String| text.starts_with('-') || text.starts_with('+') && text.contains(':');
    let texts: Vec<String> = texts.into_iter().filter(|text| !odd(text)).collect();
    let script = "while read -r a; do dpkg --validate-version \"$a\" >/dev/null 2>&1; echo $?; done";
    let input = texts.iter().map(|text| format!("{text}\n")).collect();
    let theirs = lines(CommandSpec::new("sh").with_args(["-c", script]), input).await;
    assert_eq!(theirs.len(), texts.len());
    let mut count = [0; 3];
    for (text, theirs) in texts.iter().zip(theirs) {
        let ours = match Version::tolerant(text) {
            Ok((_, None)) => 0,
            Ok((_, Some(_))) => 1,
            Err(_) => 2,
        };
        assert_eq!(Version::new(text).is_ok(), ours == 0, "{text}");
        assert_eq!(ours.to_string(), theirs, "{text}");
        count[ours] += 1;
    }
    assert!(count.iter().all(|count| *count > 300), "taken, warned about, refused: {count:?}");
}

#[tokio::test]
async fn every_version_of_the_archive_has_dpkgs_order() {
    let archive = RealArchive::open().await;
    let mut all = BTreeSet::new();
    for (index, field) in [(archive.packages().await, "Package"), (archive.sources().await, "Directory")] {
        for paragraph in paragraphs(&index) {
            let paragraph = paragraph.unwrap();
            assert!(paragraph.get(field).is_some());
            let text = paragraph.get("Version").unwrap();
            all.insert(Version::new(text).unwrap_or_else(|error| panic!("{text}: {error}")));
        }
    }
    assert!(all.len() > 20_000, "{} versions", all.len());
    let sorted: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert!(perl(CHECK, &sorted).await.iter().all(|answer| answer == "1"));
    // Neighbours in our order, so that every step of it is checked, and some that are far from each other.
    let steps = sorted.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    let far = (0..sorted.len()).map(|at| (sorted[at].clone(), sorted[(at * 7919 + 13) % sorted.len()].clone()));
    agree(&steps.chain(far).collect::<Vec<_>>()).await;
}
