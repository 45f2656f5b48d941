//! The Release file of a state.

use std::fmt::Write as _;

use super::{IndexFile, SuiteOptions};
use crate::clock::Timestamp;

/// The text of Release, which InRelease and Release.gpg sign. Only SHA256 is listed: apt needs no weaker sums.
pub(super) fn text(
    options: &SuiteOptions,
    date: Timestamp,
    valid_until: Option<Timestamp>,
    indexes: &[IndexFile],
) -> String {
    let joined = |names: Vec<&str>| names.join(" ");
    let fields = [
        ("Origin", Some(options.origin.clone())),
        ("Label", Some(options.label.clone())),
        ("Suite", Some(options.suite.to_string())),
        ("Version", options.version.clone()),
        ("Codename", Some(options.codename.to_string())),
        ("Date", Some(date.release_date())),
        ("Valid-Until", valid_until.map(Timestamp::release_date)),
        ("NotAutomatic", options.not_automatic.then(|| "yes".to_owned())),
        ("ButAutomaticUpgrades", options.but_automatic_upgrades.then(|| "yes".to_owned())),
        ("Acquire-By-Hash", Some("yes".to_owned())),
        ("Architectures", Some(joined(options.architectures.iter().map(AsRef::as_ref).collect()))),
        ("Components", Some(joined(options.components.iter().map(AsRef::as_ref).collect()))),
        ("Description", options.description.clone()),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        if let Some(value) = value {
            // Writing into a String does not fail.
            let _written = writeln!(text, "{name}: {value}");
        }
    }
    text.push_str("SHA256:\n");
    let width = indexes.iter().map(|index| index.size.to_string().len()).max().unwrap_or(1);
    for index in indexes {
        let _written = writeln!(text, " {} {:>width$} {}", index.sha256, index.size, index.path);
    }
    text
}

/// The date of the next Release file: now, but after the previous one (apt keeps what it has when an older one comes), and
/// never more than a few seconds ahead of the clock (apt refuses what lies more than ten seconds in the future).
pub(super) fn next_date(now: Timestamp, previous: Option<Timestamp>) -> Timestamp {
    const AHEAD: i64 = 5;
    let now = now.seconds();
    let seconds = previous.map_or(now, |previous| {
        let previous = previous.seconds();
        now.max((previous + 1).min(now + AHEAD)).max(previous)
    });
    Timestamp::from_seconds(seconds)
}
