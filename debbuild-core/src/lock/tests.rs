//! Locks survive their files, name their blobs, and refuse what they do not know.

use proptest::prelude::*;

use super::*;
use crate::error::{Class, Classify as _};

fn file(path: &str) -> LockedFile {
    LockedFile { path: path.to_owned(), size: 1, sha256: Sha256::of(path.as_bytes()) }
}

fn package(name: &str, version: &str, architecture: &str) -> LockedPackage {
    let (name, version) = (PackageName::new(name).unwrap(), Version::new(version).unwrap());
    let path = format!("pool/{name}_{version}_{architecture}.deb");
    LockedPackage::new(name, version, Architecture::new(architecture).unwrap(), "main", file(&path))
}

fn sample() -> LockFile {
    let at = Timestamp::from_seconds(1_700_000_000);
    let mut lock = LockFile::new(LockKind::Chroot, Architecture::new("amd64").unwrap(), at);
    let release = file("dists/bookworm/InRelease");
    let mut archive = ArchiveAccess::new("main", "bookworm", release, at, Sha256::of(b"keys"));
    archive.uris = vec!["http://mirror.example/debian".to_owned()];
    archive.release_signature = Some(file("dists/bookworm/Release.gpg"));
    archive.valid_until = Some(at);
    archive.indexes.push(file("dists/bookworm/main/binary-amd64/Packages.xz"));
    lock.archives.push(archive);
    lock.packages = vec![package("hello", "2.10-3", "amd64"), package("doc", "1:1", "all")];
    lock.additions.insert("live/iso".to_owned(), vec![package("cross", "1", "armhf"), package("doc", "1:1", "all")]);
    lock.options.insert("spec".to_owned(), r#"{"variant":"apt","include":["x"],"environment":{"A":"1"}}"#.to_owned());
    lock.tools.insert("mmdebstrap".to_owned(), "1.3.5".to_owned());
    lock
}

#[test]
fn a_lock_survives_its_file_and_names_its_blobs() {
    let lock = sample();
    let json = lock.to_json().unwrap();
    assert_eq!(LockFile::from_json(&json).unwrap(), lock);
    assert_eq!(lock.blobs().len(), 7);
    let mut small = LockFile::new(lock.kind, lock.architecture.clone(), lock.verified_at);
    small.packages = lock.packages.clone();
    let json = small.to_json().unwrap();
    assert_eq!((LockFile::from_json(&json).unwrap(), small.blobs().len()), (small, 2));
}

/// The text of the sample after one change, and why it is refused then.
fn refused(old: &str, new: &str) -> String {
    let text = String::from_utf8(sample().to_json().unwrap()).unwrap();
    assert!(text.contains(old), "{old}: {text}");
    let error = LockFile::from_json(text.replacen(old, new, 1).as_bytes()).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    error.to_string()
}

#[test]
fn what_is_not_known_and_what_is_damaged_is_refused_with_its_place() {
    let digest = Sha256::of(b"keys").to_string();
    let upper = digest.to_uppercase();
    for (old, new, expected) in [
        ("\"kind\"", "\"other\": 1, \"kind\"", "unknown field `other`"),
        ("\"uris\"", "\"more\": 1, \"uris\"", "unknown field `more`"),
        ("\"architecture\": \"all\"", "\"architecture\": \"all\", \"source\": \"x\"", "unknown field `source`"),
        ("\"schema\": 1", "\"schema\": 2", "its schema is 2, and this version reads 1"),
        ("\"schema\": 1", "\"schema\": \"1\"", "invalid type: string"),
        ("\"schema\": 1,", "", "missing field `schema`"),
        ("\"kind\": \"chroot\"", "\"kind\": \"chair\"", "unknown variant `chair`"),
        (digest.as_str(), upper.as_str(), "not a sha256"),
        (digest.as_str(), &digest[1..], "not a sha256"),
        ("\"hello\"", "\"../hello\"", "not a package name"),
        ("\"2.10-3\"", "\"2.10 3\"", "2.10 3"),
        ("2023-11-14T22:13:20Z", "yesterday", "yesterday"),
        ("\"size\": 1", "\"size\": -1", "invalid value"),
    ] {
        let message = refused(old, new);
        assert!(message.contains(expected), "{old} -> {new}: {message}");
        assert!(message.contains(" at line ") || message.starts_with("its schema"), "{message}");
    }
    for text in ["", "[]", "{", "null"] {
        assert!(LockFile::from_json(text.as_bytes()).is_err(), "{text}");
    }
}

proptest! {
    /// One digit of a digest less, or one that is none, and the lock is refused: no hash is ever read in part.
    #[test]
    fn a_damaged_hash_is_never_taken(which in 0_usize..8, at in 0_usize..64, bad in "[A-Zg-z ]?") {
        let text = String::from_utf8(sample().to_json().unwrap()).unwrap();
        let places: Vec<usize> = text.match_indices("sha256\": \"").map(|(place, found)| place + found.len()).collect();
        let place = places[which % places.len()] + at;
        let damaged = format!("{}{bad}{}", &text[..place], &text[place + 1..]);
        prop_assert!(LockFile::from_json(damaged.as_bytes()).is_err(), "{damaged}");
    }

    /// A field that no lock has is refused wherever it stands.
    #[test]
    fn an_unknown_field_is_never_passed_over(which in 0_usize..64, name in "[a-z_]{1,12}") {
        const KNOWN: [&str; 22] = [
            "schema", "kind", "architecture", "verified_at", "archives", "packages", "additions", "options", "tools", "name", "uris",
            "suite", "release", "release_signature", "date", "valid_until", "expiry_checked", "keyring_sha256", "indexes", "path",
            "size", "sha256",
        ];
        prop_assume!(!KNOWN.contains(&name.as_str()) && !["version", "archive"].contains(&name.as_str()));
        let text = String::from_utf8(sample().to_json().unwrap()).unwrap();
        // Options, tools and additions have any names.
        let end = text.find("\"additions\"").unwrap();
        let places: Vec<usize> = text[..end].match_indices('{').map(|(place, _)| place + 1).collect();
        let place = places[which % places.len()];
        let more = format!("{}\"{name}\": 1,{}", &text[..place], &text[place..]);
        let error = LockFile::from_json(more.as_bytes()).unwrap_err().to_string();
        prop_assert!(error.starts_with(&format!("unknown field `{name}`")), "{error}");
    }
}

#[test]
fn lists_are_what_other_tools_take() {
    let lock = sample();
    assert_eq!(lock.list(ListStyle::Debrebuild), ["cross:armhf=1", "doc=1:1", "hello=2.10-3"]);
    assert_eq!(lock.list(ListStyle::Apt), ["cross:armhf=1", "doc:amd64=1:1", "hello:amd64=2.10-3"]);
    let path = "pool/hello_2.10-3_amd64.deb";
    assert_eq!(lock.list(ListStyle::Sources)[2], format!("{}  {path}", Sha256::of(path.as_bytes())));
    for style in [ListStyle::Debrebuild, ListStyle::Apt, ListStyle::Sources] {
        assert_eq!(style.to_string().parse(), Ok(style));
    }
    assert!("dose".parse::<ListStyle>().is_err());
}

#[cfg(feature = "resolve")]
#[test]
fn every_kind_of_difference_is_told() {
    use crate::resolve::Change;

    let before = sample();
    let mut after = before.clone();
    after.verified_at = Timestamp::from_seconds(1_800_000_000);
    after.archives[0].indexes.clear();
    assert!(
        before.diff(&before).is_empty() && before.diff(&after).is_empty(),
        "when, and what was read, does not count"
    );

    after.packages[0] = package("hello", "2.12-1", "amd64");
    after.packages[1].sha256 = Sha256::of(b"other");
    after.packages.push(package("new", "1", "amd64"));
    after.additions.clear();
    after.archives[0].release = file("dists/bookworm/Release");
    after.archives.push(ArchiveAccess::new("own", "s", file("x"), after.verified_at, Sha256::of(b"k")));
    after.options.insert("spec".to_owned(), r#"{"environment":{"A":"2"},"variant":"apt","versions":{}}"#.to_owned());
    after.tools = [("mmdebstrap".to_owned(), "1.5".to_owned())].into();
    after.kind = LockKind::Build;
    let found = before.diff(&after);
    assert!(!found.is_empty());
    let changes: Vec<(&str, Change)> = found
        .packages
        .iter()
        .map(|one| (one.after.as_ref().or(one.before.as_ref()).unwrap().package.as_str(), one.change))
        .collect();
    assert_eq!(changes, [("doc", Change::Other), ("hello", Change::Upgraded), ("new", Change::Added)]);
    assert!(found.packages[0].has_other_content());
    let gone: Vec<Change> = found.additions["live/iso"].iter().map(|one| one.change).collect();
    assert_eq!(gone, [Change::Removed; 2]);
    let archives: Vec<(&str, Change, bool)> = found
        .archives
        .iter()
        .map(|one| (one.archive().unwrap().name.as_str(), one.change(), one.has_other_release()))
        .collect();
    assert_eq!(archives, [("main", Change::Other, true), ("own", Change::Added, false)]);
    assert!(!found.archives[0].has_other_keyring() && !found.archives[0].has_other_uris());
    let values = |changes: &[ValueChange]| -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        changes.iter().map(|one| format!("{} {} {}", one.name, text(&one.before), text(&one.after))).collect()
    };
    assert_eq!(values(&found.about), ["kind chroot build"]);
    assert_eq!(
        values(&found.options),
        ["spec.environment.A 1 2", "spec.include [\"x\"] -", "spec.versions - {}"],
        "a table is compared by its parts"
    );
    assert_eq!(values(&found.tools), ["mmdebstrap 1.3.5 1.5"]);
    let back = after.diff(&before);
    assert_eq!(back.packages[1].change, Change::Downgraded);
    assert_eq!(back.archives[1].change(), Change::Removed);
}
