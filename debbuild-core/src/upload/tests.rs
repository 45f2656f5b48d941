//! Unit tests of the rules and of the record.

use std::io::Write as _;

use super::{log::Log, *};
use crate::{clock::Timestamp, path::AbsPath};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

#[test]
fn rules_are_read_and_say_what_is_wrong_with_them() {
    let rule = |more: &str| format!("schema = 1\n[[uploader]]\nname = \"Ada\"\nkeys = [\"{KEY}\"]\n{more}");
    let uploaders = Uploaders::parse("r", &rule("sources = [\"hello\", \"lib*\"]\nsuites = [\"stable\"]\n")).unwrap();
    let key = Fingerprint::new(KEY).unwrap();
    let ada = uploaders.of(&key).next().unwrap();
    let may = |source: &str, suite: &str| ada.may(&source.parse().unwrap(), &suite.parse().unwrap());
    assert!(may("hello", "stable") && may("libfoo", "stable") && ada.binaries);
    assert!(!may("hello-traditional", "stable") && !may("hello", "testing") && !may("alib", "stable"));
    let window =
        |line: &str| Uploaders::parse("r", &format!("schema = 1\nwindow = \"{line}\"\n")).map(|read| read.window());
    assert_eq!((window("2d").unwrap(), window("forever").unwrap()), (Some(172_800), None));
    for (text, says) in [
        ("schema = 2\n".to_owned(), "schema 2 is not known"),
        ("schema = 1\nwindow = \"soon\"\n".to_owned(), "neither days"),
        (rule("source = [\"hello\"]\n"), "unknown field `source`"),
        (rule("sources = [\"He\"]\n"), "not the name of a source"),
        (rule("sources = [\"h*llo\"]\n"), "not the name of a source"),
        ("schema = 1\n[[uploader]]\nname = \"Ada\"\nkeys = []\n".to_owned(), "uploader \"Ada\": no keys"),
        ("schema = 1\n[[uploader]]\nname = \"Ada\"\nkeys = [\"12AB\"]\n".to_owned(), "not an OpenPGP fingerprint"),
    ] {
        let error = Uploaders::parse("uploaders.toml", &text).unwrap_err();
        assert_eq!(error.class(), Class::Config);
        assert!(error.to_string().starts_with("uploaders in uploaders.toml: "), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(Uploaders::parse("r", &rule("sources = [\"*\"]\n")).is_ok());
}

#[test]
fn a_line_that_a_power_cut_left_is_none_and_damage_is_said() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = AbsPath::new(folder.path()).unwrap().join("uploads.jsonl");
    let log = Log::new(file.clone());
    assert_eq!(log.read().unwrap(), []);
    let upload = |name| Upload::begin(Timestamp::from_seconds(1_746_868_565), name);
    log.add(&upload("one.changes")).unwrap();
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"schema\":1,\"at").unwrap();
    assert_eq!(log.read().unwrap(), [upload("one.changes")]);
    log.add(&upload("two.changes")).unwrap();
    assert_eq!(log.read().unwrap(), [upload("one.changes"), upload("two.changes")]);
    std::fs::write(&file, "{}\n").unwrap();
    assert!(log.read().unwrap_err().to_string().contains("line 1"));
}
