//! `debbuild lock` as a user runs it, and the schema of locks, which refuses what the reader refuses.

use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    digest::Sha256,
    lock::{ArchiveAccess, LockFile, LockKind, LockedFile, LockedPackage},
    name::PackageName,
    version::Version,
};
use debbuild_suite::debbuild::{Ran, Sandbox};
use serde_json::{Value, json};

fn file(path: &str) -> LockedFile {
    LockedFile { path: path.to_owned(), size: 1024, sha256: Sha256::of(path.as_bytes()) }
}

fn package(name: &str, version: &str, architecture: &str) -> LockedPackage {
    let (name, version) = (PackageName::new(name).unwrap(), Version::new(version).unwrap());
    let path = format!("pool/{name}_{version}_{architecture}.deb");
    LockedPackage::new(name, version, Architecture::new(architecture).unwrap(), "main", file(&path))
}

/// A lock with every field that a lock can have.
fn sample() -> LockFile {
    let at = Timestamp::from_seconds(1_700_000_000);
    let mut lock = LockFile::new(LockKind::Chroot, Architecture::new("amd64").unwrap(), at);
    let mut archive = ArchiveAccess::new("main", "bookworm", file("dists/bookworm/Release"), at, Sha256::of(b"keys"));
    archive.uris = vec!["http://mirror.example/debian".to_owned()];
    archive.release_signature = Some(file("dists/bookworm/Release.gpg"));
    archive.valid_until = Some(Timestamp::from_millis(1_700_000_000_123));
    archive.indexes.push(file("dists/bookworm/main/binary-amd64/Packages.xz"));
    lock.archives.push(archive);
    lock.packages = vec![package("doc", "1", "all"), package("hello", "2.10-3", "amd64")];
    lock.additions.insert("live/iso".to_owned(), vec![package("cross", "1", "armhf")]);
    lock.options.insert("spec".to_owned(), json!({ "variant": "apt", "hooks": "x".repeat(100) }).to_string());
    lock.tools.insert("mmdebstrap".to_owned(), "1.3.5".to_owned());
    lock
}

/// The sample with something changed, as a file has it.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut value = serde_json::to_value(sample()).unwrap();
    change(&mut value);
    value
}

fn validator() -> jsonschema::Validator {
    let schema = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/lock-v1.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap()
}

#[test]
fn the_schema_takes_and_refuses_what_the_reader_does() {
    let validator = validator();
    let reads = |value: &Value| LockFile::from_json(value.to_string().as_bytes()).is_ok();
    let mut least = sample();
    least.archives.clear();
    (least.additions, least.options, least.tools) = Default::default();
    for lock in [sample(), least] {
        let value = serde_json::to_value(&lock).unwrap();
        let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(problems.is_empty() && reads(&value), "{problems:?}");
    }
    let digest = Sha256::of(b"x").to_string();
    let wrong = [
        ("/schema", json!(2)),
        ("/schema", json!("1")),
        ("/kind", json!("chair")),
        ("/architecture", json!("a b")),
        ("/verified_at", json!("yesterday")),
        ("/archives", json!({})),
        ("/archives/0/release/sha256", json!(digest[1..])),
        ("/archives/0/keyring_sha256", json!(digest.to_uppercase())),
        ("/archives/0/expiry_checked", json!("yes")),
        ("/archives/0/indexes/0/size", json!(-1)),
        ("/packages/0/name", json!("../hello")),
        ("/packages/1/sha256", json!(format!("{digest}0"))),
        ("/packages/1/size", json!("1")),
        ("/packages/1/version", json!("")),
        ("/additions/live~1iso/0/sha256", json!(digest.replace('a', "g"))),
        ("/options/spec", json!({})),
        ("/tools/mmdebstrap", json!(1)),
    ];
    for (place, bad) in wrong {
        let value = changed(|value| *value.pointer_mut(place).unwrap() = bad.clone());
        assert!(!reads(&value) && !validator.is_valid(&value), "{place} {bad}");
    }
    for place in
        ["", "/archives/0", "/archives/0/release", "/archives/0/indexes/0", "/packages/0", "/additions/live~1iso/0"]
    {
        let unknown = changed(|value| value.pointer_mut(place).unwrap()["more"] = json!(1));
        assert!(!reads(&unknown) && !validator.is_valid(&unknown), "{place} has more");
        let names: Vec<String> = changed(|_| ()).pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
        for name in names {
            let without = changed(|value| {
                value.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(&name);
            });
            assert_eq!(reads(&without), validator.is_valid(&without), "{place} without {name}");
        }
    }
}

async fn well(user: &Sandbox, args: &[&str]) -> Ran {
    let ran = user.run([&["lock"], args].concat()).await;
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{args:?}: {ran:?}");
    ran
}

fn with_locks() -> Sandbox {
    let user = Sandbox::new();
    user.write("before.json", &String::from_utf8(sample().to_json().unwrap()).unwrap());
    let mut after = sample();
    after.packages =
        vec![package("doc", "1", "all"), package("hello", "2.12-1", "amd64"), package("new", "1", "amd64")];
    after.packages[0].sha256 = Sha256::of(b"other");
    after.archives[0].release = file("dists/bookworm/InRelease");
    after.archives[0].date = Timestamp::from_seconds(1_750_000_000);
    after.options.insert("spec".to_owned(), json!({ "variant": "buildd", "hooks": "y".repeat(100) }).to_string());
    after.tools.insert("mmdebstrap".to_owned(), "1.5".to_owned());
    user.write("after.json", &String::from_utf8(after.to_json().unwrap()).unwrap());
    user
}

