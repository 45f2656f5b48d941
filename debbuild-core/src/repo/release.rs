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
        ("Changelogs", options.changelogs.clone()),
        ("Snapshots", options.snapshots.clone()),
        ("Signed-By", (!options.signed_by.is_empty()).then(|| options.signed_by.join(","))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arch::Architecture,
        digest::Sha256,
        name::{PoolPath, SuiteName},
    };

    #[test]
    fn dates_go_forward_and_stay_near_the_clock() {
        let at = Timestamp::from_seconds;
        assert_eq!(next_date(at(100), None), at(100));
        assert_eq!(next_date(at(100), Some(at(90))), at(100));
        assert_eq!(next_date(at(100), Some(at(100))), at(101));
        assert_eq!(next_date(at(100), Some(at(105))), at(105));
        assert_eq!(next_date(at(100), Some(at(200))), at(200), "never backwards, even where the clock went back");
    }

    #[test]
    fn release_has_the_fields_that_apt_reads() {
        let architectures = ["amd64", "arm64"].map(|name| Architecture::new(name).unwrap());
        let options = SuiteOptions::new(SuiteName::new("stable").unwrap(), architectures.to_vec())
            .with_not_automatic(true, true)
            .with_version("1.2")
            .with_origin("O", "L");
        let index = IndexFile {
            path: PoolPath::new("main/source/Sources").unwrap(),
            size: 0,
            sha256: Sha256::of(b""),
            stored: true,
        };
        let text = text(&options, Timestamp::from_seconds(0), None, &[index]);
        let expected = "Origin: O\nLabel: L\nSuite: stable\nVersion: 1.2\nCodename: stable\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n\
             NotAutomatic: yes\nButAutomaticUpgrades: yes\nAcquire-By-Hash: yes\nArchitectures: amd64 arm64\nComponents: main\n\
             SHA256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/source/Sources\n";
        assert_eq!(text, expected);
    }
}