#[tokio::test]
async fn locks_are_shown_and_listed() {
    let user = with_locks();
    let shown = well(&user, &["show", "before.json"]).await.stdout;
    let head = "kind: chroot\narchitecture: amd64\nverified: 2023-11-14T22:13:20Z\npackages: 3, 3.0 KiB\n\
                packages of live/iso: 1, 1.0 KiB\ntool mmdebstrap: 1.3.5\noption spec: {\"";
    assert!(shown.starts_with(head), "{shown}");
    assert!(shown.contains("..\n") && !shown.contains(&"x".repeat(61)), "long values are cut: {shown}");
    let release = file("dists/bookworm/Release").sha256.to_string();
    assert!(shown.contains(&release[..12]) && shown.ends_with("  1        http://mirror.example/debian\n"), "{shown}");
    let value = well(&user, &["show", "before.json", "--format", "json"]).await.json();
    assert_eq!(value, serde_json::to_value(sample()).unwrap(), "as JSON it is the lock");

    assert_eq!(well(&user, &["list", "before.json"]).await.stdout, "cross:armhf=1\ndoc=1\nhello=2.10-3\n");
    let apt = well(&user, &["list", "before.json", "--style", "apt", "--format", "json"]).await;
    assert_eq!(apt.json(), json!(["cross:armhf=1", "doc:amd64=1", "hello:amd64=2.10-3"]));
    let sources = well(&user, &["list", "before.json", "--style", "sources"]).await.stdout;
    let path = "pool/hello_2.10-3_amd64.deb";
    assert!(sources.ends_with(&format!("\n{}  {path}\n", Sha256::of(path.as_bytes()))), "{sources}");
}

#[tokio::test]
async fn what_differs_is_told_in_full() {
    let user = with_locks();
    assert_eq!(well(&user, &["diff", "before.json", "before.json"]).await.stdout, "Nothing differs.\n");
    let value = well(&user, &["diff", "before.json", "after.json", "--format", "json"]).await.json();
    let changes: Vec<[&str; 2]> = value["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| [one["after"]["package"].as_str().unwrap(), one["change"].as_str().unwrap()])
        .collect();
    assert_eq!(changes, [["doc", "other"], ["hello", "upgraded"], ["new", "added"]]);
    assert_eq!((&value["same"], &value["packages"][0]["other_content"]), (&json!(false), &json!(true)));
    let archive = &value["archives"][0];
    assert_eq!(
        (&archive["name"], &archive["suite"], &archive["change"]),
        (&"main".into(), &"bookworm".into(), &"other".into())
    );
    assert_eq!((&archive["other_release"], &archive["other_keyring"]), (&json!(true), &json!(false)));
    assert_eq!(value["tools"], json!([{ "name": "mmdebstrap", "before": "1.3.5", "after": "1.5" }]));
    let options: Vec<&str> =
        value["options"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(options, ["spec.hooks", "spec.variant"]);
    let text = well(&user, &["diff", "before.json", "after.json"]).await.stdout;
    for line in ["tool mmdebstrap: 1.5, was 1.3.5\n", "option spec.variant: buildd, was apt\n", "\n3 packages differ\n"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    let back = well(&user, &["diff", "after.json", "before.json", "--format", "json"]).await.json();
    let kinds: Vec<&Value> = back["packages"].as_array().unwrap().iter().map(|one| &one["change"]).collect();
    assert_eq!(kinds, ["other", "downgraded", "removed"]);
}

#[tokio::test]
async fn what_is_no_lock_is_refused_with_its_reason() {
    let user = with_locks();
    let sample = String::from_utf8(sample().to_json().unwrap()).unwrap();
    let refused = async |args: &[&str]| user.run([&["--format", "json", "lock"], args].concat()).await.error();
    for (text, reason) in [
        (sample.replace("\"schema\": 1", "\"schema\": 7"), "its schema is 7, and this version reads 1"),
        (sample.replacen("\"kind\"", "\"weight\": 1, \"kind\"", 1), "unknown field `weight`"),
        (sample.replacen("sha256\": \"", "sha256\": \"0", 1), "not a sha256"),
        ("no JSON".to_owned(), "expected"),
    ] {
        user.write("bad.json", &text);
        for args in [&["show", "bad.json"][..], &["list", "bad.json"], &["diff", "before.json", "bad.json"]] {
            let error = refused(args).await;
            let message = error["message"].as_str().unwrap();
            assert_eq!((&error["class"], &error["exit_code"]), (&"usage".into(), &2.into()), "{args:?}: {message}");
            assert!(message.contains("bad.json is not a lock file: ") && message.contains(reason), "{message}");
        }
    }
    assert_eq!(refused(&["show", "nowhere.json"]).await["class"], "not-found");
    assert_eq!(refused(&["list", "before.json", "--style", "dose"]).await["class"], "usage");
    assert_eq!(refused(&["from-buildinfo", "x.buildinfo"]).await["class"], "usage", "a suite or a profile is named");
    user.write("x.buildinfo", "Format: 1.0\n");
    assert_eq!(refused(&["from-buildinfo", "x.buildinfo", "--suite", "bookworm"]).await["class"], "source");
}
